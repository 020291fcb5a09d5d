"""How well an index answers a file of questions with known articles.

Rule: a question counts as answered right only when the passage shown is of a right article;
nothing is given for having been near.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

from search.answer import MAX_CHOICES, Found, Outcome, ask
from search.encoder import Encoder
from search.index import Index

HEADER = ("query", "articles")
MEASURES = ("first", "first3", "answered", "answered_right", "helped", "none_right", "wrong")


class QuestionsInvalid(Exception):
    """The file of questions cannot be read; the text says where and why."""


@dataclass(frozen=True)
class Judged:
    found: Found
    wanted: frozenset[str]

    @property
    def articles(self) -> list[str]:
        return list(dict.fromkeys(passage.article for passage in self.found.passages))

    @property
    def first(self) -> bool:
        return bool(self.wanted.intersection(self.articles[:1]))

    @property
    def first3(self) -> bool:
        return bool(self.wanted.intersection(self.articles[:MAX_CHOICES]))

    @property
    def answered(self) -> bool:
        return self.found.outcome is Outcome.ANSWER

    @property
    def answered_right(self) -> bool:
        return self.answered and self.first

    @property
    def helped(self) -> bool:
        is_listed = self.found.outcome is Outcome.CHOICES and self.first3
        return self.answered_right or is_listed

    @property
    def none_right(self) -> bool:
        return self.found.outcome is Outcome.NONE and not self.wanted

    @property
    def wrong(self) -> bool:
        return self.answered and not self.first

    @property
    def failed(self) -> bool:
        return self.wrong or (bool(self.wanted) and not self.helped)


def read_questions(path: Path) -> list[tuple[str, frozenset[str]]]:
    """Raises QuestionsInvalid."""
    try:
        lines = path.read_bytes().decode("utf-8-sig", "replace").split("\n")
    except OSError as error:
        raise QuestionsInvalid(f"{path} cannot be read: {error.strerror}") from error
    columns = lines[0].rstrip("\r").split("\t")
    if not set(HEADER) <= set(columns):
        raise QuestionsInvalid(f"{path} line 1: expected the columns query and articles")
    at_query, at_articles = (columns.index(name) for name in HEADER)
    return [
        _row(line.rstrip("\r").split("\t"), at_query, at_articles) for line in lines[1:] if line
    ]


def _row(cells: list[str], at_query: int, at_articles: int) -> tuple[str, frozenset[str]]:
    query = cells[at_query] if at_query < len(cells) else ""
    articles = cells[at_articles] if at_articles < len(cells) else ""
    return query, frozenset(name.strip() for name in articles.split("|") if name.strip())


def judge(
    index: Index, encoder: Encoder | None, questions: Iterable[tuple[str, frozenset[str]]]
) -> Iterator[Judged]:
    for query, wanted in questions:
        yield Judged(ask(index, encoder, query), wanted)


def failure(judged: Judged) -> dict[str, Any]:
    found = judged.found
    return {
        "query": found.question,
        "articles": sorted(judged.wanted),
        "outcome": found.outcome,
        "confidence": found.confidence,
        "found": judged.articles[:MAX_CHOICES],
    }


def summary(rows: list[Judged]) -> dict[str, int]:
    counts = {name: sum(bool(getattr(row, name)) for row in rows) for name in MEASURES}
    return {"n": len(rows), **counts}


def risk_by_coverage(rows: list[Judged]) -> list[tuple[float, float]]:
    """Return, for the surest question alone, the two surest and so on: share of all, share wrong.

    What answering that many would cost, wherever the threshold stood.
    """
    surest = sorted(rows, key=lambda row: -row.found.confidence)
    wrong = accumulate(not row.first for row in surest)
    return [(count / len(surest), missed / count) for count, missed in enumerate(wrong, start=1)]
