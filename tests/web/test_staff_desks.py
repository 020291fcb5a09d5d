"""Desks: chosen first, routed to by what is known, and who works there."""

from __future__ import annotations

import html
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest
from flask import Flask
from sqlalchemy import insert, select

from search.answer import Outcome
from tests.conftest import Patient, Search, words
from tests.fakes import FakeRasa
from tests.web.staff_desk import Desk, check_page, clinic_settings
from web.chat import conversations
from web.config import SettingsInvalid, load_settings
from web.desk import desks, handoffs, inbox, presence
from web.models import (
    Author,
    Conversation,
    Handoff,
    HandoffState,
    Kind,
    Message,
    RoleName,
    Shown,
    Staff,
    Turn,
    TurnState,
)
from web.services import of

BILLING = {"choice": "desk:billing"}


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
    assert desks.opening(settings, {})["es"]["title"] == "Preguntas frecuentes"


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


def test_without_script_a_reason_is_a_button_too(running: Flask) -> None:
    browser = running.test_client()
    page = browser.get("/plain-chat").text
    check_page(browser.get("/plain-chat"), page)
    assert 'name="choice" value="desk:billing">A bill or a cost<' in page
    values = {"page": "0" * 32, "choice": "desk:billing", "text": ""}
    page = browser.post("/plain-chat", data=values, follow_redirects=True).text
    assert "A bill or a cost. What would you like to know?" in page
    assert "desk:billing" not in page, "nothing is asked twice"
    refused = browser.post("/plain-chat", data={**values, "choice": "desk:cellar"})
    assert refused.status_code == 400


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


@pytest.mark.parametrize(("is_divided", "place"), [(False, 3), (True, 2)])
def test_the_place_in_the_queue_counts_those_one_really_waits_for(
    desk: Desk, is_divided: bool, place: int
) -> None:
    """An urgent one goes first everywhere; another desk's counts only if all see to all."""
    ana = desk.agent()
    if is_divided:
        seat(desk, ana, "billing")
    wait_at(desk, "records")
    wait_at(desk, "records", urgent=True)
    mine = wait_at(desk, "billing")
    assert desk.status(desk.conversation_of(mine)).position == place


# The inbox ---------------------------------------------------------------------------------------


def seat(desk: Desk, staff: Staff, *desk_ids: str, languages: tuple[str, ...] = ()) -> None:
    with desk.open() as session:
        person = session.get_one(Staff, staff.id)
        desks.seat(session, desk.settings, person, desk_ids, languages)


def wait_at(desk: Desk, topic: str, *texts: str, lang: str = "en", **how: Any) -> int:
    """A patient in the queue of that topic's desk."""
    pat = desk.patient(*texts, lang=lang)
    desk.ask(pat, topic=topic, **how)
    desk.clock.passes(seconds=5)
    with desk.reading() as session:
        handoff = handoffs.open_handoff(session, pat)
        assert handoff is not None
        return handoff.id


def listed(desk: Desk, box: inbox.Box, staff: Staff, only: inbox.Only = inbox.EVERYTHING) -> Any:
    with desk.reading() as session:
        return inbox.entries(session, box, inbox.viewer(session, staff.id), only)


def ids(entries: list[inbox.Entry]) -> list[int]:
    return [entry.handoff.id for entry in entries]


def test_urgent_ones_come_first_then_those_of_ones_own_desk_then_the_oldest(desk: Desk) -> None:
    ana = desk.agent()
    seat(desk, ana, "billing")
    old, own, own_later = (wait_at(desk, topic) for topic in ("records", "billing", "billing"))
    urgent = wait_at(desk, "portal", urgent=True)
    assert ids(listed(desk, inbox.Box.WAITING, ana)) == [urgent, own, own_later, old]
    bea = desk.agent("Bea")
    assert ids(listed(desk, inbox.Box.WAITING, bea)) == [urgent, old, own, own_later]


