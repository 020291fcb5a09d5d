"""Practice: scenes played in the real console, seen by who practises alone, counted nowhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from search.encoder import load_encoder
from tests.web.practice_sentences import SAID
from tests.web.staff_desk import Desk, PageClient
from web.desk import board, handoff_offers, handoffs, inbox, practice, scenes
from web.models import Author, Conversation, Handoff, Kind, PracticeRun, RoleName, Staff
from web.privacy import retention
from web.sections import ROOT

SCENE = "angry-bill"
KIND = "I am so sorry. Two bills for one visit, I see why you are angry."
STEP = "Our billing team will check both bills and call you before five today."
RUDE = "Please calm down."


@pytest.fixture(scope="session")
def encoder() -> Any:
    return load_encoder(ROOT / "var" / "models")


@pytest.fixture
def desk(tmp_path: Path, encoder: Any) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    desk.services.publisher.encoder = encoder
    yield desk
    desk.close()


@pytest.fixture
def client(desk: Desk, ana: Staff) -> PageClient:
    return desk.sign_in(ana)


class Scene:
    """One scene as Ana plays it, by the console's own forms."""

    def __init__(self, desk: Desk, client: PageClient, scene: str = SCENE) -> None:
        self.desk, self.client = desk, client
        answer = client.post(f"/console/practice/{scene}/begin")
        self.id = answer.headers["Location"].split("/")[-1].split("?")[0]
        with desk.reading() as session:
            handoff = handoffs.latest(session, self.id)
            assert handoff is not None
            self.handoff = handoff.id
        self.written = 0

    def play(self) -> None:
        with self.desk.app.app_context():
            practice.play(self.desk.services)

    def claim(self) -> None:
        self.client.post(f"/console/handoffs/{self.handoff}/claim")
        self.play()

    def write(self, text: str) -> str:
        """Write, let the scene answer, and return what the patient says then."""
        before = len(self.patient())
        self.written += 1
        values = {"text": text, "client_id": f"practice-{self.written}"}
        answer = self.client.post(f"/console/handoffs/{self.handoff}/messages", values)
        assert answer.status_code == 302
        self.play()
        return " ".join(self.patient()[before:])

    def patient(self) -> list[str]:
        return [row.text for row in self.desk.log(self.id) if row.author is Author.PATIENT]

    @property
    def run(self) -> PracticeRun:
        with self.desk.reading() as session:
            run = practice.of_conversation(session, self.id)
            assert run is not None
            return run

    def feedback(self) -> str:
        return self.client.get(f"/console/practice/runs/{self.run.id}")


# A scene -----------------------------------------------------------------------------------------


def test_kind_words_and_a_clear_step_bring_a_scene_to_a_good_end(
    desk: Desk, client: PageClient
) -> None:
    scene = Scene(desk, client)
    page = client.get(f"/console/conversations/{scene.id}")
    assert "Synthetic demo content" in page
    scene.play()
    assert len(scene.patient()) == 2, "nothing goes on before the agent does something"
    scene.claim()
    assert "Two bills" in scene.patient()[-1]
    assert "Thank you for saying that" in scene.write(KIND)
    assert "That I can live with" in scene.write(STEP)
    assert scene.run.ended_at is not None
    page = scene.feedback()
    well, tries = page.split("What you did well")[1], "What to try next time" in page
    assert "You named what went wrong" in well and not tries
    assert "How do I calm a patient who is upset" in page


def test_a_rude_answer_takes_another_way_and_says_what_to_try(
    desk: Desk, client: PageClient
) -> None:
    scene = Scene(desk, client)
    scene.claim()
    assert "Don't give me that" in scene.write(RUDE)
    assert "Will you help me or not" in scene.write("Which visit was it?")
    assert "Forget it" in scene.write("Which visit was it?")
    tries = scene.feedback().split("What to try next time")[1]
    assert "Leave out any word about their tone" in tries
    assert "What you did well" not in scene.feedback()


