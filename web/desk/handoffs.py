"""From the bot to a person, and back.

Rule: the only mover of handoffs; each move is one conditional update, so that of two who try, one
wins and the other is told who did. A patient is never left with a promise nobody can keep: when no
agent is really there, the chat says so and asks how to reach them.

    requested ─claim→ claimed ─resolve→ resolved          abandon: the patient ended it
        ↑               │└─return_to_bot→ returned        message_left: nobody was there
        └─requeue_absent┘
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from web.chat import contact, conversations, screening
from web.db import wake
from web.desk import callbacks, desks, presence
from web.desk.handoff_steps import (
    NOT_OFFERED,
    HandoffAlreadyClaimed,
    HandoffClosed,
    HandoffNotFound,
    HandoffNotYours,
    Line,
    Reason,
    desk_for,
    get,
    held_by,
    lock,
    move,
    not_held,
    note,
    now,
    offer_form,
    opens_at,
    say,
    settings,
    wake_waiting,
)
from web.desk.handoff_watch import raise_alarms, requeue_absent, wake_due_calls
from web.desk.waiting import (
    WAITING,
    HandoffStatus,
    agent_name,
    is_staffed,
    latest,
    open_handoff,
    position,
    queue,
    reference,
    status,
)
from web.models import Author, Conversation, Handoff, HandoffState, Kind, Message
from web.privacy.audit import Act

__all__ = [
    "WAITING",
    "HandoffAlreadyClaimed",
    "HandoffClosed",
    "HandoffNotFound",
    "HandoffNotYours",
    "HandoffStatus",
    "get",
    "is_staffed",
    "latest",
    "open_handoff",
    "queue",
    "raise_alarms",
    "requeue_absent",
    "status",
    "wake_due_calls",
]


# The patient's moves -----------------------------------------------------------------------------


def request(
    session: Session,
    conversation_id: str,
    reason: str,
    *,
    urgent: bool = False,
    topic: str = desks.GENERAL,
    at: datetime | None = None,
) -> HandoffStatus:
    """Ask for a person: into the queue when one is there, else the contact form.

    topic: what it is about, one of web.chat.rasa.TOPICS; it helps to find the desk.

    A danger with nobody there gets neither: the card says what to do now, and a line says that
    nobody reads here.
    """
    at, why = at or now(), Reason(reason)
    handoff = open_handoff(session, conversation_id)
    if handoff is not None:
        _ask_again(session, handoff, why, urgent, at)
    elif why is not Reason.CALLBACK and is_staffed(session, at):
        _enqueue(session, conversation_id, why, urgent, topic, at)
    elif why is Reason.DANGER:
        say(session, conversation_id, Line.NOBODY_AT_DESK, opens_at=opens_at(at))
    else:
        line = Line.LEAVE_NUMBER if why is Reason.CALLBACK else Line.NOBODY_HERE
        offer_form(session, conversation_id, line, why, at, topic)
    return status(session, conversation_id)


def _enqueue(
    session: Session, conversation_id: str, why: Reason, urgent: bool, topic: str, at: datetime
) -> None:
    handoff = Handoff(
        conversation_id=conversation_id,
        state=HandoffState.REQUESTED,
        reason=why.value,
        urgent=urgent,
        urgent_at=at if urgent else None,
        desk=desk_for(session, conversation_id, topic),
        requested_at=at,
    )
    session.add(handoff)
    session.flush()
    if topic == desks.COMPLAINTS:
        _give_receipt(session, conversation_id)
    say(session, conversation_id, Line.QUEUED, position=position(session, handoff))
    if urgent:
        wake_waiting(session)


def _give_receipt(session: Session, conversation_id: str) -> None:
    say(session, conversation_id, Line.COMPLAINT_RECEIVED, reference=reference(conversation_id))


def _ask_again(session: Session, handoff: Handoff, why: Reason, urgent: bool, at: datetime) -> None:
    if urgent and not handoff.urgent:
        handoff.urgent, handoff.urgent_at = True, at
        session.flush()
        wake_waiting(session)
    wake(session, handoff.conversation_id, "console")
    if handoff.state in WAITING and why is not Reason.DANGER and handoff.nobody_told_at is None:
        place = position(session, handoff)
        say(session, handoff.conversation_id, Line.QUEUED, position=place)


def leave_message(
    session: Session,
    conversation_id: str,
    fields: Mapping[str, Any],
    at: datetime | None = None,
) -> Handoff:
    """Keep what the patient typed into the contact form, for an agent to call or write back.

    An agent who has the conversation by now just gets to see it. Raises contact.ContactInvalid.
    """
    at = at or now()
    callback_at = callbacks.book(session, fields, at)
    kept = contact.check(fields, keep=settings().own_numbers).as_dict()
    handoff = open_handoff(session, conversation_id)
    if handoff is None:
        why, topic = _form_reason(session, conversation_id)
        if topic == desks.COMPLAINTS:
            _give_receipt(session, conversation_id)
        handoff = Handoff(
            conversation_id=conversation_id,
            reason=why,
            desk=desk_for(session, conversation_id, topic),
            requested_at=at,
            state=HandoffState.MESSAGE_LEFT,
            contact=kept,
            original=contact.original(fields, kept),
        )
        session.add(handoff)
        session.flush()
    else:
        move(session, handoff.id, Handoff.state.in_(WAITING), state=HandoffState.MESSAGE_LEFT)
        handoff.contact, handoff.original = kept, contact.original(fields, kept)
    _promise(session, handoff.id, conversation_id, callback_at, at)
    wake_waiting(session)
    _screen_form(session, handoff, fields)
    return get(session, handoff.id)


def _promise(
    session: Session,
    handoff_id: int,
    conversation_id: str,
    callback_at: datetime | None,
    at: datetime,
) -> None:
    if callback_at is None:
        say(session, conversation_id, Line.MESSAGE_LEFT, opens_at=opens_at(at))
        return
    move(session, handoff_id, Handoff.id == handoff_id, callback_at=callback_at)
    begins, ends = callback_at, callbacks.ends_at(settings(), callback_at)
    times = {"begins": begins.isoformat(), "ends": ends.isoformat()}
    say(session, conversation_id, Line.CALLBACK_PROMISED, **times)


def _screen_form(session: Session, handoff: Handoff, fields: Mapping[str, Any]) -> None:
    """What is typed into a form may be a cry for help as well: it gets the same card."""
    conversation = session.get_one(Conversation, handoff.conversation_id)
    typed = "\n".join(text for text in fields.values() if isinstance(text, str))
    seen = screening.screened(settings(), typed, conversation.lang)
    if seen.card is None:
        return
    move(session, handoff.id, Handoff.id == handoff.id, urgent=True)
    if not _has_card_already(session, conversation.id, seen.danger.card):
        conversations.append_card(session, conversation.id, seen, of=conversation.last_n)
    request(session, conversation.id, Reason.DANGER, urgent=True)


def _has_card_already(session: Session, conversation_id: str, card: str | None) -> bool:
    """Tell whether the card stands below the form: a form that was refused first showed it."""
    form = last_form(session, conversation_id)
    cards = select(Message).where(
        Message.conversation_id == conversation_id,
        Message.kind == Kind.DANGER,
        Message.n > (form.n if form else 0),
    )
    return form is not None and any(row.payload["card"] == card for row in session.scalars(cards))


def last_form(session: Session, conversation_id: str) -> Message | None:
    query = (
        select(Message)
        .where(Message.conversation_id == conversation_id, Message.kind == Kind.FORM)
        .order_by(Message.n.desc())
        .limit(1)
    )
    return session.scalar(query)


def _form_reason(session: Session, conversation_id: str) -> tuple[str, str]:
    """Return why the form was shown, and what it is about."""
    form = last_form(session, conversation_id)
    asked = form.payload if form else {}
    return Reason(asked.get("reason", Reason.ASKED)).value, asked.get("topic", desks.GENERAL)


def abandon(session: Session, conversation_id: str, at: datetime | None = None) -> None:
    """The patient ended the conversation: nobody came → abandoned; an agent had it → resolved."""
    handoff = open_handoff(session, conversation_id)
    if handoff is None:
        return
    at, had_agent = at or now(), Handoff.state == HandoffState.CLAIMED
    move(session, handoff.id, had_agent, state=HandoffState.RESOLVED, closed_at=at)
    waits = Handoff.state.in_(WAITING)
    move(session, handoff.id, waits, state=HandoffState.ABANDONED, closed_at=at)
    session.refresh(handoff)
    wake(session, conversation_id, "console")
    wake_waiting(session)


# The agent's moves -------------------------------------------------------------------------------


def claim(session: Session, handoff_id: int, staff_id: int, at: datetime | None = None) -> Handoff:
    """Take a waiting conversation. Claiming one's own again changes nothing.

    Raises HandoffAlreadyClaimed, HandoffClosed, HandoffNotFound.
    """
    at = at or now()
    lock(session, handoff_id)
    changed = move(
        session,
        handoff_id,
        Handoff.state.in_(WAITING),
        state=HandoffState.CLAIMED,
        staff_id=staff_id,
        claimed_at=at,
        nobody_told_at=None,
        **NOT_OFFERED,
    )
    handoff = get(session, handoff_id)
    if not changed:
        return _own_or_refuse(session, handoff, staff_id)
    presence.seen(session, staff_id, at)
    say(session, handoff.conversation_id, Line.AGENT_JOINED, name=agent_name(session, staff_id))
    note(session, Act.CLAIMED, handoff, staff_id, at)
    wake_waiting(session)
    return handoff


def _own_or_refuse(session: Session, handoff: Handoff, staff_id: int) -> Handoff:
    if handoff.state is not HandoffState.CLAIMED:
        raise HandoffClosed(handoff.state)
    if handoff.staff_id == staff_id:
        return handoff
    assert handoff.claimed_at is not None
    raise HandoffAlreadyClaimed(agent_name(session, handoff.staff_id) or "", handoff.claimed_at)


def opened(session: Session, handoff: Handoff, staff_id: int, at: datetime | None = None) -> None:
    """Somebody looks: keep when that was first, and how far its own agent has read."""
    unseen = Handoff.opened_at.is_(None)
    if move(session, handoff.id, unseen, opened_at=at or now()):
        wake(session, "console")
    conversation = session.get_one(Conversation, handoff.conversation_id)
    unread = held_by(staff_id) & (Handoff.read_n < conversation.last_n)
    if move(session, handoff.id, unread, read_n=conversation.last_n):
        wake(session, "console")


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
    at = at or now()
    lock(session, handoff_id)
    changed = move(session, handoff_id, held_by(staff_id), state=state, closed_at=at)
    handoff = get(session, handoff_id)
    if not changed:
        raise not_held(session, handoff)
    conversation = session.get_one(Conversation, handoff.conversation_id)
    # Rasa heard nothing while a person talked: it starts afresh.
    conversations.begin_segment(conversation)
    conversation.misses = 0
    say(session, conversation.id, line, name=agent_name(session, staff_id))
    note(session, act, handoff, staff_id, at)
    return handoff


def write(
    session: Session,
    handoff_id: int,
    staff_id: int,
    *,
    client_id: str,
    text: str,
    kind: Kind = Kind.TEXT,
    payload: Mapping[str, Any] | None = None,
) -> Message:
    """Write to the patient; the same `client_id` again gives the same row.

    Raises HandoffNotYours, HandoffClosed.
    """
    lock(session, handoff_id)
    handoff = get(session, handoff_id)
    if handoff.state is not HandoffState.CLAIMED or handoff.staff_id != staff_id:
        raise not_held(session, handoff)
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
        kind=kind,
        text=text,
        payload={**(payload or {}), "speaker": agent_name(session, staff_id)},
        client_id=client_id,
        staff_id=staff_id,
    )


def mark_done(
    session: Session, handoff_id: int, staff_id: int, at: datetime | None = None
) -> Handoff:
    """A left message was answered; who did it is kept. Raises HandoffClosed if done before."""
    at = at or now()
    waits = (Handoff.state == HandoffState.MESSAGE_LEFT) & Handoff.answered_at.is_(None)
    changed = move(session, handoff_id, waits, answered_at=at, closed_at=at, staff_id=staff_id)
    handoff = get(session, handoff_id)
    if not changed:
        raise HandoffClosed(handoff.state)
    note(session, Act.MESSAGE_DONE, handoff, staff_id, at)
    wake(session, handoff.conversation_id, "console")
    return handoff
