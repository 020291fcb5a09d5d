"""A clock that is set back or forward by hours: nobody is kept waiting until it is right again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.web.staff_desk import Desk
from web.background import Background
from web.chat import leases
from web.chat.acts import Typed
from web.chat.receiving import receive
from web.chat.screening import screened
from web.chat.turns import Workers
from web.desk import handoffs, presence
from web.models import HandoffState, Turn, TurnState


def sweep(background: Background) -> None:
    with background.app.app_context():
        background.sweep()


@pytest.mark.parametrize("hours", [-3, 3])
def test_an_agent_who_is_there_keeps_the_chat_and_one_who_left_does_not(
    desk: Desk, hours: int
) -> None:
    there, left = desk.agent("Ana"), desk.agent("Bea")
    kept, lost = desk.waiting(), desk.waiting()
    with desk.open() as session:
        handoffs.claim(session, kept, there.id)
        handoffs.claim(session, lost, left.id)
    sweeper = Background(desk.app)
    desk.clock.passes(hours=hours)
    desk.here(there)
    for _ in range(12):
        sweep(sweeper)
        desk.clock.passes(seconds=5)
        desk.here(there)
    sweep(sweeper)
    assert desk.handoff(kept).staff_id == there.id
    assert desk.handoff(lost).staff_id is None, "within a minute of the new time"
    assert desk.handoff(lost).state is not HandoffState.CLAIMED
    with desk.reading() as session:
        here = presence.present_agents(session, desk.clock(), 60)
    assert [staff.name for staff in here] == ["Ana"]


def test_a_dead_workers_turn_does_not_wait_for_the_clock_to_catch_up(desk: Desk) -> None:
    pat = desk.patient()
    with desk.app.app_context():
        seen = screened(desk.settings, "where do I park", "en")
        receive(desk.services, pat, "client-0001", Typed("where do I park"), seen)
    with desk.open() as session:
        assert leases.take(session, desk.services, "a worker that dies") is not None
    desk.clock.passes(hours=-3)
    sweeper = Background(desk.app)
    sweep(sweeper)
    desk.clock.passes(seconds=leases.LEASE.total_seconds() + 5)
    sweep(sweeper)
    workers = Workers(desk.services, desk.app.app_context, count=0)
    assert workers.do_one()
    with desk.reading() as session:
        assert session.query(Turn).one().state is TurnState.DONE


def test_a_turn_that_runs_while_the_clock_goes_forward_is_answered_once(desk: Desk) -> None:
    pat = desk.patient()
    with desk.app.app_context():
        seen = screened(desk.settings, "where do I park", "en")
        receive(desk.services, pat, "client-0001", Typed("where do I park"), seen)
    with desk.open() as session:
        slow = leases.take(session, desk.services, "a slow worker")
    desk.clock.now += timedelta(hours=3)
    sweep(Background(desk.app))
    workers = Workers(desk.services, desk.app.app_context, count=0)
    assert workers.do_one()
    assert not workers.do_one()
    assert slow is not None
    with desk.reading() as session:
        turn = session.query(Turn).one()
    assert (turn.state, turn.fence) == (TurnState.DONE, slow.fence + 1)
