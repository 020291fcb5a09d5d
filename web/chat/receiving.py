"""A message comes in: the one way from a patient into the log.

Rule: a message is screened for danger first, then masked, then stored together with its danger card
and the turn to do, in one transaction; nobody is told "accepted" before that commit. The same
client_id gives the same row, whatever happens in between.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, exists, select
from sqlalchemy.orm import Session

from safety.danger import Level
from web.chat import conversations, leases
from web.chat.acts import Act, content, digest
from web.chat.conversations import HAS_AGENT, ConversationEnded
from web.chat.free_workers import Chance
from web.chat.screening import Screened
from web.chat.tokens import ConversationNotFound
from web.config import Settings
from web.db import wake
from web.desk import handoffs, snooze
from web.logs import request_id
from web.models import (
    Author,
    Conversation,
    Handoff,
    HandoffState,
    Kind,
    Message,
    Turn,
    TurnState,
)
from web.services import Services

# After a pause this long the assistant starts afresh, as Rasa's own memory does.
SEGMENT_PAUSE = timedelta(minutes=60)


class ClientIdReused(Exception):
    """This client_id belongs to a message with other words."""


@dataclass(frozen=True)
class Received:
    conversation_id: str
    n: int
    masked: tuple[str, ...]
    continue_n: int | None = None
    """The row of an emergency card, from which the patient may go on."""


def receive(
    services: Services, conversation_id: str, client_id: str, act: Act, seen: Screened
) -> Received:
    """Store a patient's message, its danger card and the turn to do, all or nothing.

    seen: what `screened` said of the same raw text. Raises ConversationNotFound,
    ConversationEnded, ClientIdReused, NotInLog, DeskUnknown, and what the database raises.
    """
    said = digest(services.secret, act)
    with services.free_workers.one() as chance, services.database.transaction() as session:
        found = _for_message(session, conversation_id, client_id)
        if found.before is not None:
            return _again(session, found.before, said)
        if found.conversation.ended_at is not None:
            raise ConversationEnded(conversation_id)
        now = services.clock()
        _begin_segment_after_pause(found.conversation, now)
        message = _append_act(
            session, services.settings, found.conversation, act, client_id, said, now
        )
        _show_card(session, message, seen)
        if found.has_agent:
            snooze.patient_wrote(session, conversation_id)
        if not found.has_agent and seen.danger.level is not Level.EMERGENCY:
            _add_turn(session, services, found, message, chance if seen.card is None else None)
        continue_n = message.n + 1 if _may_continue(seen) else None
        return Received(conversation_id, message.n, _masked(message), continue_n)


def _append_act(
    session: Session,
    settings: Settings,
    conversation: Conversation,
    act: Act,
    client_id: str,
    said: str,
    at: datetime,
) -> Message:
    said_here = content(session, settings, conversation.id, act)
    conversation.desk = said_here.payload.get("desk", conversation.desk)
    return conversations.append(
        session,
        conversation.id,
        author=Author.PATIENT,
        kind=Kind.TEXT,
        text=said_here.text,
        payload=said_here.payload,
        original=said_here.original,
        client_id=client_id,
        text_digest=said,
        at=at,
    )


def _again(session: Session, message: Message, said: str) -> Received:
    if not hmac.compare_digest(message.text_digest or "", said):
        raise ClientIdReused(message.conversation_id)
    # The card stands right below its message: both are written in one transaction.
    query = select(Message).where(
        Message.conversation_id == message.conversation_id,
        Message.n == message.n + 1,
        Message.kind == Kind.DANGER,
    )
    card = session.scalar(query)
    can_continue = card is not None and card.payload.get("can_continue")
    continue_n = message.n + 1 if can_continue else None
    return Received(message.conversation_id, message.n, _masked(message), continue_n)


def _masked(message: Message) -> tuple[str, ...]:
    return tuple(message.payload.get("masked", ()))


def _may_continue(seen: Screened) -> bool:
    return seen.card is not None and seen.danger.level is Level.EMERGENCY


def _begin_segment_after_pause(conversation: Conversation, now: datetime) -> None:
    if now - conversation.last_message_at > SEGMENT_PAUSE:
        conversations.begin_segment(conversation)
        conversation.misses = 0


def _show_card(session: Session, message: Message, seen: Screened) -> None:
    if seen.card is None:
        return
    conversations.append_card(
        session,
        message.conversation_id,
        seen,
        of=message.n,
        client_id=message.client_id,
        can_continue=_may_continue(seen),
        at=message.created_at,
    )
    handoffs.request(session, message.conversation_id, "danger", urgent=True)


def _add_turn(
    session: Session, services: Services, found: _Found, message: Message, chance: Chance | None
) -> None:
    """Not with an agent, who answers alone; and below an emergency card nothing follows.

    chance: of a worker who may have it at once; a turn after another one waits for it.
    """
    turn = Turn(
        conversation_id=message.conversation_id,
        n=message.n,
        state=TurnState.WAITING,
        request_id=request_id(),
        fence=0,
        created_at=message.created_at,
    )
    session.add(turn)
    if chance is None or not chance.is_good or found.is_working:
        wake(session, "turns")
        return
    owner = services.free_workers.owner
    chance.give(
        leases.lease(session, services, turn, found.conversation, message, found.is_waiting, owner)
    )


@dataclass(frozen=True)
class _Found:
    """`is_waiting`: for a person. `is_working`: on a turn. `before`: the row of this client_id."""

    conversation: Conversation
    has_agent: bool
    is_waiting: bool
    is_working: bool
    before: Message | None


def _for_message(session: Session, conversation_id: str, client_id: str) -> _Found:
    values = {"id": conversation_id, "client_id": client_id}
    conversations.lock_row(session, conversation_id)
    found = session.execute(_FOR_MESSAGE, values).first()
    if found is None:
        raise ConversationNotFound(conversation_id)
    session.info.setdefault("locked", {})[conversation_id] = found[0]
    return _Found(*found)


# Made once: putting a statement together costs more than running it.
_IS_WAITING = exists().where(
    Handoff.conversation_id == Conversation.id,
    Handoff.state.in_((HandoffState.REQUESTED, HandoffState.OFFERED)),
)
_IS_WORKING = exists().where(
    Turn.conversation_id == Conversation.id,
    Turn.state.in_((TurnState.WAITING, TurnState.RUNNING)),
)
_FOR_MESSAGE = (
    select(Conversation, HAS_AGENT, _IS_WAITING, _IS_WORKING, Message)
    .outerjoin(
        Message,
        (Message.conversation_id == Conversation.id)
        & (Message.client_id == bindparam("client_id")),
    )
    .where(Conversation.id == bindparam("id"))
)
