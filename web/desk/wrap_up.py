"""How a chat ended: a code, tags, a note, a day to come back to it; and a minute to write it down.

Rule: only the agent who had a chat writes this, and only staff read it: it is no row of the log.
For wrap_up_s after closing a chat its agent counts as busy with it, unless they say they are ready.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, and_, exists, func, select, update
from sqlalchemy.orm import Session

from web.config import Settings
from web.db import wake
from web.desk.handoff_steps import HandoffClosed, get, settings
from web.desk.waiting import agent_name
from web.models import Conversation, Handoff, HandoffState, Staff, WrapUp

OVER = (HandoffState.RESOLVED, HandoffState.RETURNED)
MAX_TAGS, TAG_CHARACTERS, NOTE_CHARACTERS = 5, 40, 1000


class WrapUpNotYours(Exception):
    """Only the agent who had the conversation may write this, and only once it is closed."""

    def __init__(self, name: str | None) -> None:
        super().__init__("not closed by this agent")
        self.name = name


class WrapUpInvalid(ValueError):
    """The message says, to the agent, what cannot be kept."""


@dataclass(frozen=True)
class Ending:
    """What the agent wrote; `code` None: none was clicked this time."""

    code: str | None
    tags: tuple[str, ...]
    note: str
    follow_up_on: date | None


def read_tags(text: str) -> tuple[str, ...]:
    """Return the tags of a line like "insurance, portal", each once, in order."""
    found = (" ".join(each.split())[:TAG_CHARACTERS] for each in text.split(","))
    return tuple(dict.fromkeys(each for each in found if each))[:MAX_TAGS]


def code_name(settings: Settings, code: str | None) -> str:
    """Return the words of a code; one that is gone from `clinic.toml` goes by its id."""
    return next((each.name for each in settings.wrap_up if each.id == code), code or "")


# Writing it down ---------------------------------------------------------------------------------


def keep(session: Session, handoff_id: int, staff_id: int, ending: Ending, at: datetime) -> WrapUp:
    """Keep how a chat ended. Raises WrapUpNotYours, WrapUpInvalid, HandoffNotFound."""
    handoff = _own_closed(session, handoff_id, staff_id)
    if ending.code is not None and ending.code not in [each.id for each in settings().wrap_up]:
        raise WrapUpInvalid("This code is not on the clinic's list any more. Reload the page.")
    row = of_handoff(session, handoff_id)
    if row is None:
        row = WrapUp(handoff_id=handoff_id, staff_id=staff_id)
        session.add(row)
    if ending.follow_up_on != row.follow_up_on:
        _check_day(session, handoff, ending.follow_up_on, at)
        row.follow_up_on, row.followed_up_at = ending.follow_up_on, None
    row.code = ending.code or row.code
    row.tags = list(ending.tags)
    row.note = ending.note[:NOTE_CHARACTERS]
    session.flush()
    wake(session, handoff.conversation_id, "console")
    return row


def finish(session: Session, row: WrapUp, at: datetime) -> None:
    """The agent is ready for the next chat before the time is over."""
    row.finished_at = row.finished_at or at
    wake(session, "console")


def _own_closed(session: Session, handoff_id: int, staff_id: int) -> Handoff:
    handoff = get(session, handoff_id)
    if handoff.staff_id != staff_id or handoff.closed_at is None or handoff.practice:
        raise WrapUpNotYours(agent_name(session, handoff.staff_id))
    return handoff


def _check_day(session: Session, handoff: Handoff, day: date | None, at: datetime) -> None:
    """A conversation that is gone by then could not be followed up, and nobody would know."""
    if day is None:
        return
    conversation = session.get_one(Conversation, handoff.conversation_id)
    kept = timedelta(days=settings().retention.conversation_days)
    last = today(conversation.last_message_at + kept) - timedelta(days=1)
    if not today(at) <= day <= last:
        raise WrapUpInvalid(f"Choose a day from today to {last}: then the conversation is removed.")


def of_handoff(session: Session, handoff_id: int) -> WrapUp | None:
    return session.get(WrapUp, handoff_id)


def today(at: datetime) -> date:
    return at.astimezone(settings().calendar.zone).date()


# Busy with it ------------------------------------------------------------------------------------


def busy(session: Session, staff_ids: Collection[int], at: datetime) -> dict[int, int]:
    """Return how many chats each is still wrapping up; who has none is left out."""
    query = (
        select(Handoff.staff_id, func.count())
        .where(Handoff.staff_id.in_(staff_ids), _is_fresh(at))
        .group_by(Handoff.staff_id)
    )
    return {staff_id: chats for staff_id, chats in session.execute(query) if staff_id is not None}


def busy_until(session: Session, handoff: Handoff, at: datetime) -> datetime | None:
    """Return until when its agent is left alone with it; None when that is over."""
    query = select(Handoff.closed_at).where(Handoff.id == handoff.id, _is_fresh(at))
    closed_at = session.scalar(query)
    return closed_at and closed_at + timedelta(seconds=settings().assignment.wrap_up_s)


def _is_fresh(at: datetime) -> ColumnElement[bool]:
    since = at - timedelta(seconds=settings().assignment.wrap_up_s)
    said_ready = exists().where(WrapUp.handoff_id == Handoff.id, WrapUp.finished_at.is_not(None))
    return and_(Handoff.state.in_(OVER), Handoff.closed_at > since, ~said_ready, ~Handoff.practice)


# Coming back to it -------------------------------------------------------------------------------


@dataclass(frozen=True)
class FollowUp:
    """`agent`: who wanted to come back to it."""

    on: date
    agent: str
    is_due: bool
    is_late: bool


def is_open() -> ColumnElement[bool]:
    """Tell of a row that somebody still has to come back to it."""
    return and_(WrapUp.follow_up_on.is_not(None), WrapUp.followed_up_at.is_(None))


def open_ones(session: Session, handoff_ids: Collection[int], at: datetime) -> dict[int, FollowUp]:
    query = (
        select(WrapUp.handoff_id, WrapUp.follow_up_on, Staff.name)
        .join(Staff, Staff.id == WrapUp.staff_id)
        .where(WrapUp.handoff_id.in_(handoff_ids), is_open())
    )
    day = today(at)
    return {
        handoff_id: FollowUp(on, agent, is_due=on <= day, is_late=on < day)
        for handoff_id, on, agent in session.execute(query)
        if on is not None
    }


def due(session: Session, staff_id: int, at: datetime) -> int:
    """Return how many this agent wanted to come back to by today."""
    query = select(func.count()).where(
        WrapUp.staff_id == staff_id, is_open(), WrapUp.follow_up_on <= today(at)
    )
    return session.scalar(query) or 0


def follow_up_done(session: Session, handoff_id: int, at: datetime) -> Handoff:
    """Somebody came back to it; any agent may. Raises HandoffClosed when it was done before."""
    handoff = get(session, handoff_id)
    done = session.scalars(
        update(WrapUp)
        .where(WrapUp.handoff_id == handoff_id, is_open())
        .values(followed_up_at=at)
        .returning(WrapUp.handoff_id)
        .execution_options(synchronize_session=False)
    ).all()
    if not done:
        raise HandoffClosed(handoff.state)
    wake(session, handoff.conversation_id, "console")
    return handoff


def labels(settings: Settings) -> Sequence[tuple[str, str]]:
    """Return the clinic's codes as id and words, in its order."""
    return [(code.id, code.name) for code in settings.wrap_up]
