"""Where a conversation stands: with the bot, in the queue, with a person.

Rule: reads only; `handoffs.py` moves. Whoever waits has a place, and "a person is there" is said
only of an agent who is really there in the hours of the chat.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import Session

from web import hours
from web.desk import estimates, presence
from web.models import (
    OPEN_HANDOFF_STATES,
    Conversation,
    Handoff,
    HandoffState,
    Kind,
    Message,
    Staff,
    staff_desk,
)
from web.services import services

ALARMS_AFTER_S = (60, 120)  # a danger nobody has opened: staff are told again, then the manager
WAITING = (HandoffState.REQUESTED, HandoffState.OFFERED)

Status = Literal["bot", "waiting", "agent", "message_left", "ended"]
Survey = Literal["bot", "person", "message"]


@dataclass(frozen=True)
class HandoffStatus:
    """Where a conversation stands. `position` counts from 1 and is None unless it waits."""

    status: Status
    agent: str | None = None
    position: int | None = None
    survey: Survey | None = None  # what the patient may be asked: how it was
    nobody_here: bool = False
    wait_min: tuple[int, int] | None = None  # from and to; None when it cannot be told


def status(session: Session, conversation_id: str) -> HandoffStatus:
    conversation = session.get_one(Conversation, conversation_id)
    handoff = latest(session, conversation_id)
    survey = _survey(session, conversation, handoff)
    if conversation.ended_at is not None:
        return HandoffStatus("ended", survey=survey)
    if handoff is None:
        return HandoffStatus("bot")
    if handoff.state is HandoffState.CLAIMED:
        return HandoffStatus("agent", agent=agent_name(session, handoff.staff_id))
    if handoff.state in WAITING:
        place, nobody_here = position(session, handoff), handoff.nobody_told_at is not None
        wait_min = None
        if not nobody_here:
            wait_min = estimates.estimate(session, handoff, place, services().clock())
        return HandoffStatus("waiting", position=place, nobody_here=nobody_here, wait_min=wait_min)
    if handoff.state is HandoffState.MESSAGE_LEFT and handoff.answered_at is None:
        return HandoffStatus("message_left", survey=survey)
    return HandoffStatus("bot", survey=survey)


def _survey(session: Session, conversation: Conversation, handoff: Handoff | None) -> Survey | None:
    """Return who helped, if the patient has not yet said how it was.

    Who was shown a danger card and no person is not asked whether that was what they looked for.
    """
    if handoff is None:
        is_due = conversation.ended_at is not None and conversation.rated_at is None
        if not is_due or conversation.last_n < 2:
            return None
        danger = exists().where(
            Message.conversation_id == conversation.id, Message.kind == Kind.DANGER
        )
        return None if session.scalar(select(danger)) else "bot"
    since = handoff.closed_at or handoff.requested_at
    is_rated = conversation.rated_at is not None and conversation.rated_at >= since
    return None if is_rated else _HELPED.get(handoff.state)


_HELPED: dict[HandoffState, Survey] = {
    HandoffState.RESOLVED: "person",
    HandoffState.MESSAGE_LEFT: "message",
}


def latest(session: Session, conversation_id: str) -> Handoff | None:
    query = (
        select(Handoff)
        .where(Handoff.conversation_id == conversation_id)
        .order_by(Handoff.id.desc())
        .limit(1)
    )
    return session.scalar(query)


def open_handoff(session: Session, conversation_id: str) -> Handoff | None:
    """Return the handoff that waits or is claimed; there is one at most."""
    query = select(Handoff).where(
        Handoff.conversation_id == conversation_id, Handoff.state.in_(OPEN_HANDOFF_STATES)
    )
    return session.scalar(query)


def queue(session: Session) -> list[Handoff]:
    """Return those who wait: urgent first, then who has waited longest."""
    query = (
        select(Handoff)
        .where(Handoff.state.in_(WAITING), ~Handoff.practice)
        .order_by(Handoff.urgent.desc(), Handoff.requested_at, Handoff.id)
    )
    return list(session.scalars(query))


def position(session: Session, handoff: Handoff) -> int:
    """Return the place in the queue, from 1.

    Where staff are divided among desks, only those ahead at one's own desk count.
    """
    earlier = or_(
        Handoff.requested_at < handoff.requested_at,
        and_(Handoff.requested_at == handoff.requested_at, Handoff.id <= handoff.id),
    )
    ahead = and_(Handoff.urgent, earlier) if handoff.urgent else or_(Handoff.urgent, earlier)
    undivided = ~exists(select(staff_desk.c.staff_id))
    same = or_(Handoff.desk == handoff.desk, Handoff.desk.is_(None), Handoff.urgent, undivided)
    query = select(func.count()).where(Handoff.state.in_(WAITING), ahead, same, ~Handoff.practice)
    return session.scalar(query) or 0


def is_staffed(session: Session, at: datetime | None = None) -> bool:
    """Tell whether a person can take a new conversation: chat hours, and an agent really there."""
    at = at or services().clock()
    return hours.is_open(services().settings.chat_calendar, at) and has_agents(session, at)


def has_agents(session: Session, at: datetime) -> bool:
    absent_after_s = services().settings.limits.agent_absent_after_s
    return bool(presence.present_agents(session, at, absent_after_s))


def reference(conversation_id: str) -> str:
    """Return four letters to talk about a patient whose name nobody knows."""
    return "".join(filter(str.isalnum, conversation_id))[:4].upper()


def agent_name(session: Session, staff_id: int | None) -> str | None:
    staff = session.get(Staff, staff_id) if staff_id is not None else None
    return staff.name if staff is not None else None
