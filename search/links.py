"""Links between articles, and their pictures: written as paths of files, shown as addresses.

Rule: only a relative link to a `.md` file is touched; every other link stays as it was written. Of
pictures only those in the folder's own `pictures` are shown; nothing is loaded from elsewhere.
"""

from __future__ import annotations

import posixpath
import re
from urllib.parse import unquote, urlsplit
from xml.etree.ElementTree import Element

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor

HELP_PAGES = "/help/"
PICTURES = f"{HELP_PAGES}pictures/"
AFTER_INLINE = 15  # Markdown's own inline patterns, which make the links, run at 20

# Named after their bytes and their size, so that a page keeps a place for them while they load.
PICTURE_NAME = r"[0-9a-f]{16}-\d{1,4}x\d{1,4}\.webp"
_PICTURE = re.compile(rf"(?:\./|(?:\.\./)+|/help/)?pictures/({PICTURE_NAME})")


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
        for picture in root.iter("img"):
            name = picture_name(picture.get("src") or "")
            if name is not None:
                width, height = name.removesuffix(".webp").split("-")[1].split("x")
                size = {"src": f"{PICTURES}{name}", "width": width, "height": height}
                picture.attrib.update(size)


def picture_name(src: str) -> str | None:
    """Return the file name of a picture of ours; None for any other address.

    picture_name("../../pictures/3f0a…-800x600.webp") → "3f0a…-800x600.webp"
    """
    found = _PICTURE.fullmatch(src)
    return found[1] if found else None


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
