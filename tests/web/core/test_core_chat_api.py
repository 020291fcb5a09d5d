"""The chat API over HTTP: what a panel may count on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from search.answer import Outcome
from tests.conftest import Patient, Search, words
from tests.fakes import FakeRasa
from web.config import Settings
from web.models import Conversation, Message, Turn
from web.services import Services, of

Answer = Callable[[], int]


def test_it_works(pat: Patient, answer_all: Answer, search: Search) -> None:
    search.finds(Outcome.ANSWER, "en/parking")
    sent = pat.say("where can i leave the car", "first")
    assert sent.status_code == 202
    assert sent.json == {"id": pat.id, "n": 1, "card": None, "masked": [], "written_in": "en"}
    assert pat.state()["working"] is True
    assert answer_all() == 1
    question, answer = pat.log()
    assert (question["author"], question["client_id"]) == ("patient", "first")
    assert (answer["author"], answer["kind"], answer["n"]) == ("bot", "passages", 2)
    assert "Park behind the house" in answer["html"]
    assert 'href="/help/en/parking#where-do-i-park"' in answer["html"]
    assert 'datetime="2026-10-01"' in answer["html"]
    assert pat.state() == {
        "status": "bot",
        "working": False,
        "agent": None,
        "agent_typing": False,
        "survey": None,
        "text": "",
    }


def test_the_clinic_introduces_itself(app: Flask) -> None:
    found = app.test_client().get("/api/v1/clinic?lang=es").json
    assert found["name"] == "Harbor Street Family Clinic"
    assert found["phone_href"] == "tel:5035550110"
    assert found["limits"] == {"max_message_characters": 2000}
    assert found["languages"] == ["en", "es"]
    assert found["opens_at_text"].startswith(("Ahora", "Las personas"))


def test_the_same_client_id_gives_the_same_row(pat: Patient, services: Services) -> None:
    first, again = pat.say("hello", "one"), pat.say("hello", "one")
    assert first.json == again.json
    assert [row["n"] for row in pat.log()] == [1]
    with services.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Turn)) == 1


def test_the_same_client_id_with_other_words_is_refused(pat: Patient) -> None:
    pat.say("hello", "one")
    answer = pat.say("good bye", "one")
    assert answer.status_code == 409
    assert answer.json["error"]["code"] == "client_id_reused"
    assert len(pat.log()) == 1


def test_eight_threads_that_post_the_same_get_one_row_each(
    app: Flask, pat: Patient, services: Services
) -> None:
    posts = [(f"message-{number % 25}", f"text {number % 25}") for number in range(200)]
    barrier = threading.Barrier(8)

    def post(share: int) -> list[tuple[str, int, int]]:
        own = Patient.__new__(Patient)
        own.client, own.id, own.token = app.test_client(), pat.id, pat.token
        barrier.wait()
        answers = [(key, own.say(text, key)) for key, text in posts[share::8]]
        return [(key, answer.status_code, answer.json["n"]) for key, answer in answers]

    with ThreadPoolExecutor(8) as pool:
        rows = [row for share in pool.map(post, range(8)) for row in share]
    assert {status for _, status, _ in rows} == {202}
    numbers = {key: {n for other, _, n in rows if other == key} for key, _, _ in rows}
    assert all(len(each) == 1 for each in numbers.values()), "one client_id, one row"
    with services.database.reading() as session:
        kept = session.scalars(select(Message.n).order_by(Message.n)).all()
    assert kept == list(range(1, 26)), "numbered without gaps"


def test_identifiers_are_masked_before_they_are_kept(pat: Patient, services: Services) -> None:
    sent = pat.say("call me at 503-555-9876 or pat@example.org, not at (503) 555-0110")
    assert sent.json["masked"] == ["email", "phone"]
    with services.database.reading() as session:
        kept = session.scalars(select(Message)).one().text
    assert "9876" not in kept
    assert "example.org" not in kept
    assert "(503) 555-0110" in kept, "the clinic's own number stays"


@pytest.mark.parametrize("typed", ["/restart", "/ /restart", "  /EXTERNAL_resume", "/choose"])
def test_a_typed_command_is_text(
    pat: Patient, answer_all: Answer, search: Search, rasa: FakeRasa, typed: str
) -> None:
    pat.say(typed)
    answer_all()
    assert rasa.heard[0]["message"] == typed.lstrip(" /")
    assert typed.strip() in pat.log()[0]["html"]


def test_markup_in_a_message_is_shown_as_text(pat: Patient) -> None:
    pat.say('<img src=x onerror="alert(1)"><script>alert(2)</script>')
    html = pat.log()[0]["html"]
    assert "<img" not in html
    assert "<script" not in html
    assert "&lt;img" in html


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "bad_request"),
        (b"{", 400, "bad_request"),
        (b"[]", 400, "bad_request"),
        (b"null", 400, "bad_request"),
        (b"\xff\xfe\x00", 400, "bad_request"),
        (b'{"client_id": "a"}', 400, "bad_request"),
        (b'{"client_id": "", "text": "hi"}', 400, "bad_request"),
        (b'{"client_id": "a b", "text": "hi"}', 400, "bad_request"),
        (b'{"client_id": "a", "text": 7}', 400, "bad_request"),
        (b'{"client_id": "a", "text": "  \\n "}', 400, "message_empty"),
        (b'{"client_id": "a", "text": "\\u0000"}', 400, "message_empty"),
        (b'{"client_id": "a", "choice": "x", "n": true}', 400, "bad_request"),
        (b'{"client_id": "a", "choice": "x", "n": 99999999999999999999}', 400, "bad_request"),
        (b'{"client_id": "a", "continue": ' + b"9" * 5000 + b"}", 400, "bad_request"),
        (b'{"client_id": "a", "continue": 1}', 404, "not_found"),
        (b"[" * 50_000, 400, "bad_request"),
        (b'{"client_id": "a", "text": "' + b"x" * 2001 + b'"}', 413, "message_too_long"),
        (b'{"client_id": "a", "text": "' + b"x" * 300_000 + b'"}', 413, "message_too_long"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(
    pat: Patient, body: bytes, status: int, code: str
) -> None:
    answer = pat.client.post(pat.path + "/messages", data=body, headers=pat.headers)
    assert answer.status_code == status
    assert answer.json["error"]["code"] == code
    assert len(answer.json["error"]["message"]) > 10
    assert pat.log() == []


def test_half_characters_are_kept_harmless(pat: Patient) -> None:
    body = b'{"client_id": "a", "text": "hi \\ud800 there \\u0000 \\ud83d\\ude00"}'
    answer = pat.client.post(pat.path + "/messages", data=body, headers=pat.headers)
    assert answer.status_code == 202
    assert words(pat.log()[0]["html"]) == "hi \ufffd there 😀"


EVERY_ENDPOINT: list[tuple[str, str, Any]] = [
    ("POST", "/messages", {"client_id": "z", "text": "hi"}),
    ("GET", "/stream", None),
    ("GET", "/log", None),
    ("POST", "/handoff", {}),
    ("POST", "/forms", {"client_id": "z", "form": "contact", "fields": {}}),
    ("POST", "/messages/1/rating", {"helpful": True}),
    ("POST", "/rating", {"score": 5}),
    ("POST", "/typing", {}),
    ("POST", "/lang", {"lang": "es"}),
    ("POST", "/consent", {"version": "1"}),
    ("POST", "/end", {}),
    ("GET", "/data", None),
    ("POST", "/transcript", {"email": "pat@example.com"}),
    ("DELETE", "", None),
]


def test_every_endpoint_of_a_conversation_is_in_the_list(app: Flask) -> None:
    rules = {
        (method, str(rule).split("<conversation_id>", 1)[1].replace("<int:n>", "1"))
        for rule in app.url_map.iter_rules()
        if str(rule).startswith("/api/v1/conversations/<conversation_id>")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert rules == {(method, path) for method, path, _ in EVERY_ENDPOINT}


@pytest.mark.parametrize(("method", "path", "body"), EVERY_ENDPOINT)
@pytest.mark.parametrize(
    "as_whom", ["another patient", "a wrong token", "nobody", "no bearer", "basic"]
)
def test_what_is_not_yours_does_not_exist(
    app: Flask, pat: Patient, method: str, path: str, body: Any, as_whom: str
) -> None:
    pat.say("mine", "mine")
    headers = {
        "another patient": Patient(app.test_client()).headers,
        "a wrong token": {"Authorization": f"Bearer {pat.token}x"},
        "nobody": {},
        "no bearer": {"Authorization": pat.token},
        "basic": {"Authorization": f"Basic {pat.token}"},
    }[as_whom]
    answer = pat.client.open(pat.path + path, method=method, json=body, headers=headers)
    assert answer.status_code == 404
    assert answer.json["error"]["code"] == "not_found"
    assert "mine" not in answer.text
    assert len(pat.log()) == 1
    assert pat.state()["status"] == "bot"


def test_a_picked_choice_is_answered_from_its_article(
    pat: Patient, answer_all: Answer, search: Search, rasa: FakeRasa
) -> None:
    search.finds(Outcome.CHOICES, "en/bills", "en/parking")
    pat.say("money or car", "q")
    answer_all()
    choices = pat.log(1)[0]
    assert choices["kind"] == "choices"
    assert 'data-choice="en/parking" data-n="2"' in choices["html"]
    picked = pat.post("/messages", {"client_id": "p", "choice": "en/parking", "n": 2})
    assert picked.status_code == 202
    answer_all()
    own, answer = pat.log(2)
    assert words(own["html"]) == "Where do I park?"
    assert "Park behind the house" in answer["html"]
    assert rasa.heard[-1]["message"] == "/choose"
    assert rasa.heard[-1]["metadata"]["kb"] == "answer"


def test_none_of_these_is_a_search_that_found_nothing(
    pat: Patient, answer_all: Answer, search: Search, rasa: FakeRasa, services: Services
) -> None:
    search.finds(Outcome.CHOICES, "en/bills", "en/parking")
    pat.say("money or car", "q")
    answer_all()
    pat.post("/messages", {"client_id": "p", "choice": "", "n": 2})
    answer_all()
    assert words(pat.log(2)[0]["html"]) == "None of these"
    heard = rasa.heard[-1]
    assert (heard["message"], heard["metadata"]["kb"]) == ("money or car", "none")
    assert misses_of(services, pat) == 1


@pytest.mark.parametrize(
    "choice", [{"choice": "en/refills", "n": 2}, {"choice": "en/bills", "n": 1}]
)
def test_only_what_was_offered_can_be_picked(
    pat: Patient, answer_all: Answer, search: Search, choice: dict[str, Any]
) -> None:
    search.finds(Outcome.CHOICES, "en/bills", "en/parking")
    pat.say("money or car", "q")
    answer_all()
    answer = pat.post("/messages", {"client_id": "p", **choice})
    assert (answer.status_code, len(pat.log())) == (404, 2)


def test_a_rated_answer_says_thanks_or_what_to_do_next(
    pat: Patient, answer_all: Answer, search: Search, services: Services
) -> None:
    search.finds(Outcome.ANSWER, "en/parking")
    pat.say("where")
    answer_all()
    assert "Was this helpful?" in pat.log(1)[0]["html"]
    assert pat.post("/messages/2/rating", {"helpful": False}).status_code == 200
    assert "talk to a person" in pat.log(1)[0]["html"]
    assert pat.post("/messages/2/rating", {"helpful": True}).status_code == 200
    assert "Thank you" in pat.log(1)[0]["html"]
    assert pat.post("/messages/1/rating", {"helpful": True}).status_code == 404
    assert pat.post("/messages/2/rating", {"helpful": "yes"}).status_code == 400


def test_a_chat_is_rated_and_its_comment_masked(pat: Patient, services: Services) -> None:
    sent = pat.post("/rating", {"score": 4, "comment": "call 503-555-9876"})
    assert sent.status_code == 200
    with services.database.reading() as session:
        kept = session.get_one(Conversation, pat.id)
    assert (kept.rating, kept.rating_comment) == (4, "call [phone]")
    assert pat.post("/rating", {"score": 6}).status_code == 400


def test_after_the_end_nothing_more_is_taken(pat: Patient) -> None:
    pat.say("hello", "one")
    assert pat.post("/end").status_code == 200
    assert pat.post("/end").status_code == 200, "ending twice changes nothing"
    assert pat.state()["status"] == "ended"
    assert pat.say("more").json["error"]["code"] == "conversation_ended"
    assert pat.post("/handoff").json["error"]["code"] == "conversation_ended"
    assert pat.say("hello", "one").status_code == 202, "a retry of what was kept is no news"
    assert len(pat.log()) == 2


def test_a_patient_sees_all_that_is_kept_and_can_have_it_removed(
    pat: Patient, answer_all: Answer, search: Search, services: Services
) -> None:
    pat.say("hello there")
    answer_all()
    held = pat.get("/data").json
    assert held["messages"][0]["text"] == "hello there"
    assert held["kept_for_days"] == 30
    assert held["conversation"]["id"] == pat.id
    assert pat.client.delete(pat.path, headers=pat.headers).status_code == 200
    assert pat.get("/log").status_code == 404
    with services.database.reading() as session:
        for table in (Conversation, Message, Turn):
            assert session.scalar(select(func.count()).select_from(table)) == 0


def test_forgetting_while_a_turn_runs_leaves_nothing_behind(
    pat: Patient, answer_all: Answer, search: Search, services: Services
) -> None:
    pat.say("hello there")
    pat.client.delete(pat.path, headers=pat.headers)
    assert answer_all() == 0
    with services.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Message)) == 0


def test_replies_speak_the_patients_language(
    pat: Patient, answer_all: Answer, search: Search, rasa: FakeRasa
) -> None:
    pat.post("/lang", {"lang": "es-MX"})
    pat.say("hola")
    answer_all()
    assert rasa.heard[0]["metadata"]["lang"] == "es"
    assert pat.say("  ").json["error"]["message"].startswith("Primero")
    pat.post("/end")
    assert pat.state()["text"] == "Este chat terminó."


def test_facts_are_filled_into_the_bots_words(
    pat: Patient, answer_all: Answer, search: Search, rasa: FakeRasa
) -> None:
    rasa.say({"text": "Call [[clinic.phone]] [[clinic.nothing]]- [[ clinic.name ]]"})
    pat.say("hi")
    answer_all()
    assert words(pat.log(1)[0]["html"]) == "Call (503) 555-0110 - Harbor Street Family Clinic"


def test_a_button_of_the_bots_posts_its_words(
    pat: Patient, answer_all: Answer, search: Search
) -> None:
    pat.say("xyzzy")
    answer_all()
    assert 'data-reply="I want to talk to a person"' in pat.log(1)[0]["html"]


def test_too_many_messages_wait_with_a_word(
    make_app: Callable[..., Flask], settings: Settings
) -> None:
    limits = settings.limits.model_copy(update={"messages_per_minute": 2})
    app = make_app(settings.model_copy(update={"limits": limits}))
    pat = Patient(app.test_client())
    assert [pat.say(text).status_code for text in ("a", "b")] == [202, 202]
    refused = pat.say("c")
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert refused.json["error"]["code"] == "too_many_messages"
    assert len(Patient(app.test_client()).log()) == 0, "others are not held up"


def test_too_many_conversations_wait_with_a_word(
    make_app: Callable[..., Flask], settings: Settings
) -> None:
    limits = settings.limits.model_copy(update={"conversations_per_hour": 1})
    client = make_app(settings.model_copy(update={"limits": limits})).test_client()
    Patient(client)
    refused = client.post("/api/v1/conversations", json={})
    assert refused.status_code == 429
    assert refused.json["error"]["code"] == "too_many_conversations"


def test_a_page_address_is_kept_without_its_query(client: Any, services: Services) -> None:
    page = "https://clinic.example/visit?name=Pat#ssn"
    client.post("/api/v1/conversations", json={"page_url": page})
    client.post("/api/v1/conversations", json={"page_url": "javascript:alert(1)"})
    with services.database.reading() as session:
        pages = [each.page_url for each in session.scalars(select(Conversation))]
    assert set(pages) == {"https://clinic.example/visit", None}


def test_a_contact_form_is_checked_kept_and_sent_once(
    pat: Patient, answer_all: Answer, search: Search
) -> None:
    asked = pat.post("/handoff")
    assert asked.status_code == 202
    form = pat.log()[-1]
    assert (form["kind"], form["html"].count("<label for=")) == ("form", 5)
    body = {"client_id": "f", "form": "contact", "fields": {"name": "Pat"}}
    refused = pat.post("/forms", body)
    assert refused.status_code == 422
    assert refused.json["error"]["code"] == "form_invalid"
    assert set(refused.json["error"]["fields"]) == {"phone", "message"}
    fields = {"name": "Pat", "phone": "503 555 9876", "message": "Please call"}
    sent = [pat.post("/forms", {**body, "fields": fields}) for _ in range(2)]
    assert [answer.status_code for answer in sent] == [202, 202]
    assert "Your message was sent" in words(pat.log()[form["n"] - 1]["html"])
    assert sum("Thank you" in text for text in pat.texts()) == 1, "sent once"
    assert pat.state()["status"] == "message_left"
    assert pat.get("/data").json["requests_for_a_person"][0]["contact"]["phone"] == "503 555 9876"


def misses_of(services: Services, pat: Patient) -> int:
    with services.database.reading() as session:
        return session.get_one(Conversation, pat.id).misses


def test_misses_count_in_a_row_and_end_with_a_person(
    pat: Patient, answer_all: Answer, search: Search, rasa: FakeRasa, app: Flask
) -> None:
    pat.say("xyzzy")
    answer_all()
    assert misses_of(of(app), pat) == 1
    search.finds(Outcome.ANSWER, "en/parking")
    pat.say("car")
    answer_all()
    assert misses_of(of(app), pat) == 0, "an answer ends the row"
    search.finds(Outcome.NONE)
    pat.say("xyzzy")
    answer_all()
    pat.say("plugh")
    answer_all()
    assert [heard["metadata"]["misses"] for heard in rasa.heard] == [0, 1, 0, 1]
    assert any("Leave a message" in text for text in pat.texts())
