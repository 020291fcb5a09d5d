"""Figures for operators: there, right, without a word of a patient, and not for strangers."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from search.answer import Outcome
from tests.conftest import Patient, Search
from tests.fakes import FakeRasa, Mood
from tests.web.core.test_core_stream import Stream
from web.chat import turns
from web.config import Settings
from web.desk import handoffs, presence
from web.models import Handoff, Staff
from web.services import of

Answer = Callable[[], int]


def figures(client: FlaskClient) -> dict[str, float]:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    rows = (line.rpartition(" ") for line in answer.text.splitlines() if line[0] != "#")
    return {name: float(value) for name, _, value in rows}


def test_it_counts_what_waits_and_what_was_answered(
    client: FlaskClient, pat: Patient, answer_all: Answer, search: Search, rasa: FakeRasa
) -> None:
    search.finds(Outcome.ANSWER, "en/parking")
    pat.say("where do I park")
    assert figures(client)['front_desk_turns_open{is="waiting"}'] == 1
    answer_all()
    search.finds(Outcome.NONE)
    rasa.mood = Mood.EMPTY
    pat.say("do you mend bicycles")
    answer_all()
    now = figures(client)
    assert now['front_desk_turns_open{is="waiting"}'] == 0
    assert now['front_desk_turns_total{answered_by="rasa",shown="answer"}'] == 1
    assert now['front_desk_turns_total{answered_by="fallback",shown="none"}'] == 1
    assert now['front_desk_rasa_failures_total{why="empty"}'] == 1
    for part in ("wait", "search", "rasa", "store", "turn"):
        assert now[f'front_desk_part_seconds_count{{part="{part}"}}'] == 2
    assert now["front_desk_index_ready"] == 1
    assert now["front_desk_memory_bytes"] > 10_000_000


def test_who_waits_longest_for_a_person_is_told_until_somebody_comes(
    app: Flask, client: FlaskClient, pat: Patient, staff: Callable[[str], Staff]
) -> None:
    assert figures(client)["front_desk_longest_wait_seconds"] == 0
    ana, now = staff("Ana"), of(app).clock()
    with app.app_context(), of(app).database.transaction() as session:
        presence.seen(session, ana.id, now)
        handoffs.request(session, pat.id, "asked")
        session.execute(update(Handoff).values(requested_at=now - timedelta(seconds=300)))
    assert 300 <= figures(client)["front_desk_longest_wait_seconds"] < 400
    with app.app_context(), of(app).database.transaction() as session:
        handoff = handoffs.open_handoff(session, pat.id)
        assert handoff is not None
        handoffs.claim(session, handoff.id, ana.id)
    after = figures(client)
    assert after['front_desk_handoffs_open{is="claimed"}'] == 1
    assert after["front_desk_longest_wait_seconds"] == 0


def test_open_streams_are_counted_until_they_close(client: FlaskClient, pat: Patient) -> None:
    assert figures(client)["front_desk_streams_open"] == 0
    streams = [Stream(pat), Stream(pat)]
    for stream in streams:
        stream.next()
    assert figures(client)["front_desk_streams_open"] == 2
    for stream in streams:
        stream.close()
    assert figures(client)["front_desk_streams_open"] == 0


def test_the_age_of_the_index_and_articles_past_their_date_are_told(
    app: Flask, client: FlaskClient, articles: Path
) -> None:
    before = figures(client)
    assert before["front_desk_articles_overdue"] == 0
    assert 0 <= before["front_desk_index_age_seconds"] < 3600
    file = articles / "en" / "parking.md"
    file.write_text(file.read_text().replace("owner:", "review_by: 2020-01-01\nowner:", 1))
    stored, yesterday = of(app).settings.index_dir / "current", time.time() - 86_400
    os.utime(stored, (yesterday, yesterday))
    after = figures(client)
    assert after["front_desk_articles_overdue"] == 1
    assert 86_400 <= after["front_desk_index_age_seconds"] < 90_000
    stored.unlink()
    assert figures(client)["front_desk_index_age_seconds"] == -1


def test_no_word_of_a_patient_is_among_them(
    client: FlaskClient, pat: Patient, answer_all: Answer, search: Search
) -> None:
    pat.say("xylophone 536-22-8147")
    answer_all()
    text = client.get("/metrics").text
    assert "xylophone" not in text and "8147" not in text and pat.id not in text


def test_they_are_for_this_machine_alone(client: FlaskClient) -> None:
    stranger = {"REMOTE_ADDR": "203.0.113.9"}
    assert client.get("/metrics", environ_base=stranger).status_code == 404
    forwarded = {"X-Forwarded-For": "203.0.113.9"}
    assert client.get("/metrics", headers=forwarded).status_code == 404
    assert client.get("/metrics").status_code == 200


def test_with_a_token_they_are_for_who_has_it(
    settings: Settings, make_app: Callable[..., Flask]
) -> None:
    token = {"metrics_token": "a long word"}
    own = Settings(**{**settings.model_dump(), **token})
    client, stranger = make_app(own).test_client(), {"REMOTE_ADDR": "203.0.113.9"}
    right = {"Authorization": "Bearer a long word"}
    assert client.get("/metrics", headers=right, environ_base=stranger).status_code == 200
    assert client.get("/metrics", headers={"Authorization": "Bearer no"}).status_code == 404
    assert client.get("/metrics").status_code == 404


def test_without_a_database_the_other_figures_are_there(app: Flask, client: FlaskClient) -> None:
    if not of(app).database.is_sqlite:
        pytest.skip("its files are elsewhere")
    of(app).database.dispose()
    shutil.rmtree(of(app).settings.var_dir)
    now = figures(client)
    assert now["front_desk_database_up"] == 0
    assert now["front_desk_index_ready"] == 1


def test_a_request_is_known_by_its_id_from_the_proxy_to_the_answer(
    make_app: Callable[..., Flask],
    settings: Settings,
    rasa: FakeRasa,
    search: Search,
    capsys: pytest.CaptureFixture[str],
) -> None:
    limits = settings.limits.model_copy(update={"trusted_proxies": 1})
    app = make_app(settings.model_copy(update={"limits": limits}))
    pat = Patient(app.test_client())
    given = {**pat.headers, "X-Request-Id": "proxy-0123456789"}
    body = {"client_id": "client-0001", "text": "where do I park"}
    answer = pat.client.post(f"{pat.path}/messages", json=body, headers=given)
    assert answer.headers["X-Request-Id"] == "proxy-0123456789"
    assert turns.Workers(of(app), app.app_context, count=0).do_one()
    assert rasa.headers[-1]["X-Request-Id"] == "proxy-0123456789"
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line[:1] == "{"]
    events = {line["event"] for line in lines if line.get("request") == "proxy-0123456789"}
    assert {"request", "turn.done"} <= events


def test_an_id_that_nobody_trusted_gave_is_not_taken(client: FlaskClient) -> None:
    answer = client.get("/healthz", headers={"X-Request-Id": "planted-0123456"})
    assert re.fullmatch(r"[0-9a-f]{16}", answer.headers["X-Request-Id"])
