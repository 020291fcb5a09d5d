"""The stream and the long poll: every row once, in order, soon."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from search.answer import Outcome
from tests.conftest import Patient, Search
from web.chat import feed
from web.chat.stream import HEARTBEAT, Hub, Typing, sse
from web.config import Settings
from web.services import Services, of

Event = dict[str, Any]


class Stream:
    """An open stream, read piece by piece."""

    def __init__(self, patient: Patient, after: int | None = None, query: str = "") -> None:
        headers = dict(patient.headers)
        if after is not None:
            headers["Last-Event-ID"] = str(after)
        self.response = patient.client.get(patient.path + f"/stream{query}", headers=headers)
        assert self.response.status_code == 200, self.response.text
        self.chunks: Iterator[bytes] = iter(self.response.response)
        self.pieces: list[bytes] = []

    def next(self) -> Event:
        """Return the next event: name, id and data; a heartbeat is named "heartbeat"."""
        while not self.pieces:
            self.pieces = [piece + b"\n\n" for piece in next(self.chunks).split(b"\n\n")[:-1]]
        piece = self.pieces.pop(0)
        if piece == HEARTBEAT:
            return {"event": "heartbeat"}
        lines = dict(line.split(": ", 1) for line in piece.decode().strip().split("\n"))
        return {"event": lines["event"], "id": lines.get("id"), **json.loads(lines["data"])}

    def until_rows(self, count: int) -> list[Event]:
        rows: list[Event] = []
        while len(rows) < count:
            event = self.next()
            if event["event"] == "message":
                rows.append(event)
        return rows

    def close(self) -> None:
        self.response.close()


def test_it_works(pat: Patient) -> None:
    pat.say("hello", "one")
    stream = Stream(pat)
    row, state = stream.next(), stream.next()
    assert (row["event"], row["id"], row["n"], row["author"]) == ("message", "1", 1, "patient")
    assert set(row) == {"event", "id", "n", "author", "kind", "client_id", "at", "html"}
    assert (state["event"], state["id"], state["working"]) == ("state", None, True)
    pat.say("more", "two")
    assert stream.next()["client_id"] == "two"
    stream.close()
    assert stream.response.headers["Content-Type"].startswith("text/event-stream")
    assert stream.response.headers["X-Accel-Buffering"] == "no"
    assert stream.response.headers["Cache-Control"] == "no-store"


def test_a_reply_arrives_without_being_asked_for(running: Flask, search: Search) -> None:
    search.finds(Outcome.ANSWER, "en/parking")
    pat = Patient(running.test_client())
    stream = Stream(pat)
    assert stream.next()["event"] == "state"
    started = time.monotonic()
    pat.say("where do I park")
    rows = stream.until_rows(2)
    assert [row["author"] for row in rows] == ["patient", "bot"]
    assert time.monotonic() - started < 2.0
    stream.close()


@pytest.mark.parametrize("how", ["header", "query"])
def test_a_resumed_stream_begins_after_the_last_row(pat: Patient, how: str) -> None:
    for text in ("a", "b", "c"):
        pat.say(text)
    stream = Stream(pat, 2) if how == "header" else Stream(pat, None, "?after=2")
    assert stream.next()["n"] == 3
    assert stream.next()["event"] == "state"
    stream.close()


@pytest.mark.parametrize("last", ["", "x", "-1", "1e9", "9" * 40, "１"])
def test_a_strange_last_event_id_means_all_or_nothing(pat: Patient, last: str) -> None:
    pat.say("a")
    headers = {**pat.headers, "Last-Event-ID": last}
    assert pat.client.get(pat.path + "/log", headers=headers).status_code == 200


def test_a_stream_cut_anywhere_gives_every_row_once(
    running: Flask, search: Search, services: Services
) -> None:
    search.finds(Outcome.ANSWER, "en/parking")
    writer = Patient(running.test_client())
    reader = Patient.__new__(Patient)
    reader.client, reader.id, reader.token = running.test_client(), writer.id, writer.token
    count = 30
    talk = threading.Thread(target=lambda: [writer.say(f"t{n}") for n in range(count)])
    talk.start()
    chance = random.Random(7)
    got: list[int] = []
    while len(got) < 2 * count:
        stream = Stream(reader, got[-1] if got else None)
        for row in stream.until_rows(min(chance.randint(1, 5), 2 * count - len(got))):
            got.append(row["n"])
        stream.close()
    talk.join()
    assert got == list(range(1, 2 * count + 1))
    assert services.streams.open == 0


def test_a_quiet_stream_shows_a_sign_of_life(pat: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed, "HEARTBEAT_S", 0.2)
    stream = Stream(pat)
    assert stream.next()["event"] == "state"
    assert stream.next()["event"] == "heartbeat"
    stream.close()


def test_a_stream_holds_no_connection_of_the_database(pat: Patient, services: Services) -> None:
    streams = [Stream(pat) for _ in range(5)]
    for stream in streams:
        stream.next()
    assert services.database.engine.pool.checkedout() == 0
    for stream in streams:
        stream.close()


def test_above_the_cap_the_log_is_polled_instead(
    make_app: Callable[..., Flask], settings: Settings
) -> None:
    limits = settings.limits.model_copy(update={"max_streams": 2})
    app = make_app(settings.model_copy(update={"limits": limits}))
    pat = Patient(app.test_client())
    streams = [Stream(pat), Stream(pat)]
    refused = pat.get("/stream")
    assert (refused.status_code, refused.json["error"]["code"]) == (503, "too_many_streams")
    assert pat.get("/log").status_code == 200
    streams[0].close()
    Stream(pat).close()
    streams[1].close()
    assert of(app).streams.open == 0


def test_a_stream_ends_when_the_conversation_is_forgotten(pat: Patient) -> None:
    stream = Stream(pat)
    assert stream.next()["event"] == "state"
    pat.client.delete(pat.path, headers=pat.headers)
    with pytest.raises(StopIteration):
        stream.next()
    stream.close()


def test_a_stream_ends_when_the_process_stops(pat: Patient, services: Services) -> None:
    stream = Stream(pat)
    stream.next()
    threading.Timer(0.1, services.hub.close).start()
    with pytest.raises(StopIteration):
        stream.next()
    stream.close()


def test_a_long_poll_answers_as_soon_as_there_is_something(pat: Patient) -> None:
    threading.Timer(0.2, lambda: pat.say("hello")).start()
    started = time.monotonic()
    found = pat.get("/log?after=0&wait_s=10").json
    assert [row["n"] for row in found["messages"]] == [1]
    assert time.monotonic() - started < 3.0
    assert found["state"]["status"] == "bot"


def test_a_long_poll_with_nothing_new_ends_in_time(pat: Patient) -> None:
    started = time.monotonic()
    assert pat.get("/log?wait_s=0.3").json["messages"] == []
    assert 0.25 < time.monotonic() - started < 2.0


@pytest.mark.parametrize("wait_s", ["nan", "inf", "-5", "x", "1e999", ""])
def test_a_strange_wait_is_no_wait(pat: Patient, wait_s: str) -> None:
    started = time.monotonic()
    assert pat.get(f"/log?wait_s={wait_s}").status_code == 200
    assert time.monotonic() - started < 1.0


def test_typing_of_an_agent_shows_and_ends_by_itself(
    pat: Patient, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.chat.stream.TYPING_S", 0.3)
    stream = Stream(pat)
    assert stream.next()["agent_typing"] is False
    services.typing.mark(pat.id, "agent")
    assert stream.next()["agent_typing"] is True
    assert stream.next()["agent_typing"] is False
    stream.close()


def test_the_patients_typing_is_told_without_words(pat: Patient, services: Services) -> None:
    with services.hub.subscribe([pat.id]) as subscription:
        assert pat.post("/typing").status_code == 204
        assert subscription.wait(1.0) == {pat.id}
    assert services.typing.is_typing(pat.id, "patient")
    assert pat.log() == []


def test_waking_before_waiting_is_not_lost() -> None:
    hub = Hub()
    with hub.subscribe(["a", "b"]) as subscription:
        hub.publish(["a"])
        hub.publish(["b", "a", "c"])
        assert subscription.wait(0.0) == {"a", "b"}
        assert subscription.wait(0.0) == set()
    hub.publish(["a"])
    assert subscription.wait(0.0) == set()


def test_typing_runs_out() -> None:
    now = [0.0]
    typing = Typing(Hub(), lambda: now[0])
    typing.mark("c", "agent")
    assert typing.left_s("c") == 6.0
    now[0] = 6.0
    assert not typing.is_typing("c", "agent")
    assert typing.left_s("c") is None


def test_an_event_is_one_event_whatever_is_in_it() -> None:
    piece = sse("message", {"html": "a\nb\r\n\u2028data: x\n\nevent: y"}, 7).decode()
    assert piece.count("\n") == 4
    assert piece.startswith("event: message\nid: 7\ndata: {")
    assert piece.endswith("}\n\n")
