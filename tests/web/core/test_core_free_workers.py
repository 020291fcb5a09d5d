"""A message goes straight to a free worker, and into the queue where nobody is free."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from tests.conftest import Patient, Search
from tests.fakes import FakeRasa
from web.chat import leases
from web.chat.free_workers import FreeWorkers
from web.models import Turn, TurnState
from web.services import Services


def wait_for_a_free_one(workers: FreeWorkers) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with workers.one() as chance:
            if chance.is_good:
                return
        time.sleep(0.01)
    raise AssertionError("no worker became free")


def test_a_message_is_answered_past_the_queue(
    running: Flask,
    pat: Patient,
    services: Services,
    search: Search,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wait_for_a_free_one(services.free_workers)
    monkeypatch.setattr(leases, "take", lambda *_: None)  # nobody finds anything in the queue
    for n in (1, 3):
        assert pat.say("hello").json["n"] == n
        assert pat.wait_for("bot", after=n, within_s=60)["n"] == n + 1
        wait_for_a_free_one(services.free_workers)


def test_a_message_after_an_unfinished_one_waits_for_it(
    running: Flask, pat: Patient, services: Services, search: Search, rasa: FakeRasa
) -> None:
    wait_for_a_free_one(services.free_workers)
    rasa.delay_s = 0.5
    pat.say("one")
    wait_for_a_free_one(services.free_workers)
    pat.say("two")
    with services.database.reading() as session:
        states = session.scalars(select(Turn.state).order_by(Turn.n)).all()
    assert states[1] in (TurnState.WAITING, TurnState.DONE), "not two at once"
    assert pat.wait_for("bot", after=3, within_s=60)["n"] == 4
    assert [each["message"] for each in rasa.heard] == ["one", "two"]


def test_a_message_waits_in_the_queue_where_nobody_is_free(
    pat: Patient, services: Services, search: Search, answer_all: Callable[[], int]
) -> None:
    pat.say("hello")
    with services.database.reading() as session:
        assert session.scalar(select(Turn.state)) is TurnState.WAITING
    assert answer_all() == 1


def test_a_worker_is_given_back_when_the_message_could_not_be_stored() -> None:
    workers = FreeWorkers()
    thread = threading.Thread(target=workers.wait, args=(60,))
    thread.start()
    wait_for_a_free_one(workers)
    with pytest.raises(OSError, match="full"), workers.one() as chance:
        assert chance.is_good
        with workers.one() as another:
            assert not another.is_good, "there is only one"
        raise OSError("the disk is full")
    wait_for_a_free_one(workers)
    workers.close()
    thread.join()
    with workers.one() as chance:
        assert not chance.is_good


def test_a_ring_does_not_take_the_worker_who_is_reserved() -> None:
    workers = FreeWorkers()
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(workers.wait(60)))
    thread.start()
    wait_for_a_free_one(workers)
    work = object()
    with workers.one() as chance:
        workers.ring()
        assert thread.is_alive()
        chance.work = work  # type: ignore[assignment]
    thread.join()
    assert found == [work]
