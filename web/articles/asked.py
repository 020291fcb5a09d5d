"""What patients asked last, and what they were shown.

Rule: reads only, and only masked words. Scenes that agents practise are not among them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from web.models import Conversation, Message, Shown, Turn, TurnState

LAST = 1_000


@dataclass(frozen=True)
class Question:
    conversation_id: str
    at: datetime
    lang: str
    text: str


def last(session: Session, limit: int = LAST) -> list[Question]:
    """Return the last questions that search was asked, in patients' own words, the latest first."""
    query = (
        select(Message, Conversation.lang)
        .join(Turn, (Turn.conversation_id == Message.conversation_id) & (Turn.n == Message.n))
        .join(Conversation, Conversation.id == Message.conversation_id)
        .where(
            Turn.state == TurnState.DONE,
            Turn.shown.in_((Shown.ANSWER, Shown.CHOICES, Shown.NONE)),
            Conversation.practice.is_(False),
        )
        .order_by(Message.id.desc())
        .limit(limit)
    )
    rows = session.execute(query).all()
    return [
        Question(row.conversation_id, row.created_at, lang, row.text)
        for row, lang in rows
        if row.text and not row.payload.keys() & {"of", "continue", "desk", "way"}
    ]
