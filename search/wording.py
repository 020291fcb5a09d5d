"""How closely the words of a question are those of an article's title, headings and questions.

Rule: the same words, no more and no fewer, are the surest sign; a number, a type or a Greek letter
that only one of the two names ("type 1", "beta-") speaks against it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from search.contents import Index
from search.prepared import heading_text
from search.text import asking_stems, oddness, stem, stop_words, term_set, terms_of, words_of

NAMES = (
    "mark_only_asked",
    "mark_only_titled",
    "title_unasked_oddest",
    "title_unasked",
    "title_likeness",
    "asked_likeness",
    "rest_in_headings",
    "rest",
    "likeness",
    "likeness_margin",
    "heading_likeness",
    "headings_likeness",
    "pairs",
    "title_whole",
    "question_whole",
    "name_size",
    "name_likeness",
    "name_likeness_margin",
    "name_rest_oddest",
    "name_rest",
    "name_rest_in_article",
    "title_rest_oddest",
    "title_rest",
    "name_is_title",
)

_MARK = re.compile(r"\w?\d\w*|[ivx]{1,4}|[a-z]|alpha|beta|gamma|delta")
_WORDS_OF_ONE_LETTER = frozenset("aiyoeu")
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

    def likeness(self, asked: Terms) -> float:
        texts = (self.title, self.heading, *self.questions)
        return max(likeness(asked, term_set(text, self.lang)) for text in texts)


def wording(
    index: Index, asked: Terms, words: Sequence[str], passage: int, rival: int | None
) -> tuple[float, ...]:
    """Return one number for each of NAMES.

    asked, words: terms and words of the question. rival: the best passage of another article.
    """
    above = _above(index, passage)
    lang = above.lang
    title, heading = term_set(above.title, lang), term_set(above.heading, lang)
    headings = [term_set(text, lang) for text in _headings(index, passage)]
    rest = asked - title
    in_headings = rest.intersection(frozenset[str]().union(*headings))
    like = above.likeness(asked)
    next_above = _above(index, rival) if rival is not None else None
    rival_like = next_above.likeness(asked) if next_above else 0.0
    questions = (likeness(asked, term_set(text, lang)) for text in above.questions)
    return (
        *_marks_apart(words, above),
        *_unasked(above.title, lang, asked),
        likeness(asked, title),
        max(questions, default=0.0),
        len(in_headings) / len(rest) if rest else 1.0,
        len(rest) / _MANY,
        like,
        like - rival_like,
        likeness(asked, heading),
        max(likeness(asked, terms) for terms in headings),
        _shared_pairs(words, above),
        float(bool(title) and title <= asked),
        float(bool(asked) and asked <= title | heading),
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
        sum(title_rest),
        float(name == called[0]),
    )


def likeness(one: Terms, other: Terms) -> float:
    """Return which share of all their terms both have."""
    return len(one & other) / len(one | other) if one and other else 0.0


def _above(index: Index, passage: int) -> Above:
    found = index.passages[passage]
    article = index.articles[found.article]
    return Above(article.title, heading_text(found, article), article.questions, article.lang)


def _headings(index: Index, passage: int) -> set[str]:
    number = int(index.owner[passage])
    found = index.passages[index.spans[number] : index.spans[number + 1]]
    return {heading_text(one, index.articles[one.article]) for one in found}


def _marks_apart(words: Sequence[str], above: Above) -> tuple[float, float]:
    """Tell of marks that only the question has, and of those that only the title has."""
    asked = {word for word in words if _is_mark(word)}
    title = _marks(above.title)
    known = title.union(_marks(above.heading), *map(_marks, above.questions))
    return float(not asked <= known), float(not title <= asked)


def _unasked(title: str, lang: str, asked: Terms) -> tuple[float, float]:
    """Return how odd the oddest word of the title is that was not asked for, and all together."""
    odd = [value for term, value in _odd_terms(title, lang) if term not in asked]
    return max(odd, default=0.0), sum(odd)


def _shared_pairs(words: Sequence[str], above: Above) -> float:
    """Return which share of the question's pairs of neighbours stands above the passage."""
    stems = [stem(word, above.lang) for word in words if word not in stop_words()]
    asked = set(pairwise(stems))
    if not asked:
        return 1.0
    texts = (above.title, above.heading, *above.questions)
    found = set[tuple[str, str]]().union(*(_pairs(text, above.lang) for text in texts))
    return len(asked & found) / len(asked)


def _is_mark(word: str) -> bool:
    return word not in _WORDS_OF_ONE_LETTER and bool(_MARK.fullmatch(word))


@lru_cache(maxsize=50_000)
def _marks(text: str) -> Terms:
    return frozenset(word for word in words_of(text) if _is_mark(word))


@lru_cache(maxsize=50_000)
def _name(text: str, lang: str) -> Terms:
    return term_set(text, lang) - asking_stems(lang)


@lru_cache(maxsize=50_000)
def _pairs(text: str, lang: str) -> frozenset[tuple[str, str]]:
    stems = terms_of(text, lang)
    return frozenset(pairwise(stems))


@lru_cache(maxsize=50_000)
def _odd_terms(title: str, lang: str) -> tuple[tuple[str, float], ...]:
    words = [word for word in words_of(title) if word not in stop_words()]
    return tuple((stem(word, lang), oddness(word)) for word in words)
