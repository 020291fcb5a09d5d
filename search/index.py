"""Make the index of a folder of articles, anew or from the one before.

Rule: an article that cannot be read is reported and harms no other; one that did not change costs
nothing again, and thresholds are learnt anew only when much changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from search import learning
from search.articles import PUBLIC, PUBLISHED, Article, ArticleInvalid, article_id, read_article
from search.contents import Index, assemble, passages_by_article
from search.encoder import Encoder
from search.passages import Passage, split
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
) -> tuple[Index, tuple[ArticleReport, ...]]:
    """Index every *.md below the folder; only texts the previous index does not hold are embedded.

    learn: learn thresholds anew when much changed (1 to 3 s). Without, those of the previous index
    stay, and `learning.is_stale` tells when `learning.learn` is due.
    """
    articles, reports = read_folder(folder, audience=audience, facts=facts, skip_demo=skip_demo)
    known = previous.articles if previous else {}
    kept = passages_by_article(previous) if previous else {}
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
    if learn and encoder is not None and learning.is_stale(index):
        index = learning.learn(index, encoder)
    return index, tuple(rows)


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
