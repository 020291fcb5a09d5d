"""A patient's conversation: its beginning and end, and the only writer of its rows.

Rule: a row's number `n` is taken under the conversation's lock, so the log has an order and no
gaps. Messages come in by `receiving`.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, exists, select
from sqlalchemy.orm import Session

from safety.identifiers import mask
from web.chat.acts import row
from web.chat.screening import Screened
from web.chat.tokens import ConversationNotFound, token_hash
from web.config import Settings
from web.db import locks_rows, utc_now, wake
from web.desk import handoffs
from web.models import (
    Author,
    Conversation,
    Handoff,
    HandoffState,
    Kind,
    Message,
    Staff,
)
from web.services import Services


class ConversationEnded(Exception):
    """The patient ended it; a new one can be started."""


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


def open_one(session: Session, conversation_id: str) -> Conversation:
    """Return the conversation, locked. Raises ConversationEnded."""
    conversation = locked(session, conversation_id)
    if conversation.ended_at is not None:
        raise ConversationEnded(conversation_id)
    return conversation


def begin_segment(conversation: Conversation) -> None:
    """Let Rasa forget: the next turn goes to an empty tracker."""
    conversation.segment += 1
    conversation.segment_turns = 0


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


def lock_row(session: Session, conversation_id: str) -> None:
    """Lock the row before anything is looked up that belongs to it.

    In one statement PostgreSQL would look first and wait for the lock then: what it found beside
    the row, a message with this client_id or an agent, would be as old as the wait was long.
    """
    if locks_rows(session):
        session.execute(_ROW, {"id": conversation_id})


def with_agent(session: Session, conversation_id: str) -> tuple[Conversation, bool]:
    """Return the conversation, locked, and whether an agent has it. Raises as `locked`."""
    lock_row(session, conversation_id)
    found = session.execute(_WITH_AGENT, {"id": conversation_id}).first()
    if found is None:
        raise ConversationNotFound(conversation_id)
    conversation, has_agent = found
    session.info.setdefault("locked", {})[conversation_id] = conversation
    return conversation, bool(has_agent)


# Made once: putting a statement together costs more than running it.
HAS_AGENT = exists().where(
    Handoff.conversation_id == Conversation.id, Handoff.state == HandoffState.CLAIMED
)
_ROW = select(Conversation.id).where(Conversation.id == bindparam("id")).with_for_update()
_WITH_AGENT = select(Conversation, HAS_AGENT).where(Conversation.id == bindparam("id"))
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
