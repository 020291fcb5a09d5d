"""The index of a folder of articles: passages, their vectors, their words, and what was learnt of them.

Rule: an index is never changed, only replaced whole; a text that was embedded once is not embedded again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search.articles import PUBLIC, PUBLISHED, Article, ArticleInvalid, article_id, read_article
from search.encoder import Encoder, Vectors
from search.lexical import Lexical, index_terms
from search.passages import Passage, split
from search.text import terms_of
from search.thresholds import UNLEARNT, Thresholds
from search.vectors import Flat, VectorStore

LEXICAL_RECIPE = "lexical"


class ArticleStatus(StrEnum):
    INDEXED = "indexed"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    ERROR = "error"


@dataclass(frozen=True)
class ArticleReport:
    article: str
    status: ArticleStatus
    passages: int = 0
    line: int | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Index:
    articles: Mapping[str, Article]
    passages: tuple[Passage, ...]
    recipe: str
    built_at: datetime
    store: VectorStore
    """Every vector of the index by the text it stands for; empty when built without an encoder."""
    lexical: Lexical
    thresholds: Thresholds = UNLEARNT
    learnt_from: frozenset[str] = field(default_factory=frozenset)
    """Digests of the articles the thresholds were learnt from."""

    @cached_property
    def names(self) -> tuple[str, ...]:
        return tuple(self.articles)

    @cached_property
    def owner(self) -> NDArray[np.int32]:
        """The number of the article each passage belongs to."""
        numbers = {name: number for number, name in enumerate(self.names)}
        return np.array([numbers[passage.article] for passage in self.passages], dtype=np.int32)

    @cached_property
    def spans(self) -> NDArray[np.int32]:
        """Where the passages of each article start; one more at the end."""
        return np.searchsorted(self.owner, np.arange(len(self.names) + 1)).astype(np.int32)

    @cached_property
    def languages(self) -> NDArray[np.str_]:
        return np.array([article.lang for article in self.articles.values()], dtype="<U2")

    @cached_property
    def asked(self) -> NDArray[np.int32]:
        """The number of the article each sample question belongs to."""
        counts = [len(article.questions) for article in self.articles.values()]
        return np.repeat(np.arange(len(counts), dtype=np.int32), counts)

    @cached_property
    def titles(self) -> Flat:
        return Flat(self.store.take(article.title for article in self.articles.values()))

    @cached_property
    def headings(self) -> Vectors:
        return self.store.take(heading_text(p, self.articles[p.article]) for p in self.passages)

    @cached_property
    def bodies(self) -> Flat:
        return Flat(
            self.store.take(body_text(p, self.articles[p.article]) for p in self.passages)
        )

    @cached_property
    def questions(self) -> Flat:
        return Flat(
            self.store.take(q for article in self.articles.values() for q in article.questions)
        )

    def warm(self) -> Index:
        """Make now what is otherwise made at the first question."""
        _ = self.owner, self.spans, self.languages, self.asked
        if self.store.size:
            _ = self.titles, self.headings, self.bodies, self.questions
        return self


def build(
    folder: Path,
    encoder: Encoder | None,
    *,
    previous: Index | None = None,
    audience: str = PUBLIC,
    facts: Mapping[str, str] | None = None,
    skip_demo: bool = False,
) -> tuple[Index, tuple[ArticleReport, ...]]:
    """Index every *.md below the folder; only texts the previous index does not hold are embedded.

    Thresholds are those of the previous index, or none: `thresholds.learn` makes them.
    """
    articles, reports = read_folder(folder, audience=audience, facts=facts, skip_demo=skip_demo)
    known = previous.articles if previous else {}
    kept = _passages_by_article(previous) if previous else {}
    passages: list[Passage] = []
    rows = []
    for report in reports:
        article = articles.get(report.article)
        if article is None:
            rows.append(report)
            continue
        is_same = report.article in kept and known[report.article] == article
        pieces = kept[report.article] if is_same else split(article)
        passages.extend(pieces)
        status = ArticleStatus.UNCHANGED if is_same else ArticleStatus.INDEXED
        rows.append(ArticleReport(report.article, status, len(pieces)))
    index = assemble(articles, tuple(passages), encoder, previous)
    return index, tuple(rows)


def assemble(
    articles: Mapping[str, Article],
    passages: tuple[Passage, ...],
    encoder: Encoder | None,
    previous: Index | None = None,
) -> Index:
    recipe = encoder.recipe if encoder else LEXICAL_RECIPE
    usable = previous if previous and previous.recipe == recipe else None
    old = usable.store if usable else VectorStore.empty()
    store = old.grown(_texts(articles, passages), encoder) if encoder else VectorStore.empty()
    return Index(
        articles=articles,
        passages=passages,
        recipe=recipe,
        built_at=datetime.now(UTC),
        store=store,
        lexical=index_terms([passage_terms(p, articles[p.article]) for p in passages]),
        thresholds=usable.thresholds if usable else UNLEARNT,
        learnt_from=usable.learnt_from if usable else frozenset(),
    ).warm()


def read_folder(
    folder: Path, *, audience: str, facts: Mapping[str, str] | None, skip_demo: bool
) -> tuple[dict[str, Article], list[ArticleReport]]:
    articles: dict[str, Article] = {}
    claimed: dict[tuple[str, str, str], str] = {}
    reports = []
    for path in sorted(folder.rglob("*.md"), key=lambda path: article_id(path, folder)):
        if path.is_dir() and not path.is_symlink():
            continue
        try:
            article = read_article(path, folder, facts)
            reason = _why_left_out(article, audience, skip_demo=skip_demo)
            if reason is None:
                _claim(article, claimed)
        except ArticleInvalid as error:
            reports.append(_error(error))
            continue
        if reason:
            reports.append(ArticleReport(article.id, ArticleStatus.SKIPPED, reason=reason))
            continue
        articles[article.id] = article
        reports.append(ArticleReport(article.id, ArticleStatus.INDEXED))
    return articles, reports


def heading_text(passage: Passage, article: Article) -> str:
    """Return what the heading's vector stands for: a bare "Adults" says nothing without what is above it."""
    return " > ".join(part for part in (passage.trail, passage.heading) if part) or article.title


