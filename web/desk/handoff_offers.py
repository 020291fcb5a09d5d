"""Who is asked to take a conversation that nobody claimed.

Rule: an offer calls one agent and locks nobody out: whoever claims first has it. It goes to the
least busy of those who fit, then to who has been idle longest, and never to one at the limit.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import Session

from web.db import wake
from web.desk import desks, hard_chats, presence, wrap_up
from web.desk.handoff_steps import NOT_OFFERED, Line, lock, move, say, settings
from web.desk.waiting import position
from web.models import Conversation, Handoff, HandoffState, Staff

OFFERS_PER_SWEEP = 100
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Candidate:
    """An agent who is here. `chats`: in hand, offered or being wrapped up."""

    staff: Staff
    desks: frozenset[str]
    chats: int
    idle_since: datetime  # their last chat
    rests: bool = False  # just had a hard one
    had_share: bool = False  # of the day's hard ones

    def fits(self, desk_id: str | None, lang: str) -> bool:
        return desks.fits(self.staff, self.desks, desk_id, lang)


def choose(
    candidates: Sequence[Candidate],
    desk_id: str | None,
    lang: str,
    passed_by: Collection[int],
    chats_per_agent: int,
    *,
    may_be_hard: bool = False,
) -> Candidate | None:
    """Return whom to offer to. Where nobody of the desk is here, whoever is here is asked.

    Who has just had a hard chat comes last, as does who has had enough of them for one more.
    """
    fitting = [each for each in candidates if each.fits(desk_id, lang)] or candidates
    free = [
        each for each in fitting if each.chats < chats_per_agent and each.staff.id not in passed_by
    ]

    def order(each: Candidate) -> tuple[object, ...]:
        is_spared = each.rests or (may_be_hard and each.had_share)
        return is_spared, each.chats, each.idle_since, each.staff.id

    return min(free, key=order, default=None)


def offer_due(session: Session, at: datetime) -> int:
    """Offer who has waited offer_after_s to the next agent. Returns how many were offered.

    An offer nobody took in that time goes on; after the last agent it returns to the queue and the
    patient is told once how it stands.
    """
    after_s = settings().assignment.offer_after_s
    rows = _due(session, at - timedelta(seconds=after_s)) if after_s else []
    candidates = _candidates(session, at) if rows else []
    offered = 0
    for handoff, lang in rows:
        passed_by = [*(handoff.passed_by or ()), *_asked_last(handoff)]
        limit = settings().assignment.chats_per_agent
        hard = hard_chats.may_be_hard(handoff)
        chosen = choose(candidates, handoff.desk, lang, passed_by, limit, may_be_hard=hard)
        if chosen is None:
            _back_to_queue(session, handoff, passed_by, at)
        elif _offer(session, handoff, chosen, passed_by, at):
            offered += 1
            place = candidates.index(chosen)
            candidates[place] = replace(chosen, chats=chosen.chats + 1)
    return offered


def _asked_last(handoff: Handoff) -> list[int]:
    return [handoff.offered_to_id] if handoff.offered_to_id is not None else []


def _due(session: Session, since: datetime) -> list[tuple[Handoff, str]]:
    fresh = and_(
        Handoff.state == HandoffState.REQUESTED, func.coalesce(Handoff.offered_at, NEVER) <= since
    )
    passed = and_(Handoff.state == HandoffState.OFFERED, Handoff.offered_at <= since)
    query = (
        select(Handoff, Conversation.lang)
        .join(Conversation, Conversation.id == Handoff.conversation_id)
        .where(or_(fresh, passed), ~Handoff.practice, Handoff.requested_at <= since)
        .order_by(Handoff.urgent.desc(), Handoff.requested_at, Handoff.id)
        .limit(OFFERS_PER_SWEEP)
    )
    return [(handoff, lang) for handoff, lang in session.execute(query)]


def _candidates(session: Session, at: datetime) -> list[Candidate]:
    here = presence.present_agents(session, at, settings().limits.agent_absent_after_s)
    staff_ids = [staff.id for staff in here]
    own = desks.of_staff(session, staff_ids)
    chats = in_hand(session, staff_ids)
    wrapping = wrap_up.busy(session, staff_ids, at)
    last = _last_busy(session, staff_ids)
    rest = hard_chats.resting(session, staff_ids, at)
    had_share = hard_chats.had_share(session, staff_ids, at)
    return [
        Candidate(
            each,
            own[each.id],
            chats.get(each.id, 0) + wrapping.get(each.id, 0),
            last.get(each.id, NEVER),
            rests=each.id in rest,
            had_share=each.id in had_share,
        )
        for each in here
    ]


def in_hand(session: Session, staff_ids: Collection[int]) -> dict[int, int]:
    """Return how many chats each has, offers included; who has none is left out."""
    holder = func.coalesce(Handoff.staff_id, Handoff.offered_to_id)
    states = (HandoffState.CLAIMED, HandoffState.OFFERED)
    query = (
        select(holder, func.count())
        .where(
            Handoff.state.in_(states),
            holder.in_(staff_ids),
            ~Handoff.practice,
            Handoff.snoozed_at.is_(None),
        )
        .group_by(holder)
    )
    return {int(staff_id): chats for staff_id, chats in session.execute(query)}


def _last_busy(session: Session, staff_ids: Collection[int]) -> dict[int, datetime]:
    query = (
        select(Handoff.staff_id, func.max(Handoff.claimed_at), func.max(Handoff.closed_at))
        .where(Handoff.staff_id.in_(staff_ids), ~Handoff.practice)
        .group_by(Handoff.staff_id)
    )
    return {
        staff_id: max(claimed or NEVER, closed or NEVER)
        for staff_id, claimed, closed in session.execute(query)
        if staff_id is not None
    }


def _offer(
    session: Session, handoff: Handoff, to: Candidate, passed_by: list[int], at: datetime
) -> bool:
    waits = Handoff.state == handoff.state
    moved = move(
        session,
        handoff.id,
        waits,
        state=HandoffState.OFFERED,
        offered_to_id=to.staff.id,
        offered_at=at,
        passed_by=passed_by,
    )
    wake(session, "console")
    return moved


def _back_to_queue(session: Session, handoff: Handoff, passed_by: list[int], at: datetime) -> None:
    if not passed_by:
        return  # nobody was free to be asked: it waits as before
    rounds = handoff.offer_rounds + 1
    waits = Handoff.state == handoff.state
    lock(session, handoff.id)
    back = move(
        session,
        handoff.id,
        waits,
        state=HandoffState.REQUESTED,
        offer_rounds=rounds,
        **{**NOT_OFFERED, "offered_at": at},
    )
    if back and rounds == 1:
        place = position(session, handoff)
        say(session, handoff.conversation_id, Line.STILL_WAITING, position=place)
    wake(session, "console")
