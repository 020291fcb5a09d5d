"""How good search is on public sets: a guard against falling back, not a judgement.

The judgement on unseen articles is tests/search/fit_confidence.py (tests/data/README.md says why).
"""

from __future__ import annotations

import csv
import random
from pathlib import Path

import pytest

from search.encoder import Encoder, load_encoder
from search.evaluate import Judged, judge, read_questions
from search.index import Index, build

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data"

pytestmark = pytest.mark.model


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder(ROOT / "var" / "models")


@pytest.fixture(scope="module")
def medquad(encoder: Encoder) -> Index:
    return build(DATA / "medquad_dev" / "articles", encoder)[0]


def kinds(path: Path) -> dict[str, str]:
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {row["query"]: row["kind"] for row in rows}


def share(rows: list[Judged], measure: str) -> float:
    return sum(bool(getattr(row, measure)) for row in rows) / len(rows)


def test_health_questions(medquad: Index, encoder: Encoder) -> None:
    path = DATA / "medquad_dev" / "questions.tsv"
    kind_of, rows = kinds(path), list(judge(medquad, encoder, read_questions(path)))
    inside = {
        kind: [row for row in rows if row.wanted and kind_of[row.found.question] == kind]
        for kind in ("short", "long", "lay")
    }
    for kind, first, first3, right in (
        ("short", 0.82, 0.94, 0.40),
        ("long", 0.80, 0.87, 0.45),
        ("lay", 0.86, 0.90, 0.65),
    ):
        assert share(inside[kind], "first") >= first, kind
        assert share(inside[kind], "first3") >= first3, kind
        assert share(inside[kind], "answered_right") >= right, kind
    near_misses = [row for row in rows if not row.wanted]
    assert share(near_misses, "answered") <= 0.03


def test_far_questions_are_not_answered(medquad: Index, encoder: Encoder) -> None:
    lines = (DATA / "clinc150" / "in_scope.tsv").read_text(encoding="utf-8").split("\n")[1:]
    asked = [line.split("\t")[0] for line in random.Random(4).sample(lines[:-1], 600)]
    rows = list(judge(medquad, encoder, [(text, frozenset[str]()) for text in asked]))
    assert share(rows, "answered") <= 0.005
    assert share(rows, "none_right") >= 0.95


def test_single_topic_questions(encoder: Encoder) -> None:
    index = build(DATA / "covid_faq" / "articles", encoder)[0]
    rows = list(judge(index, encoder, read_questions(DATA / "covid_faq" / "questions.tsv")))
    inside = [row for row in rows if row.wanted]
    assert share(inside, "first") >= 0.72
    assert share(inside, "first3") >= 0.87
    assert share(inside, "helped") >= 0.85
