"""What speaks for the best passage being right, as numbers.

Rule: no sign decides alone. Cosines say "about this"; words say whether the very thing asked for is
named; the next article, and the scores wrong articles reach in this knowledge base, say how far to
trust either.
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
from search.thresholds import Thresholds

NAMES = (
    "score",
    "above_wrong",
    "margin",
    "heading",
    "body",
    "title",
    "covered",
    "covered_above",
    "rarest_missing",
    "unknown",
    "title_in_question",
    "next_title_in_question",
    "heading_in_question",
    "few_words",
    "many_words",
    "name_missing",
    "name_missing_above",
    "names_covered",
    "names_covered_above",
    "name",
    "score_of_name",
    "margin_of_name",
    "heading_of_name",
    "title_of_name",
    "margin_root",
    "asked",
    "centre",
    "heading_margin",
    "body_margin",
    "title_margin",
    "words_margin",
    "centre_margin",
    "parts_agree",
    "covered_article",
    "rarest_missing_article",
    "name_missing_article",
    "third_margin",
    *wording.NAMES,
)
_NO_RIVAL = 0.5
_MANY = 60

Numbers = NDArray[np.float64]
Mask = NDArray[np.bool_]


def signals(
    index: Index,
    ranked: Ranked,
    words: Sequence[str],
    lang: str,
    thresholds: Thresholds,
    *,
    without: int | None = None,
) -> Numbers:
    """Return one number for each of NAMES about the first candidate.

    words: those of the question, folded. without: number of an article to treat as absent.
    """
    if not len(ranked):
        return np.zeros(len(NAMES))
    odd_by_term = _odd_terms(words, lang)
    terms = list(odd_by_term)
    odd = np.array(list(odd_by_term.values()), dtype=np.float64)
    known = np.array([_is_known(index, term, without) for term in terms], dtype=bool)
    weight = _weights(index, terms, known)
    first, passage = int(ranked.articles[0]), int(ranked.passages[0])
    inside = np.array([_stands_in(index, term, passage) for term in terms], dtype=bool)
    title, heading = _title_terms(index, first), _heading_terms(index, passage)
    above = np.array([term in title or term in heading for term in terms], dtype=bool)
    anywhere = inside | np.array([_is_of(index, term, first) for term in terms], dtype=bool)
    leads = _leads(ranked)
    rival = _rival(ranked)
    score = float(ranked.scores[0])
    margin = score - float(ranked.scores[rival]) if rival is not None else _NO_RIVAL
    margin, name = min(margin, _NO_RIVAL), float(odd.max(initial=0.0))
    next_title = (
        _title_terms(index, int(ranked.articles[rival])) if rival is not None else frozenset()
    )
    return np.array(
        [
            score,
            (score - thresholds.middle) / thresholds.spread,
            margin,
            ranked.heading[0],
            ranked.body[0],
            ranked.title[0],
            _share(weight, inside),
            _share(weight, above),
            float(weight[~inside].max(initial=0.0)),
            _share(weight, ~known) if terms else 1.0,
            _named(index, title, odd_by_term),
            _named(index, next_title, odd_by_term),
            _named(index, heading, odd_by_term),
            {0: 1.0, 1: 1.0, 2: 0.5}.get(len(terms), 0.0),
            min(len(terms), _MANY) / _MANY,
            float(odd[~inside].max(initial=0.0)),
            float(odd[~above].max(initial=0.0)),
            _share(odd, inside),
            _share(odd, above),
            # Where a name is asked for, the same cosine means less: another disease is near, too.
            name,
            name * score,
            name * margin,
            name * float(ranked.heading[0]),
            name * float(ranked.title[0]),
            math.sqrt(max(0.0, margin)),
            ranked.asked[0],
            ranked.centre[0],
            *leads,
            sum(lead > 0 for lead in leads) / len(leads),
            _share(weight, anywhere),
            float(weight[~anywhere].max(initial=0.0)),
            float(odd[~anywhere].max(initial=0.0)),
            _third_margin(ranked),
            *wording.wording(
                index,
                frozenset(terms),
                words,
                passage,
                int(ranked.passages[rival]) if rival is not None else None,
            ),
        ],
        dtype=np.float64,
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


def _title_terms(index: Index, number: int) -> frozenset[str]:
    article = index.articles[index.names[number]]
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
