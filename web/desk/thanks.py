"""What patients said of a chat, for the agent who had it.

Rule: each agent reads their own and nobody else's; nothing is added up, by person or by team.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, exists, select
from sqlalchemy.orm import Session, aliased

from web.models import Conversation, Handoff, HandoffState

GOOD = 4  # of 5: from here on it is thanks
SHOWN = 50


@dataclass(frozen=True)
class Thanks:
    conversation_id: str
    at: datetime
    words: str | None


def of_staff(session: Session, staff_id: int) -> list[Thanks]:
    """Return the thanks for this agent's chats, the latest first."""
    later = aliased(Handoff)
    somebody_after = exists().where(
        later.conversation_id == Handoff.conversation_id,
        later.state == HandoffState.RESOLVED,
        later.closed_at > Handoff.closed_at,
        later.closed_at <= Conversation.rated_at,
    )
    query = (
        select(Conversation)
        .join(Handoff, Handoff.conversation_id == Conversation.id)
        .where(
            Handoff.staff_id == staff_id,
            Handoff.state == HandoffState.RESOLVED,
            and_(Conversation.rating >= GOOD, Conversation.rated_at >= Handoff.closed_at),
            ~somebody_after,
        )
        .order_by(Conversation.rated_at.desc(), Conversation.id)
        .limit(SHOWN)
    )
    return [
        Thanks(each.id, each.rated_at, each.rating_comment)
        for each in session.scalars(query)
        if each.rated_at is not None
    ]
