"""What is kept about a conversation, for the patient who asks.

Rule: everything that is kept and is theirs, in plain words and as data; the words of the rows are
made by the same template as everywhere else.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from web import hours
from web.chat import conversations
from web.chat.messages import FORM_FIELDS, message_event, message_text
from web.chat.transcript import transcript
from web.models import Conversation, Handoff, Message, Turn
from web.services import services
from web.wording import say

FORM = tuple(name for name, _type, _autocomplete in FORM_FIELDS)


def everything(session: Session, conversation_id: str, lang: str, base_url: str) -> dict[str, Any]:
    """Return all of it as data, and as two texts to read: `as_text` and the bare `transcript`."""
    conversation = session.get_one(Conversation, conversation_id)
    handoffs = session.scalars(
        select(Handoff).where(Handoff.conversation_id == conversation_id).order_by(Handoff.id)
    ).all()
    turns = session.scalars(
        select(Turn).where(Turn.conversation_id == conversation_id).order_by(Turn.n)
    ).all()
    rows = conversations.log(session, conversation_id)
    said = transcript(rows, lang, base_url)
    return {
        "as_text": _as_text(conversation, handoffs, said, lang),
        "transcript": f"{_say_of_clinic('data.chat', lang)}\n\n{said}\n",
        "conversation": _conversation(conversation),
        "messages": [_message(row, lang) for row in rows],
        "turns": [_turn(turn) for turn in turns],
        "requests_for_a_person": [_handoff(handoff) for handoff in handoffs],
        "kept_for_days": services().settings.retention.conversation_days,
    }


def _as_text(conversation: Conversation, handoffs: Sequence[Handoff], said: str, lang: str) -> str:
    return "\n".join(
        (
            _say_of_clinic("data.title", lang),
            "",
            *_facts(conversation, lang),
            *(line for handoff in handoffs for line in _request(handoff, lang)),
            say(lang, "data.kept", days=services().settings.retention.conversation_days),
            "",
            say(lang, "data.messages"),
            "",
            said,
            "",
        )
    )


def _facts(conversation: Conversation, lang: str) -> Iterator[str]:
    yield say(lang, "data.begun", at=_when(conversation.created_at, lang))
    if conversation.ended_at:
        yield say(lang, "data.ended", at=_when(conversation.ended_at, lang))
    yield say(lang, "data.language", language=say(conversation.lang, "data.own_language"))
    if conversation.page_url:
        yield say(lang, "data.page", page=conversation.page_url)
    if conversation.privacy_agreed_at:
        agreed = _when(conversation.privacy_agreed_at, lang)
        yield say(lang, "data.agreed", version=conversation.privacy_version, at=agreed)
    if conversation.rating:
        yield say(lang, "data.rating", score=conversation.rating)
    if conversation.rating_comment:
        yield conversation.rating_comment


def _request(handoff: Handoff, lang: str) -> Iterator[str]:
    yield say(lang, "data.asked", at=_when(handoff.requested_at, lang))
    if handoff.contact:
        yield say(lang, "data.left")
        for name, value in handoff.contact.items():
            if value:
                yield f"  {say(lang, f'form.{name}') if name in FORM else name}: {value}"


def _when(at: datetime, lang: str) -> str:
    calendar = services().settings.calendar
    day = hours.date_text(at.astimezone(calendar.zone).date(), lang)
    return f"{day}, {hours.moment_text(calendar, at, lang)}"


def _say_of_clinic(key: str, lang: str) -> str:
    return say(lang, key, clinic=services().settings.clinic.name)


def _conversation(conversation: Conversation) -> dict[str, Any]:
    return {
        "id": conversation.id,
        "site": conversation.site,
        "page_url": conversation.page_url,
        "lang": conversation.lang,
        "desk": conversation.desk,
        "created_at": conversation.created_at.isoformat(),
        "ended_at": _iso(conversation.ended_at),
        "rating": conversation.rating,
        "rating_comment": conversation.rating_comment,
        "rated_at": _iso(conversation.rated_at),
        "privacy_version": conversation.privacy_version,
        "privacy_agreed_at": _iso(conversation.privacy_agreed_at),
    }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None


def _message(message: Message, lang: str) -> dict[str, Any]:
    event = message_event(message, lang=lang)
    text = message_text(message, lang, services().settings)
    return {
        **event,
        "text": text,
        "helpful": message.helpful,
        # What was typed there is kept for staff alone: this copy may be read on a shared screen.
        "hidden": message.payload.get("masked", []),
        "original_is_kept": message.original is not None,
    }


def _turn(turn: Turn) -> dict[str, Any]:
    """What the assistant made of a message: what it found and showed, and how sure it was."""
    return {
        "n": turn.n,
        "at": turn.created_at.isoformat(),
        "done_at": _iso(turn.done_at),
        "state": turn.state.value,
        "outcome": turn.outcome,
        "shown": turn.shown,
        "confidence": turn.confidence,
        "engine": turn.engine,
        "answered_by": turn.answered_by.value if turn.answered_by else None,
    }


def _handoff(handoff: Handoff) -> dict[str, Any]:
    return {
        "reason": handoff.reason,
        "state": handoff.state.value,
        "desk": handoff.desk,
        "urgent": handoff.urgent,
        "requested_at": handoff.requested_at.isoformat(),
        "claimed_at": _iso(handoff.claimed_at),
        "closed_at": _iso(handoff.closed_at),
        "answered_at": _iso(handoff.answered_at),
        "callback_at": _iso(handoff.callback_at),
        "contact": handoff.contact,
        "original_is_kept": handoff.original is not None,
    }
