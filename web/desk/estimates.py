"""How long the wait may be, as far as it can honestly be told.

Rule: a range is told only from enough measured handling times of the same desk; otherwise the
clinic's own promise, or nothing. `wait_range` is pure.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from statistics import median, quantiles

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from web.desk import desks, presence
from web.models import Conversation, Handoff, HandoffState
from web.services import services

MEASURED = 50  # the last so many handled chats of the desk
SLOW_SHARE = 0.8


def wait_range(place: int, handled_s: Sequence[float], chats_at_once: int) -> tuple[int, int]:
    """Return the wait in minutes, from and to. place: in the queue, from 1.

    Those ahead come in rounds of as many as are handled at once. Who is first waits until one of
    the chats in hand ends: somewhere between at once and what four chats in five stay below.
    """
    slow_s = quantiles(handled_s, n=10)[int(SLOW_SHARE * 10) - 1]
    rounds = math.ceil(place / max(1, chats_at_once))
    low = math.floor((rounds - 1) * median(handled_s) / 60)
    high = max(1, math.ceil(rounds * slow_s / 60))
    return min(low, high - 1), high


def estimate(
    session: Session, handoff: Handoff, place: int, at: datetime
) -> tuple[int, int] | None:
    """Return the range for who waits; None when it cannot be told."""
    handled_s = _handled_s(session, handoff.desk)
    if len(handled_s) < services().settings.waiting.min_measured:
        return None
    chats = _chats_at_once(session, handoff, at)
    return wait_range(place, handled_s, chats) if chats else None


def _handled_s(session: Session, desk_id: str | None) -> list[float]:
    query = (
        select(Handoff.claimed_at, Handoff.closed_at)
        .where(
            Handoff.desk == desk_id,
            Handoff.state.in_((HandoffState.RESOLVED, HandoffState.RETURNED)),
            ~Handoff.practice,
            Handoff.claimed_at.is_not(None),
        )
        .order_by(Handoff.closed_at.desc())
        .limit(MEASURED)
    )
    rows = session.execute(query)
    return [
        (closed - claimed).total_seconds()
        for claimed, closed in rows
        if claimed is not None and closed is not None
    ]


def _chats_at_once(session: Session, handoff: Handoff, at: datetime) -> int:
    """Return how many chats the agents who fit have in hand now, at least one each; 0: no agent."""
    here = presence.present_agents(session, at, services().settings.limits.agent_absent_after_s)
    own = desks.of_staff(session, [staff.id for staff in here])
    lang = session.get_one(Conversation, handoff.conversation_id).lang
    fitting = [
        staff.id for staff in here if desks.fits(staff, own[staff.id], handoff.desk, lang)
    ] or [staff.id for staff in here]
    in_hand = select(func.count()).where(
        Handoff.state == HandoffState.CLAIMED,
        Handoff.staff_id.in_(fitting),
        ~Handoff.practice,
    )
    return max(len(fitting), session.scalar(in_hand) or 0) if fitting else 0
