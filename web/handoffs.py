"""From the bot to a person, and back.

Rule: the only mover of handoffs; each move is one conditional update, so that of two who try, one
wins and the other is told who did. A patient is never left with a promise nobody can keep: when no
agent is really there, the chat says so and asks how to reach them.

    requested ─claim→ claimed ─resolve→ resolved          abandon: the patient ended it
        ↑               │└─return_to_bot→ returned        message_left: nobody was there
        └─requeue_absent┘

System lines are stored as a code with parameters and put into words where they are shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from web import audit, contact, conversations, hours, presence
from web.audit import Act
from web.config import Settings
from web.db import wake
from web.models import (
    OPEN_HANDOFF_STATES,
    Author,
    Conversation,
    Handoff,
    HandoffState,
    Kind,
    Message,
    Staff,
)
from web.services import services

WAITING = (HandoffState.REQUESTED, HandoffState.OFFERED)

Status = Literal["bot", "waiting", "agent", "message_left", "ended"]


class Reason(StrEnum):
    ASKED = "asked"
    FAILED_TWICE = "failed_twice"
    ABUSE = "abuse"
    CALLBACK = "callback"
    DANGER = "danger"


class Line(StrEnum):
    """The system lines of a handoff; the words are in `web/strings/`."""

    QUEUED = "queued"  # position
    NOBODY_HERE = "nobody_here"  # opens_at: when the chat opens next, ISO 8601, or None
    NOBODY_AT_DESK = "nobody_at_desk"  # after a danger card; opens_at
    LEAVE_NUMBER = "leave_number"  # a call-back was asked for
    AGENT_JOINED = "agent_joined"  # name
    AGENT_GONE = "agent_gone"  # name, position
    PERSON_BACK = "person_back"  # position
    AGENT_RESOLVED = "agent_resolved"  # name
    AGENT_RETURNED = "agent_returned"  # name
    MESSAGE_LEFT = "message_left"  # opens_at


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


@dataclass(frozen=True)
class HandoffStatus:
    """Where a conversation stands. `position` counts from 1 and is None unless it waits."""

    status: Status
    agent: str | None = None
    position: int | None = None
    rating_due: bool = False
    nobody_here: bool = False


# What is -----------------------------------------------------------------------------------------


def status(session: Session, conversation_id: str) -> HandoffStatus:
    conversation = session.get_one(Conversation, conversation_id)
    handoff = latest(session, conversation_id)
    due = _rating_due(conversation, handoff)
    if conversation.ended_at is not None:
        return HandoffStatus("ended", rating_due=due)
    if handoff is None:
        return HandoffStatus("bot")
    if handoff.state is HandoffState.CLAIMED:
        return HandoffStatus("agent", agent=_name(session, handoff.staff_id))
    if handoff.state in WAITING:
        return HandoffStatus(
            "waiting",
            position=position(session, handoff),
            nobody_here=handoff.nobody_told_at is not None,
        )
    if handoff.state is HandoffState.MESSAGE_LEFT and handoff.answered_at is None:
        return HandoffStatus("message_left")
    return HandoffStatus("bot", rating_due=due)


def _rating_due(conversation: Conversation, handoff: Handoff | None) -> bool:
    """A person helped and the patient has not yet said how it was."""
    if handoff is None or handoff.state is not HandoffState.RESOLVED or handoff.closed_at is None:
        return False
    return conversation.rated_at is None or conversation.rated_at < handoff.closed_at


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
        .where(Handoff.state.in_(WAITING))
        .order_by(Handoff.urgent.desc(), Handoff.requested_at, Handoff.id)
    )
    return list(session.scalars(query))


def position(session: Session, handoff: Handoff) -> int:
    waiting = [entry.id for entry in queue(session)]
    return waiting.index(handoff.id) + 1


def is_staffed(session: Session, at: datetime | None = None) -> bool:
    """Tell whether a person can take a new conversation: chat hours, and an agent really there."""
    at = at or _now()
    return hours.is_open(_settings().chat_calendar, at) and _agents_present(session, at)


def _agents_present(session: Session, at: datetime) -> bool:
    absent_after_s = _settings().limits.agent_absent_after_s
    return bool(presence.present_agents(session, at, absent_after_s))


# The patient's moves -----------------------------------------------------------------------------


def request(
    session: Session,
    conversation_id: str,
    reason: str,
    *,
    urgent: bool = False,
    at: datetime | None = None,
) -> HandoffStatus:
    """Ask for a person: into the queue when one is there, else the contact form.

    A danger with nobody there gets neither: the card says what to do now, and a line says that
    nobody reads here.
    """
    at, why = at or _now(), Reason(reason)
    handoff = open_handoff(session, conversation_id)
    if handoff is not None:
        _ask_again(session, handoff, why, urgent)
    elif why is not Reason.CALLBACK and is_staffed(session, at):
        _enqueue(session, conversation_id, why, urgent, at)
    elif why is Reason.DANGER:
        _say(session, conversation_id, Line.NOBODY_AT_DESK, opens_at=_opens_at(at))
    else:
        line = Line.LEAVE_NUMBER if why is Reason.CALLBACK else Line.NOBODY_HERE
        _offer_form(session, conversation_id, line, why, at)
    return status(session, conversation_id)


def _enqueue(
    session: Session, conversation_id: str, why: Reason, urgent: bool, at: datetime
) -> None:
    handoff = Handoff(
        conversation_id=conversation_id,
        state=HandoffState.REQUESTED,
        reason=why.value,
        urgent=urgent,
        requested_at=at,
    )
    session.add(handoff)
    session.flush()
    _say(session, conversation_id, Line.QUEUED, position=position(session, handoff))
    if urgent:
        _wake_waiting(session)


def _ask_again(session: Session, handoff: Handoff, why: Reason, urgent: bool) -> None:
    if urgent and not handoff.urgent:
        handoff.urgent = True
        session.flush()
        _wake_waiting(session)
    wake(session, handoff.conversation_id, "console")
    if handoff.state in WAITING and why is not Reason.DANGER and handoff.nobody_told_at is None:
        place = position(session, handoff)
        _say(session, handoff.conversation_id, Line.QUEUED, position=place)


def _offer_form(
    session: Session, conversation_id: str, line: Line, why: Reason, at: datetime
) -> None:
    last = session.scalar(
        select(Message)
        .where(Message.conversation_id == conversation_id)
        .order_by(Message.n.desc())
        .limit(1)
    )
    if last is not None and last.kind is Kind.FORM and not last.payload.get("sent"):
        return  # it is in front of the patient already
    opens_at = {} if line is Line.LEAVE_NUMBER else {"opens_at": _opens_at(at)}
    _say(session, conversation_id, line, **opens_at)
    conversations.append(
        session,
        conversation_id,
        author=Author.BOT,
        kind=Kind.FORM,
        payload={"form": "contact", "reason": why.value},
    )


def leave_message(
    session: Session,
    conversation_id: str,
    fields: Mapping[str, Any],
    at: datetime | None = None,
) -> Handoff:
    """Keep what the patient typed into the contact form, for an agent to call or write back.

    An agent who has the conversation by now just gets to see it. Raises contact.ContactInvalid.
    """
    at = at or _now()
    kept = contact.check(fields, keep=_settings().own_numbers).as_dict()
    handoff = open_handoff(session, conversation_id)
    if handoff is None:
        handoff = Handoff(
            conversation_id=conversation_id,
            reason=_form_reason(session, conversation_id),
            requested_at=at,
            state=HandoffState.MESSAGE_LEFT,
        )
        session.add(handoff)
    elif handoff.state in WAITING:
        handoff.state = HandoffState.MESSAGE_LEFT
    handoff.contact = kept
    session.flush()
    _say(session, conversation_id, Line.MESSAGE_LEFT, opens_at=_opens_at(at))
    _wake_waiting(session)
    return handoff


def _form_reason(session: Session, conversation_id: str) -> str:
    form = session.scalar(
        select(Message)
        .where(Message.conversation_id == conversation_id, Message.kind == Kind.FORM)
        .order_by(Message.n.desc())
        .limit(1)
    )
    return Reason(form.payload.get("reason", Reason.ASKED) if form else Reason.ASKED).value


def abandon(session: Session, conversation_id: str, at: datetime | None = None) -> None:
    """The patient ended the conversation: nobody came → abandoned; an agent had it → resolved."""
    handoff = open_handoff(session, conversation_id)
    if handoff is None:
        return
    had_agent = handoff.state is HandoffState.CLAIMED
    handoff.state = HandoffState.RESOLVED if had_agent else HandoffState.ABANDONED
    handoff.closed_at = at or _now()
    session.flush()
    wake(session, conversation_id, "console")
    _wake_waiting(session)


# The agent's moves -------------------------------------------------------------------------------


def claim(session: Session, handoff_id: int, staff_id: int, at: datetime | None = None) -> Handoff:
    """Take a waiting conversation. Claiming one's own again changes nothing.

    Raises HandoffAlreadyClaimed, HandoffClosed, HandoffNotFound.
    """
    at = at or _now()
    changed = _move(
        session,
        handoff_id,
        Handoff.state.in_(WAITING),
        state=HandoffState.CLAIMED,
        staff_id=staff_id,
        claimed_at=at,
        nobody_told_at=None,
    )
    handoff = get(session, handoff_id)
    if not changed:
        return _own_or_refuse(session, handoff, staff_id)
    presence.seen(session, staff_id, at)
    _say(session, handoff.conversation_id, Line.AGENT_JOINED, name=_name(session, staff_id))
    _note(session, Act.CLAIMED, handoff, staff_id, at)
    _wake_waiting(session)
    return handoff


def _own_or_refuse(session: Session, handoff: Handoff, staff_id: int) -> Handoff:
    if handoff.state is not HandoffState.CLAIMED:
        raise HandoffClosed(handoff.state)
    if handoff.staff_id == staff_id:
        return handoff
    assert handoff.claimed_at is not None
    raise HandoffAlreadyClaimed(_name(session, handoff.staff_id) or "", handoff.claimed_at)


def resolve(
    session: Session, handoff_id: int, staff_id: int, at: datetime | None = None
) -> Handoff:
    """The agent is done; the bot answers what comes next. Raises HandoffNotYours, HandoffClosed."""
    return _give_up(
        session, handoff_id, staff_id, at, HandoffState.RESOLVED, Line.AGENT_RESOLVED, Act.RESOLVED
    )


def return_to_bot(
    session: Session, handoff_id: int, staff_id: int, at: datetime | None = None
) -> Handoff:
    """Give the conversation back. Raises HandoffNotYours, HandoffClosed."""
    return _give_up(
        session, handoff_id, staff_id, at, HandoffState.RETURNED, Line.AGENT_RETURNED, Act.RETURNED
    )


def _give_up(
    session: Session,
    handoff_id: int,
    staff_id: int,
    at: datetime | None,
    state: HandoffState,
    line: Line,
    act: Act,
) -> Handoff:
    at = at or _now()
    changed = _move(session, handoff_id, _held_by(staff_id), state=state, closed_at=at)
    handoff = get(session, handoff_id)
    if not changed:
        raise _not_held(session, handoff)
    conversation = session.get_one(Conversation, handoff.conversation_id)
    # Rasa heard nothing while a person talked: it starts afresh.
    conversations.begin_segment(conversation)
    conversation.misses = 0
    _say(session, conversation.id, line, name=_name(session, staff_id))
    _note(session, act, handoff, staff_id, at)
    return handoff


def write(
    session: Session, handoff_id: int, staff_id: int, *, client_id: str, text: str
) -> Message:
    """Write to the patient; the same `client_id` again gives the same row.

    Raises HandoffNotYours, HandoffClosed.
    """
    handoff = get(session, handoff_id)
    if handoff.state is not HandoffState.CLAIMED or handoff.staff_id != staff_id:
        raise _not_held(session, handoff)
    before = session.scalar(
        select(Message).where(
            Message.conversation_id == handoff.conversation_id, Message.client_id == client_id
        )
    )
    if before is not None:
        return before
    return conversations.append(
        session,
        handoff.conversation_id,
        author=Author.AGENT,
        kind=Kind.TEXT,
        text=text,
        payload={"speaker": _name(session, staff_id)},
        client_id=client_id,
        staff_id=staff_id,
    )


def mark_done(
    session: Session, handoff_id: int, staff_id: int, at: datetime | None = None
) -> Handoff:
    """A left message was answered; who did it is kept. Raises HandoffClosed if done before."""
    at = at or _now()
    waits = (Handoff.state == HandoffState.MESSAGE_LEFT) & Handoff.answered_at.is_(None)
    changed = _move(session, handoff_id, waits, answered_at=at, closed_at=at, staff_id=staff_id)
    handoff = get(session, handoff_id)
    if not changed:
        raise HandoffClosed(handoff.state)
    _note(session, Act.MESSAGE_DONE, handoff, staff_id, at)
    return handoff


# What time does ----------------------------------------------------------------------------------


def requeue_absent(session: Session, at: datetime | None = None) -> int:
    """Put the chats of vanished agents back into the queue and tell who waits how it stands.

    Returns how many came back. With no agent left, the waiting are told so and offered the form;
    when one comes back, they are told that too.
    """
    at = at or _now()
    absent_after_s = _settings().limits.agent_absent_after_s
    came_back = 0
    claimed = select(Handoff).where(Handoff.state == HandoffState.CLAIMED).order_by(Handoff.id)
    for handoff in session.scalars(claimed).all():
        agent = session.get_one(Staff, handoff.staff_id)
        if not presence.is_there(agent, at, absent_after_s):
            came_back += _requeue(session, handoff, agent)
    _tell_waiting(session, at)
    return came_back


def _requeue(session: Session, handoff: Handoff, agent: Staff) -> bool:
    changed = _move(
        session,
        handoff.id,
        _held_by(agent.id),
        state=HandoffState.REQUESTED,
        staff_id=None,
        claimed_at=None,
    )
    if changed:
        session.refresh(handoff)
        place = position(session, handoff)
        _say(session, handoff.conversation_id, Line.AGENT_GONE, name=agent.name, position=place)
    return changed


def _tell_waiting(session: Session, at: datetime) -> None:
    """Keep the promise of the queue true: say when nobody is left, and when somebody is back."""
    waiting = queue(session)
    if not waiting:
        return
    somebody = _agents_present(session, at)
    for place, handoff in enumerate(waiting, start=1):
        if somebody and handoff.nobody_told_at is not None:
            handoff.nobody_told_at = None
            _say(session, handoff.conversation_id, Line.PERSON_BACK, position=place)
        elif not somebody and handoff.nobody_told_at is None:
            handoff.nobody_told_at = at
            why = Reason(handoff.reason)
            _offer_form(session, handoff.conversation_id, Line.NOBODY_HERE, why, at)


# Shared ------------------------------------------------------------------------------------------


def get(session: Session, handoff_id: int) -> Handoff:
    handoff = session.get(Handoff, handoff_id, populate_existing=True)
    if handoff is None:
        raise HandoffNotFound(handoff_id)
    return handoff


def _move(session: Session, handoff_id: int, expected: ColumnElement[bool], **values: Any) -> bool:
    """Change the row if it still is as expected; the database decides, not what we read before."""
    moved = session.scalars(
        update(Handoff)
        .where(Handoff.id == handoff_id, expected)
        .values(**values)
        .returning(Handoff.id)
        .execution_options(synchronize_session=False)
    ).all()
    return bool(moved)


def _held_by(staff_id: int) -> ColumnElement[bool]:
    return (Handoff.state == HandoffState.CLAIMED) & (Handoff.staff_id == staff_id)


def _not_held(session: Session, handoff: Handoff) -> Exception:
    if handoff.state is HandoffState.CLAIMED:
        return HandoffNotYours(_name(session, handoff.staff_id))
    if handoff.state in WAITING:
        return HandoffNotYours(None)
    return HandoffClosed(handoff.state)


def _say(session: Session, conversation_id: str, line: Line, **parameters: Any) -> None:
    conversations.append(
        session,
        conversation_id,
        author=Author.SYSTEM,
        kind=Kind.HANDOFF,
        payload={"line": line.value, **parameters},
    )


def _note(session: Session, act: Act, handoff: Handoff, staff_id: int, at: datetime) -> None:
    subject = f"conversation:{handoff.conversation_id}"
    audit.record(session, act, subject, staff_id=staff_id, at=at)


def _wake_waiting(session: Session) -> None:
    """Their places in the queue may have changed."""
    ids: Iterable[str] = (handoff.conversation_id for handoff in queue(session))
    wake(session, "console", *ids)


def _name(session: Session, staff_id: int | None) -> str | None:
    staff = session.get(Staff, staff_id) if staff_id is not None else None
    return staff.name if staff is not None else None


def _opens_at(at: datetime) -> str | None:
    opening = hours.next_opening(_settings().chat_calendar, at)
    return opening.isoformat() if opening is not None else None


def _settings() -> Settings:
    return services().settings


def _now() -> datetime:
    return services().clock()
