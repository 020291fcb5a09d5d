"""Turns: one at a time, never lost, answered once."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from search.answer import Outcome
from tests.conftest import Patient, Search, write_article
from tests.fakes import FakeRasa
from web.background import Background
from web.chat import conversations, leases, turns
from web.chat.replies import without_search
from web.desk import handoffs
from web.models import AnsweredBy, Author, Conversation, Kind, Staff, Turn, TurnState
from web.services import Services, of


def lease(app: Flask, owner: str = "tester") -> leases.Work:
    with app.app_context(), of(app).database.transaction() as session:
        work = leases.take(session, of(app), owner)
    assert work is not None
    return work


def dies(app: Flask) -> None:
    """End the lease of a worker that is gone, as the time does where other hosts may live on."""
    with of(app).database.transaction() as session:
        past = of(app).clock() - timedelta(seconds=1)
        session.execute(update(Turn).values(lease_until=past))


def finish(app: Flask, work: leases.Work) -> bool:
    plan = without_search(of(app).settings, "en")
    with app.app_context():
        return turns.finish(of(app), work, plan, None)


def test_a_turn_left_running_is_taken_up_after_a_restart_and_answered_once(
    app: Flask, pat: Patient, make_app: Callable[..., Flask], search: Search, rasa: FakeRasa
) -> None:
    pat.say("hello")
    crashed = lease(app)  # the process dies here
    if not of(app).database.is_sqlite:
        dies(app)
    after = make_app()
    background = Background(after)
    background.start()
    try:
        again = Patient.__new__(Patient)
        again.client, again.id, again.token = after.test_client(), pat.id, pat.token
        assert again.wait_for("bot")["n"] == 2
        assert finish(after, crashed) is False, "the dead one's replies are discarded"
        assert len(again.log()) == 2
        assert rasa.heard[0]["sender"] == f"{pat.id}.2", "a retry gets a new segment"
    finally:
        background.stop()


def test_a_sweep_that_goes_wrong_is_made_up_for_by_the_next(
    app: Flask, pat: Patient, search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.background.SWEEP_S", 0.05)
    background, wrong = Background(app), threading.Event()

    def full_disk() -> None:
        wrong.set()
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(background._articles, "sweep", full_disk)
    background.start()
    try:
        assert wrong.wait(10)
        wrong.clear()
        assert wrong.wait(10), "it is tried again"
        with of(app).database.transaction() as session:  # of a worker that is gone
            conversations.append(session, pat.id, author=Author.PATIENT, kind=Kind.TEXT, text="hi")
            past = of(app).clock() - timedelta(seconds=1)
            left = {"state": TurnState.RUNNING, "lease_until": past, "created_at": past}
            session.add(Turn(conversation_id=pat.id, n=1, **left))
        assert pat.wait_for("bot")["n"] == 2
    finally:
        background.stop()


def test_the_server_is_told_when_all_is_warm_even_where_something_could_not_be_loaded(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = list[str]()
    for state in ("warm", "damaged"):
        background = Background(app, on_warm=lambda: told.append("now"))
        if state == "damaged":
            monkeypatch.setattr(background, "_load", lambda: 1 / 0)
        of(app).stopping.set()  # nothing else of it runs
        with suppress(ZeroDivisionError):
            background._warm()
    assert told == ["now", "now"]


def test_an_expired_lease_is_given_to_another(
    app: Flask, pat: Patient, answer_all: Callable[[], int], search: Search, services: Services
) -> None:
    pat.say("hello")
    late = lease(app)
    assert answer_all() == 0, "somebody has it"
    with services.database.transaction() as session:
        assert leases.recover(session, services) == 0, "its lease holds"
        past = services.clock() - timedelta(seconds=1)
        session.execute(update(Turn).values(lease_until=past))
        assert leases.recover(session, services) == 1
    assert answer_all() == 1
    assert finish(app, late) is False
    assert [row["author"] for row in pat.log()] == ["patient", "bot"]


def test_a_reply_that_cannot_be_stored_becomes_one_that_can(
    pat: Patient,
    answer_all: Callable[[], int],
    search: Search,
    rasa: FakeRasa,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("nobody foresaw this")

    monkeypatch.setattr(handoffs, "request", broken)
    rasa.say({"text": "Sure."}, {"custom": {"kind": "handoff", "reason": "asked"}})
    pat.say("a person please")
    assert answer_all() == 1
    assert [row["kind"] for row in pat.log()] == ["text", "text"]
    assert "could not look that up" in pat.texts()[1]


def test_a_late_worker_is_discarded_while_the_next_one_runs(
    app: Flask, pat: Patient, services: Services
) -> None:
    pat.say("hello")
    late = lease(app)
    dies(app)
    with services.database.transaction() as session:
        leases.recover(session, services)
    current = lease(app, "another")
    assert (late.fence, current.fence) == (1, 2)
    assert finish(app, late) is False
    assert finish(app, current) is True
    assert finish(app, current) is False, "a turn writes its replies once"
    assert [row["author"] for row in pat.log()] == ["patient", "bot"]


def test_a_conversation_has_one_running_turn_at_a_time(app: Flask, pat: Patient) -> None:
    pat.say("one")
    pat.say("two")
    other = Patient(app.test_client())
    other.say("three")
    first, second = lease(app), lease(app)
    assert [first.question.text, second.question.text] == ["one", "three"]
    with app.app_context(), of(app).database.transaction() as session:
        assert leases.take(session, of(app), "x") is None
    assert finish(app, first)
    assert lease(app).question.text == "two"


def test_the_database_too_allows_one_running_turn(pat: Patient, services: Services) -> None:
    pat.say("one")
    pat.say("two")
    with pytest.raises(IntegrityError), services.database.transaction() as session:
        session.execute(update(Turn).values(state=TurnState.RUNNING))


def test_workers_answer_many_conversations_in_order_and_once(
    running: Flask, search: Search, rasa: FakeRasa
) -> None:
    search.finds(Outcome.ANSWER, "en/parking")
    patients = [Patient(running.test_client()) for _ in range(6)]

    def talk(patient: Patient) -> list[tuple[int, str]]:
        for number in range(5):
            patient.say(f"question {number}")
        last = 0
        while patient.state()["working"]:
            patient.get(f"/log?after={last}&wait_s=0.2")
        return [(row["n"], row["author"]) for row in patient.log()]

    with ThreadPoolExecutor(6) as pool:
        logs = list(pool.map(talk, patients))
    for rows in logs:
        assert [n for n, _ in rows] == list(range(1, 11))
        assert sum(author == "bot" for _, author in rows) == 5
    asked = [heard["message"] for heard in rasa.heard if heard["sender"].startswith(patients[0].id)]
    assert asked == [f"question {number}" for number in range(5)]


def test_no_transaction_is_open_while_rasa_thinks(
    running: Flask, search: Search, rasa: FakeRasa
) -> None:
    pat, other = Patient(running.test_client()), Patient(running.test_client())
    rasa.delay_s = 1.0
    pat.say("hello")
    done = threading.Event()

    def write() -> None:
        other.say("meanwhile")
        done.set()

    threading.Thread(target=write).start()
    assert done.wait(0.8), "another patient writes while Rasa thinks"
    rasa.delay_s = 0.0
    pat.wait_for("bot")


def test_replies_are_dropped_when_an_agent_came_in_between(
    app: Flask, pat: Patient, services: Services, claimed: Callable[[Patient], int]
) -> None:
    pat.say("hello")
    work = lease(app)
    claimed(pat)
    before = len(pat.log())
    assert finish(app, work) is True
    assert len(pat.log()) == before
    with services.database.reading() as session:
        assert session.scalars(select(Turn.state)).one() is TurnState.SILENCED
    assert pat.state()["working"] is False


def test_a_waiting_turn_is_not_asked_of_rasa_once_an_agent_has_the_chat(
    pat: Patient,
    answer_all: Callable[[], int],
    search: Search,
    rasa: FakeRasa,
    claimed: Callable[[Patient], int],
) -> None:
    pat.say("hello")
    claimed(pat)
    assert answer_all() == 0
    assert rasa.heard == []
    assert pat.state()["working"] is False


def segment(services: Services, pat: Patient) -> int:
    with services.database.reading() as session:
        return session.get_one(Conversation, pat.id).segment


def test_after_twenty_turns_a_new_segment_begins(
    pat: Patient, answer_all: Callable[[], int], search: Search, rasa: FakeRasa
) -> None:
    search.finds(Outcome.ANSWER, "en/parking")
    for number in range(21):
        pat.say(f"question {number}")
        answer_all()
    senders = [heard["sender"] for heard in rasa.heard]
    assert senders == [f"{pat.id}.1"] * 20 + [f"{pat.id}.2"]


def test_after_an_hour_of_silence_a_new_segment_begins(
    pat: Patient, services: Services, answer_all: Callable[[], int], search: Search
) -> None:
    pat.say("xyzzy")
    answer_all()
    assert segment(services, pat) == 1
    with services.database.transaction() as session:
        conversation = session.get_one(Conversation, pat.id)
        conversation.last_message_at -= timedelta(minutes=61)
    pat.say("hello")
    assert segment(services, pat) == 2
    with services.database.reading() as session:
        assert session.get_one(Conversation, pat.id).misses == 0


def test_a_return_from_an_agent_begins_a_new_segment(
    pat: Patient,
    app: Flask,
    services: Services,
    answer_all: Callable[[], int],
    search: Search,
    rasa: FakeRasa,
    claimed: Callable[[Patient], int],
    staff: Callable[[str], Staff],
) -> None:
    handoff_id, ana = claimed(pat), staff("Ana")
    with app.app_context(), services.database.transaction() as session:
        handoffs.return_to_bot(session, handoff_id, ana.id)
    pat.say("hello")
    answer_all()
    assert rasa.heard[0]["sender"] == f"{pat.id}.2"


def test_a_follow_up_takes_the_question_before_along(
    pat: Patient, services: Services, answer_all: Callable[[], int], search: Search
) -> None:
    pat.say("where do I park")
    pat.say("and at night?")
    answer_all()
    assert [asked["previous"] for asked in search.asked] == [None, "where do I park"]


def test_two_questions_of_one_message_get_both_passages_in_one_reply(
    pat: Patient, services: Services, answer_all: Callable[[], int], search: Search
) -> None:
    search.finds(Outcome.ANSWER, "en/parking")
    search.also = ("en/bills",)
    pat.say("where do I park? and how do I pay?")
    answer_all()
    [reply] = [row for row in pat.log() if row["kind"] == "passages"]
    assert reply["html"].index("Where do I park?") < reply["html"].index("How do I pay my bill?")
    assert reply["html"].count('class="kb-rating"') == 1


def test_what_is_here_in_one_language_alone_says_so_and_names_the_interpreter(
    client: FlaskClient, services: Services, answer_all: Callable[[], int], search: Search
) -> None:
    pat = Patient(client, "es")
    search.finds(Outcome.CHOICES, "en/parking")
    pat.say("donde me estaciono")
    answer_all()
    search.finds(Outcome.ANSWER, "en/parking")
    pat.say("donde me estaciono pues")
    answer_all()
    [offered, shown] = [row["html"] for row in pat.log() if row["kind"] in ("choices", "passages")]
    assert '<span lang="en">Where do I park?</span> (en inglés)' in offered
    assert "solo en inglés" in shown and 'href="tel:5035550150"' in shown
    folder = services.settings.articles_dir
    write_article(
        folder, "es/carro", "¿Y el carro?", "visita", "Atrás.", translation_of="en/parking"
    )
    services.publisher.refresh()
    assert not any("solo en inglés" in row["html"] for row in pat.log())


def test_of_a_long_passage_the_part_that_answers_is_shown(
    pat: Patient, services: Services, answer_all: Callable[[], int], search: Search
) -> None:
    filling = " ".join(f"The hall has door number {n}." for n in range(60))
    body = f"{filling}\n\n- Vans park <b>behind</b> the house.\n- Cars park in front.\n\n{filling}"
    write_article(services.settings.articles_dir, "en/vans", "Vans?", "visiting", body)
    services.publisher.refresh()
    search.finds(Outcome.ANSWER, "en/vans")
    pat.say("where do vans and cars park")
    answer_all()
    [reply] = [row for row in pat.log() if row["kind"] == "passages"]
    assert "<li>Vans park behind the house.</li>" in reply["html"]
    assert 10 < len(re.sub("<[^>]+>", " ", reply["html"]).split()) < 120
    assert "Read more" in reply["html"]


def test_what_a_turn_found_is_kept_for_insights(
    pat: Patient, services: Services, answer_all: Callable[[], int], search: Search
) -> None:
    search.finds(Outcome.ANSWER, "en/parking")
    pat.say("where do I park")
    answer_all()
    with services.database.reading() as session:
        turn = session.scalars(select(Turn)).one()
    kept = (turn.state, turn.outcome, turn.confidence, turn.engine, turn.answered_by)
    assert kept == (TurnState.DONE, "answer", 0.9, "full", AnsweredBy.RASA)
    assert turn.done_at is not None
