"""How well an index answers a file of questions with known articles.

Rule: a question counts as answered right only when the passage shown is of a right article;
nothing is given for having been near.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
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


def chart(rows: list[Judged]) -> str:
    """Return an SVG: what became of the questions with an article, and of those without."""
    groups = [
        ("in the knowledge base", [row for row in rows if row.wanted]),
        ("not in it", [row for row in rows if not row.wanted]),
    ]
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 640 150" role="img" '
        'font-family="sans-serif" font-size="13"><title>Outcomes of the questions</title>'
    ]
    for number, (label, group) in enumerate(groups):
        parts += _bar(label, group, 40 + 60 * number)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _bar(label: str, group: list[Judged], top: int) -> list[str]:
    shares = (
        ("answered right", "#1a7f5a", sum(row.answered_right for row in group)),
        ("answered wrong", "#b3261e", sum(row.wrong for row in group)),
        ("choices", "#c98a00", sum(row.found.outcome is Outcome.CHOICES for row in group)),
        ("none", "#6b7280", sum(row.found.outcome is Outcome.NONE for row in group)),
    )
    said = ", ".join(f"{name} {count}" for name, _, count in shares)
    parts = [f'<text x="8" y="{top - 6}">{html.escape(f"{label} ({len(group)}): {said}")}</text>']
    left = 8.0
    for name, colour, count in shares:
        width = 624 * count / max(1, len(group))
        parts.append(
            f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="22" fill="{colour}">'
            f"<title>{name}: {count}</title></rect>"
        )
        left += width
    return parts