def test_silence_is_an_answer_too(desk: Desk, client: PageClient) -> None:
    scene = Scene(desk, client)
    scene.claim()
    desk.clock.passes(seconds=60)
    scene.play()
    assert "Two bills" in scene.patient()[-1]
    desk.clock.passes(seconds=31)
    scene.play()
    assert "NOBODY listens" in scene.patient()[-1]


def test_a_number_is_masked_and_what_the_agent_did_with_it_counts(
    desk: Desk, client: PageClient
) -> None:
    scene = Scene(desk, client, "social-security-number")
    scene.claim()
    assert "536-22-8147" not in " ".join(scene.patient())
    n = desk.log(scene.id)[-1].n
    shown = client.post(f"/console/conversations/{scene.id}/originals/{n}")
    assert "536-22-8147" in shown.get_data(as_text=True)
    assert "you can see all of that" in scene.write("Is it 536-22-8147?")
    client.post(f"/console/practice/runs/{scene.run.id}/end")
    tries = scene.feedback().split("What to try next time")[1]
    assert "Before you show what was hidden" in tries
    assert "Do not write a number back" in tries


def test_a_hidden_emergency_gets_the_real_card_and_only_911_ends_it_well(
    desk: Desk, client: PageClient
) -> None:
    scene = Scene(desk, client, "hidden-emergency")
    scene.claim()
    scene.write("I have moved it to Tuesday at ten.")
    assert any(row.kind is Kind.DANGER for row in desk.log(scene.id)), "screened like any words"
    assert "fuss" in scene.write("Please call 911 right now, this could be your heart.")
    assert "on the phone with 911" in scene.write("Yes. Call 911 now, I stay here with you.")


def test_without_the_model_a_scene_still_goes_on_and_judges_no_words(
    desk: Desk, client: PageClient
) -> None:
    desk.services.publisher.encoder = None
    scene = Scene(desk, client)
    scene.claim()
    assert "Don't give me that" in scene.write(KIND)
    client.post(f"/console/practice/runs/{scene.run.id}/end")
    assert "could not be weighed" in scene.feedback()


def test_resolving_ends_a_scene_and_asks_for_no_wrap_up(desk: Desk, client: PageClient) -> None:
    scene = Scene(desk, client)
    scene.claim()
    client.post(f"/console/handoffs/{scene.handoff}/resolve")
    scene.play()
    assert scene.run.ended_at is not None
    page = client.get(f"/console/conversations/{scene.id}")
    assert "See how it went" in page
    assert "How did it end?" not in page and "That was hard" not in page
    refused = client.call(f"/console/handoffs/{scene.handoff}/wrap-up", {"code": "answered"})
    assert refused.status_code == 409


def test_two_sweeps_at_once_let_the_patient_speak_once(desk: Desk, client: PageClient) -> None:
    scene = Scene(desk, client)
    client.post(f"/console/handoffs/{scene.handoff}/claim")
    with desk.reading() as session:
        [run] = session.query(PracticeRun).all()
        standing = practice._standing(session, desk.services, run)
    assert standing is not None
    with desk.app.app_context():
        assert [practice._go_on(desk.services, standing) for _ in range(2)] == [True, False]
    assert len(scene.patient()) == 3


# Nobody else's, and counted nowhere --------------------------------------------------------------


def figures(desk: Desk, other: PageClient, manager: PageClient) -> dict[str, Any]:
    """All that a colleague, a manager and the queue make of what is there."""
    at = desk.clock()
    pages = {
        path: client.client.get(path).text
        for client, path in (
            (manager, "/insights/conversations.csv"),
            (manager, "/insights/turns.csv"),
            (other, "/console/board/now"),
        )
    }
    with desk.open() as session:
        bea = session.query(Staff).filter_by(name="Bea").one()
        who = inbox.viewer(session, bea.id)
        return {
            **pages,
            "counts": inbox.counts(session, bea.id),
            "entries": [len(inbox.entries(session, box, who)) for box in inbox.Box],
            "rings": [each.id for each in inbox.concerning(session, who, at)],
            "board": board.now(session, at),
            "queue": [each.id for each in handoffs.queue(session)],
            "offered": handoff_offers.offer_due(session, at),
            "in_hand": handoff_offers.in_hand(session, [bea.id, 1]),
            "alarms": handoffs.raise_alarms(session, at),
            "requeued": handoffs.requeue_absent(session, at),
        }


