"""The clinic's own articles: which passage is shown, and do sample questions find their article.

Rule: a question never meets its own vector. Sample questions are asked of an index without them
(every article loses the same turn of its list), so each stands for a patient's words not yet
written down. tests/data/clinic_passages.tsv was labelled by reading the articles; a row whose
question or heading has since been edited away is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from search.answer import Found, Outcome, ask
from search.assembly import assemble
from search.contents import Index
from search.encoder import Encoder, load_encoder
from search.index import build

ROOT = Path(__file__).parents[2]
LABELS = ROOT / "tests" / "data" / "clinic_passages.tsv"
TURNS = 8

pytestmark = pytest.mark.model


@dataclass(frozen=True)
class Asked:
    article: str
    lang: str
    found: Found

    @property
    def articles(self) -> list[str]:
        return list(dict.fromkeys(passage.article for passage in self.found.passages))

    @property
    def wrong(self) -> bool:
        return self.found.outcome is Outcome.ANSWER and self.articles[0] != self.article


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder(ROOT / "var" / "models")


@pytest.fixture(scope="module")
def index(encoder: Encoder) -> Index:
    return build(ROOT / "kb_articles", encoder)[0]


@pytest.fixture(scope="module")
def asked(index: Index, encoder: Encoder) -> list[Asked]:
    rows = []
    for turn in range(TURNS):
        without = without_turn(index, encoder, turn)
        for article in index.articles.values():
            for question in article.questions[turn : turn + 1]:
                found = ask(without, encoder, question, lang=article.lang)
                rows.append(Asked(article.id, article.lang, found))
    return rows


def without_turn(index: Index, encoder: Encoder, turn: int) -> Index:
    articles = {
        name: replace(
            article, questions=(*article.questions[:turn], *article.questions[turn + 1 :])
        )
        for name, article in index.articles.items()
    }
    return assemble(articles, encoder, index)


def labels(index: Index) -> dict[tuple[str, str], frozenset[str]]:
    anchors = {(passage.article, passage.anchor) for passage in index.passages}
    kept = {}
    for line in LABELS.read_text(encoding="utf-8").split("\n")[1:-1]:
        question, article, wanted = line.split("\t")
        if all((article, anchor) in anchors for anchor in wanted.split("|")):
            kept[article, question] = frozenset(wanted.split("|"))
    return kept


def share(rows: Sequence[bool]) -> float:
    return sum(rows) / len(rows)


def test_the_passage_shown_is_the_one_that_answers(index: Index, asked: list[Asked]) -> None:
    wanted = labels(index)
    right = []
    for row in asked:
        anchors = wanted.get((row.article, row.found.question))
        if anchors is not None:
            own = [p.anchor for p in row.found.passages if p.article == row.article]
            right.append(own[:1] != [] and own[0] in anchors)
    assert len(right) >= 150
    assert share(right) >= 0.72


@pytest.mark.parametrize(("lang", "first", "first3"), [("en", 0.63, 0.87), ("es", 0.53, 0.76)])
def test_questions_find_their_article(
    asked: list[Asked], lang: str, first: float, first3: float
) -> None:
    rows = [row for row in asked if row.lang == lang]
    assert share([row.articles[0] == row.article for row in rows]) >= first
    assert share([row.article in row.articles[:3] for row in rows]) >= first3
    assert share([row.wrong for row in rows]) <= 0.03


def test_the_opening_answers_the_title(index: Index, encoder: Encoder) -> None:
    openings = []
    for article in index.articles.values():
        found = ask(index, encoder, article.title, lang=article.lang)
        openings.append((found.passages[0].article, found.passages[0].anchor) == (article.id, ""))
    assert share(openings) >= 0.9
