"""A whole chat turn (post → the bot's answer on the stream) beside its floor, in one run.

Floor: the same question through `search.ask`, with the same question before it, plus one bare
request to Rasa's REST channel with the same model, metadata and turn number. The two are measured
turn by turn, so that a noisy machine harms both alike. A turn also waits for the disk twice, for
the message and for the reply, which the floor does not: what one flush takes stands beside them.
"""

from __future__ import annotations

import os
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import requests

from benchmarks.chat import Patient
from benchmarks.product import ROOT, Product
from benchmarks.report import keep, quantiles_ms
from search.answer import Found, Outcome, ask
from search.articles import read_article
from search.encoder import Encoder, load_encoder
from search.index import Index, IndexMissing, load

TURNS = 200
TURNS_PER_CONVERSATION = 10
INDEX_WITHIN_S = 120.0
STEADY_RATE_PER_S = 5.0
STEADY_SECONDS = 30.0
GOAL_RATIO = 1.5
FLUSH_BYTES = 12_000
LIMITS = {
    "messages_per_minute = 20": "messages_per_minute = 100000",
    "conversations_per_hour = 30": "conversations_per_hour = 100000",
    "requests_per_minute = 600": "requests_per_minute = 1000000",
}


def run() -> int:
    """Measure, print and keep the figures; return 0 when the goals of both rows are met."""
    with tempfile.TemporaryDirectory() as folder, Product(Path(folder), LIMITS) as product:
        questions = sample_questions(product.articles)
        encoder = load_encoder(ROOT / "var" / "models")
        index = settled_index(product)
        floor = Floor(product, index, encoder)
        turn_s, floor_s = measure_side_by_side(product, floor, questions)
        flush_s = measure_flushes(product.var)
        steady_s = measure_steadily(product, questions)
    figures = {
        "turn": quantiles_ms(turn_s),
        "floor": quantiles_ms(floor_s),
        "one_flush": quantiles_ms(flush_s),
        "steady_5_per_s": quantiles_ms(steady_s),
    }
    ratio = figures["turn"]["p50_ms"] / figures["floor"]["p50_ms"]
    for name, row in figures.items():
        print(f"{name:<16} p50 {row['p50_ms']:7.1f} ms   p95 {row['p95_ms']:7.1f} ms")
    print(f"turn p50 is {ratio:.2f} × its floor (goal {GOAL_RATIO})")
    print(
        f"kept in {keep('turn', {**figures, 'ratio_p50': round(ratio, 2), 'turns': len(turn_s)})}"
    )
    return 0 if ratio <= GOAL_RATIO and figures["steady_5_per_s"]["p95_ms"] <= 1000 else 1


def measure_flushes(folder: Path, times: int = 100) -> list[float]:
    """Return the seconds until as much as a message's rows is on the disk of `folder`."""
    seconds = []
    with (folder / "flushes").open("wb", buffering=0) as file:
        for _ in range(times):
            file.write(bytes(FLUSH_BYTES))
            started = time.monotonic()
            os.fdatasync(file.fileno())
            seconds.append(time.monotonic() - started)
            time.sleep(0.01)
    return seconds


def settled_index(product: Product) -> Index:
    """Wait until the index is stored: before, the product builds and learns beside its turns."""
    deadline = time.monotonic() + INDEX_WITHIN_S
    while True:
        try:
            return load(product.var / "index")
        except IndexMissing:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def sample_questions(articles: Path) -> list[str]:
    """Return the editors' sample questions, in an order that is the same in every run."""
    questions = [
        question
        for path in sorted(articles.rglob("*.md"))
        for question in read_article(path, articles).questions
    ]
    random.Random(0).shuffle(questions)
    return questions


class Floor:
    """What a turn cannot do without: one search and one bare request to Rasa."""

    def __init__(self, product: Product, index: Index, encoder: Encoder) -> None:
        port = product.processes()["assistant_port"]
        self._url = f"http://127.0.0.1:{port}/webhooks/rest/webhook"
        self._session = requests.Session()
        self._index = index
        self._encoder = encoder
        self._sender = ""
        self._previous: str | None = None
        self._misses = 0

    def begin(self, sender: str) -> None:
        self._sender, self._previous, self._misses = sender, None, 0

    def turn_s(self, question: str) -> float:
        started = time.monotonic()
        found = ask(self._index, self._encoder, question, previous=self._previous)
        body = rasa_request(self._sender, found, self._misses)
        answer = self._session.post(self._url, json=body, timeout=10)
        answer.raise_for_status()
        items = answer.json()
        took_s = time.monotonic() - started
        if not items:
            raise RuntimeError("Rasa answered with an empty list")
        self._previous = question
        is_handed_off = any(item.get("custom", {}).get("kind") == "handoff" for item in items)
        missed = found.outcome is Outcome.NONE and not is_handed_off
        self._misses = self._misses + 1 if missed else 0
        return took_s


def rasa_request(sender: str, found: Found, misses: int) -> dict[str, Any]:
    vector = None if found.vector is None else [round(float(x), 6) for x in found.vector]
    metadata = {"vector": vector, "kb": found.outcome.value, "misses": misses, "lang": found.lang}
    metadata |= {"open": False, "waiting": False}
    return {"sender": sender, "message": found.question, "metadata": metadata}


def measure_side_by_side(
    product: Product, floor: Floor, questions: Sequence[str]
) -> tuple[list[float], list[float]]:
    """Return the seconds of each turn and of each floor, in the order they ran."""
    turn_s: list[float] = []
    floor_s: list[float] = []
    patient: Patient | None = None
    for number in range(TURNS):
        question = questions[number % len(questions)]
        if number % TURNS_PER_CONVERSATION == 0:
            if patient:
                patient.close()
            patient = Patient(product.url)
            floor.begin(f"floor-{patient.id}")
        assert patient is not None
        patient.forget_what_came()
        sent = patient.post(question)
        turn_s.append(patient.next_from("bot").at - sent)
        floor_s.append(floor.turn_s(question))
    return turn_s, floor_s


def measure_steadily(product: Product, questions: Sequence[str]) -> list[float]:
    """Return the seconds of each turn while messages arrive at STEADY_RATE_PER_S."""
    patients = [Patient(product.url) for _ in range(20)]
    sent: dict[int, float] = {}
    seconds: list[float] = []
    started = time.monotonic()
    for number in range(int(STEADY_RATE_PER_S * STEADY_SECONDS)):
        time.sleep(max(0.0, started + number / STEADY_RATE_PER_S - time.monotonic()))
        place = number % len(patients)
        if place in sent:
            seconds.append(patients[place].next_from("bot").at - sent[place])
        patients[place].forget_what_came()
        sent[place] = patients[place].post(questions[number % len(questions)])
    for place, at in sent.items():
        seconds.append(patients[place].next_from("bot").at - at)
    return seconds
