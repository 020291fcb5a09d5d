"""Desks: chosen first, routed to by what is known, and who works there."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from flask import Flask
from sqlalchemy import select

from search.answer import Outcome
from tests.conftest import Patient, Search, words
from tests.fakes import FakeRasa
from tests.web.staff_desk import Desk, clinic_settings
from web import conversations, desks, handoffs, presence
from web.config import SettingsInvalid, load_settings
from web.models import Author, Conversation, Kind, RoleName, Shown, Staff, Turn
from web.services import of

BILLING = {"choice": "desk:billing"}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.close()


# Settings ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            'topics = ["billing"]',
            'topics = ["bills"]',
            "[desks.2.topics] 0: 'bills': is not",
        ),
        ('topics = ["billing"]', 'topics = ["portal"]', "records topics: portal belongs to billi"),
        ('"complaints", "general"]', '"complaints"]', "one desk needs general"),
        ('id = "billing"', 'id = "records"', "records: there are two desks of this id"),
        ('id = "billing"', 'id = "Bills"', "id: 'Bills': String should match pattern"),
        (', es = "Otra cosa"', "", "front name: is missing in es"),
    ],
)
def test_a_mistake_in_the_desks_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str, after: str, said: str
) -> None:
    shipped = Path("clinic.toml").read_text(encoding="utf-8")
    assert before in shipped
    path = tmp_path / "clinic.toml"
    path.write_text(shipped.replace(before, after, 1), encoding="utf-8")
    monkeypatch.setenv("CLINIC_CONFIG", str(path))
    with pytest.raises(SettingsInvalid, match=re.escape(said)):
        load_settings()


def test_without_desks_there_is_one_for_everything(tmp_path: Path) -> None:
    settings = clinic_settings(tmp_path, desks=())
    assert [desk.id for desk in desks.known(settings)] == ["front"]
    assert desks.of_topic(settings, "billing").id == "front"
    assert desks.opening(settings)["es"]["title"] == "Preguntas frecuentes"


# A reason chosen first ---------------------------------------------------------------------------


def test_an_empty_chat_offers_the_desks_in_both_languages(app: Flask) -> None:
    page = app.test_client().get("/chat").get_data(as_text=True)
    found = re.search(r"data-opening='([^']*)'", page)
    assert found is not None
    opening = json.loads(html.unescape(found.group(1)))
    assert opening["en"]["title"] == "What is it about?"
    labels = {lang: [each["label"] for each in opening[lang]["choices"]] for lang in opening}
    assert "A bill or a cost" in labels["en"]
    assert "Una factura o un costo" in labels["es"]
    assert [each["body"] for each in opening["es"]["choices"]][2] == BILLING


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("en", "A bill or a cost. What would you like to know? Talk to a person"),
        ("es", "Una factura o un costo. ¿Qué quisiera saber? Hablar con una persona"),
    ],
)
def test_a_chosen_reason_is_kept_and_answered_without_the_assistant(
    app: Flask,
    answer_all: Callable[[], int],
    rasa: FakeRasa,
    search: Search,
    lang: str,
    said: str,
) -> None:
    pat = Patient(app.test_client(), lang)
    for _ in range(2):  # the panel sends it again when an answer was lost
        answer = pat.post("/messages", {"client_id": "c-1", **BILLING})
        assert (answer.status_code, answer.json["n"]) == (202, 1)
    assert answer_all() == 1
    rows = pat.log()
    assert [row["author"] for row in rows] == ["patient", "bot"]
    assert words(rows[0]["html"]) == said.split(".")[0]
    assert words(rows[1]["html"]) == said
    assert search.asked == []
    with app.app_context(), of(app).database.reading() as session:
        assert session.get_one(Conversation, pat.id).desk == "billing"
        turn = session.scalars(select(Turn)).one()
        assert (turn.shown, turn.outcome, turn.answered_by) == (Shown.OTHER, None, None)


def test_another_reason_under_the_same_key_is_refused(pat: Patient) -> None:
    pat.post("/messages", {"client_id": "c-1", **BILLING})
    answer = pat.post("/messages", {"client_id": "c-1", "choice": "desk:records"})
    assert (answer.status_code, answer.json["error"]["code"]) == (409, "client_id_reused")


@pytest.mark.parametrize("choice", ["desk:", "desk:nobody", "desk:billing "])
def test_a_desk_the_clinic_has_not_is_refused_and_the_chat_stays(pat: Patient, choice: str) -> None:
    answer = pat.post("/messages", {"client_id": "c-1", "choice": choice})
    assert (answer.status_code, answer.json["error"]["code"]) == (400, "bad_request")
    assert pat.log() == []


def test_the_reason_is_answered_in_its_turn(
    pat: Patient, answer_all: Callable[[], int], rasa: FakeRasa, search: Search
) -> None:
    search.finds(Outcome.ANSWER, "en/parking")
    pat.say("Where do I park?")
    pat.post("/messages", {"client_id": "c-2", **BILLING})
    assert answer_all() == 2
    bot = [words(row["html"]) for row in pat.log() if row["author"] == "bot"]
    assert bot[-1].startswith("A bill or a cost.")


# Routing -----------------------------------------------------------------------------------------


def routed(desk: Desk, conversation_id: str) -> str | None:
    with desk.reading() as session:
        handoff = handoffs.latest(session, conversation_id)
        assert handoff is not None
        return handoff.desk


def choose(desk: Desk, conversation_id: str, desk_id: str) -> None:
    with desk.open() as session:
        session.get_one(Conversation, conversation_id).desk = desk_id


def read(desk: Desk, conversation_id: str, article: str) -> None:
    payload = {"passages": [{"article": article, "title": article}]}
    with desk.open() as session:
        conversations.append(
            session, conversation_id, author=Author.BOT, kind=Kind.PASSAGES, payload=payload
        )


class Read:
    """An index that knows the topics of two articles."""

    articles: ClassVar[dict[str, Any]] = {
        "en/a": type("Article", (), {"topic": "insurance"}),
        "en/b": type("Article", (), {"topic": "records"}),
    }


@pytest.mark.parametrize(
    ("chosen", "topic", "article", "wanted"),
    [
        ("records", "billing", "en/a", "records"),
        ("front", "billing", "en/b", "billing"),  # "something else" says nothing
        (None, "billing", "en/b", "billing"),
        (None, "general", "en/a", "billing"),
        (None, "general", "en/b", "records"),
        (None, "general", "en/gone", "front"),
        (None, "general", None, "front"),
        ("gone", "general", None, "front"),
        ("records", "complaints", None, "front"),
    ],
)
def test_what_is_known_decides_the_desk(
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    chosen: str | None,
    topic: str,
    article: str | None,
    wanted: str,
) -> None:
    monkeypatch.setattr(desk.services.publisher, "index", Read)
    desk.agent()
    pat = desk.patient()
    if chosen:
        choose(desk, pat, chosen)
    if article:
        read(desk, pat, article)
    desk.ask(pat, topic=topic)
    assert routed(desk, pat) == wanted


def test_the_assistants_topic_reaches_the_handoff(
    app: Flask, staff: Callable[[str], Staff], answer_all: Callable[[], int], rasa: FakeRasa
) -> None:
    ana = staff("Ana")
    with app.app_context(), of(app).database.transaction() as session:
        presence.seen(session, ana.id, of(app).clock())
    rasa.say({"custom": {"kind": "handoff", "reason": "asked", "topic": "billing"}})
    pat = Patient(app.test_client())
    pat.say("I want somebody to look at my bill")
    answer_all()
    with app.app_context(), of(app).database.reading() as session:
        handoff = handoffs.open_handoff(session, pat.id)
        assert handoff is not None
        assert handoff.desk == "billing"


@pytest.mark.parametrize("is_there", [True, False])
def test_a_complaint_gets_a_receipt_with_a_number(desk: Desk, is_there: bool) -> None:
    if is_there:
        desk.agent()
    pat = desk.patient()
    desk.ask(pat, topic="complaints")
    if not is_there:
        with desk.open() as session:
            contact = {"name": "Pat", "phone": "503 555 0123", "message": "Rude at the desk."}
            handoffs.leave_message(session, pat, contact)
    assert routed(desk, pat) == "front"
    [row] = [row for row in desk.log(pat) if row.payload.get("line") == "complaint_received"]
    assert re.fullmatch(r"[A-Z0-9]{4}", row.payload["reference"])


# Who works there ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("own", "languages", "desk_id", "lang", "is_theirs"),
    [
        ((), None, "billing", "es", True),
        (("billing",), None, "billing", "en", True),
        (("billing",), None, "records", "en", False),
        (("billing",), "en", "billing", "es", False),
        ((), "en es", "billing", "es", True),
        (("billing",), None, None, "en", True),
    ],
)
def test_a_conversation_is_for_those_of_its_desk_who_speak_its_language(
    own: tuple[str, ...], languages: str | None, desk_id: str | None, lang: str, is_theirs: bool
) -> None:
    staff = Staff(languages=languages)
    assert desks.fits(staff, frozenset(own), desk_id, lang) is is_theirs


def test_staff_are_seated_anew_each_time(desk: Desk) -> None:
    ana, bea = desk.add("Ana", RoleName.AGENT), desk.add("Bea", RoleName.AGENT)
    for wanted in (["billing", "records"], ["records"]):
        with desk.open() as session:
            staff = session.get_one(Staff, ana.id)
            desks.seat(session, desk.settings, staff, wanted, ["en", "es"])
    with desk.open() as session:
        assert desks.of_staff(session, [ana.id, bea.id]) == {
            ana.id: frozenset({"records"}),
            bea.id: frozenset(),
        }
        with pytest.raises(desks.DeskUnknown):
            desks.seat(session, desk.settings, session.get_one(Staff, bea.id), ["cellar"], [])
