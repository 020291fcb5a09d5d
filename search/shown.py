"""The piece of a passage a patient sees first.

Rule: whole sentences, list items or table rows in their own order, at most 80 words, never
rewritten.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import groupby

from search.text import terms_of

MAX_WORDS = 80

_SENTENCE = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[\"'(\[¿¡]*[A-ZÀ-Þ0-9])")
_PICTURE = re.compile(r'<img\b[^>]*\balt="([^"]*)"[^>]*>')
_ABBREVIATION = re.compile(r"\b(?:Dr|Mr|Mrs|Ms|St|No|vs|e\.g|i\.e|a\.m|p\.m|Sr|Sra|Dra|[A-Z])\.$")


@dataclass(frozen=True)
class _Unit:
    text: str
    line: int
    words: int
    terms: frozenset[str]


def best_piece(text: str, lang: str, asked: set[str], rarity: Callable[[str], float]) -> str:
    """Return the stretch of whole units that names most of what was asked, earliest of equals."""
    if len(text.split()) <= MAX_WORDS:
        return text
    units = _units(text, lang, asked)
    best: tuple[float, int, int] | None = None
    for start, unit in enumerate(units):
        if start > 0 and not unit.terms:
            continue
        end = _reach(units, start)
        found = frozenset[str]().union(*(unit.terms for unit in units[start:end]))
        score = sum(rarity(term) for term in found)
        if best is None or score > best[0] * 1.15:
            best = (score, start, end)
    assert best is not None
    return _joined(units[_lead_in(units, best[1], best[2]) : best[2]])


def as_html(text: str, passage_html: str = "") -> str:
    """Return a piece as safe HTML: lists and tables as such, every other line a paragraph.

    passage_html: of the passage it was taken from; a line that is a picture's words shows it again.
    """
    tags = {_words(found[1]): found[0] for found in _PICTURE.finditer(passage_html)}
    groups = groupby(text.split("\n"), key=_kind)
    return "".join(
        _TAGS[kind].format("".join(_line(line, kind, tags) for line in some))
        for kind, some in groups
    )


def _words(alternative: str) -> str:
    return " ".join(html.unescape(alternative).split())


def _kind(line: str) -> str:
    return "list" if line.startswith("- ") else "table" if " | " in line else "words"


_TAGS = {"list": "<ul>{}</ul>", "table": "<table><tbody>{}</tbody></table>", "words": "{}"}


def _line(line: str, kind: str, pictures: Mapping[str, str]) -> str:
    if line in pictures:
        return f"<p>{pictures[line]}</p>"
    if kind == "list":
        return f"<li>{html.escape(line.removeprefix('- '), quote=False)}</li>"
    if kind == "table":
        cells = (html.escape(cell, quote=False) for cell in line.split(" | "))
        return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"
    return f"<p>{html.escape(line, quote=False)}</p>"


def _units(text: str, lang: str, asked: set[str]) -> list[_Unit]:
    units = []
    for number, line in enumerate(text.split("\n")):
        for sentence in [line] if line.startswith("- ") or " | " in line else _sentences(line):
            terms = frozenset(asked.intersection(terms_of(sentence, lang)))
            units.append(_Unit(sentence, number, len(sentence.split()), terms))
    return units


def _sentences(line: str) -> list[str]:
    sentences: list[str] = []
    for piece in _SENTENCE.split(line):
        if sentences and _ABBREVIATION.search(sentences[-1]):
            sentences[-1] += " " + piece
        else:
            sentences.append(piece)
    return sentences


def _reach(units: list[_Unit], start: int) -> int:
    """Return the end of the longest stretch from start that fits; at least one unit."""
    words, end = 0, start
    while end < len(units) and words + units[end].words <= MAX_WORDS:
        words += units[end].words
        end += 1
    return max(end, start + 1)


def _lead_in(units: list[_Unit], start: int, end: int) -> int:
    """Return an earlier start where the stretch begins inside a list, so that its lead shows."""
    if not units[start].text.startswith("- "):
        return start
    head = start
    while head > 0 and units[head].text.startswith("- "):
        head -= 1
    fits = sum(unit.words for unit in units[head:end]) <= MAX_WORDS
    return head if fits else start


def _joined(units: list[_Unit]) -> str:
    if len(units) == 1 and units[0].words > MAX_WORDS:
        return " ".join(units[0].text.split()[: MAX_WORDS - 1]) + " …"
    text = ""
    for before, unit in zip([None, *units], units, strict=False):
        gap = "" if before is None else " " if before.line == unit.line else "\n"
        text += gap + unit.text
    return text
