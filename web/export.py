"""What is kept about a conversation, for the patient who asks.

Rule: everything that is kept and is theirs, in plain words and as data; the words of the rows are
made by the same template as everywhere else.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from web import conversations
from web.messages import message_event, message_text
from web.models import Conversation, Handoff, Message
from web.services import services


def everything(session: Session, conversation_id: str, lang: str) -> dict[str, Any]:
    conversation = session.get_one(Conversation, conversation_id)
    handoffs = session.scalars(
        select(Handoff).where(Handoff.conversation_id == conversation_id).order_by(Handoff.id)
    ).all()
    rows = conversations.log(session, conversation_id)
    return {
        "conversation": _conversation(conversation),
        "messages": [_message(row, lang) for row in rows],
        "requests_for_a_person": [_handoff(handoff) for handoff in handoffs],
        "kept_for_days": services().settings.retention.conversation_days,
    }


def _conversation(conversation: Conversation) -> dict[str, Any]:
    return {
        "id": conversation.id,
        "site": conversation.site,
        "page_url": conversation.page_url,
        "lang": conversation.lang,
        "created_at": conversation.created_at.isoformat(),
        "ended_at": conversation.ended_at.isoformat() if conversation.ended_at else None,
        "rating": conversation.rating,
        "rating_comment": conversation.rating_comment,
    }


def _message(message: Message, lang: str) -> dict[str, Any]:
    event = message_event(message, lang=lang)
    text = message_text(message, lang, services().settings)
    return {**event, "text": text, "helpful": message.helpful}


def _handoff(handoff: Handoff) -> dict[str, Any]:
    return {
        "reason": handoff.reason,
        "state": handoff.state.value,
        "requested_at": handoff.requested_at.isoformat(),
        "contact": handoff.contact,
    }
