"""How closely the words of a question are those of an article's title, headings and questions.

Rule: the same words, no more and no fewer, are the surest sign. Beside the likeness of all terms
stands that of the names: what is left without the words that only ask.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from search.contents import Index
from search.prepared import heading_text
from search.text import asking_stems, oddness, stem, stop_words, term_set, words_of

NAMES = (
    "title_unasked_oddest",
    "title_whole",
    "title_likeness",
    "heading_likeness",
    "asked_likeness",
    "likeness",
    "name_size",
    "name_likeness",
    "name_likeness_margin",
    "name_rest_oddest",
    "name_rest",
    "name_rest_in_article",
    "title_rest_oddest",
    "name_is_title",
)

_MANY = 10

Terms = frozenset[str]


@dataclass(frozen=True)
class Above:
    """What stands over a passage."""

    title: str
    heading: str
    questions: tuple[str, ...]
    lang: str

    def names(self) -> list[Terms]:
        """Return what the title says without the words that ask, then heading and questions."""
        texts = (self.title, self.heading, *self.questions)
        return [_name(text, self.lang) for text in texts]


def wording(
    index: Index, asked: Terms, words: Sequence[str], passage: int, rival: int | None
) -> tuple[float, ...]:
    """Return one number for each of NAMES.

    asked, words: terms and words of the question. rival: the best passage of another article.
    """
    above = _above(index, passage)
    next_above = _above(index, rival) if rival is not None else None
    title, heading = (term_set(text, above.lang) for text in (above.title, above.heading))
    in_questions = max(
        (likeness(asked, term_set(text, above.lang)) for text in above.questions), default=0.0
    )
    titled = _odd_terms(above.title, above.lang)
    in_title, in_heading = likeness(asked, title), likeness(asked, heading)
    return (
        max((odd for term, odd in titled if term not in asked), default=0.0),
        float(bool(title) and title <= asked),
        in_title,
        in_heading,
        in_questions,
        max(in_title, in_heading, in_questions),
        *_by_name(index, words, asked, passage, above, next_above),
    )


def _by_name(
    index: Index,
    words: Sequence[str],
    asked: Terms,
    passage: int,
    above: Above,
    rival: Above | None,
) -> tuple[float, ...]:
    """Compare what is asked about, without the words that ask, and what the article is called."""
    name = asked - asking_stems(above.lang)
    odd = {stem(word, above.lang): oddness(word) for word in words}
    called = above.names()
    named = max(called, key=lambda terms: likeness(name, terms))
    rival_names = rival.names() if rival else []
    rival_like = max((likeness(name, terms) for terms in rival_names), default=0.0)
    rest = name.difference(*called)
    number = int(index.owner[passage])
    elsewhere = [term for term in rest if not index.has_term(term, number)]
    title = dict(_odd_terms(above.title, above.lang))
    title_rest = [title[term] for term in called[0] - name]
    return (
        len(name) / _MANY,
        likeness(name, named),
        likeness(name, named) - rival_like,
        max((odd.get(term, 0.0) for term in rest), default=0.0),
        len(rest) / _MANY,
        1 - len(elsewhere) / len(rest) if rest else 1.0,
        max(title_rest, default=0.0),
        float(name == called[0]),
    )


def likeness(one: Terms, other: Terms) -> float:
    """Return which share of all their terms both have."""
    return len(one & other) / len(one | other) if one and other else 0.0


def _above(index: Index, passage: int) -> Above:
    found = index.passages[passage]
    article = index.articles[found.article]
    return Above(article.title, heading_text(found, article), article.questions, article.lang)


@lru_cache(maxsize=50_000)
def _name(text: str, lang: str) -> Terms:
    return term_set(text, lang) - asking_stems(lang)


@lru_cache(maxsize=50_000)
def _odd_terms(title: str, lang: str) -> tuple[tuple[str, float], ...]:
    words = [word for word in words_of(title) if word not in stop_words()]
    return tuple((stem(word, lang), oddness(word)) for word in words)
