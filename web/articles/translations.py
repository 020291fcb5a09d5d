"""What a translation says of which original: current, stale, or to be kept from patients.

Rule: a translation knows the number of the original's revision that it was made from. When the
original has moved on, it is marked; when its author said that the facts changed, patients do not
get the old ones in another language. Text that a machine wrote is shown to nobody before a named
person has checked it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import select
from sqlalchemy.orm import Session

from search.articles import Article
from web.articles import article_files, drafts
from web.articles.usage import Used
from web.models import Revision, RevisionState
from web.services import Services

MACHINE = "machine"


class Standing(StrEnum):
    CURRENT = "current"
    STALE = "stale"
    WITHHELD = "withheld"


@dataclass(frozen=True)
class Missing:
    """An original without a text in a language. times: how often people of it were shown it."""

    article: Article
    lang: str
    times: int


def standings(session: Session, articles: Iterable[Article]) -> dict[str, Standing]:
    """Return how each translation stands to its original."""
    pairs = {each.id: each.translation_of for each in articles if each.translation_of}
    rows = _published(session, {*pairs, *pairs.values()})
    return {name: _standing(rows.get(name, []), rows.get(of, [])) for name, of in pairs.items()}


def _published(session: Session, ids: set[str]) -> dict[str, list[Revision]]:
    """Return article → its published revisions, oldest first."""
    query = (
        select(Revision)
        .where(Revision.article_id.in_(ids), Revision.state == RevisionState.PUBLISHED)
        .order_by(Revision.number)
    )
    found: dict[str, list[Revision]] = {}
    for row in session.scalars(query):
        found.setdefault(row.article_id, []).append(row)
    return found


def _standing(own: Sequence[Revision], originals: Sequence[Revision]) -> Standing:
    says = own[-1].source_number if own else None
    later = [row for row in originals if says is not None and row.number > says]
    if any(row.is_substance for row in later):
        return Standing.WITHHELD
    return Standing.STALE if later else Standing.CURRENT


def is_unvouched(article: Article) -> bool:
    """A machine wrote it and no person's name stands below it."""
    unnamed = not article.reviewed_by or drafts.is_demo(article.reviewed_by)
    return article.made_by == MACHINE and unnamed


def withheld(session: Session, articles: Sequence[Article]) -> set[str]:
    """Return what must not be shown, whatever its file says."""
    stale = standings(session, articles).items()
    waiting = {name for name, standing in stale if standing is Standing.WITHHELD}
    return waiting | {each.id for each in articles if is_unvouched(each)}


def withhold(services: Services) -> None:
    """Tell the publisher what to keep from patients now."""
    entries = article_files.entries(services.settings.articles_dir)
    articles = [entry.article for entry in entries if entry.article]
    with services.database.reading() as session:
        services.publisher.withhold(withheld(session, articles))


def missing(
    articles: Sequence[Article], langs: Sequence[str], used: Mapping[str, Used]
) -> list[Missing]:
    """Return which originals lack which language, the most needed first."""
    have = {(each.translation_of or each.id, each.lang) for each in articles}
    found = [
        Missing(each, lang, used.get(each.id, Used()).langs.get(lang, 0))
        for each in articles
        if not each.translation_of and each.status == "published" and each.audience == "public"
        for lang in langs
        if (each.id, lang) not in have
    ]
    return sorted(found, key=lambda one: (-one.times, one.article.id, one.lang))
