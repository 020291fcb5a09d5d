"""What time does to a handoff: agents vanish, the last one goes, a danger stays unopened.

Rule: called by the sweep every few seconds, with a clock passed in; part of `handoffs.py`. Nobody
waits for somebody who is not there without being told.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from web.db import wake
from web.desk import presence
from web.desk.handoff_steps import (
    NOT_OFFERED,
    Line,
    Reason,
    held_by,
    lock,
    move,
    now,
    offer_form,
    say,
    settings,
)
from web.desk.waiting import ALARMS_AFTER_S, WAITING, has_agents, position, queue
from web.models import Handoff, HandoffState, Staff

JUST_DUE = timedelta(seconds=10)  # two sweeps
ABSENT_PER_SWEEP = 100  # keeps a sweep's write lock below a second, were everybody to vanish


def requeue_absent(session: Session, at: datetime | None = None) -> int:
    """Put the chats of vanished agents back into the queue and tell who waits how it stands.

    Returns how many came back. With no agent left, the waiting are told so and offered the form;
    when one comes back, they are told that too.
    """
    at = at or now()
    since = presence.absent_since(at, settings().limits.agent_absent_after_s)
    vanished = (
        select(Handoff, Staff)
        .join(Staff, Staff.id == Handoff.staff_id)
        .where(
            Handoff.state == HandoffState.CLAIMED,
            ~Handoff.practice,
            Handoff.snoozed_at.is_(None),
            presence.is_absent(since),
        )
        .order_by(Handoff.urgent.desc(), Handoff.requested_at, Handoff.id)
        .limit(ABSENT_PER_SWEEP)
    )
    rows = session.execute(vanished).all()
    came_back = sum(_requeue(session, handoff, agent) for handoff, agent in rows)
    _tell_waiting(session, at)
    return came_back


def _requeue(session: Session, handoff: Handoff, agent: Staff) -> bool:
    lock(session, handoff.id)
    changed = move(
        session,
        handoff.id,
        held_by(agent.id),
        state=HandoffState.REQUESTED,
        staff_id=None,
        claimed_at=None,
        **NOT_OFFERED,
    )
    if changed:
        session.refresh(handoff)
        place = position(session, handoff)
        say(session, handoff.conversation_id, Line.AGENT_GONE, name=agent.name, position=place)
    return changed


def raise_alarms(session: Session, at: datetime | None = None) -> int:
    """Tell staff again of a danger that nobody has opened. Returns how many were raised."""
    at = at or now()
    unseen = (
        Handoff.state.in_(WAITING)
        & Handoff.urgent
        & Handoff.opened_at.is_(None)
        & ~Handoff.practice
    )
    raised = 0
    for level, after_s in enumerate(ALARMS_AFTER_S, start=1):
        due = (
            unseen
            & (Handoff.alarm < level)
            & (Handoff.urgent_at <= at - timedelta(seconds=after_s))
        )
        query = update(Handoff).where(due).values(alarm=level).returning(Handoff.id)
        apart = query.execution_options(synchronize_session=False)
        raised += len(session.scalars(apart).all())
    if raised:
        wake(session, "console")
    return raised


def wake_due_calls(session: Session, at: datetime) -> None:
    """A promised call that falls due changes the list without anybody doing anything."""
    since = at - JUST_DUE
    window = timedelta(minutes=settings().callbacks.window_min)
    begun = Handoff.callback_at.between(since, at)
    over = Handoff.callback_at.between(since - window, at - window)
    if session.scalar(select(Handoff.id).where(begun | over).limit(1)) is not None:
        wake(session, "console")


def _tell_waiting(session: Session, at: datetime) -> None:
    """Keep the promise of the queue true: say when nobody is left, and when somebody is back."""
    waiting = queue(session)
    if not waiting:
        return
    somebody = has_agents(session, at)
    to_tell = [each for each in waiting if somebody is (each.nobody_told_at is not None)]
    for handoff in to_tell[:ABSENT_PER_SWEEP]:
        lock(session, handoff.id)
        told_at = None if somebody else at
        if not move(session, handoff.id, Handoff.state.in_(WAITING), nobody_told_at=told_at):
            continue  # claimed meanwhile, or gone
        if somebody:
            place = position(session, handoff)
            say(session, handoff.conversation_id, Line.PERSON_BACK, position=place)
        else:
            why = Reason(handoff.reason)
            offer_form(session, handoff.conversation_id, Line.NOBODY_HERE, why, at)
