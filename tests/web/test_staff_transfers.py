"""From one agent to another: asked, accepted or declined, and the patient is never without one."""

from __future__ import annotations

import json
import threading

import pytest

from tests.web.staff_desk import Desk
from web.chat import conversations
from web.desk import desks, handoff_transfers, handoffs
from web.desk.handoff_transfers import TransferGone, TransferImpossible
from web.desk.handoffs import HandoffClosed, HandoffNotYours
from web.models import HandoffState, RoleName, Staff, Transfer
from web.privacy import audit, export

NOTE = "She is upset about the second letter."


@pytest.fixture
def bea(desk: Desk) -> Staff:
    return desk.agent("Bea")


@pytest.fixture
def held(desk: Desk, ana: Staff) -> int:
    """A conversation that Ana has."""
    waiting = desk.waiting()
    with desk.open() as session:
        handoffs.claim(session, waiting, ana.id)
    return waiting


def ask(desk: Desk, held: int, sender: Staff, target: str) -> int:
    with desk.open() as session:
        return handoff_transfers.ask(session, held, sender.id, target, NOTE).id


def answer(desk: Desk, how: str, transfer_id: int, staff: Staff) -> None:
    with desk.open() as session:
        getattr(handoff_transfers, how)(session, transfer_id, staff.id)


def test_it_works(desk: Desk, ana: Staff, bea: Staff, held: int) -> None:
    pat = desk.conversation_of(held)
    transfer_id = ask(desk, held, ana, f"staff:{bea.id}")
    assert desk.status(pat).agent == "Ana", "until somebody accepts"
    assert "transferred" not in desk.lines(pat)

    answer(desk, "accept", transfer_id, bea)
    assert desk.status(pat).agent == "Bea"
    assert desk.log(pat)[-1].payload == {"line": "transferred", "name": "Ana", "to": "Bea"}
    with desk.open() as session:
        row = handoffs.write(session, held, bea.id, client_id="k" * 16, text="Hello, I am Bea.")
        assert row.payload["speaker"] == "Bea"
        acts = [entry.act for entry in audit.entries(session, f"conversation:{pat}")]
        assert acts == ["claimed", "transfer_asked", "transfer_accepted"]
    with desk.open() as session, pytest.raises(HandoffNotYours):
        handoffs.write(session, held, ana.id, client_id="l" * 16, text="Still me")


def test_a_desk_is_asked_and_one_of_its_people_takes_it(
    desk: Desk, ana: Staff, bea: Staff, held: int
) -> None:
    zoe = desk.agent("Zoe")
    with desk.open() as session:
        desks.seat(session, desk.settings, session.get_one(Staff, zoe.id), ["records"], [])
        desks.seat(session, desk.settings, session.get_one(Staff, bea.id), ["billing"], [])
    transfer_id = ask(desk, held, ana, "desk:billing")
    with pytest.raises(TransferGone):
        answer(desk, "accept", transfer_id, zoe)
    answer(desk, "accept", transfer_id, bea)
    assert (desk.handoff(held).staff_id, desk.handoff(held).desk) == (bea.id, "billing")


@pytest.mark.parametrize("how", ["decline", "withdraw"])
def test_without_a_yes_it_stays_where_it_is(
    desk: Desk, ana: Staff, bea: Staff, held: int, how: str
) -> None:
    transfer_id = ask(desk, held, ana, f"staff:{bea.id}")
    answer(desk, how, transfer_id, bea if how == "decline" else ana)
    assert desk.handoff(held).staff_id == ana.id
    for again in ("accept", "decline"):
        with pytest.raises(TransferGone):
            answer(desk, again, transfer_id, bea)
    assert ask(desk, held, ana, f"staff:{bea.id}") != transfer_id


def test_asking_another_takes_the_first_question_back(
    desk: Desk, ana: Staff, bea: Staff, held: int
) -> None:
    first = ask(desk, held, ana, f"staff:{bea.id}")
    ask(desk, held, ana, "desk:billing")
    with pytest.raises(TransferGone):
        answer(desk, "decline", first, desk.agent("Zoe"))
    with desk.reading() as session:
        assert [str(row.state) for row in session.query(Transfer)] == ["withdrawn", "asked"]