@pytest.mark.parametrize("state", ["waiting", "claimed", "resolved"])
def test_practice_changes_no_list_queue_figure_or_load(
    desk: Desk, client: PageClient, ana: Staff, state: str
) -> None:
    desk.add("Bea", RoleName.AGENT)
    with desk.open() as session:
        bea = session.query(Staff).filter_by(name="Bea").one()
    manager = desk.sign_in(desk.add("Max", RoleName.MANAGER))
    other = desk.sign_in(bea)
    desk.here(ana, bea)
    desk.clock.passes(seconds=130)
    desk.here(bea)
    real = desk.patient("Where is parking?")
    with desk.open() as session:
        session.get_one(Conversation, real).created_at = desk.clock()
    before = figures(desk, other, manager)
    assert real in before["/insights/conversations.csv"]
    desk.here(ana)
    scene = Scene(desk, client, "hidden-emergency")
    if state != "waiting":
        scene.claim()
    if state == "resolved":
        client.post(f"/console/handoffs/{scene.handoff}/resolve")
    with desk.open() as session:
        session.get_one(Conversation, scene.id).created_at = desk.clock()
        handoff = session.get_one(Handoff, scene.handoff)
        handoff.urgent, handoff.urgent_at = True, desk.clock()
        handoff.requested_at = desk.clock()
    desk.clock.passes(seconds=130)
    desk.here(bea)  # Ana's console is closed meanwhile
    assert figures(desk, other, manager) == before


def test_only_who_practises_sees_it_and_acts_in_it(desk: Desk, client: PageClient) -> None:
    scene = Scene(desk, client)
    bea = desk.sign_in(desk.agent("Bea"))
    page = f"/console/conversations/{scene.id}"
    for path in (page, f"/console/stream?conversation={scene.id}"):
        assert bea.client.get(path).status_code == 404
    for path in (
        *(f"/console/handoffs/{scene.handoff}/{act}" for act in ("claim", "resolve", "return")),
        *(f"{page}/originals/1", f"{page}/block", f"{page}/typing"),
        f"/console/practice/runs/{scene.run.id}/end",
    ):
        assert bea.call(path).status_code == 404, path
    assert bea.client.get(f"/console/practice/runs/{scene.run.id}").status_code == 404
    assert desk.handoff(scene.handoff).claimed_at is None
    assert client.client.get(page).status_code == 200
    assert scene.id not in client.get("/console/?box=all")


def test_a_scene_is_passed_on_to_nobody(desk: Desk, client: PageClient) -> None:
    bea = desk.agent("Bea")
    scene = Scene(desk, client)
    scene.claim()
    assert "Pass on" not in client.get(f"/console/conversations/{scene.id}")
    answer = client.call(
        f"/console/handoffs/{scene.handoff}/transfer", {"target": f"staff:{bea.id}"}
    )
    assert answer.status_code == 422


# What stays --------------------------------------------------------------------------------------


def test_the_day_stays_and_how_it_went_goes_after_a_day(desk: Desk, client: PageClient) -> None:
    scene = Scene(desk, client)
    with desk.open() as session:
        session.get_one(Conversation, scene.id).created_at = desk.clock()
    scene.claim()
    scene.write(RUDE)
    client.post(f"/console/practice/runs/{scene.run.id}/end")
    run_id = scene.run.id
    desk.clock.passes(days=1, minutes=1)
    assert retention.forget_old(desk.services) == 0, "practice counts in no figure of retention"
    with desk.reading() as session:
        assert session.get(Conversation, scene.id) is None
        run = session.get_one(PracticeRun, run_id)
        assert (run.conversation_id, run.seen) == (None, [])
    client = desk.sign_in(session_staff(desk, "Ana"))
    assert "no longer kept" in client.get(f"/console/practice/runs/{run_id}")
    assert "You practised this on Monday, November 23" in client.get("/console/practice/")
    desk.clock.passes(days=180)
    client = desk.sign_in(session_staff(desk, "Ana"))
    assert "It is time for it again" in client.get("/console/practice/")


