"""A patient in danger gets the card, whatever else fails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import create_engine
from werkzeug.test import TestResponse

from safety.danger import Level, screen
from search.answer import Outcome
from tests import postgresql
from tests.conftest import Patient, Search, words
from tests.fakes import FakeRasa
from web import db
from web.config import Settings
from web.models import Block, Staff
from web.services import Services, of

CHEST_PAIN = "I have chest pain"
SUICIDE = "I want to kill myself"


def test_the_screen_still_knows_these() -> None:
    assert screen(CHEST_PAIN).level is Level.EMERGENCY
    assert screen(SUICIDE).level is Level.CRISIS


def has_card(answer: Any, number: str = "911") -> bool:
    card = answer.json["card"]
    return bool(card["kind"] == number and f'href="tel:{number}"' in card["html"])


def test_an_emergency_gets_its_card_and_no_answer_by_itself(
    pat: Patient, answer_all: Callable[[], int], search: Search
) -> None:
    search.finds(Outcome.ANSWER, "en/parking")
    sent = pat.say(f"{CHEST_PAIN}, where do I park?", "danger")
    assert sent.status_code == 202
    assert has_card(sent)
    assert answer_all() == 0
    own, card, line = pat.log()
    assert (card["kind"], card["client_id"]) == ("danger", "danger")
    assert 'data-continue="2"' in card["html"]
    assert 'data-continue="2"' in sent.json["card"]["html"], "the early card has the way on too"
    assert "Nobody is reading this chat" in words(line["html"])
    assert own["n"] == 1


def test_the_patient_may_go_on_from_an_emergency(
    pat: Patient, answer_all: Callable[[], int], search: Search
) -> None:
    search.finds(Outcome.ANSWER, "en/parking")
    pat.say(f"{CHEST_PAIN}, where do I park?", "danger")
    sent = [pat.post("/messages", {"client_id": "go", "continue": 2}) for _ in range(2)]
    assert [answer.status_code for answer in sent] == [202, 202]
    answer_all()
    assert search.asked[0]["question"] == f"{CHEST_PAIN}, where do I park?"
    own, answer = pat.log(3)
    assert words(own["html"]) == "This is not an emergency: answer my question"
    assert "Park behind the house" in answer["html"]


def test_a_crisis_gets_its_card_and_the_rest_is_answered(
    pat: Patient, answer_all: Callable[[], int], search: Search
) -> None:
    search.finds(Outcome.ANSWER, "en/parking")
    sent = pat.say(SUICIDE)
    assert has_card(sent, "988")
    assert "data-continue" not in sent.json["card"]["html"]
    assert answer_all() == 1
    assert [row["kind"] for row in pat.log()] == ["text", "danger", "handoff", "passages"]


def test_a_repeated_post_shows_the_card_again_and_keeps_one(pat: Patient) -> None:
    answers = [pat.say(CHEST_PAIN, "same") for _ in range(3)]
    assert all(has_card(answer) for answer in answers)
    assert answers[0].json == answers[2].json
    assert sum(row["kind"] == "danger" for row in pat.log()) == 1


def test_the_early_card_speaks_as_its_row_does(client: Any) -> None:
    pat = Patient(client, "es")
    early = pat.say("Me duele mucho el pecho y no puedo respirar").json["card"]["html"]
    assert 'lang="es"' in early
    assert early.split('<ul class="kb-replies"')[0] in pat.log()[1]["html"]


def test_the_card_speaks_the_language_of_the_words(pat: Patient) -> None:
    answer = pat.say("Tengo un dolor de pecho muy fuerte")
    assert 'lang="es"' in answer.json["card"]["html"], "the panel was in English"


def test_with_too_many_messages_the_card_is_there(
    make_app: Callable[..., Flask], settings: Settings
) -> None:
    limits = settings.limits.model_copy(update={"messages_per_minute": 1})
    pat = Patient(make_app(settings.model_copy(update={"limits": limits})).test_client())
    pat.say("hello")
    pat.say(CHEST_PAIN)
    refused = pat.say(CHEST_PAIN)
    assert refused.status_code == 429
    assert has_card(refused)


def test_with_too_many_requests_the_card_is_there(
    make_app: Callable[..., Flask], settings: Settings
) -> None:
    limits = settings.limits.model_copy(update={"requests_per_minute": 2})
    pat = Patient(make_app(settings.model_copy(update={"limits": limits})).test_client())
    for _ in range(2):
        pat.say(CHEST_PAIN)
    refused = pat.say(CHEST_PAIN)
    assert refused.json["error"]["code"] == "too_many_requests"
    assert has_card(refused)


def test_a_blocked_patient_sees_the_card(
    pat: Patient, services: Services, staff: Callable[[str], Staff]
) -> None:
    ana = staff("Ana")
    now = services.clock()
    with services.database.transaction() as session:
        until = now + timedelta(hours=1)
        session.add(Block(key=pat.id, until_at=until, staff_id=ana.id, created_at=now))
    refused = pat.say(CHEST_PAIN)
    assert (refused.status_code, refused.json["error"]["code"]) == (403, "blocked")
    assert has_card(refused)
    assert pat.log() == []


def test_a_reused_client_id_shows_the_card(pat: Patient) -> None:
    pat.say("hello", "one")
    refused = pat.say(CHEST_PAIN, "one")
    assert refused.status_code == 409
    assert has_card(refused)


def test_after_the_end_the_card_is_there(pat: Patient) -> None:
    pat.post("/end")
    refused = pat.say(CHEST_PAIN)
    assert refused.json["error"]["code"] == "conversation_ended"
    assert has_card(refused)


@pytest.mark.parametrize("length", [3_000, 200_000])
def test_a_text_far_too_long_shows_the_card(pat: Patient, length: int) -> None:
    refused = pat.say(f"{CHEST_PAIN}. " + "please " * (length // 7))
    assert refused.status_code == 413
    assert has_card(refused)


def test_an_unknown_conversation_shows_the_card(client: Any) -> None:
    path = "/api/v1/conversations/nobody/messages"
    refused = client.post(path, json={"client_id": "a", "text": CHEST_PAIN})
    assert refused.status_code == 404
    assert has_card(refused)


@pytest.mark.parametrize("body", [b'{"text": "I have chest pain"', b"I have chest pain"])
def test_a_broken_body_shows_the_card(pat: Patient, body: bytes) -> None:
    refused = pat.client.post(pat.path + "/messages", data=body, headers=pat.headers)
    assert refused.status_code == 400
    assert has_card(refused)


@contextmanager
def locked(settings: Settings) -> Iterator[None]:
    """Hold what is written to from outside, as a backup tool or a long migration may."""
    engine = create_engine(settings.database, isolation_level="AUTOCOMMIT")
    with engine.connect() as other:
        if postgresql.SERVER:
            other.exec_driver_sql("begin")
            other.exec_driver_sql("lock table conversation in exclusive mode")
        else:
            other.exec_driver_sql("begin immediate")
        yield
        other.exec_driver_sql("rollback")
    engine.dispose()


def test_with_a_locked_database_the_card_is_there_and_all_recovers(
    make_app: Callable[..., Flask], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(db, "BUSY_TIMEOUT_S", 0.2)
    monkeypatch.setitem(db.POSTGRESQL_LIMITS, "lock_timeout", "200ms")
    pat = Patient(make_app().test_client())
    with locked(settings):
        refused = pat.say(CHEST_PAIN, "kept")
        assert (refused.status_code, refused.json["error"]["code"]) == (503, "try_again")
        assert "Retry-After" in refused.headers
        assert has_card(refused)
        assert pat.log() == [], "reading goes on"
    assert pat.say(CHEST_PAIN, "kept").status_code == 202
    assert len(pat.log()) == 3


def test_without_a_database_the_card_is_there(app: Flask, pat: Patient) -> None:
    of(app).database.dispose()
    var = of(app).settings.var_dir
    if postgresql.SERVER:
        postgresql.lose(var)
    else:
        (var / "clinic.sqlite3").rename(var / "clinic.gone")
    refused = pat.say(CHEST_PAIN)
    assert refused.status_code == 503
    assert has_card(refused)


def test_while_an_agent_has_the_chat_the_screen_goes_on(
    pat: Patient,
    app: Flask,
    answer_all: Callable[[], int],
    search: Search,
    rasa: FakeRasa,
    claimed: Callable[[Patient], int],
) -> None:
    claimed(pat)
    before = len(pat.log())
    assert has_card(pat.say(CHEST_PAIN))
    assert pat.say("hello").json["card"] is None
    assert answer_all() == 0, "the bot is silent"
    assert rasa.heard == []
    assert [row["kind"] for row in pat.log(before)] == ["text", "danger", "text"]


# Words that are in no message --------------------------------------------------------------------

FORM = {"name": "Pat", "phone": "", "message": "I want to kill myself"}


def send_form(pat: Patient, fields: dict[str, str], client_id: str = "f1") -> TestResponse:
    return pat.post("/forms", {"client_id": client_id, "form": "contact", "fields": fields})


def cards_in_log(pat: Patient) -> list[str]:
    return [row["html"] for row in pat.log() if row["kind"] == "danger"]


def test_a_form_that_cannot_be_taken_shows_the_card(pat: Patient) -> None:
    for _ in range(2):
        answer = send_form(pat, FORM)
        assert (answer.status_code, answer.json["error"]["code"]) == (422, "form_invalid")
        assert "988" in answer.json["card"]["html"]
    assert len(cards_in_log(pat)) == 1, "the same form sent again shows it once"


def test_a_form_that_is_taken_shows_the_card_too(pat: Patient) -> None:
    answer = send_form(pat, {**FORM, "phone": "503 555 0187"})
    assert answer.status_code == 202
    assert "988" in answer.json["card"]["html"]
    assert len(cards_in_log(pat)) == 1


def test_a_form_that_was_refused_and_then_taken_shows_one_card(pat: Patient) -> None:
    pat.post("/handoff")
    assert send_form(pat, FORM, "f1").status_code == 422
    assert send_form(pat, {**FORM, "phone": "503 555 0187"}, "f2").status_code == 202
    assert len(cards_in_log(pat)) == 1, "the panel gives a form a new number after a refusal"


@pytest.mark.parametrize("body", [b'{"fields": "I want to kill myself', b"I want to kill myself"])
def test_a_broken_form_shows_the_card(pat: Patient, body: bytes) -> None:
    path = f"{pat.path}/forms"
    answer = pat.client.post(path, data=body, headers=pat.headers, content_type="application/json")
    assert answer.status_code == 400
    assert "988" in answer.json["card"]["html"]


@pytest.mark.parametrize("fields", [[], None, "x", {"message": 4}, {"message": ["x"]}])
def test_a_form_of_another_shape_is_refused_without_a_fault(pat: Patient, fields: Any) -> None:
    answer = send_form(pat, fields)
    assert answer.status_code == 400
    assert answer.json["card"] is None


def test_a_form_without_danger_shows_none(pat: Patient) -> None:
    answer = send_form(pat, {"name": "Pat", "phone": "", "message": "please call me"})
    assert answer.status_code == 422
    assert answer.json["card"] is None and cards_in_log(pat) == []


def test_the_comment_of_a_rating_is_screened(pat: Patient) -> None:
    rated = pat.post("/rating", {"score": 1, "comment": "I want to kill myself"})
    assert rated.status_code == 200
    assert "988" in rated.json["card"]["html"]
    assert len(cards_in_log(pat)) == 1
    pat.post("/end")
    assert pat.post("/rating", {"score": 2, "comment": "fine"}).json["card"] is None


def test_nobody_can_go_on_from_a_card_that_has_no_question(
    pat: Patient, answer_all: Callable[[], int]
) -> None:
    send_form(pat, {**FORM, "message": "my chest hurts and my left arm is numb"})
    [card] = [row["n"] for row in pat.log() if row["kind"] == "danger"]
    sent = pat.post("/messages", {"client_id": "go", "continue": card})
    assert sent.status_code == 404
    pat.say("hello")
    assert answer_all() == 1
