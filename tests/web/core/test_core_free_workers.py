"""A message goes straight to a free worker, and into the queue where nobody is free."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import cast

import pytest
from flask import Flask
from sqlalchemy import Connection, event, select
from sqlalchemy.exc import OperationalError

from tests.conftest import Patient, Search
from tests.fakes import FakeRasa
from web.chat import leases, turns
from web.chat.free_workers import FreeWorkers, Given
from web.chat.leases import Work
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
    found: list[Given] = []
    thread = threading.Thread(target=lambda: found.append(cast(Given, workers.wait(60))))
    thread.start()
    wait_for_a_free_one(workers)
    work = object()
    with workers.one() as chance:
        workers.ring()
        assert thread.is_alive()
        chance.give(cast(Work, work))
    thread.join()
    assert [each.work for each in found] == [work]


def test_a_worker_searches_before_the_message_is_stored_and_asks_nobody(
    app: Flask, pat: Patient, services: Services, search: Search, rasa: FakeRasa
) -> None:
    pat.say("hello")
    with app.app_context(), services.database.transaction() as session:
        work = leases.take(session, services, "a worker")
    assert work is not None
    given = Given(work)

    def work_on_it() -> None:
        with app.app_context():
            turns.answer(services, given.work, given.is_stored)

    thread = threading.Thread(target=work_on_it)
    thread.start()
    while not search.asked:
        time.sleep(0.01)
    time.sleep(0.1)
    assert not rasa.heard and thread.is_alive()
    given.stored.set_result(True)
    thread.join()
    assert [each["message"] for each in rasa.heard] == ["hello"]


def test_nothing_is_said_to_a_message_that_could_not_be_stored(
    running: Flask, pat: Patient, services: Services, search: Search, rasa: FakeRasa
) -> None:
    wait_for_a_free_one(services.free_workers)

    def disk_is_full(connection: Connection) -> None:
        if not connection.get_execution_options().get("clinic_durable"):
            return  # a count or a lease: only what is said has to last
        while not search.asked:  # until a worker has it
            time.sleep(0.1)
        raise OperationalError("commit", {}, OSError("no space left"))

    event.listen(services.database.engine, "commit", disk_is_full)
    assert pat.say("hello", client_id="one").status_code == 503
    event.remove(services.database.engine, "commit", disk_is_full)
    wait_for_a_free_one(services.free_workers)
    assert not rasa.heard and not pat.log()
    assert pat.say("hello", client_id="one").json["n"] == 1
    assert pat.wait_for("bot", after=1, within_s=60)["n"] == 2
    assert len(rasa.heard) == 1