def session_staff(desk: Desk, name: str) -> Staff:
    with desk.reading() as session:
        return session.query(Staff).filter_by(name=name).one()


def test_a_manager_sees_who_practised_what_and_when_and_never_how(
    desk: Desk, client: PageClient
) -> None:
    scene = Scene(desk, client)
    scene.claim()
    scene.write(RUDE)
    client.post(f"/console/practice/runs/{scene.run.id}/end")
    page = desk.sign_in(desk.add("Max", RoleName.MANAGER)).get("/insights/team/")
    part = page[page.index("team-practice") :]
    assert "Ana" in part and "An angry bill" in part and "due on" in part
    for fact in ("tells_to_calm_down", "tone", "well", RUDE):
        assert fact not in re.sub(r"<[^>]+>", "", part).replace("How it went", "")


def test_a_new_scene_ends_the_one_before(desk: Desk, client: PageClient) -> None:
    first, second = Scene(desk, client), Scene(desk, client, "grieving-daughter")
    assert first.run.ended_at is not None
    assert second.run.ended_at is None


def test_guidance_is_read_by_who_may(desk: Desk, client: PageClient) -> None:
    page = client.get("/console/practice/guidance/en/staff/calm-an-upset-patient")
    assert "Which words help?" in page
    for path in ("en/billing/pay-a-bill", "../clinic", "en/staff/unknown"):
        assert client.client.get(f"/console/practice/guidance/{path}").status_code in (404, 308)
    max_ = desk.sign_in(desk.add("Max", RoleName.MANAGER))
    assert max_.client.get("/console/practice/").status_code == 404
    assert client.client.post("/console/practice/nonsense/begin").status_code in (400, 404)


# The files and the meanings ----------------------------------------------------------------------


def test_every_scene_says_that_it_is_synthetic_and_can_be_read() -> None:
    found = scenes.scenes()
    assert len(found) == 4
    for scene_id in found:
        text = (scenes.FOLDER / f"{scene_id}.toml").read_text(encoding="utf-8")
        assert text.startswith("# Synthetic demo content")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"next": [{"if": ["claimed"], "go": "nowhere"}]}, "no way leads"),
        ({"next": [{"if": ["flies"], "go": "b"}]}, "nothing is called flies"),
        ({"ends": True}, "either ends or goes on"),
    ],
)
def test_a_scene_that_leads_nowhere_is_refused(change: dict[str, Any], says: str) -> None:
    first = {"id": "a", "next": [{"if": ["claimed"], "go": "b"}], **change}
    values = {
        "id": "x",
        **dict.fromkeys(("title", "about"), "x"),
        **{"minutes": 1, "reason": "asked", "opening": ["Hi"], "guidance": [], "meanings": {}},
        "beats": [first, {"id": "b", "ends": True}],
        "feedback": [{"did": "claimed", "well": "x", "try": "x", "guidance": "x"}],
    }
    with pytest.raises(ValidationError, match=says):
        scenes.Scene.model_validate(values)


def test_what_an_agent_means_is_heard_in_other_words(encoder: Any) -> None:
    """Of sentences no scene holds, 36 of 41 were heard and 2 heard wrongly (2026-11-22)."""
    heard = missed = wrong = 0
    for scene_id, sentences in SAID.items():
        meanings = scenes.scenes()[scene_id].meanings
        for wanted, texts in sentences.items():
            for text in texts:
                found = practice.meant(encoder, meanings, [text])
                heard += wanted in found
                missed += bool(wanted) and wanted not in found
                wrong += len(found - {wanted})
    assert heard + missed == 41
    assert heard >= 35
    assert wrong <= 3
