"""What the list of all articles shows: the rows picked by the filter, and what is known of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from werkzeug.datastructures import MultiDict

from search.text import fold
from web.articles import editing, finding, help_feedback, kinds, revisions, translations, usage
from web.articles.editing import Listed
from web.articles.help_feedback import Verdict
from web.services import services
from web.views import _writing

ROWS_PER_PAGE = 100
READERS_DAYS = 90


@dataclass(frozen=True)
class Filter:
    """What of the list is asked for. `show`: "" for all, "due", "problems"."""

    words: str = ""
    status: str = ""
    topic: str = ""
    lang: str = ""
    show: str = ""

    @classmethod
    def of(cls, arguments: Mapping[str, str]) -> Filter:
        names = {"words": "q", "status": "status", "topic": "topic", "lang": "lang", "show": "show"}
        return cls(**{key: arguments.get(name, "").strip()[:200] for key, name in names.items()})

    @property
    def arguments(self) -> dict[str, str]:
        """Return what to put into an address for the same rows."""
        values = vars(self) | {"q": self.words}
        return {name: text for name, text in values.items() if text and name != "words"}

    @property
    def is_set(self) -> bool:
        return any((self.words, self.status, self.topic, self.lang, self.show))

    def picks(self, row: Listed) -> bool:
        article = row.article
        return (
            (not self.status or self.status in row.states)
            and self.topic in ("", article.topic if article else "")
            and self.lang in ("", article.lang if article else "")
            and (self.show != "due" or row.is_due)
            and (self.show != "soon" or row.is_due or row.is_soon)
            and (self.show != "problems" or bool(row.problems))
            and all(word in _searchable(row) for word in fold(self.words).split())
        )


def _searchable(row: Listed) -> str:
    return finding.searchable(row.article) if row.article else fold(row.id)


def values(arguments: MultiDict[str, str]) -> dict[str, Any]:
    settings, rows = services().settings, listed()
    wanted = Filter.of(arguments)
    picked = [row for row in rows if wanted.picks(row)]
    pages = max(1, -(-len(picked) // ROWS_PER_PAGE))
    number = min(max(1, arguments.get("page", 1, type=int)), pages)
    return {
        "rows": picked[(number - 1) * ROWS_PER_PAGE : number * ROWS_PER_PAGE],
        "picked": len(picked),
        "page": number,
        "pages": pages,
        "all_rows": rows,
        "wanted": wanted,
        "topics": editing.topics(rows),
        "settings": settings,
        "langs": _writing.LANGS,
        "statuses": _writing.STATUSES,
        "kinds": kinds.KINDS,
        "verdicts": _verdicts(),
        "used": used(),
        "used_days": usage.DAYS,
        "standings": standings(rows),
    }


def used() -> Mapping[str, usage.Used]:
    """Return article → how often the chat showed it lately."""
    period = usage.last_days(services().today())
    return services().usage.get(services().database, services().settings, period)


def standings(rows: Sequence[Listed]) -> dict[str, translations.Standing]:
    articles = [row.article for row in rows if row.article and row.is_in_folder]
    with services().database.reading() as session:
        return translations.standings(session, articles)


def listed() -> tuple[Listed, ...]:
    with services().database.reading() as session:
        work = revisions.all_open(session)
    return editing.listing(services().settings, services().clock(), work)


def _verdicts() -> dict[str, Verdict]:
    """Return article → what readers of the help pages lately said of it."""
    today = services().clock().date()
    first, last = today - timedelta(days=READERS_DAYS), today + timedelta(days=1)
    with services().database.reading() as session:
        return {each.article_id: each for each in help_feedback.verdicts(session, first, last)}
