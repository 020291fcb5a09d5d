"""Chats that were hard for the agent who had them: a break is offered, and the load is shared.

Rule: a chat is hard by what happened in it (danger, abuse, a block) or because its agent says so.
It counts for that day at the clinic and is then forgotten. Nobody is shown another person's; a
break is offered and never forced.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, time, timedelta

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from web.db import wake
from web.desk.handoff_steps import HandoffNotYours, Reason, get, settings
from web.desk.waiting import agent_name
from web.models import Block, Conversation, Handoff, HandoffState, HardChat, Staff

FEWEST = 5  # people; a total of fewer would tell of one of them
OVER = (HandoffState.RESOLVED, HandoffState.RETURNED)


def may_be_hard(handoff: Handoff) -> bool:
    """Tell of one who waits, as far as it is known before anybody has talked with them."""
    return handoff.urgent or handoff.reason in (Reason.DANGER, Reason.ABUSE)


def _is_hard() -> ColumnElement[bool]:
    blocked = exists().where(
        Conversation.id == Handoff.conversation_id,
        or_(Block.key == Conversation.id, Block.key == Conversation.address_hash),
    )
    said_so = exists().where(HardChat.handoff_id == Handoff.id)
    return or_(Handoff.urgent, Handoff.reason == Reason.ABUSE.value, blocked, said_so)


def _over_since(since: datetime) -> ColumnElement[bool]:
    return and_(Handoff.state.in_(OVER), Handoff.closed_at >= since, ~Handoff.practice)


def _midnight(at: datetime) -> datetime:
    zone = settings().calendar.zone
    return datetime.combine(at.astimezone(zone).date(), time(), zone)


# The agent's side --------------------------------------------------------------------------------


def is_hard_today(session: Session, handoff: Handoff, at: datetime) -> bool:
    query = select(Handoff.id).where(
        Handoff.id == handoff.id, _over_since(_midnight(at)), _is_hard()
    )
    return session.scalar(query) is not None


def is_offered(session: Session, handoff: Handoff, at: datetime) -> bool:
    """Tell whether a break is to be offered for this chat: it was hard, and nobody has said yet."""
    row = session.get(HardChat, handoff.id)
    is_answered = row is not None and row.answered_at is not None
    return not is_answered and is_hard_today(session, handoff, at)


def say_so(session: Session, handoff_id: int, staff_id: int, at: datetime) -> Handoff:
    """Its agent says that it was hard. Raises HandoffNotYours, HandoffNotFound."""
    handoff = _own_closed(session, handoff_id, staff_id)
    if session.get(HardChat, handoff_id) is None:
        session.add(HardChat(handoff_id=handoff_id, staff_id=staff_id, at=at))
    wake(session, handoff.conversation_id, "console")
    return handoff


def answer(session: Session, handoff_id: int, staff_id: int, at: datetime) -> Handoff:
    """The offer was taken or not; it is not made again. Raises HandoffNotYours, HandoffNotFound."""
    handoff = say_so(session, handoff_id, staff_id, at)
    session.flush()
    session.get_one(HardChat, handoff_id).answered_at = at
    return handoff


def _own_closed(session: Session, handoff_id: int, staff_id: int) -> Handoff:
    handoff = get(session, handoff_id)
    if handoff.staff_id != staff_id or handoff.state not in OVER or handoff.practice:
        raise HandoffNotYours(agent_name(session, handoff.staff_id))
    return handoff


# Breaks ------------------------------------------------------------------------------------------


def take_break(session: Session, staff_id: int, at: datetime) -> None:
    """No new chats for break_min; the ones they have stay theirs."""
    until = at + timedelta(minutes=settings().care.break_min)
    session.execute(update(Staff).where(Staff.id == staff_id).values(break_until=until))
    wake(session, "console")


def end_break(session: Session, staff_id: int) -> None:
    session.execute(update(Staff).where(Staff.id == staff_id).values(break_until=None))
    wake(session, "console")


# Sharing the load --------------------------------------------------------------------------------


def of_today(session: Session, staff_ids: Collection[int], at: datetime) -> dict[int, int]:
    """Return how many hard chats each has had; who had none is left out."""
    return _counts(session, staff_ids, _midnight(at))


def resting(session: Session, staff_ids: Collection[int], at: datetime) -> frozenset[int]:
    """Return who has just had a hard one: the next chats go to others, break or not."""
    since = at - timedelta(minutes=settings().care.break_min)
    return frozenset(_counts(session, staff_ids, since))


def _counts(session: Session, staff_ids: Collection[int], since: datetime) -> dict[int, int]:
    query = (
        select(Handoff.staff_id, func.count())
        .where(Handoff.staff_id.in_(staff_ids), _over_since(since), _is_hard())
        .group_by(Handoff.staff_id)
    )
    return {staff_id: chats for staff_id, chats in session.execute(query) if staff_id is not None}


def had_share(session: Session, staff_ids: Collection[int], at: datetime) -> frozenset[int]:
    """Return who has had as many hard chats today as the clinic plans for; 0 plans for any."""
    most = settings().care.hard_chats_per_day
    if not most:
        return frozenset()
    return frozenset(each for each, had in of_today(session, staff_ids, at).items() if had >= most)


def all_had_share(session: Session, here: Sequence[Staff], at: datetime) -> bool:
    """Tell of the team: nobody here is left to spread hard chats to. Of one person: never."""
    staff_ids = [each.id for each in here]
    return len(here) > 1 and had_share(session, staff_ids, at) == frozenset(staff_ids)


def team_today(session: Session, at: datetime) -> int | None:
    """Return the team's hard chats of the day; None when fewer than FEWEST people had any."""
    people = select(Handoff.staff_id).where(_over_since(_midnight(at)), _is_hard())
    had = [each for each in session.scalars(people) if each is not None]
    return len(had) if len(set(had)) >= FEWEST else None


def forget(session: Session, at: datetime) -> None:
    """What was said of earlier days goes."""
    session.execute(delete(HardChat).where(HardChat.at < at - timedelta(days=1)))