@pytest.mark.parametrize(
    "target",
    ["self", "staff:9999", "staff:9999999999", "staff:²", "desk:cellar", "", "manager"],
)
def test_it_goes_only_to_those_who_can_take_it(
    desk: Desk, ana: Staff, held: int, target: str
) -> None:
    max_ = desk.add("Max", RoleName.MANAGER)
    known = {"self": f"staff:{ana.id}", "manager": f"staff:{max_.id}"}
    with pytest.raises(TransferImpossible):
        ask(desk, held, ana, known.get(target, target))


def test_only_who_has_it_may_pass_it_on(desk: Desk, ana: Staff, bea: Staff, held: int) -> None:
    with pytest.raises(HandoffNotYours):
        ask(desk, held, bea, f"staff:{ana.id}")
    with desk.open() as session:
        handoffs.resolve(session, held, ana.id)
    with pytest.raises(HandoffClosed):
        ask(desk, held, ana, f"staff:{bea.id}")


def test_what_is_over_cannot_be_accepted(desk: Desk, ana: Staff, bea: Staff, held: int) -> None:
    transfer_id = ask(desk, held, ana, f"staff:{bea.id}")
    with desk.open() as session:
        handoffs.resolve(session, held, ana.id)
    with pytest.raises(TransferGone):
        answer(desk, "accept", transfer_id, bea)
    assert desk.handoff(held).state is HandoffState.RESOLVED


def test_two_of_a_desk_accept_at_once_and_one_has_it(
    desk: Desk, ana: Staff, bea: Staff, held: int
) -> None:
    cleo = desk.agent("Cleo")
    transfer_id = ask(desk, held, ana, "desk:billing")
    won: list[int] = []

    def take(staff: Staff) -> None:
        try:
            answer(desk, "accept", transfer_id, staff)
        except TransferGone:
            return
        won.append(staff.id)

    threads = [threading.Thread(target=take, args=(each,)) for each in (bea, cleo)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [desk.handoff(held).staff_id]


def test_the_note_is_for_staff_alone(desk: Desk, ana: Staff, bea: Staff, held: int) -> None:
    pat = desk.conversation_of(held)
    client = desk.sign_in(ana)
    client.post(
        f"/console/handoffs/{held}/transfer",
        {"conversation": pat, "target": f"staff:{bea.id}", "note": NOTE},
    )
    page = desk.sign_in(bea).get(f"/console/conversations/{pat}")
    assert NOTE in page
    assert "Ana asks you to take over" in page
    with desk.app.test_request_context(), desk.services.database.reading() as session:
        taken_away = json.dumps(export.everything(session, pat, "en", "https://clinic.example"))
    assert NOTE not in taken_away
    assert all(NOTE not in f"{row.text}{row.payload}" for row in desk.log(pat))


def test_the_console_passes_on_and_accepts(desk: Desk, ana: Staff, bea: Staff, held: int) -> None:
    pat = desk.conversation_of(held)
    mine, hers = desk.sign_in(ana), desk.sign_in(bea)
    body = {"target": f"staff:{bea.id}", "note": NOTE}
    assert mine.call(f"/console/handoffs/{held}/transfer", body).status_code == 200
    assert "You asked Bea to take over" in mine.get(f"/console/conversations/{pat}")
    assert "Ana asks you to take over a conversation" in hers.get("/console/")
    with desk.reading() as session:
        [row] = session.query(Transfer)
    assert hers.call(f"/console/transfers/{row.id}/accept").status_code == 200
    refused = hers.call(f"/console/transfers/{row.id}/decline")
    assert (refused.status_code, refused.json["error"]["code"]) == (409, "transfer_gone")
    assert "Ana to Bea" in hers.get(f"/console/conversations/{pat}")
    wrong = hers.call(f"/console/handoffs/{held}/transfer", {"target": "staff:0"})
    assert (wrong.status_code, wrong.json["error"]["code"]) == (422, "nobody")


def test_the_note_goes_with_the_conversation(desk: Desk, ana: Staff, bea: Staff, held: int) -> None:

    ask(desk, held, ana, f"staff:{bea.id}")
    with desk.app.app_context():
        conversations.forget(desk.services, desk.conversation_of(held))
    with desk.reading() as session:
        assert session.query(Transfer).count() == 0
