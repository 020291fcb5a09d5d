"""Nobody claimed it: offers to one agent after the other, and dangers that ring again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.web.staff_desk import MONDAY_MORNING, Desk
from web.chat import receiving, screening
from web.chat.acts import Typed
from web.desk import desks, handoff_offers, handoffs, inbox
from web.desk.handoff_offers import Candidate, choose
from web.desk.handoffs import HandoffAlreadyClaimed
from web.models import HandoffState, RoleName, Staff
from web.sections import Assignment
from web.views import _desk_stream


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path, assignment=Assignment(offer_after_s=45, chats_per_agent=2))
    yield desk
    desk.close()


def candidate(staff_id: int, chats: int = 0, idle_min: int = 0, *own: str) -> Candidate:
    staff = Staff(id=staff_id, languages=None)
    idle_since = MONDAY_MORNING - timedelta(minutes=idle_min)
    return Candidate(staff, frozenset(own), chats, idle_since)


# Whom to ask -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("candidates", "passed_by", "wanted"),
    [
        ([candidate(1, 1, 60), candidate(2, 0, 5)], [], 2),  # the least busy
        ([candidate(1, 1, 5), candidate(2, 1, 60)], [], 2),  # then idle the longest
        ([candidate(1, 2, 60), candidate(2, 1, 5)], [], 2),  # not at the limit
        ([candidate(1, 2), candidate(2, 2)], [], None),
        ([candidate(1), candidate(2, 1)], [1], 2),  # who passed is not asked again
        ([candidate(1, 0, 0, "records"), candidate(2, 1, 0, "billing")], [], 2),
        ([candidate(1, 0, 0, "records")], [], 1),  # nobody of the desk is here
        ([], [], None),
    ],
)
def test_the_least_busy_of_those_who_fit_is_asked(
    candidates: list[Candidate], passed_by: list[int], wanted: int | None
) -> None:
    chosen = choose(candidates, "billing", "en", passed_by, 2)
    assert (chosen.staff.id if chosen else None) == wanted


# Offers ------------------------------------------------------------------------------------------


def sweep(desk: Desk, *here: Staff, **span: float) -> Any:
    desk.clock.passes(**span)
    desk.here(*here)
    with desk.open() as session:
        return handoff_offers.offer_due(session, desk.clock())


def test_it_goes_from_one_to_the_next_and_back_to_the_queue(desk: Desk) -> None:
    ana, bea = desk.agent("Ana"), desk.agent("Bea")
    busy = desk.waiting()
    with desk.open() as session:
        handoffs.claim(session, busy, ana.id)
    waiting = desk.waiting()
    pat = desk.conversation_of(waiting)

    assert sweep(desk, ana, bea, seconds=44) == 0
    assert desk.handoff(waiting).state is HandoffState.REQUESTED
    assert sweep(desk, ana, bea, seconds=1) == 1
    assert desk.handoff(waiting).offered_to_id == bea.id
    assert sweep(desk, ana, bea, seconds=44) == 0, "an offer has its time"
    assert sweep(desk, ana, bea, seconds=1) == 1
    assert desk.handoff(waiting).offered_to_id == ana.id
    assert sweep(desk, ana, bea, seconds=45) == 0
    assert desk.handoff(waiting).state is HandoffState.REQUESTED
    assert desk.lines(pat) == ["queued", "still_waiting"]
    assert desk.status(pat).position == 1

    for _ in range(6):
        sweep(desk, ana, bea, seconds=45)
    assert desk.lines(pat) == ["queued", "still_waiting"], "the patient is told once"


def test_an_offer_locks_nobody_out_and_the_loser_reads_who_has_it(desk: Desk) -> None:
    ana, bea = desk.agent("Ana"), desk.agent("Bea")
    waiting = desk.waiting()
    sweep(desk, ana, bea, seconds=45)
    offered = desk.handoff(waiting).offered_to_id
    other = bea.id if offered == ana.id else ana.id
    with desk.open() as session:
        handoffs.claim(session, waiting, other)
        with pytest.raises(HandoffAlreadyClaimed):
            handoffs.claim(session, waiting, offered)
    handoff = desk.handoff(waiting)
    assert (handoff.staff_id, handoff.offered_to_id) == (other, None)


def test_one_sweep_shares_out_what_waits_up_to_the_limit(desk: Desk) -> None:
    ana, bea = desk.agent("Ana"), desk.agent("Bea")
    waiting = [desk.waiting() for _ in range(5)]
    assert sweep(desk, ana, bea, seconds=45) == 4
    offered = [desk.handoff(each).offered_to_id for each in waiting]
    assert sorted(each for each in offered if each) == [ana.id, ana.id, bea.id, bea.id]
    assert offered[4] is None


def test_without_the_setting_nobody_is_asked(tmp_path: Path) -> None:
    desk = Desk(tmp_path, assignment=Assignment(offer_after_s=0))
    ana = desk.agent()
    desk.waiting()
    assert sweep(desk, ana, seconds=600) == 0
    desk.close()


def test_who_is_asked_is_called_though_it_is_not_their_desk(desk: Desk) -> None:
    ana = desk.agent()
    with desk.open() as session:
        desks.seat(session, desk.settings, session.get_one(Staff, ana.id), ["records"], [])
    waiting = desk.waiting()
    sweep(desk, ana, seconds=45)
    with desk.reading() as session:
        called = inbox.concerning(session, inbox.viewer(session, ana.id), desk.clock())
    assert [handoff.id for handoff in called] == [waiting]
    assert "Offered to you" in desk.sign_in(ana).get("/console/?box=waiting")


def test_a_vanished_agents_chat_is_offered_anew(desk: Desk) -> None:
    ana, bea = desk.agent("Ana"), desk.agent("Bea")
    waiting = desk.waiting()
    sweep(desk, ana, bea, seconds=45)
    with desk.open() as session:
        handoffs.claim(session, waiting, ana.id)
    desk.clock.passes(seconds=60)
    desk.here(bea)
    assert desk.sweep() == 1
    assert sweep(desk, bea) == 1
    assert desk.handoff(waiting).offered_to_id == bea.id


# Danger ------------------------------------------------------------------------------------------


def alarms(desk: Desk, *here: Staff, **span: float) -> int:
    desk.clock.passes(**span)
    desk.here(*here)
    with desk.open() as session:
        return handoffs.raise_alarms(session)


def test_a_danger_nobody_opens_rings_again_after_one_minute_and_after_two(desk: Desk) -> None:
    ana = desk.agent()
    waiting = desk.waiting(urgent=True)
    levels = []
    for seconds in (59, 1, 59, 1, 600):
        alarms(desk, ana, seconds=seconds)
        levels.append(desk.handoff(waiting).alarm)
    assert levels == [0, 1, 1, 2, 2]


def test_a_danger_that_came_later_counts_from_then(desk: Desk) -> None:
    ana = desk.agent()
    waiting = desk.waiting()
    desk.clock.passes(minutes=10)
    desk.ask(desk.conversation_of(waiting), "danger", urgent=True)
    assert alarms(desk, ana, seconds=59) == 0
    assert alarms(desk, ana, seconds=1) == 1


@pytest.mark.parametrize("how", ["opened", "claimed", "not urgent"])
def test_what_somebody_looks_after_does_not_ring(desk: Desk, how: str) -> None:
    ana = desk.agent()
    waiting = desk.waiting(urgent=how != "not urgent")
    if how == "opened":
        desk.sign_in(ana).get(f"/console/conversations/{desk.conversation_of(waiting)}")
    if how == "claimed":
        with desk.open() as session:
            handoffs.claim(session, waiting, ana.id)
    assert alarms(desk, ana, seconds=600) == 0


def test_a_danger_is_on_the_way_to_staff_with_the_patients_message(desk: Desk) -> None:
    """The stream is woken by the commit itself, and lists at most once a second."""
    desk.agent()
    pat = desk.patient()
    assert _desk_stream.LIST_EVERY_S <= 1
    with desk.services.hub.subscribe(["console"]) as news:
        seen = screening.screened(desk.settings, "my chest hurts and i cant breathe", "en")
        assert seen.card is not None
        with desk.app.app_context():
            receiving.receive(desk.services, pat, "c-1", Typed("x"), seen)
        assert news.wait(0.0) == {"console"}
    with desk.reading() as session:
        assert handoffs.queue(session)[0].urgent


# The wallboard -----------------------------------------------------------------------------------


def test_the_wallboard_tells_managers_of_a_danger_nobody_looks_at(desk: Desk) -> None:
    ana = desk.agent()
    max_ = desk.sign_in(desk.add("Max", RoleName.MANAGER))
    pat = desk.conversation_of(desk.waiting(urgent=True))
    mine = desk.waiting()
    with desk.open() as session:
        handoffs.claim(session, mine, ana.id)
    alarms(desk, ana, seconds=119)
    page = max_.get("/console/board")
    tiles = re.findall(r"<dt>([^<]+)</dt><dd>(?:<time[^>]*>)?([^<]+)<", page)
    assert tiles == [
        ("Waiting", "1"),
        ("Longest wait", "1 min"),
        ("Agents here", "1"),
        ("Chats in hand", "1"),
        ("Dangers open", "1"),
        ("Calls overdue", "0"),
    ]
    assert 'role="alert"' not in page
    alarms(desk, ana, seconds=1)
    now = max_.client.get("/console/board/now").get_data(as_text=True)
    assert f"Patient {inbox.reference(pat)}" in now
    with desk.open() as session:
        handoffs.opened(session, handoffs.queue(session)[0], ana.id)
    assert 'role="alert"' not in max_.get("/console/board")


def test_the_wallboard_is_for_agents_and_managers(desk: Desk) -> None:
    for role, status in ((RoleName.AGENT, 200), (RoleName.MANAGER, 200), (RoleName.EDITOR, 404)):
        client = desk.sign_in(desk.add(role.value.title(), role))
        assert client.client.get("/console/board").status_code == status
    assert desk.app.test_client().get("/console/board/now").status_code == 302


def test_looking_at_the_wallboard_is_no_sign_of_an_agent(desk: Desk) -> None:
    client = desk.sign_in(desk.add("Ana", RoleName.AGENT))
    client.get("/console/board")
    with desk.reading() as session:
        assert not handoffs.is_staffed(session)
