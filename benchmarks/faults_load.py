"""Too much at once: more messages than can be answered, and lines that drip a byte at a time."""

from __future__ import annotations

import random
import socket
import threading
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path

import requests

from benchmarks.agents import Agent
from benchmarks.fault import Line, Row, host_and_rasa, until_enough
from benchmarks.faults_desk import ask_for_person
from benchmarks.hosts import Writer, check
from benchmarks.report import quantiles_ms

CHATS = 80
RATE_PER_S = 20
RASA_TAKES_S = 2.5  # a worker answers one message in that time, and there are six
CARD_WITHIN_S = 10.0  # also on a machine ten times slower; the figures say how long


def overload(size: int, folder: Path) -> Row:
    """size: seconds of more messages than the assistant can answer."""
    with host_and_rasa(folder) as (host, rasa), ExitStack() as stack:
        manager = Agent(host, "Max", role="manager")
        ana = Agent(host, "Ana")
        crowd = [Writer(host.url) for _ in range(CHATS)]
        rasa.delay_s = RASA_TAKES_S
        over = threading.Event()
        stack.callback(over.set)
        flood = [threading.Thread(target=_flood, args=(crowd[n::8], over)) for n in range(8)]
        for thread in flood:
            thread.start()
        time.sleep(6)  # the first ones have waited too long by now
        cards, people, rested = list[float](), list[float](), 0
        ends = time.monotonic() + size
        while time.monotonic() < ends:
            ana.ping()
            cards.append(_timed(lambda: _danger(Writer(host.url))))
            people.append(_timed(lambda: ask_for_person(Writer(host.url))))
            rested += manager.status("/insights/") == 503
        over.set()
        for thread in flood:
            thread.join(30)
        shed = {
            what: int(host.figures().get(f'front_desk_shed_total{{what="{what}"}}', 0))
            for what in ("rasa", "search")
        }
        messages = sum(check(writer) for writer in crowd)
    assert shed["rasa"] and rested, (shed, rested)
    assert max(cards) <= CARD_WITHIN_S and max(people) <= CARD_WITHIN_S, (max(cards), max(people))
    seen = f"{messages} messages; shed: insights {rested} ×, Rasa {shed['rasa']} ×"
    figure = (
        f"{len(cards)} of {len(cards)} danger cards {quantiles_ms(cards)}, {len(people)} of "
        f"{len(people)} people asked for {quantiles_ms(people)}; every message answered, "
        f"{shed['search']} with a number to call"
    )
    return Row("more messages than answers", size, seen, figure)


def _flood(chats: list[Writer], over: threading.Event) -> None:
    each_s = 8 / RATE_PER_S
    while not over.wait(each_s):
        writer = random.choice(chats)
        if (n := writer.post(client_id := uuid.uuid4().hex)) is not None:
            writer.acknowledged[client_id] = n


def _danger(patient: Writer) -> None:
    body = {"client_id": uuid.uuid4().hex, "text": "I have chest pain and cannot breathe"}
    answer = requests.post(
        f"{patient.path}/messages", json=body, headers=patient.headers, timeout=30
    )
    assert answer.json()["card"], answer.status_code


def _timed(act: Callable[[], None]) -> float:
    """Return how long it took, the patient's first request included."""
    started = time.monotonic()
    act()
    return time.monotonic() - started


# Drips -------------------------------------------------------------------------------------------


def drips(size: int, folder: Path) -> Row:
    """size: messages over a line of some bytes at a time; half-sent requests hang on beside."""
    with host_and_rasa(folder) as (host, _), ExitStack() as stack:
        line = stack.enter_context(closing(Drip(host.port)))
        hanging = [_half_a_request(host.port) for _ in range(50)]
        for each in hanging:
            stack.callback(each.close)
        slow = Writer(f"http://127.0.0.1:{line.port}")
        quick, took = Writer(host.url), list[float]()
        posting = threading.Thread(target=_post_all, args=(slow, size))
        posting.start()
        while posting.is_alive():
            took.append(_timed(lambda: _post(quick)))
            time.sleep(0.1)
        posting.join()
        assert check(slow) == len(slow.acknowledged), "each message once"
        check(quick)
        heard = slow.whole_log()
        assert [row["n"] for row in heard] == list(range(1, len(heard) + 1))
    assert line.pieces > 20 * size, line.pieces
    seen = f"{line.pieces} pieces of {Drip.PIECE} bytes; 50 requests never finished"
    figure = f"{size} messages once, in order; others' posts beside it {quantiles_ms(took)}"
    return Row("a line that drips", size, seen, figure)


def _post_all(writer: Writer, size: int) -> None:
    for _ in until_enough(size):
        _post(writer)


def _post(writer: Writer) -> None:
    client_id = uuid.uuid4().hex
    writer.acknowledged[client_id] = writer.post_until_taken(client_id)


def _half_a_request(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port))
    connection.sendall(b"POST /api/v1/conversations HTTP/1.1\r\nHost: x\r\nContent-Le")
    return connection


class Drip(Line):
    """Passes a few bytes at a time, both ways."""

    PIECE = 7
    EACH_S = 0.02

    def __init__(self, port: int) -> None:
        self.pieces = 0
        super().__init__(port)

    def pass_on(self, source: socket.socket, target: socket.socket) -> None:
        while piece := source.recv(self.PIECE):
            time.sleep(self.EACH_S)
            target.sendall(piece)
            self.pieces += 1
        target.shutdown(socket.SHUT_WR)
