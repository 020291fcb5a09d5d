"""A conversation set aside: out of the way until a time, or until the patient writes.

Rule: whatever is set aside comes back by itself. A snoozed chat stays its agent's: it is not given
to others while the agent sleeps; once it is back, it is treated like every other.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, select, update
from sqlalchemy.orm import Session

from web import hours
from web.config import Settings
from web.db import wake
from web.desk.handoff_steps import get, held_by, move, not_held, now, settings
from web.models import Handoff, HandoffState

LONGEST = timedelta(days=30)  # a chat is not kept much longer
AWAKE = {"snoozed_at": None, "snoozed_until": None}


class Until(StrEnum):
    PATIENT = "patient"  # writes again
    HOUR = "hour"
    THREE_HOURS = "three_hours"
    OPENING = "opening"  # the clinic's next one on a later day
    TIME = "time"  # that the agent says


class SnoozeImpossible(ValueError):
    """The time is over or too far away, or nobody will write in a message that was left."""


def snooze(
    session: Session,
    handoff_id: int,
    staff_id: int,
    until: Until,
    said: str = "",
    at: datetime | None = None,
) -> Handoff:
    """Set one's own chat aside, or a left message that nobody has answered yet.

    said: for Until.TIME, the clinic's local time as a browser's field gives it, 2026-11-24T15:00.
    Raises SnoozeImpossible, HandoffNotYours, HandoffClosed.
    """
    at, handoff = at or now(), get(session, handoff_id)
    moment = until_moment(settings(), until, said, at)
    if moment is None and handoff.state is HandoffState.MESSAGE_LEFT:
        raise SnoozeImpossible(until)
    may = held_by(staff_id) | _left()
    if not move(session, handoff_id, may, snoozed_at=at, snoozed_until=moment):
        raise not_held(session, handoff)
    wake(session, handoff.conversation_id, "console")
    return get(session, handoff_id)


def until_moment(settings: Settings, until: Until, said: str, at: datetime) -> datetime | None:
    """Return when it comes back; None for when the patient writes. Raises SnoozeImpossible."""
    cal = settings.calendar
    match until:
        case Until.PATIENT:
            return None
        case Until.HOUR:
            return at + timedelta(hours=1)
        case Until.THREE_HOURS:
            return at + timedelta(hours=3)
        case Until.OPENING:
            midnight = cal.moment(at.astimezone(cal.zone).date() + timedelta(days=1), 0)
            found = hours.next_opening(cal, midnight - timedelta(seconds=1))
        case Until.TIME:
            found = _read(said, cal)
    if found is None or not at < found <= at + LONGEST:
        raise SnoozeImpossible(until)
    return found


def _read(said: str, cal: hours.Calendar) -> datetime | None:
    try:
        local = datetime.fromisoformat(said)
    except ValueError:
        return None
    return local.replace(tzinfo=cal.zone) if local.tzinfo is None else None


def bring_back(session: Session, handoff_id: int, staff_id: int) -> Handoff:
    """Take it up again before its time. Raises HandoffNotYours, HandoffClosed."""
    handoff = get(session, handoff_id)
    if not move(session, handoff_id, held_by(staff_id) | _left(), **AWAKE):
        raise not_held(session, handoff)
    wake(session, handoff.conversation_id, "console")
    return get(session, handoff_id)


def patient_wrote(session: Session, conversation_id: str) -> None:
    """Whatever it waited for: who writes wants to be read."""
    _wake(session, (Handoff.conversation_id == conversation_id) & _claimed())


def wake_due(session: Session, at: datetime) -> int:
    """Bring back whose time has come. Returns how many."""
    return _wake(session, Handoff.snoozed_until <= at)


def is_snoozed(staff_id: int) -> ColumnElement[bool]:
    """Tell of what this agent has set aside, and of left messages that somebody did."""
    return and_(Handoff.snoozed_at.is_not(None), held_by(staff_id) | _left())


def _wake(session: Session, which: ColumnElement[bool]) -> int:
    query = select(Handoff.id, Handoff.conversation_id).where(
        which, Handoff.snoozed_at.is_not(None)
    )
    rows = session.execute(query).all()
    if rows:
        ids = [row.id for row in rows]
        apart = update(Handoff).where(Handoff.id.in_(ids)).values(**AWAKE)
        session.execute(apart.execution_options(synchronize_session=False))
        wake(session, "console", *(row.conversation_id for row in rows))
    return len(rows)


def _claimed() -> ColumnElement[bool]:
    return Handoff.state == HandoffState.CLAIMED


def _left() -> ColumnElement[bool]:
    waits = (Handoff.state == HandoffState.MESSAGE_LEFT) & Handoff.answered_at.is_(None)
    return waits & Handoff.callback_at.is_(None)  # a promised call has its own time