def test_the_list_is_narrowed_by_desk_and_language_and_the_address_keeps_it(desk: Desk) -> None:
    ana = desk.agent()
    bill, record = wait_at(desk, "billing", "about a bill"), wait_at(desk, "records", "a record")
    spanish = wait_at(desk, "billing", "una factura", lang="es")
    box = inbox.Box.WAITING
    assert ids(listed(desk, box, ana, inbox.Only(desk="billing"))) == [bill, spanish]
    assert ids(listed(desk, box, ana, inbox.Only("billing", "es"))) == [spanish]
    with desk.reading() as session:
        assert inbox.counts(session, ana.id, inbox.Only("records"))[box] == 1
        assert inbox.counts(session, ana.id)[box] == 3
    page = desk.sign_in(ana).get("/console/?box=waiting&desk=billing&lang=es")
    assert "una factura" in page
    assert "about a bill" not in page
    assert f"{desk.conversation_of(spanish)}?box=waiting&amp;desk=billing&amp;lang=es" in page
    assert 'href="/console/?box=closed&amp;desk=billing&amp;lang=es"' in page
    assert "/console/stream?box=waiting&amp;desk=billing&amp;lang=es" in page
    assert record not in ids(listed(desk, box, ana, inbox.Only("billing")))


def test_a_desk_that_is_gone_narrows_nothing(desk: Desk) -> None:
    ana = desk.agent()
    wait_at(desk, "billing", "about a bill")
    assert "about a bill" in desk.sign_in(ana).get("/console/?box=waiting&desk=cellar&lang=xx")


def test_all_shows_what_is_open_with_anybody(desk: Desk) -> None:
    ana, bea = desk.agent(), desk.agent("Bea")
    waiting, hers, mine, done = (wait_at(desk, "general") for _ in range(4))
    with desk.open() as session:
        handoffs.claim(session, hers, bea.id)
        handoffs.claim(session, mine, ana.id)
        handoffs.abandon(session, handoffs.get(session, done).conversation_id)
    assert ids(listed(desk, inbox.Box.ALL, ana)) == [waiting, hers, mine]
    with desk.reading() as session:
        counts = inbox.counts(session, ana.id)
    assert [counts[box] for box in inbox.Box] == [1, 1, 0, 3, 0, 0, 0, 1]


def test_what_nobody_has_read_is_marked(desk: Desk) -> None:
    ana = desk.agent()
    client = desk.sign_in(ana)
    waiting = wait_at(desk, "general")
    pat = desk.conversation_of(waiting)
    assert "nobody has looked yet" in client.get("/console/?box=waiting")
    client.get(f"/console/conversations/{pat}")
    assert "nobody has looked yet" not in client.get("/console/?box=waiting")

    client.call(f"/console/handoffs/{waiting}/claim")
    desk.say(pat, "Are you there?")
    assert ", new</span>" in client.get("/console/?box=mine")
    client.call("/console/ping", {"reading": pat})
    assert ", new</span>" not in client.get("/console/?box=mine")


def test_a_long_wait_stands_out_from_when_the_clinic_says(desk: Desk) -> None:
    client = desk.sign_in(desk.agent())
    wait_at(desk, "general")
    for seconds, wanted in ((5, ""), (60, "fd-since--warn"), (180, "fd-since--late")):
        desk.clock.passes(seconds=seconds)
        page = client.get("/console/?box=waiting")
        assert wanted in page
        assert ("min, late" in page) is (wanted == "fd-since--late")


