"""What speaks for the best passage being right, as numbers.

Rule: no sign decides alone. Cosines say "about this"; words say whether the very thing asked for is
named; the next article says how far to trust either. A sign that brings nothing measurable goes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from search import wording
from search.contents import Index
from search.prepared import heading_text
from search.ranking import Ranked
from search.text import oddness, stem, stop_words, term_set

NAMES = (
    "score",
    "margin",
    "margin_root",
    "third_margin",
    "heading",
    "body",
    "asked",
    "centre",
    "heading_margin",
    "body_margin",
    "title_margin",
    "words_margin",
    "parts_agree",
    "many_words",
    "unknown",
    "covered",
    "covered_article",
    "rarest_missing",
    "heading_in_question",
    "next_title_in_question",
    "name",
    "name_missing_above",
    "margin_of_name",
    *wording.NAMES,
)
_NO_RIVAL = 0.5
_MANY = 60

Numbers = NDArray[np.float64]
Mask = NDArray[np.bool_]


def signals(
    index: Index, ranked: Ranked, words: Sequence[str], lang: str, *, without: int | None = None
) -> Numbers:
    """Return one number for each of NAMES about the first candidate.

    words: those of the question, folded. without: number of an article to treat as absent.
    """
    if not len(ranked):
        return np.zeros(len(NAMES))
    odd = _odd_terms(words, lang)
    rival = _rival(ranked)
    passage, next_passage = int(ranked.passages[0]), _passage(ranked, rival)
    of_words = _of_words(index, ranked, odd, next_passage, without)
    name, margin = max(odd.values(), default=0.0), _margin(ranked, rival)
    signs = (
        *_of_scores(ranked, margin),
        *of_words,
        # Where a name is asked for, the same lead means less: another disease is near, too.
        name * margin,
        *wording.wording(index, frozenset(odd), words, passage, next_passage),
    )
    return np.array(signs, dtype=np.float64)


def _of_scores(ranked: Ranked, margin: float) -> tuple[float, ...]:
    leads = _leads(ranked)
    return (
        float(ranked.scores[0]),
        margin,
        math.sqrt(max(0.0, margin)),
        _third_margin(ranked),
        float(ranked.heading[0]),
        float(ranked.body[0]),
        float(ranked.asked[0]),
        float(ranked.centre[0]),
        *leads[:4],
        sum(lead > 0 for lead in leads) / len(leads),
    )


def _of_words(
    index: Index,
    ranked: Ranked,
    odd: dict[str, float],
    next_passage: int | None,
    without: int | None,
) -> tuple[float, ...]:
    """odd: how far each term of the question is from everyday speech."""
    first, passage = int(ranked.articles[0]), int(ranked.passages[0])
    terms = list(odd)
    known = np.array([_is_known(index, term, without) for term in terms], dtype=bool)
    weight = _weights(index, terms, known)
    inside = np.array([_stands_in(index, term, passage) for term in terms], dtype=bool)
    anywhere = inside | np.array([_is_of(index, term, first) for term in terms], dtype=bool)
    title, heading = _title_terms(index, passage), _heading_terms(index, passage)
    next_title = _title_terms(index, next_passage) if next_passage is not None else frozenset()
    above = title | heading
    return (
        min(len(terms), _MANY) / _MANY,
        _share(weight, ~known) if terms else 1.0,
        _share(weight, inside),
        _share(weight, anywhere),
        float(weight[~inside].max(initial=0.0)),
        _named(index, heading, odd),
        _named(index, next_title, odd),
        max(odd.values(), default=0.0),
        max((odd[term] for term in terms if term not in above), default=0.0),
    )


def many_words(values: Numbers) -> float:
    """Return the number of different topic words of the question the signals are about."""
    return float(values[NAMES.index("many_words")]) * _MANY


def _odd_terms(words: Sequence[str], lang: str) -> dict[str, float]:
    """Return how far each term is from everyday speech, 0 to 1: names of diseases are far."""
    ignored, odd = stop_words(), dict[str, float]()
    for word in words:
        if word not in ignored:
            term = stem(word, lang)
            odd[term] = max(odd.get(term, 0.0), oddness(word))
    return odd


def _rival(ranked: Ranked) -> int | None:
    """Return the row of the best passage of another article."""
    others = np.flatnonzero(ranked.articles != ranked.articles[0])
    return int(others[0]) if len(others) else None


def _passage(ranked: Ranked, row: int | None) -> int | None:
    return int(ranked.passages[row]) if row is not None else None


def _margin(ranked: Ranked, rival: int | None) -> float:
    if rival is None:
        return _NO_RIVAL
    return min(_NO_RIVAL, float(ranked.scores[0]) - float(ranked.scores[rival]))


def _third_margin(ranked: Ranked) -> float:
    """Return by how much the best passage leads that of the third article."""
    seen: set[int] = set()
    for row, article in enumerate(ranked.articles.tolist()):
        seen.add(article)
        if len(seen) == 3:
            return min(_NO_RIVAL, float(ranked.scores[0] - ranked.scores[row]))
    return _NO_RIVAL


def _is_known(index: Index, term: str, without: int | None) -> bool:
    owners = index.lexical.passages_of(term)
    if not len(owners):
        return False
    if without is None:
        return True
    return bool(owners[0] < index.spans[without] or owners[-1] >= index.spans[without + 1])


def _weights(index: Index, terms: list[str], known: Mask) -> Numbers:
    """Return the rarity of each term, 1 for one that stands nowhere."""
    words = index.lexical
    return np.array(
        [
            words.rarity_of(term) / words.unknown_rarity if is_known else 1.0
            for term, is_known in zip(terms, known, strict=True)
        ],
        dtype=np.float64,
    )


def _stands_in(index: Index, term: str, passage: int) -> bool:
    owners = index.lexical.passages_of(term)
    at = int(owners.searchsorted(passage))
    return at < len(owners) and int(owners[at]) == passage


def _is_of(index: Index, term: str, number: int) -> bool:
    """Tell whether the term stands anywhere in the article or its sample questions."""
    if index.has_term(term, number):
        return True
    article = index.articles[index.names[number]]
    return any(term in term_set(question, article.lang) for question in article.questions)


def _leads(ranked: Ranked) -> list[float]:
    """Return by how much the first article leads all others, part by part."""
    mine = ranked.articles == ranked.articles[0]
    leads = []
    for part in (ranked.heading, ranked.body, ranked.title, ranked.words, ranked.centre):
        best = float(part[~mine].max(initial=-1.0)) if not mine.all() else -1.0
        leads.append(min(_NO_RIVAL, float(part[mine].max()) - best))
    return leads


def _title_terms(index: Index, passage: int) -> frozenset[str]:
    article = index.articles[index.passages[passage].article]
    return term_set(article.title, article.lang)


def _heading_terms(index: Index, number: int) -> frozenset[str]:
    passage = index.passages[number]
    article = index.articles[passage.article]
    return term_set(heading_text(passage, article), article.lang)


def _share(weight: Numbers, mask: Mask) -> float:
    total = float(weight.sum())
    return float(weight[mask].sum()) / total if total > 0 else 0.0


def _named(index: Index, wanted: frozenset[str], asked: dict[str, float]) -> float:
    """Return how much of a title's weight the question names."""
    rarity = index.lexical.rarity_of
    total = math.fsum(rarity(term) for term in wanted)
    return math.fsum(rarity(term) for term in wanted if term in asked) / total if total else 0.0
