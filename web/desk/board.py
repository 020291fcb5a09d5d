"""The wallboard: how the desk stands now, in a few numbers.

Rule: totals of the team, never a person's; reads only, a fixed number of queries.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import case, func, or_, select
from sqlalchemy.orm import Session

from web.desk import hard_chats, presence
from web.desk.waiting import ALARMS_AFTER_S, WAITING, reference
from web.models import Handoff, HandoffState
from web.services import services


@dataclass(frozen=True)
class Board:
    """`unopened`: patients in danger whom nobody has looked at for two minutes."""

    waiting: int
    waits_since: datetime | None
    agents_here: int
    chats_in_hand: int
    dangers: int
    calls_overdue: int
    unopened: tuple[str, ...]
    all_had_share: bool = False  # of the day's hard chats


def now(session: Session, at: datetime) -> Board:
    settings = services().settings
    here = presence.present_agents(session, at, settings.limits.agent_absent_after_s)
    waits = Handoff.state.in_(WAITING)
    is_open = or_(waits, Handoff.state == HandoffState.CLAIMED)
    overdue_since = at - timedelta(minutes=settings.callbacks.window_min)
    overdue = (
        (Handoff.state == HandoffState.MESSAGE_LEFT)
        & Handoff.answered_at.is_(None)
        & (Handoff.callback_at <= overdue_since)
    )
    columns = (
        func.count(case((waits, 1))),
        func.min(case((waits, Handoff.requested_at))),
        func.count(case((Handoff.state == HandoffState.CLAIMED, 1))),
        func.count(case((is_open & Handoff.urgent, 1))),
        func.count(case((overdue, 1))),
    )
    waiting, since, in_hand, dangers, calls = session.execute(
        select(*columns).where(~Handoff.practice)
    ).one()
    had_share = hard_chats.all_had_share(session, here, at)
    unopened = _unopened(session)
    return Board(waiting, since, len(here), in_hand, dangers, calls, unopened, had_share)


def _unopened(session: Session) -> tuple[str, ...]:
    query = (
        select(Handoff.conversation_id)
        .where(
            Handoff.state.in_(WAITING),
            ~Handoff.practice,
            Handoff.opened_at.is_(None),
            Handoff.alarm >= len(ALARMS_AFTER_S),
        )
        .order_by(Handoff.urgent_at, Handoff.id)
    )
    return tuple(reference(conversation_id) for conversation_id in session.scalars(query))
