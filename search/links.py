"""Links between articles: written as paths of files, shown as addresses of help pages.

Rule: only a relative link to a `.md` file is touched; every other link stays as it was written.
"""

from __future__ import annotations

import posixpath
from urllib.parse import unquote, urlsplit
from xml.etree.ElementTree import Element

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor

HELP_PAGES = "/help/"
AFTER_INLINE = 15  # Markdown's own inline patterns, which make the links, run at 20


class ArticleLinks(Extension):
    """Point `[plans](plans.md#how)` in article `en/billing/bill` to /help/en/billing/plans#how."""

    def __init__(self, article: str) -> None:
        super().__init__()
        self._article = article

    def extendMarkdown(self, md: Markdown) -> None:
        md.treeprocessors.register(_Pointer(md, self._article), "article_links", AFTER_INLINE)


class _Pointer(Treeprocessor):
    def __init__(self, md: Markdown, article: str) -> None:
        super().__init__(md)
        self._folder = posixpath.dirname(article)

    def run(self, root: Element) -> None:
        for link in root.iter("a"):
            link.set("href", address(self._folder, link.get("href") or ""))


def address(folder: str, href: str) -> str:
    """Return the help page's address for a link in an article of `folder`.

    address("en/billing", "../visiting/parking.md#cost") → "/help/en/visiting/parking#cost"
    address("en/billing", "https://elsewhere.example/a.md") → unchanged
    """
    parts = urlsplit(href)
    if parts.scheme or parts.netloc or not parts.path.endswith(".md"):
        return href
    path = posixpath.normpath(posixpath.join(folder, unquote(parts.path)))
    if path.startswith(("..", "/")):
        return href
    anchor = f"#{parts.fragment}" if parts.fragment else ""
    return f"{HELP_PAGES}{path.removesuffix('.md')}{anchor}"
