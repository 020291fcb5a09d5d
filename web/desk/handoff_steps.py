"""What every move of a handoff is made of: one conditional update, and the lines that tell of it.

Rule: used by `handoffs.py` and its parts (`handoff_*.py`) alone. System lines are stored as a code
with parameters and put into words where they are shown.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from web import hours
from web.chat import conversations
from web.config import Settings
from web.db import locks_rows, wake
from web.desk import desks
from web.desk.waiting import WAITING, agent_name, queue
from web.models import Author, Conversation, Handoff, HandoffState, Kind, Message
from web.privacy import audit
from web.privacy.audit import Act
from web.services import services

NOT_OFFERED = {"offered_to_id": None, "offered_at": None, "passed_by": None}


class Reason(StrEnum):
    ASKED = "asked"
    FAILED_TWICE = "failed_twice"
    ABUSE = "abuse"
    CALLBACK = "callback"
    DANGER = "danger"


class Line(StrEnum):
    """The system lines of a handoff; the words are in `web/strings/`."""

    QUEUED = "queued"  # position
    STILL_WAITING = "still_waiting"  # position; everybody was asked, nobody was free
    NOBODY_HERE = "nobody_here"  # opens_at: when the chat opens next, ISO 8601, or None
    NOBODY_AT_DESK = "nobody_at_desk"  # after a danger card; opens_at
    LEAVE_NUMBER = "leave_number"  # a call-back was asked for
    AGENT_JOINED = "agent_joined"  # name
    TRANSFERRED = "transferred"  # name, to
    AGENT_GONE = "agent_gone"  # name, position
    PERSON_BACK = "person_back"  # position
    AGENT_RESOLVED = "agent_resolved"  # name
    AGENT_RETURNED = "agent_returned"  # name
    MESSAGE_LEFT = "message_left"  # opens_at
    CALLBACK_PROMISED = "callback_promised"  # begins, ends
    COMPLAINT_RECEIVED = "complaint_received"  # reference


class HandoffNotFound(LookupError):
    """There is no such handoff."""


class HandoffAlreadyClaimed(Exception):
    """Another agent has it: `name`, since `at`."""

    def __init__(self, name: str, at: datetime) -> None:
        super().__init__(f"claimed by {name}")
        self.name = name
        self.at = at


class HandoffClosed(Exception):
    """It is over: the patient left, it was resolved, or given back."""

    def __init__(self, state: HandoffState) -> None:
        super().__init__(state.value)
        self.state = state


class HandoffNotYours(Exception):
    """Only the agent who has the conversation may do this. `name`: who has it, None for nobody."""

    def __init__(self, name: str | None) -> None:
        super().__init__(f"held by {name or 'nobody'}")
        self.name = name


def offer_form(
    session: Session,
    conversation_id: str,
    line: Line,
    why: Reason,
    at: datetime,
    topic: str = desks.GENERAL,
) -> None:
    last = session.scalar(
        select(Message)
        .where(Message.conversation_id == conversation_id)
        .order_by(Message.n.desc())
        .limit(1)
    )
    if last is not None and last.kind is Kind.FORM and not last.payload.get("sent"):
        return  # it is in front of the patient already
    when = {} if line is Line.LEAVE_NUMBER else {"opens_at": opens_at(at)}
    say(session, conversation_id, line, **when)
    conversations.append(
        session,
        conversation_id,
        author=Author.BOT,
        kind=Kind.FORM,
        payload={"form": "contact", "reason": why.value, "topic": topic},
    )


def desk_for(session: Session, conversation_id: str, topic: str) -> str:
    return desks.route(session, session.get_one(Conversation, conversation_id), topic).id


def get(session: Session, handoff_id: int) -> Handoff:
    handoff = session.get(Handoff, handoff_id, populate_existing=True)
    if handoff is None:
        raise HandoffNotFound(handoff_id)
    return handoff


def move(session: Session, handoff_id: int, expected: ColumnElement[bool], **values: Any) -> bool:
    """Change the row if it still is as expected; the database decides, not what we read before."""
    moved = session.scalars(
        update(Handoff)
        .where(Handoff.id == handoff_id, expected)
        .values(**values)
        .returning(Handoff.id)
        .execution_options(synchronize_session=False)
    ).all()
    return bool(moved)


def lock(session: Session, handoff_id: int) -> None:
    """Take hold of the conversation before its handoff, as whoever writes for the patient does.

    On PostgreSQL two that take hold of both in another order wait for each other until it ends one.
    """
    if locks_rows(session):
        query = select(Handoff.conversation_id).where(Handoff.id == handoff_id)
        if (conversation_id := session.scalar(query)) is not None:
            conversations.locked(session, conversation_id)


def held_by(staff_id: int) -> ColumnElement[bool]:
    return (Handoff.state == HandoffState.CLAIMED) & (Handoff.staff_id == staff_id)


def not_held(session: Session, handoff: Handoff) -> Exception:
    if handoff.state is HandoffState.CLAIMED:
        return HandoffNotYours(agent_name(session, handoff.staff_id))
    if handoff.state in WAITING:
        return HandoffNotYours(None)
    return HandoffClosed(handoff.state)


def say(session: Session, conversation_id: str, line: Line, **parameters: Any) -> None:
    conversations.append(
        session,
        conversation_id,
        author=Author.SYSTEM,
        kind=Kind.HANDOFF,
        payload={"line": line.value, **parameters},
    )


def note(session: Session, act: Act, handoff: Handoff, staff_id: int, at: datetime) -> None:
    subject = f"conversation:{handoff.conversation_id}"
    audit.record(session, act, subject, staff_id=staff_id, at=at)


def wake_waiting(session: Session) -> None:
    """Their places in the queue may have changed."""
    wake(session, "console", *(handoff.conversation_id for handoff in queue(session)))


def opens_at(at: datetime) -> str | None:
    opening = hours.next_opening(settings().chat_calendar, at)
    return opening.isoformat() if opening is not None else None


def settings() -> Settings:
    return services().settings


def now() -> datetime:
    return services().clock()
