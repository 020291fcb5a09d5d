"""When the clinic promises to call back.

Rule: a window is promised only inside the clinic's opening hours, holidays and half days included,
and not more often than the clinic can keep. `windows` is pure; `book` counts alone.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from web.chat.contact import ContactInvalid
from web.config import Settings
from web.db import alone
from web.hours import Calendar
from web.models import Handoff
from web.services import services

WINDOWS_OFFERED = 12
LOOK_AHEAD_DAYS = 14


class Due(StrEnum):
    PLANNED = "planned"
    DUE = "due"
    OVERDUE = "overdue"
    DONE = "done"


@dataclass(frozen=True)
class Window:
    """`ends` is when the call has been made at the latest."""

    begins: datetime
    ends: datetime


def windows(cal: Calendar, at: datetime, length_min: int, notice_min: int) -> Iterator[Window]:
    """Yield the windows that lie wholly in the opening hours, soonest first."""
    earliest, length = at + timedelta(minutes=notice_min), timedelta(minutes=length_min)
    today = at.astimezone(cal.zone).date()
    for day in (today + timedelta(days=ahead) for ahead in range(LOOK_AHEAD_DAYS)):
        for period in cal.periods(day):
            for minute in range(period.begins, period.ends - length_min + 1, length_min):
                begins = cal.moment(day, minute).astimezone(UTC)
                if begins >= earliest:
                    yield Window(begins, begins + length)


def offered(settings: Settings, at: datetime, full: Collection[datetime] = ()) -> list[Window]:
    """Return the next windows; none when the clinic promises no times.

    full: when those begin that no more calls can be kept in.
    """
    free = (window for window in _all(settings, at) if window.begins not in full)
    return list(islice(free, WINDOWS_OFFERED))


def _all(settings: Settings, at: datetime) -> Iterator[Window]:
    own = settings.callbacks
    found = windows(settings.calendar, at, own.window_min, own.notice_min)
    return found if own.per_window else iter(())


def full(session: Session, at: datetime) -> frozenset[datetime]:
    """Return when those windows begin that are booked out."""
    query = (
        select(Handoff.callback_at)
        .where(Handoff.callback_at >= at)
        .group_by(Handoff.callback_at)
        .having(func.count() >= services().settings.callbacks.per_window)
    )
    return frozenset(begins for begins in session.scalars(query) if begins is not None)


def book(session: Session, fields: Mapping[str, Any], at: datetime) -> datetime | None:
    """Return when the promised window begins; None when no time was asked for.

    It is kept for this transaction: others who want one wait until it is over.

    Raises ContactInvalid when it is over or full, or there is no number to call.
    """
    wanted = fields.get("window")
    if not wanted:
        return None
    settings = services().settings
    known = (each.begins for each in _all(settings, at))
    begins = next((each for each in known if each.isoformat() == wanted), None)
    if begins is None:
        raise ContactInvalid({"window": "window_taken"})
    if not str(fields.get("phone") or "").strip():
        raise ContactInvalid({"phone": "phone_missing"})
    alone(session, "book a call")
    if begins in full(session, at):
        raise ContactInvalid({"window": "window_taken"})
    return begins


def ends_at(settings: Settings, begins: datetime) -> datetime:
    return begins + timedelta(minutes=settings.callbacks.window_min)


def due(handoff: Handoff, at: datetime) -> Due | None:
    """Tell how a promised call stands; None when none was promised."""
    if handoff.callback_at is None:
        return None
    if handoff.answered_at is not None:
        return Due.DONE
    if at < handoff.callback_at:
        return Due.PLANNED
    is_over = at >= ends_at(services().settings, handoff.callback_at)
    return Due.OVERDUE if is_over else Due.DUE