@pytest.mark.parametrize(
    ("own", "topic", "how", "colleague", "is_called"),
    [
        ((), "billing", {}, ("billing",), True),
        (("billing",), "billing", {}, (), True),
        (("records",), "billing", {}, ("billing",), False),
        (("records",), "billing", {}, None, True),  # nobody of that desk is here
        (("records",), "billing", {"urgent": True}, ("billing",), True),  # danger calls everyone
    ],
)
def test_a_new_one_calls_those_whose_desk_it_is(
    desk: Desk,
    own: tuple[str, ...],
    topic: str,
    how: dict[str, Any],
    colleague: tuple[str, ...] | None,
    is_called: bool,
) -> None:
    ana = desk.agent()
    seat(desk, ana, *own)
    if colleague is not None:
        seat(desk, desk.agent("Bea"), *colleague)
    waiting = wait_at(desk, topic, **how)
    with desk.reading() as session:
        calling = inbox.concerning(session, inbox.viewer(session, ana.id), desk.clock())
    assert ids_of(calling) == ([waiting] if is_called else [])


def ids_of(found: list[Handoff]) -> list[int]:
    return [handoff.id for handoff in found]


def test_the_language_decides_too_whom_it_calls(desk: Desk) -> None:
    ana, bea = desk.agent(), desk.agent("Bea")
    seat(desk, ana, languages=("en",))
    waiting = wait_at(desk, "billing", lang="es")
    with desk.reading() as session:
        called = [
            ids_of(inbox.concerning(session, inbox.viewer(session, each.id), desk.clock()))
            for each in (ana, bea)
        ]
    assert called == [[], [waiting]]


def test_the_card_names_the_desk_and_what_the_assistant_did_not_know(desk: Desk) -> None:
    ana = desk.agent()
    waiting = wait_at(desk, "billing", "Do you take turtles?", "And cats?")
    pat = desk.conversation_of(waiting)
    with desk.open() as session:
        for n, shown in ((1, Shown.NONE), (2, Shown.ANSWER)):
            values = {"state": TurnState.DONE, "shown": shown.value, "created_at": desk.clock()}
            session.add(Turn(conversation_id=pat, n=n, **values))
    page = desk.sign_in(ana).get(f"/console/conversations/{pat}")
    card = page[page.index("data-card") :]
    unknown = card[card.index("What the assistant did not know") :]
    unknown = unknown[: unknown.index("What they were shown")]
    assert "Do you take turtles?" in unknown
    assert "And cats?" not in unknown
    assert "Desk: Billing" in card


def test_the_inbox_is_quick_with_ten_thousand_conversations(desk: Desk) -> None:
    ana = desk.agent()
    client = desk.sign_in(ana)
    store(desk, 10_000)
    for box in inbox.Box:
        client.get(f"/console/?box={box.value}")
        started = time.process_time()
        client.get(f"/console/?box={box.value}&desk=billing")
        assert time.process_time() - started < 2, box


def store(desk: Desk, count: int) -> None:
    """Closed conversations of six rows each, and a few that wait or left a message."""
    at = desk.clock()
    with desk.open() as session:
        keys = [f"c{number:05}" for number in range(count)]
        times = {"created_at": at, "last_message_at": at, "last_seen_at": at}
        same = {"site": "demo", "lang": "en", "address_hash": "a", "last_n": 6, **times}
        chats = [{"id": key, "token_hash": key, **same} for key in keys]
        session.execute(insert(Conversation), chats)
        rows = [
            {
                "conversation_id": key,
                "n": n,
                "author": Author.PATIENT if n % 2 else Author.BOT,
                "kind": Kind.TEXT,
                "text": f"line {n} of {key}",
                "payload": {},
                "created_at": at,
            }
            for key in keys
            for n in range(1, 7)
        ]
        session.execute(insert(Message), rows)
        states = (HandoffState.REQUESTED, HandoffState.MESSAGE_LEFT)
        asked = [
            {
                "conversation_id": key,
                "state": states[number % 2] if number % 100 == 0 else HandoffState.RESOLVED,
                "reason": "asked",
                "urgent": False,
                "desk": ("billing", "records")[number % 2],
                "requested_at": at,
                "closed_at": None if number % 100 == 0 else at,
                "read_n": 0,
            }
            for number, key in enumerate(keys)
        ]
        session.execute(insert(Handoff), asked)
