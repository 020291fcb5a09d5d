"""What an article gives to an index: its passages, the texts to embed, its words.

Rule: all of it follows from the article alone, so it is made once for as long as the article stays
as it is. That is what makes one change among ten thousand articles quick.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from search.articles import Article
from search.counted import Counted, Table
from search.gloss import meant
from search.passages import Passage, split
from search.text import terms_of, words_of
from search.vectors import key_of

KEPT = 50_000

TERMS = Table()
WORDS = Table()


@dataclass(frozen=True)
class Prepared:
    passages: tuple[Passage, ...]
    title: str
    """The key of its text, as of those below."""
    questions: tuple[str, ...]
    headings: tuple[str, ...]
    bodies: tuple[str, ...]
    terms: tuple[Counted, ...]
    """Of each passage."""
    words: Counted
    """Of the whole article and its sample questions."""

    @property
    def keys(self) -> Iterator[str]:
        yield self.title
        yield from self.questions
        yield from self.headings
        yield from self.bodies


@lru_cache(maxsize=KEPT)
def prepare(article: Article) -> Prepared:
    passages = split(article)
    return Prepared(
        passages=passages,
        title=_key(article.title, article),
        questions=tuple(_key(question, article) for question in article.questions),
        headings=tuple(_key(heading_text(passage, article), article) for passage in passages),
        bodies=tuple(_key(body_text(passage, article), article) for passage in passages),
        terms=tuple(Counted.of(passage_terms(passage, article), TERMS) for passage in passages),
        words=Counted.of(_words(article, passages), WORDS),
    )


def texts_of(article: Article) -> Iterator[str]:
    """Yield the texts to embed, in the order of `Prepared.keys`."""
    passages = prepare(article).passages
    yield meant(article.title, article.lang)
    yield from (meant(question, article.lang) for question in article.questions)
    yield from (meant(heading_text(passage, article), article.lang) for passage in passages)
    yield from (meant(body_text(passage, article), article.lang) for passage in passages)


def heading_text(passage: Passage, article: Article) -> str:
    """Return what the heading's vector stands for: a bare "Adults" needs what is above it."""
    return " > ".join(part for part in (passage.trail, passage.heading) if part) or article.title


def body_text(passage: Passage, article: Article) -> str:
    parts = [article.title, heading_text(passage, article), passage.text]
    if passage.position == 0 and article.summary not in passage.text:
        parts.insert(2, article.summary)
    return "\n".join(dict.fromkeys(part for part in parts if part))


def passage_terms(passage: Passage, article: Article) -> list[str]:
    return terms_of(body_text(passage, article), article.lang)


def _key(text: str, article: Article) -> str:
    return key_of(meant(text, article.lang))


def _words(article: Article, passages: tuple[Passage, ...]) -> Iterator[str]:
    yield from words_of(" ".join((article.title, article.summary, *article.questions)))
    for passage in passages:
        yield from words_of(f"{passage.heading} {passage.text}")
