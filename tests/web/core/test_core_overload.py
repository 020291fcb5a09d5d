"""Too much to do: what is left out, in which order, and what the patient is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from search.answer import Outcome
from tests.conftest import Patient, Search
from tests.fakes import FakeRasa
from tests.web.staff_desk import PageClient
from web.accounts.staff import add_staff
from web.chat.overload import Effort, effort
from web.models import RoleName, Turn
from web.services import of

Answer = Callable[[], int]


def waits(app: Flask, seconds: float) -> None:
    """Let every waiting message have come that long ago."""
    with of(app).database.transaction() as session:
        past = of(app).clock() - timedelta(seconds=seconds)
        session.execute(update(Turn).values(created_at=past))


@pytest.mark.parametrize(
    ("waited_s", "fence", "done"),
    [
        (0.0, 1, Effort.ALL),
        (3.9, 1, Effort.ALL),
        (4.0, 1, Effort.ARTICLES),
        (20.0, 1, Effort.NOTHING),
        (60.0, 2, Effort.ALL),  # its worker died: that is no overload
    ],
)
def test_less_is_done_for_what_waited_longer(waited_s: float, fence: int, done: Effort) -> None:
    assert effort(waited_s, fence) is done


def test_a_late_message_is_answered_from_the_articles_without_rasa(
    app: Flask, pat: Patient, answer_all: Answer, search: Search, rasa: FakeRasa
) -> None:
    search.finds(Outcome.ANSWER, "en/parking")
    pat.say("where do I park")
    waits(app, 5)
    answer_all()
    assert rasa.heard == []
    assert [row["kind"] for row in pat.log()] == ["text", "passages", "text"]
    assert "Many people are writing now" in pat.texts()[-1]


def test_a_very_late_one_is_told_the_truth_and_a_number(
    app: Flask, pat: Patient, answer_all: Answer, search: Search, rasa: FakeRasa
) -> None:
    pat.say("where do I park")
    waits(app, 30)
    answer_all()
    assert (rasa.heard, search.asked) == ([], [])
    assert "could not look this up" in pat.texts()[-1] and "555-0110" in pat.texts()[-1]


def test_the_next_one_of_a_patient_who_writes_fast_is_no_overload(
    app: Flask, pat: Patient, answer_all: Answer, search: Search, rasa: FakeRasa
) -> None:
    pat.say("first")
    pat.say("second")
    with of(app).database.transaction() as session:
        past = of(app).clock() - timedelta(seconds=5)
        session.execute(update(Turn).where(Turn.n == 2).values(created_at=past))
    answer_all()
    assert len(rasa.heard) == 2, "it waited for the one before, not for a worker"


def test_a_danger_card_and_a_person_never_wait(
    app: Flask, pat: Patient, answer_all: Answer, search: Search
) -> None:
    pat.say("where do I park")
    waits(app, 30)
    answer_all()
    assert of(app).overload.is_on
    assert pat.say("I want to kill myself").json["card"]["kind"] == "988"
    assert pat.post("/handoff").status_code == 202


def test_insights_rest_while_patients_wait(
    app: Flask, pat: Patient, answer_all: Answer, search: Search
) -> None:
    app.testing = True
    with app.app_context(), of(app).database.transaction() as session:
        add_staff(session, "max@clinic.example", "Max", [RoleName.MANAGER], "four quiet words")
    max_ = app.test_client()
    PageClient(max_).sign_in("max@clinic.example", "four quiet words")
    assert max_.get("/insights/").status_code == 200
    pat.say("where do I park")
    waits(app, 30)
    answer_all()
    answer = max_.get("/insights/")
    assert answer.status_code == 503 and "Try again in a moment" in answer.text
    now = of(app).overload
    now._clock = lambda: 10.0**9
    assert max_.get("/insights/").status_code == 200


def test_it_is_counted(app: Flask, pat: Patient, answer_all: Answer, search: Search) -> None:
    pat.say("where do I park")
    waits(app, 5)
    answer_all()
    assert 'front_desk_shed_total{what="rasa"} 1.0' in app.test_client().get("/metrics").text
