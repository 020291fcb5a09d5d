"""The rules for an article's place in its folder: its title beside the others, links, pictures."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from search.articles import Article
from search.links import picture_name
from web.articles.problems import Found, Level
from web.articles.text_rules import PICTURE

_LINK = re.compile(r"\]\((?!/|[a-z][a-z0-9+.-]*:)([^)\s#]+\.md)(?:#[^)\s]*)?\)")


@dataclass(frozen=True)
class Neighbour:
    """What one article has to know of another."""

    id: str
    title: str
    lang: str
    status: str


@dataclass(frozen=True)
class Folder:
    """What one article has to know of all. `published`: language and title → ids.

    pictures: the names of those in the folder; None where nobody looked.
    """

    ids: frozenset[str] = frozenset()
    published: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)
    pictures: Collection[str] | None = None

    @classmethod
    def of(cls, neighbours: Iterable[Neighbour], pictures: Collection[str] | None = None) -> Folder:
        published: dict[tuple[str, str], tuple[str, ...]] = {}
        ids = set()
        for each in neighbours:
            ids.add(each.id)
            if each.status == "published":
                key = each.lang, each.title.casefold()
                published[key] = (*published.get(key, ()), each.id)
        return cls(frozenset(ids), published, pictures)


def neighbour(article: Article) -> Neighbour:
    return Neighbour(article.id, article.title, article.lang, article.status)


def problems(article: Article, folder: Folder) -> Iterator[Found]:
    yield from _neighbour_problems(article, folder)
    yield from _gone_pictures(article, folder)


def _neighbour_problems(article: Article, folder: Folder) -> Iterator[Found]:
    if article.status == "published":
        same = folder.published.get((article.lang, article.title.casefold()), ())
        for other in same:
            if other != article.id:
                what = f"{other} has the same title"
                mend = "Merge the two, or make the titles say how they differ."
                yield Found(what, mend, "title:", "title")
    if not folder.ids:
        return
    if article.translation_of and article.translation_of not in folder.ids:
        what = f"there is no article {article.translation_of}"
        mend = "Write the path of the first article, without .md."
        yield Found(what, mend, "translation_of:", "translation_of", Level.WARN)
    for target, name in linked(article).items():
        if name not in folder.ids:
            what = f"the link to {target} leads nowhere"
            yield Found(what, "Correct the link, or take it out.", f"({target}", level=Level.WARN)


def linked(article: Article) -> dict[str, str]:
    """Return each link to an article as it is written, and the id it leads to."""
    folder = posixpath.dirname(article.id)
    paths = {target: posixpath.join(folder, target) for target in _LINK.findall(article.body)}
    return {target: posixpath.normpath(path).removesuffix(".md") for target, path in paths.items()}


def _gone_pictures(article: Article, folder: Folder) -> Iterator[Found]:
    for src in PICTURE.findall(article.body) if folder.pictures is not None else ():
        name = picture_name(src)
        if name is not None and name not in (folder.pictures or ()):
            mend = "Choose the picture anew, or take the line out."
            yield Found("a picture is not in the folder any more", mend, name)
