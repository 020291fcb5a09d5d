"""Set aside: out of the way, never forgotten. And where the inbox goes after a claim."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.web.staff_desk import Desk, PageClient
from web.chat import receiving, screening
from web.chat.acts import Typed
from web.desk import desks, handoff_offers, handoffs, inbox, snooze
from web.desk.inbox import Box
from web.models import Staff

CONTACT = {"name": "Pat", "phone": "503 555 0123", "message": "Please call me about my bill."}


@pytest.fixture
def client(desk: Desk, ana: Staff) -> PageClient:
    return desk.sign_in(ana)


@pytest.fixture
def mine(desk: Desk, ana: Staff) -> int:
    handoff_id = desk.waiting()
    with desk.open() as session:
        handoffs.claim(session, handoff_id, ana.id)
    return handoff_id


def set_aside(client: PageClient, handoff_id: int, until: str, time: str = "") -> int:
    path = f"/console/handoffs/{handoff_id}/snooze"
    return client.call(path, {"until": until, "time": time}).status_code


def boxes(desk: Desk, staff: Staff) -> dict[Box, int]:
    with desk.reading() as session:
        return {box: count for box, count in inbox.counts(session, staff.id).items() if count}


def writes(desk: Desk, handoff_id: int, key: str) -> None:
    """Through the chat's own way in."""
    conversation_id = desk.conversation_of(handoff_id)
    act = Typed("I found the letter now")
    seen = screening.screened(desk.settings, act.text, "en")
    with desk.app.app_context():
        receiving.receive(desk.services, conversation_id, f"client-id-{key}", act, seen)


def sweep(desk: Desk) -> None:
    with desk.open() as session:
        snooze.wake_due(session, desk.clock())


def test_it_works(desk: Desk, client: PageClient, ana: Staff, mine: int) -> None:
    assert boxes(desk, ana) == {Box.MINE: 1, Box.ALL: 1}
    assert set_aside(client, mine, "hour") == 200
    assert boxes(desk, ana) == {Box.SNOOZED: 1, Box.ALL: 1}
    assert "until today at 11 am" in client.get("/console/?box=snoozed")
    page = client.get(f"/console/conversations/{desk.conversation_of(mine)}")
    assert "Set aside until today at 11 am." in page
    desk.clock.passes(minutes=59)
    sweep(desk)
    assert Box.SNOOZED in boxes(desk, ana)
    desk.clock.passes(minutes=1)
    sweep(desk)
    assert boxes(desk, ana) == {Box.MINE: 1, Box.ALL: 1}


def test_the_patient_who_writes_is_back_at_once(
    desk: Desk, client: PageClient, ana: Staff, mine: int
) -> None:
    for until in ("patient", "opening"):
        set_aside(client, mine, until)
        assert Box.MINE not in boxes(desk, ana)
        writes(desk, mine, key=until)
        assert boxes(desk, ana)[Box.MINE] == 1
        assert "fd-entry--unread" in client.get("/console/?box=mine")


def test_it_is_taken_up_again_by_hand(
    desk: Desk, client: PageClient, ana: Staff, mine: int
) -> None:
    set_aside(client, mine, "three_hours")
    client.post(f"/console/handoffs/{mine}/bring-back")
    assert boxes(desk, ana) == {Box.MINE: 1, Box.ALL: 1}


def test_overnight_it_stays_with_its_agent_and_in_the_morning_it_is_as_others(
    desk: Desk, client: PageClient, ana: Staff, mine: int
) -> None:
    set_aside(client, mine, "opening")
    desk.clock.passes(hours=12)
    desk.sweep()
    assert desk.handoff(mine).staff_id == ana.id
    assert "agent_gone" not in desk.lines(desk.conversation_of(mine))
    assert desk.handoff(mine).snoozed_until == datetime(2026, 11, 24, 16, 0, tzinfo=UTC)
    desk.clock.passes(hours=12)
    sweep(desk)
    desk.sweep()
    assert desk.handoff(mine).state.value == "requested", "nobody came to work"
    assert "agent_gone" in desk.lines(desk.conversation_of(mine))


def test_what_is_set_aside_is_not_counted_as_in_hand(
    desk: Desk, client: PageClient, ana: Staff, mine: int
) -> None:
    with desk.reading() as session:
        assert handoff_offers.in_hand(session, [ana.id]) == {ana.id: 1}
    set_aside(client, mine, "patient")
    with desk.reading() as session:
        assert handoff_offers.in_hand(session, [ana.id]) == {}


def test_a_left_message_can_be_set_aside_till_a_time(
    desk: Desk, client: PageClient, ana: Staff
) -> None:
    pat = desk.patient()
    with desk.open() as session:
        left = handoffs.leave_message(session, pat, CONTACT).id
    assert set_aside(client, left, "patient") == 422, "nobody writes in it"
    assert set_aside(client, left, "time", "2026-11-24T15:00") == 200
    assert boxes(desk, ana) == {Box.SNOOZED: 1}
    assert desk.handoff(left).snoozed_until == datetime(2026, 11, 24, 23, 0, tzinfo=UTC)
    assert "until tomorrow at 3 pm" in client.get("/console/?box=snoozed")
    desk.clock.passes(days=2)
    sweep(desk)
    assert boxes(desk, ana) == {Box.MESSAGES: 1}


@pytest.mark.parametrize(
    ("until", "time", "status"),
    [
        ("time", "", 422),
        ("time", "tomorrow", 422),
        ("time", "2026-11-23T09:59", 422),  # over
        ("time", "2027-03-01T09:00", 422),
        ("time", "2026-11-23T10:01+00:00", 422),
        ("forever", "", 400),
    ],
)
def test_a_time_that_makes_no_sense_is_refused(
    desk: Desk, client: PageClient, mine: int, until: str, time: str, status: int
) -> None:
    assert set_aside(client, mine, until, time) == status
    assert desk.handoff(mine).snoozed_at is None


def test_nobody_sets_the_chat_of_another_aside(desk: Desk, mine: int) -> None:
    bea = desk.sign_in(desk.agent("Bea"))
    assert set_aside(bea, mine, "hour") == 409
    assert desk.handoff(mine).snoozed_at is None


def test_the_half_day_before_a_holiday_is_a_day_too(desk: Desk) -> None:
    """From Wednesday evening the next opening is Friday: Thursday is Thanksgiving."""
    wednesday = datetime(2026, 11, 26, 1, 0, tzinfo=UTC)
    moment = snooze.until_moment(desk.settings, snooze.Until.OPENING, "", wednesday)
    assert moment is not None
    assert moment.astimezone(UTC) == datetime(2026, 11, 27, 16, 0, tzinfo=UTC)
    assert moment - wednesday > timedelta(days=1)


def test_after_a_claim_the_inbox_goes_where_the_conversation_went(
    desk: Desk, client: PageClient
) -> None:
    waiting = desk.waiting()
    address = f"/console/conversations/{desk.conversation_of(waiting)}?box=waiting"
    current = 'box=waiting" aria-current="true"'
    assert current in client.get(address)
    client.call(f"/console/handoffs/{waiting}/claim")
    assert 'box=mine" aria-current="true"' in client.get(address)
    assert current in client.get("/console/?box=waiting"), "who asks for the list gets the list"


def test_staff_read_the_desks_own_name(desk: Desk, client: PageClient) -> None:
    desk.waiting()
    page = client.get("/console/?box=waiting")
    assert "Front desk" in page
    assert "Something else" not in page
    assert desks.name(desk.settings, "front", "en") == "Something else", "what patients choose"
