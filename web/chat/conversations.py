"""A patient's conversation: the one path of a message in, and the only writer of messages.

Rule: a message is screened for danger first, then masked, then stored together with its danger card
and the turn to do, in one transaction; nobody is told "accepted" before that commit. The same
client_id gives the same row, whatever happens in between. `n` is taken under the conversation's
lock, so the log has an order and no gaps.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import bindparam, delete, exists, select
from sqlalchemy.orm import Session

from safety.cards import card_html
from safety.danger import Danger, Level, screen
from safety.identifiers import mask
from search.language import notice_language
from web.chat import leases
from web.chat.acts import Act, content, digest, row
from web.chat.free_workers import Chance
from web.chat.tokens import ConversationNotFound, token_hash
from web.config import Settings
from web.db import locks_rows, utc_now, wake
from web.desk import handoffs, snooze
from web.logs import request_id
from web.models import (
    Author,
    Conversation,
    Handoff,
    HandoffState,
    Kind,
    Message,
    Staff,
    Turn,
    TurnState,
)
from web.services import Services

# After a pause this long the assistant starts afresh, as Rasa's own memory does.
SEGMENT_PAUSE = timedelta(minutes=60)


class ConversationEnded(Exception):
    """The patient ended it; a new one can be started."""


class ClientIdReused(Exception):
    """This client_id belongs to a message with other words."""


@dataclass(frozen=True)
class Screened:
    """What the danger screen says of a raw text. `html` needed no database to be made."""

    danger: Danger
    html: str | None

    @property
    def card(self) -> dict[str, str] | None:
        if self.html is None or self.danger.card is None:
            return None
        return {"kind": self.danger.card, "html": self.html}


@dataclass(frozen=True)
class Received:
    conversation_id: str
    n: int
    masked: tuple[str, ...]
    continue_n: int | None = None
    """The row of an emergency card, from which the patient may go on."""


# Beginning and finding ---------------------------------------------------------------------------


def start(
    services: Services,
    *,
    lang: str,
    site: str,
    page_url: str | None,
    address_hash: str,
    agreed_to: str | None = None,
    desk: str | None = None,
) -> tuple[str, str]:
    """Begin a conversation. Returns its id and the token that opens it; only its hash is kept.

    agreed_to: the version of the privacy note that the patient has said yes to. desk: the one that
    the clinic's page names.
    """
    token = secrets.token_urlsafe(32)
    now = services.clock()
    conversation = Conversation(
        id=secrets.token_urlsafe(15),
        token_hash=token_hash(token),
        site=site,
        page_url=page_url,
        lang=lang,
        desk=desk,
        address_hash=address_hash,
        created_at=now,
        last_message_at=now,
        last_seen_at=now,
        privacy_version=agreed_to,
        privacy_agreed_at=now if agreed_to else None,
    )
    with services.database.transaction() as session:
        session.add(conversation)
    return conversation.id, token


def log(session: Session, conversation_id: str, after: int = 0) -> Sequence[Message]:
    """Return the rows with a number above `after`, in order."""
    return session.scalars(_LOG, {"id": conversation_id, "after": after}).all()


# A message comes in ------------------------------------------------------------------------------


def open_one(session: Session, conversation_id: str) -> Conversation:
    """Return the conversation, locked. Raises ConversationEnded."""
    conversation = locked(session, conversation_id)
    if conversation.ended_at is not None:
        raise ConversationEnded(conversation_id)
    return conversation


def screened(settings: Settings, raw: str, lang: str) -> Screened:
    """Screen a raw text. Needs no database and never fails, so its card can always be shown.

    lang: the card's language where the words do not tell; who is in danger reads their own best.
    """
    danger = screen(raw)
    if danger.card is None:
        return Screened(danger, None)
    return Screened(danger, card_html(danger.card, written_in(raw, lang), settings.phones()))


def written_in(raw: str, lang: str) -> str:
    """Return the language of the words; `lang` where they do not tell."""
    try:
        return notice_language(raw, lang)
    except OSError:  # its word lists are gone: no reason to withhold anything
        return lang


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
    return append(
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
        begin_segment(conversation)
        conversation.misses = 0


def begin_segment(conversation: Conversation) -> None:
    """Let Rasa forget: the next turn goes to an empty tracker."""
    conversation.segment += 1
    conversation.segment_turns = 0


def _show_card(session: Session, message: Message, seen: Screened) -> None:
    if seen.card is None:
        return
    append_card(
        session,
        message.conversation_id,
        seen,
        of=message.n,
        client_id=message.client_id,
        can_continue=_may_continue(seen),
        at=message.created_at,
    )
    handoffs.request(session, message.conversation_id, "danger", urgent=True)


def append_card(
    session: Session,
    conversation_id: str,
    seen: Screened,
    *,
    of: int,
    client_id: str | None = None,
    can_continue: bool = False,
    at: datetime | None = None,
) -> None:
    """Put the danger card into the log. of: number of the row it is about."""
    assert seen.card is not None
    append(
        session,
        conversation_id,
        author=Author.BOT,
        kind=Kind.DANGER,
        payload={
            "card": seen.card["kind"],
            "html": seen.card["html"],
            "level": seen.danger.level.value,
            "danger": seen.danger.kind,
            "of": of,
            "client_id": client_id,
            "can_continue": can_continue,
        },
        at=at,
    )


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


# Rows of the log ---------------------------------------------------------------------------------


def append(
    session: Session,
    conversation_id: str,
    *,
    author: Author,
    kind: Kind,
    text: str = "",
    payload: dict[str, Any] | None = None,
    original: str | None = None,
    client_id: str | None = None,
    text_digest: str | None = None,
    staff_id: int | None = None,
    turn_id: int | None = None,
    reply_position: int | None = None,
    at: datetime | None = None,
) -> Message:
    """Add the next row of the log and wake who watches it."""
    conversation = locked(session, conversation_id)
    conversation.last_n += 1
    conversation.last_message_at = at or utc_now()
    message = Message(
        conversation_id=conversation_id,
        n=conversation.last_n,
        author=author,
        kind=kind,
        text=text,
        payload=_with_speaker(session, payload or {}, staff_id),
        client_id=client_id,
        text_digest=text_digest,
        staff_id=staff_id,
        turn_id=turn_id,
        reply_position=reply_position,
        created_at=conversation.last_message_at,
    )
    if original is not None:
        message.original = original
    session.add(message)  # written with what follows: each flush costs half a millisecond
    wake(session, conversation_id, "console")
    return message


def _with_speaker(
    session: Session, payload: dict[str, Any], staff_id: int | None
) -> dict[str, Any]:
    """Keep the name the patient saw: the log stays true when the account changes."""
    staff = session.get(Staff, staff_id) if staff_id is not None else None
    return {**payload, "speaker": staff.name} if staff is not None else payload


def locked(session: Session, conversation_id: str) -> Conversation:
    """Return the conversation, locked until the transaction ends. Raises ConversationNotFound."""
    # SQLite ignores the row lock: there the whole transaction is the lock.
    locked: dict[str, Conversation] = session.info.setdefault("locked", {})
    conversation = locked.get(conversation_id)
    if conversation is None:
        session.flush()  # before it is read anew: it may have been changed since it was looked at
        conversation = session.get(
            Conversation, conversation_id, with_for_update=True, populate_existing=True
        )
        if conversation is None:
            raise ConversationNotFound(conversation_id)
        locked[conversation_id] = conversation
    return conversation


def _lock(session: Session, conversation_id: str) -> None:
    """Lock the row before anything is looked up that belongs to it.

    In one statement PostgreSQL would look first and wait for the lock then: what it found beside
    the row, a message with this client_id or an agent, would be as old as the wait was long.
    """
    if locks_rows(session):
        session.execute(_ROW, {"id": conversation_id})


def with_agent(session: Session, conversation_id: str) -> tuple[Conversation, bool]:
    """Return the conversation, locked, and whether an agent has it. Raises as `locked`."""
    _lock(session, conversation_id)
    found = session.execute(_WITH_AGENT, {"id": conversation_id}).first()
    if found is None:
        raise ConversationNotFound(conversation_id)
    conversation, has_agent = found
    session.info.setdefault("locked", {})[conversation_id] = conversation
    return conversation, bool(has_agent)


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
    _lock(session, conversation_id)
    found = session.execute(_FOR_MESSAGE, values).first()
    if found is None:
        raise ConversationNotFound(conversation_id)
    session.info.setdefault("locked", {})[conversation_id] = found[0]
    return _Found(*found)


# Made once: putting a statement together costs more than running it.
_HAS_AGENT = exists().where(
    Handoff.conversation_id == Conversation.id, Handoff.state == HandoffState.CLAIMED
)
_ROW = select(Conversation.id).where(Conversation.id == bindparam("id")).with_for_update()
_WITH_AGENT = select(Conversation, _HAS_AGENT).where(Conversation.id == bindparam("id"))
_IS_WAITING = exists().where(
    Handoff.conversation_id == Conversation.id,
    Handoff.state.in_((HandoffState.REQUESTED, HandoffState.OFFERED)),
)
_IS_WORKING = exists().where(
    Turn.conversation_id == Conversation.id,
    Turn.state.in_((TurnState.WAITING, TurnState.RUNNING)),
)
_FOR_MESSAGE = (
    select(Conversation, _HAS_AGENT, _IS_WAITING, _IS_WORKING, Message)
    .outerjoin(
        Message,
        (Message.conversation_id == Conversation.id)
        & (Message.client_id == bindparam("client_id")),
    )
    .where(Conversation.id == bindparam("id"))
)
_LOG = (
    select(Message)
    .where(Message.conversation_id == bindparam("id"), Message.n > bindparam("after"))
    .order_by(Message.n)
)


# The patient's other acts ------------------------------------------------------------------------


def rate_answer(session: Session, conversation_id: str, n: int, helpful: bool) -> None:
    """Raises NotInLog when row n shows no passage."""
    row(session, conversation_id, n, Kind.PASSAGES).helpful = helpful
    wake(session, "console")


def rate(
    session: Session, conversation_id: str, score: int, comment: str, settings: Settings
) -> None:
    conversation = locked(session, conversation_id)
    conversation.rating = score
    conversation.rating_comment = mask(comment, settings.own_numbers).text[:1000] or None
    conversation.rated_at = utc_now()
    wake(session, conversation_id, "console")


def set_lang(session: Session, conversation_id: str, lang: str) -> None:
    locked(session, conversation_id).lang = lang
    wake(session, conversation_id, "console")


def end(session: Session, conversation_id: str) -> None:
    """The patient is done. Ending twice changes nothing."""
    conversation = locked(session, conversation_id)
    if conversation.ended_at is not None:
        return
    handoffs.abandon(session, conversation_id)
    append(
        session,
        conversation_id,
        author=Author.SYSTEM,
        kind=Kind.SYSTEM,
        payload={"line": "patient_ended"},
    )
    conversation.ended_at = conversation.last_message_at


def forget(services: Services, conversation_id: str) -> None:
    """Remove all that is kept of a conversation, without a trace; what hangs on it goes too."""
    with services.database.transaction() as session:
        handoffs.abandon(session, conversation_id)
        session.execute(delete(Conversation).where(Conversation.id == conversation_id))
        wake(session, conversation_id, "console")
    services.database.wipe_traces()
