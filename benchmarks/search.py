"""Search by itself: speed beside its floor, and how well it answers the public sets.

Floor: tokenizer, ONNX forward pass and FAISS flat, on one thread, with the same model and passages,
question by question in the same run, so that a noisy machine harms both alike. The sets lie in
tests/data; their own README says what the weights were fitted on.
"""

from __future__ import annotations

import csv
import random
import statistics
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.product import ROOT
from benchmarks.report import keep, quantiles_ms
from search.answer import ask
from search.encoder import Encoder, load_encoder
from search.evaluate import Judged, judge
from search.index import Index, build
from search.vectors import Flat

DATA = ROOT / "tests" / "data"
ROUNDS = 3
FAR = 600
GOAL_RATIO = 1.3


def run() -> int:
    """Measure, print and keep the figures; return 0 when a short question is quick enough."""
    encoder = load_encoder(ROOT / "var" / "models")
    health, _ = build(DATA / "medquad_dev" / "articles", encoder)
    covid, _ = build(DATA / "covid_faq" / "articles", encoder)
    rows = read_rows(DATA / "medquad_dev" / "questions.tsv")
    kinds = {kind: [row for row in rows if row["kind"] == kind] for kind in ("short", "long")}
    speed = {name: side_by_side(health, encoder, texts(rows)) for name, rows in kinds.items()}
    answers = {
        **{f"health {kind}": figures(health, encoder, rows) for kind, rows in by_kind(rows)},
        "covid": figures(covid, encoder, read_rows(DATA / "covid_faq" / "questions.tsv")),
        "far from health": figures(health, encoder, far_questions()),
    }
    show(speed, answers)
    print(f"kept in {keep('search', {'speed': speed, 'answers': answers})}")
    return 0 if speed["short"]["ratio_p50"] <= GOAL_RATIO else 1


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def texts(rows: Iterable[dict[str, str]]) -> list[str]:
    return [row["query"] for row in rows]


def by_kind(rows: list[dict[str, str]]) -> list[tuple[str, list[dict[str, str]]]]:
    names = dict.fromkeys(row["kind"] for row in rows)
    return [(name, [row for row in rows if row["kind"] == name]) for name in names]


def far_questions() -> list[dict[str, str]]:
    rows = read_rows(DATA / "clinc150" / "in_scope.tsv")
    return [{"query": row["text"], "articles": ""} for row in random.Random(4).sample(rows, FAR)]


def side_by_side(index: Index, encoder: Encoder, questions: list[str]) -> dict[str, Any]:
    flat = Flat(index.bodies.vectors)
    floor: list[float] = []
    whole: list[float] = []
    for text in questions[:20]:
        ask(index, encoder, text)
    for text in questions * ROUNDS:
        floor.append(timed(partial(only_the_floor, flat, encoder, text)))
        whole.append(timed(partial(ask, index, encoder, text)))
    ratio = statistics.median(whole) / statistics.median(floor)
    return {
        "floor": quantiles_ms(floor),
        "search": quantiles_ms(whole),
        "ratio_p50": round(ratio, 2),
        "ratio_each_p50": round(
            statistics.median(w / f for w, f in zip(whole, floor, strict=True)), 2
        ),
    }


def only_the_floor(flat: Flat, encoder: Encoder, text: str) -> None:
    flat.nearest(encoder.encode([text])[0], 10)


def timed(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def figures(index: Index, encoder: Encoder, rows: list[dict[str, str]]) -> dict[str, float]:
    wanted = [
        (row["query"], frozenset(name for name in row["articles"].split("|") if name))
        for row in rows
    ]
    judged = list(judge(index, encoder, wanted))
    inside = [row for row in judged if row.wanted]
    outside = [row for row in judged if not row.wanted]
    return {
        "inside": len(inside),
        **{name: share(inside, name) for name in ("first", "first3", "answered_right", "helped")},
        "outside": len(outside),
        "outside_answered": share(outside, "answered"),
        "outside_none": share(outside, "none_right"),
    }


def share(rows: list[Judged], measure: str) -> float:
    return round(sum(bool(getattr(row, measure)) for row in rows) / max(1, len(rows)), 3)


def show(speed: dict[str, dict[str, Any]], answers: dict[str, dict[str, float]]) -> None:
    for name, row in speed.items():
        quick, floor = row["search"], row["floor"]
        print(
            f"{name:<6} p50 {quick['p50_ms']:6.1f} ms  p95 {quick['p95_ms']:6.1f} ms"
            f"  floor p50 {floor['p50_ms']:6.1f} ms  ratio {row['ratio_p50']:.2f}"
        )
    print(f"{'':<16} inside first first3 right helped | outside answered none")
    for name, figure in answers.items():
        print(
            f"{name:<16} {figure['inside']:6.0f} {figure['first']:5.3f} {figure['first3']:6.3f} "
            f"{figure['answered_right']:5.3f} {figure['helped']:6.3f} | "
            f"{figure['outside']:7.0f} {figure['outside_answered']:8.3f} "
            f"{figure['outside_none']:4.3f}"
        )
