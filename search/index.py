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
from pathlib import Path

from search import learning
from search.articles import PUBLIC, PUBLISHED, Article, ArticleInvalid, read_article
from search.contents import Index, assemble
from search.encoder import Encoder
from search.prepared import KEPT, prepare
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

Facts = frozenset[tuple[str, str]]


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
    articles, reports = read_folder(
        folder, audience=audience, facts=facts, skip_demo=skip_demo, today=today, withheld=withheld
    )
    known = previous.articles if previous else {}
    rows = [_compared(report, articles.get(report.article), known) for report in reports]
    index = assemble(articles, encoder, previous)
    if learn and encoder is not None and learning.is_stale(index):
        index = learning.learn(index, encoder)
    return index, tuple(rows)


def read_folder(
    folder: Path,
    *,
    audience: str,
    facts: Mapping[str, str] | None,
    skip_demo: bool,
    today: date | None = None,
    withheld: Collection[str] = (),
) -> tuple[dict[str, Article], list[ArticleReport]]:
    articles: dict[str, Article] = {}
    claimed: dict[tuple[str, str, str], str] = {}
    reports = []
    known_facts = frozenset((facts or {}).items())
    for _, path in sorted(_files(str(folder))):
        try:
            article = _read(path, str(folder), known_facts)
            reason = _why_left_out(article, audience, skip_demo=skip_demo)
            reason = reason or _why_not_now(article, today, withheld)
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


def _compared(
    report: ArticleReport, article: Article | None, known: Mapping[str, Article]
) -> ArticleReport:
    if article is None:
        return report
    is_same = known.get(report.article) == article
    status = ArticleStatus.UNCHANGED if is_same else ArticleStatus.INDEXED
    return ArticleReport(report.article, status, len(prepare(article).passages))


def _files(folder: str) -> Iterator[tuple[str, str]]:
    """Yield the id and the path of every *.md; links to folders are named, not followed."""
    for place, folders, files in os.walk(folder):
        links = (name for name in folders if os.path.islink(os.path.join(place, name)))
        for name in (*files, *links):
            if name.endswith(".md"):
                path = os.path.join(place, name)
                inside = path[len(folder) + 1 :]
                yield os.path.splitext(inside)[0].replace(os.sep, "/"), path


def _read(path: str, folder: str, facts: Facts) -> Article:
    """Read the article, or take the one that was read when the file was last looked at."""
    try:
        seen = os.stat(path)
    except OSError:
        return read_article(Path(path), Path(folder), dict(facts))
    # Two changes within one tick of the disk's clock look like one: what is new is read again.
    if time.time() - seen.st_ctime < SETTLED_S:
        return read_article(Path(path), Path(folder), dict(facts))
    signature = (seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)
    return _read_once(path, folder, signature, facts)


@lru_cache(maxsize=KEPT)
def _read_once(path: str, folder: str, _: tuple[int, ...], facts: Facts) -> Article:
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
