"""What an article states that another could deny: each value with what is said of it.

Rule: pure. Sentences are read as a reader sees them, placeholders filled; a table's cell belongs to
its row and its column, and takes the column's unit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from search.articles import Article
from search.text import term_set, terms_of
from web.articles.amounts import Amount, amounts_in
from web.articles.reading import plain_text

KEPT = 20_000

_HEADING = re.compile(r"^ {0,3}#{1,6}\s+(.*?)\s*#*$")
_RULE = re.compile(r"^\s*\|?[-:| ]+\|?\s*$")
_ITEM = re.compile(r"^\s*(?:[-*+]|\d+[.)])\s+")
_CODE = re.compile(r"^\s*(```|~~~)")
_ENDS = re.compile(r"(?<=[.!?;])\s+(?=[^\s])")
_NUMBER_ALONE = re.compile(r"^\s*\d+(?:[.,]\d+)*(?:\s*(?:to|or|a|o|-|–)\s*\d+)?\s*$")
_EXAMPLE = re.compile(
    r"\W*(?:say|suppose|imagine|for example|e\.g\.|digamos|supong\w+|imagin\w+|por ejemplo)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Claim:
    """line: of the body, 0 for the summary. said: as the article says it. about: that, folded,
    without the values. title: the article's."""

    amount: Amount
    line: int
    said: str
    about: str
    title: str
    heading: str
    lang: str

    @property
    def terms(self) -> frozenset[str]:
        return term_set(self.about, self.lang)

    @property
    def context(self) -> str:
        """Return what it is about, for who has not read the article."""
        return f"{self.title}. {self.heading}. {self.about}"

    def denies(self, other: Claim) -> bool:
        """Tell whether the values cannot both be true of one thing on one day."""
        mine, theirs = self.amount, other.amount
        on_other_days = mine.days and theirs.days and not mine.days & theirs.days
        return not (on_other_days or mine.meets(theirs))


@lru_cache(maxsize=KEPT)
def claims_of(article: Article) -> tuple[Claim, ...]:
    """Return the claims of the summary and the body, in their order."""
    said = [(0, "", article.summary), *_sentences(article.body)]
    return tuple(
        Claim(amount, line, sentence, about, article.title, heading, article.lang)
        for line, heading, sentence in said
        if not _EXAMPLE.match(sentence)
        for amount, about in dict.fromkeys(amounts_in(sentence))
    )


@lru_cache(maxsize=KEPT)
def words_of_article(article: Article) -> frozenset[str]:
    parts = (article.title, article.summary, article.body, *article.questions)
    return frozenset(terms_of(" ".join(parts), article.lang))


def _sentences(body: str) -> Iterator[tuple[int, str, str]]:
    """Yield line, heading and text of each sentence, list item and table cell."""
    heading, is_code = "", False
    columns: list[str] = []
    for number, line in enumerate(body.split("\n"), start=1):
        is_fence = _CODE.match(line) is not None
        is_code = is_code != is_fence
        is_row = line.lstrip().startswith("|")
        if is_code or is_fence or not is_row:
            columns = []
        if is_code or is_fence or not line.strip():
            continue
        if head := _HEADING.match(line):
            heading = _plain(head[1])
        elif is_row:
            cells = [_plain(cell) for cell in line.strip().strip("|").split("|")]
            if columns and not _RULE.match(line):
                yield from ((number, heading, each) for each in _cells(cells, columns))
            columns = columns or cells
        else:
            text = _plain(_ITEM.sub("", line))
            yield from ((number, heading, each.strip()) for each in _ENDS.split(text))


def _cells(cells: list[str], columns: list[str]) -> Iterator[str]:
    """Yield the row's name and each cell as a sentence: `Biopsy: 7 to 14 Working days`."""
    yield cells[0]
    for cell, column in zip(cells[1:], columns[1:], strict=False):
        is_number = _NUMBER_ALONE.match(cell)
        yield f"{cells[0]}: {cell} {column}" if is_number else f"{cells[0]}, {column}: {cell}"


def _plain(markdown: str) -> str:
    return " ".join(plain_text(markdown).split())
