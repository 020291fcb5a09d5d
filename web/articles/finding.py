"""Articles found by words, for editors: in the list, and to link from one to another.

Rule: pure. A link leads only where its readers may go: to a published article of the same language,
and from a public one to no article of the staff.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from search.articles import PUBLIC, PUBLISHED, Article
from search.text import fold
from web.articles.editing import Listed

MAX_TARGETS = 8


@dataclass(frozen=True)
class Target:
    """`path`: from the file that will link to it, as Markdown wants it."""

    id: str
    title: str
    path: str

    def markdown(self, words: str = "") -> str:
        return f"[{re.sub(r'[][]', '', words or self.title)}]({self.path})"


@lru_cache(maxsize=20_000)
def searchable(article: Article) -> str:
    texts = (article.id, article.title, article.summary, *article.questions, article.owner)
    return fold("\n".join((*texts, article.body)))


def targets(
    rows: Sequence[Listed], words: str, of: str, *, lang: str, audience: str
) -> list[Target]:
    """Return the articles that hold all the words, those with them in the title first.

    of: the id of the article that will link to them.
    """
    wanted = fold(words).split()
    found = []
    for row in rows:
        article = row.article
        if not wanted or article is None or row.id == of or not row.is_in_folder:
            continue
        if not _may_be_read(article, lang, audience):
            continue
        if all(word in searchable(article) for word in wanted):
            in_title = all(word in fold(article.title) for word in wanted)
            found.append((not in_title, article.title.casefold(), article))
    found.sort(key=lambda each: each[:2])
    return [target(article, of) for _, _, article in found[:MAX_TARGETS]]


def _may_be_read(article: Article, lang: str, audience: str) -> bool:
    is_open = audience != PUBLIC or article.audience == PUBLIC
    return article.lang == lang and article.status == PUBLISHED and is_open


def target(article: Article, of: str) -> Target:
    path = posixpath.relpath(f"{article.id}.md", posixpath.dirname(of) or ".")
    return Target(article.id, article.title, path)
