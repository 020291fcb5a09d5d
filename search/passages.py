"""An article as safe HTML, and cut into passages along its headings.

Rule: one renderer for the page and for the passages, so that a passage's anchor is the anchor on
the page, and nothing leaves here that nh3's allow-list has not seen.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass, field
from functools import lru_cache
from html.parser import HTMLParser

import markdown
import nh3
from markdown.extensions import Extension

from search.articles import Article
from search.links import PICTURES, ArticleLinks, picture_name

EXTENSIONS = ("toc", "tables", "admonition", "attr_list", "sane_lists", "def_list", "abbr")
_TAGS = frozenset(
    "a abbr b blockquote br caption code dd div dl dt em h1 h2 h3 h4 h5 h6 hr i img li ol p pre "
    "small span strong sub sup table tbody td tfoot th thead tr u ul".split()
)
_ATTRIBUTES = {
    "a": {"href", "title"},
    "abbr": {"title"},
    "img": {"src", "alt", "title", "width", "height"},
    "ol": {"start"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "div": {"class"},
    **{f"h{level}": {"id"} for level in range(1, 7)},
}
_SCHEMES = {"http", "https", "mailto", "tel"}
_CLASSES = {"div": {"admonition", "note", "tip", "warning", "important", "danger"}}
_HEADINGS = frozenset(f"h{level}" for level in range(1, 7))
_VOID = frozenset({"br", "hr", "img"})
_BLOCKS = frozenset("p div li dt dd tr pre blockquote ul ol dl table caption".split()) | _HEADINGS
_SPACES = re.compile(r"[^\S\n]+")
_ANY_SPACES = re.compile(r"\s+")


@dataclass(frozen=True)
class Passage:
    article: str
    heading: str
    anchor: str
    text: str
    html: str
    position: int
    trail: str = ""
    """The headings above this one, joined by " > ": what a bare "Adults" is about."""


@dataclass
class _Section:
    level: int = 0
    anchor: str = ""
    heading: list[str] = field(default_factory=list)
    html: list[str] = field(default_factory=list)
    text: list[str] = field(default_factory=list)


def render(article: Article) -> str:
    """Return the whole body as safe HTML, headings with ids."""
    extensions: list[str | Extension] = [*EXTENSIONS, ArticleLinks(article.id)]
    maker = markdown.Markdown(extensions=extensions, output_format="html")
    return _cleaner().clean(maker.convert(article.body))


def split(article: Article) -> tuple[Passage, ...]:
    """Cut the rendered article at its headings; one with nothing below it only joins the trail."""
    cutter = _Cutter()
    cutter.feed(render(article))
    cutter.close()
    passages: list[Passage] = []
    above: list[tuple[int, str]] = []
    for section in cutter.sections:
        heading = _tidy("".join(section.heading)).replace("\n", " ")
        above = [entry for entry in above if entry[0] < section.level]
        trail = " > ".join(name for _, name in above if name != article.title)
        if section.level:
            above.append((section.level, heading))
        text = _tidy("".join(section.text))
        if any(character.isalnum() for character in text):
            piece = "".join(section.html).strip()
            passages.append(
                Passage(article.id, heading, section.anchor, text, piece, len(passages), trail)
            )
    if not passages:  # nothing below the title but a summary
        body = f"<p>{html.escape(article.summary)}</p>"
        return (Passage(article.id, "", "", article.summary, body, 0),)
    return tuple(passages)


@lru_cache(maxsize=1)
def _cleaner() -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=set(_TAGS),
        attributes={tag: set(names) - {"class"} for tag, names in _ATTRIBUTES.items()},
        attribute_filter=_only_own_pictures,
        allowed_classes=_CLASSES,
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer",
    )


def _only_own_pictures(tag: str, attribute: str, value: str) -> str | None:
    """Leave of any other picture its words: a reader's browser asks no other host for it."""
    if (tag, attribute) != ("img", "src"):
        return value
    name = picture_name(value)
    return f"{PICTURES}{name}" if name else None


class _Cutter(HTMLParser):
    """Walk nh3's well-formed output and start a section at each heading of the top level."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.sections = [_Section()]
        self._depth = 0
        self._in_heading = False
        self._in_pre = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HEADINGS and self._depth == 0:
            self.sections.append(_Section(int(tag[1]), dict(attrs).get("id") or ""))
            self._in_heading = True
        elif not self._in_heading:
            section = self.sections[-1]
            section.html.append(self.get_starttag_text() or "")
            section.text.append(_before(tag))
            if tag == "img":
                section.text.append(dict(attrs).get("alt") or "")
        self._in_pre = self._in_pre or tag == "pre"
        if tag not in _VOID:
            self._depth += 1

    def handle_endtag(self, tag: str) -> None:
        self._depth -= 1
        self._in_pre = self._in_pre and tag != "pre"
        if self._in_heading:
            self._in_heading = not (tag in _HEADINGS and self._depth == 0)
            return
        self.sections[-1].html.append(f"</{tag}>")
        if tag in _BLOCKS:
            self.sections[-1].text.append("\n")
        elif tag in ("td", "th"):
            self.sections[-1].text.append(" | ")

    def handle_data(self, data: str) -> None:
        section = self.sections[-1]
        if self._in_heading:
            section.heading.append(data)
        else:
            section.html.append(html.escape(data, quote=False))
            section.text.append(data if self._in_pre else _ANY_SPACES.sub(" ", data))


def _before(tag: str) -> str:
    if tag == "li":
        return "\n- "
    return "\n" if tag in _BLOCKS or tag == "br" else ""


def _tidy(text: str) -> str:
    """Return the lines without outer space or empty ones, table rows without their last bar."""
    lines = (_SPACES.sub(" ", line).strip().removesuffix("|").strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line and line != "-")
