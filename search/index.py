"""Make the index of a folder of articles, anew or from the one before.

Rule: an article that cannot be read is reported and harms no other; one that did not change costs
nothing again, and thresholds are learnt anew only when much changed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from operator import itemgetter
from pathlib import Path

import numpy as np

from search import learning
from search.articles import PUBLIC, PUBLISHED, Article, ArticleInvalid, read_article
from search.assembly import assemble
from search.contents import Index
from search.encoder import Encoder
from search.storage import IndexDamaged, IndexMissing, load, save

__all__ = [
    "ArticleReport",
    "ArticleStatus",
    "Index",
    "IndexDamaged",
    "IndexMissing",
    "build",
    "load",
    "save",
]


SETTLED_S = 2.0
KEPT = 50_000

Facts = frozenset[tuple[str, str]]
Signature = tuple[int, int, int, int]
"""Of a file: what differs when it was changed."""


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


def build(
    folder: Path,
    encoder: Encoder | None,
    *,
    previous: Index | None = None,
    audience: str = PUBLIC,
    facts: Mapping[str, str] | None = None,
    skip_demo: bool = False,
    learn: bool = True,
    today: date | None = None,
    withheld: Collection[str] = (),
) -> tuple[Index, tuple[ArticleReport, ...]]:
    """Index every *.md below the folder; only texts the previous index does not hold are embedded.

    today: leave out what is not to be shown yet or no more; None looks at no date.
    withheld: articles that wait for somebody, whatever their file says.

    learn: learn thresholds anew when much changed (1 to 3 s). Without, those of the previous index
    stay, and `learning.is_stale` tells when `learning.learn` is due.
    """
    articles, rows = read_folder(
        folder, audience=audience, facts=facts, skip_demo=skip_demo, today=today, withheld=withheld
    )
    known = previous.articles if previous else {}
    index = assemble(articles, encoder, previous)
    if learn and encoder is not None and learning.is_stale(index):
        index = learning.learn(index, encoder)
    counts = dict(zip(index.names, np.diff(index.spans).tolist(), strict=True))
    reports = [
        row if isinstance(row, ArticleReport) else _taken(row, known, counts) for row in rows
    ]
    return index, tuple(reports)


def read_folder(
    folder: Path,
    *,
    audience: str,
    facts: Mapping[str, str] | None,
    skip_demo: bool,
    today: date | None = None,
    withheld: Collection[str] = (),
) -> tuple[dict[str, Article], list[Article | ArticleReport]]:
    """Return the articles to index and, file by file, what was taken or why it was not."""
    articles: dict[str, Article] = {}
    claimed: dict[tuple[str, str, str], str] = {}
    rows: list[Article | ArticleReport] = []
    known_facts = frozenset((facts or {}).items())
    settled = time.time_ns() - int(SETTLED_S * 1e9)
    for _, path, seen in sorted(_files(str(folder)), key=itemgetter(0)):
        try:
            article = _read(path, str(folder), known_facts, seen, settled)
            reason = _why_left_out(article, audience, skip_demo=skip_demo)
            reason = reason or _why_not_now(article, today, withheld)
            if reason is None:
                _claim(article, claimed)
        except ArticleInvalid as error:
            rows.append(_error(error))
            continue
        if reason:
            rows.append(ArticleReport(article.id, ArticleStatus.SKIPPED, reason=reason))
            continue
        articles[article.id] = article
        rows.append(article)
    return articles, rows


def _taken(
    article: Article, known: Mapping[str, Article], passages: Mapping[str, int]
) -> ArticleReport:
    before = known.get(article.id)
    is_same = before is article or before == article
    status = ArticleStatus.UNCHANGED if is_same else ArticleStatus.INDEXED
    return _report(article.id, status, passages[article.id])


# Ten thousand reports made anew would wake the garbage collector, which takes longer than all else.
@lru_cache(maxsize=KEPT)
def _report(article: str, status: ArticleStatus, passages: int) -> ArticleReport:
    return ArticleReport(article, status, passages)


def _files(folder: str, inside: str = "") -> Iterator[tuple[str, str, Signature | None]]:
    """Yield the id, the path and the state of every *.md; links to folders are not followed."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(entry.path, f"{inside}{entry.name}/")
        elif entry.name.endswith(".md"):
            yield inside + entry.name[:-3], entry.path, _signature(entry)


def _signature(entry: os.DirEntry[str]) -> Signature | None:
    try:
        seen = entry.stat()
    except OSError:
        return None
    return seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns


def _read(path: str, folder: str, facts: Facts, seen: Signature | None, settled: int) -> Article:
    """Read the article, or take the one that was read when the file was last looked at.

    settled: two changes within one tick of the disk's clock look like one: a file that changed
    after this time is read again.
    """
    if seen is None or seen[-1] > settled:
        return read_article(Path(path), Path(folder), dict(facts))
    return _read_once(path, folder, seen, facts)


@lru_cache(maxsize=KEPT)
def _read_once(path: str, folder: str, _: Signature, facts: Facts) -> Article:
    return read_article(Path(path), Path(folder), dict(facts))


def _why_left_out(article: Article, audience: str, *, skip_demo: bool) -> str | None:
    if article.status != PUBLISHED:
        return f"status is {article.status}"
    if article.audience != PUBLIC and article.audience != audience:
        return f"audience is {article.audience}"
    return "demo content" if skip_demo and article.is_demo else None


def _why_not_now(article: Article, today: date | None, withheld: Collection[str]) -> str | None:
    if article.id in withheld:
        return "withheld"
    if today is None or article.is_shown_on(today):
        return None
    is_early = article.publish_on is not None and today < article.publish_on
    return f"from {article.publish_on} on" if is_early else f"until {article.expires_on}"


def _claim(article: Article, claimed: dict[tuple[str, str, str], str]) -> None:
    """Hold id and title for the first article that has them; the next one is an error."""
    wanted = [("title", article.lang, article.title.casefold())]
    if article.key:
        wanted.append(("id", "", article.key))
    for claim in reversed(wanted):
        if claim in claimed:
            reason = f"the same {claim[0]} as {claimed[claim]}.md"
            raise ArticleInvalid(article.id, article.title_line, reason)
    claimed.update(dict.fromkeys(wanted, article.id))


def _error(error: ArticleInvalid) -> ArticleReport:
    return ArticleReport(error.article, ArticleStatus.ERROR, 0, error.line, error.reason)
