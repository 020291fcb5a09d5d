"""Two agents at one conversation see each other."""

from __future__ import annotations

import pytest

from tests.web.answering_desk import claimed
from tests.web.staff_desk import Desk, PageClient
from web.chat.stream import LOOKING_S, Hub, Typing
from web.desk import handoffs
from web.models import Staff


@pytest.fixture
def client(desk: Desk, ana: Staff) -> PageClient:
    return desk.sign_in(ana)


def test_an_agent_sees_who_else_looks(desk: Desk, ana: Staff, client: PageClient) -> None:
    _, pat = claimed(desk, ana)
    _, other = claimed(desk, ana)
    for name in ("Bea", "Cleo"):
        desk.sign_in(desk.agent(name)).call("/console/ping", {"reading": pat})
    client.call("/console/ping", {"reading": pat})
    page = client.get(f"/console/conversations/{pat}")
    assert "Bea and Cleo are looking at this too." in page
    assert "looking at this too" not in client.get(f"/console/conversations/{other}")


def test_who_reads_along_sees_the_agent_write(desk: Desk, ana: Staff, client: PageClient) -> None:
    _, pat = claimed(desk, ana)
    client.call(f"/console/conversations/{pat}/typing")
    bea = desk.sign_in(desk.agent("Bea"))
    assert "Ana is writing …" in bea.get(f"/console/conversations/{pat}")
    assert "is writing" not in client.get(f"/console/conversations/{pat}")


def test_a_patient_is_not_told_who_looks(desk: Desk, ana: Staff) -> None:
    _, pat = claimed(desk, ana)
    desk.sign_in(desk.agent("Bea")).call("/console/ping", {"reading": pat})
    assert not desk.services.typing.is_typing(pat, "agent")


def test_who_left_is_forgotten_and_the_others_are_told() -> None:
    now, hub = [0.0], Hub()
    typing = Typing(hub, clock=lambda: now[0])
    typing.mark("talk", "looks:4")
    assert typing.lookers("talk") == {4}
    now[0] = LOOKING_S - 1
    typing.mark("talk", "looks:5")
    now[0] = LOOKING_S + 1
    with hub.subscribe(["talk"]) as told:
        typing.sweep()
        assert told.wait(0) == {"talk"}
    assert typing.lookers("talk") == {5}


def test_earlier_talks_are_those_of_the_same_conversation(
    desk: Desk, ana: Staff, client: PageClient
) -> None:
    """No other conversation is taken for the same patient's, whatever name they give."""
    first, pat = claimed(desk, ana)
    _, namesake = claimed(desk, ana)
    with desk.open() as session:
        handoffs.resolve(session, first, ana.id)
    desk.clock.passes(days=2)
    desk.here(ana)
    desk.ask(pat)
    page = client.get(f"/console/conversations/{pat}")
    assert "Monday, November 23, 2026, 10 am, Ana: resolved" in page
    assert "<dd>Not known</dd>" in client.get(f"/console/conversations/{namesake}")