def body_text(passage: Passage, article: Article) -> str:
    parts = [article.title, heading_text(passage, article), passage.text]
    if passage.position == 0 and article.summary not in passage.text:
        parts.insert(2, article.summary)
    return "\n".join(dict.fromkeys(part for part in parts if part))


def passage_terms(passage: Passage, article: Article) -> list[str]:
    return terms_of(body_text(passage, article), article.lang)


def text_key(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=16).hexdigest()


def _texts(articles: Mapping[str, Article], passages: Sequence[Passage]) -> Iterable[str]:
    for article in articles.values():
        yield article.title
        yield from article.questions
    for passage in passages:
        article = articles[passage.article]
        yield heading_text(passage, article)
        yield body_text(passage, article)


def _passages_by_article(index: Index) -> dict[str, tuple[Passage, ...]]:
    starts = index.spans
    return {
        name: index.passages[starts[number] : starts[number + 1]]
        for number, name in enumerate(index.names)
    }


def _why_left_out(article: Article, audience: str, *, skip_demo: bool) -> str | None:
    if article.status != PUBLISHED:
        return f"status is {article.status}"
    if article.audience != PUBLIC and article.audience != audience:
        return f"audience is {article.audience}"
    return "demo content" if skip_demo and article.is_demo else None


def _claim(article: Article, claimed: dict[tuple[str, str, str], str]) -> None:
    """Hold id and title for the first article that has them; the next one is an error."""
    wanted = {("title", article.lang, article.title.casefold())}
    if article.key:
        wanted.add(("id", "", article.key))
    for claim in sorted(wanted):
        if claim in claimed:
            reason = f"the same {claim[0]} as {claimed[claim]}.md"
            raise ArticleInvalid(article.id, article.title_line, reason)
    claimed.update(dict.fromkeys(wanted, article.id))


def _error(error: ArticleInvalid) -> ArticleReport:
    return ArticleReport(error.article, ArticleStatus.ERROR, 0, error.line, error.reason)
