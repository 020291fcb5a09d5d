"""Two answers that cannot both be true: another phone number, price, time, age or length of time.

Rule: reads only, against the published index of one language; an article is never compared with
itself or its translation. A hint for a person, never an error. Vectors are those of the index: a
claim costs two passes of the model and one search, and is remembered.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from search.answer import ask
from search.articles import Article
from search.encoder import Encoder, Vectors
from search.gloss import meant
from search.index import Index
from search.text import term_set
from web.articles.amounts import Amount, Kind, amounts_in
from web.articles.claims import Claim, claims_of, words_of_article

Scores = NDArray[np.float64]

# Fitted by `./clinic bench checks fit` on the choosing half of tests/data/checks, and on the
# shipped articles, of which no two contradict each other: how surely another article's claim is
# about the same thing. docs/editors.md has what came of it on the other half.
WEIGHTS = {
    "body": 0.76,
    "heading": 1.58,
    "question": 8.77,
    "body alone": 11.81,
    "heading alone": -1.72,
    "own article": -10.12,
    "home": 3.28,
    "farness": -3.07,
    "role": -3.29,
    "told": -0.02,
    "rarest shared": 0.83,
    "rarest shared near": 0.30,
    "rarest missing": 0.13,
    "price": 1.80,
    "span": 0.57,
    "age": -6.41,
}
BIAS = -13.68
SURE = -0.3
# Lengths of time are said of everything; what else there is is rarely said of two things.
SPARE = {Kind.PHONE: 3.0, Kind.SHARE: 3.0, Kind.CLOCK: 2.0, Kind.DATE: 2.0, Kind.PRICE: 1.0}

MEASURED = (Kind.SPAN, Kind.PRICE, Kind.AGE, Kind.SHARE)
LIKELY_RATIO = 1.2  # of logarithms: 2 hours and 6 hours are said of one thing, 2 and 200 hardly
FARTHEST = 2.0
MOST_WORDS = 30.0
SHORTLIST = 25


@dataclass(frozen=True)
class Denial:
    """One claim here, and the one of another article that cannot be true beside it."""

    own: Claim
    other: Claim
    article: str
    score: float


@dataclass(frozen=True)
class _Known:
    """A claim of a published article: its numbers in the index."""

    claim: Claim
    article: int
    passage: int


class Contradictions:
    """What the articles of an index state, to hold others against."""

    def __init__(self, index: Index, encoder: Encoder, own_phones: Collection[str] = ()) -> None:
        """own_phones: those of clinic.toml, which a placeholder fills in."""
        self.index = index
        self._own = {amount.least for each in own_phones for amount, _ in amounts_in(each)}
        self._encoder = encoder
        self._homes: dict[tuple[str, str], tuple[str, ...]] = {}
        self._vectors: dict[str, Vectors] = {}

    def of(self, article: Article) -> list[Denial]:
        """Return at most one for each sentence and kind of value."""
        found: dict[tuple[str, Kind], Denial] = {}
        for claim in claims_of(article):
            denial = self._denial(claim, article)
            if denial is not None:
                found.setdefault((claim.said, claim.amount.kind), denial)
        return list(found.values())

    def _denial(self, claim: Claim, article: Article) -> Denial | None:
        rivals = self.rivals(claim, article)
        if not rivals or self.is_known_phone(claim, rivals):
            return None
        rivals, rows = self.compared(claim, article, rivals)
        scores = rows @ _weights() + BIAS
        denied = [n for n, each in enumerate(rivals) if self.denies(claim, article, each)]
        best = max(denied, key=lambda n: scores[n], default=None)
        if best is None:
            return None
        sure = float(scores[best]) + SPARE.get(claim.amount.kind, 0.0)
        agreed = [n for n, each in enumerate(rivals) if claim.amount.meets(each.claim.amount)]
        if sure < SURE or any(scores[n] > scores[best] for n in agreed):
            return None
        rival = rivals[best]
        return Denial(claim, rival.claim, self.index.names[rival.article], sure)

    def compared(
        self, claim: Claim, article: Article, rivals: Sequence[_Known]
    ) -> tuple[list[_Known], Scores]:
        """Return the nearest of the rivals, and a row of FEATURES for each."""
        near = _nearness(self, claim, article, rivals)
        order = np.argsort(-near[:, :4].sum(axis=1), kind="stable")[:SHORTLIST]
        nearest = [rivals[n] for n in order.tolist()]
        words = [_plain_facts(self, claim, article, each) for each in nearest]
        return nearest, np.hstack([near[order], np.array(words, dtype=np.float64)])

    def rivals(self, claim: Claim, article: Article) -> list[_Known]:
        """Return what other articles say of this kind."""
        family = {article.id, article.translation_of}
        return [
            each
            for each in self._known.get((claim.amount.kind, article.lang), ())
            if self.index.names[each.article] not in family
        ]

    def is_known_phone(self, claim: Claim, rivals: Sequence[_Known]) -> bool:
        """A number that others name, too, is the number of something: only which is unsure."""
        if claim.amount.kind is not Kind.PHONE:
            return False
        return claim.amount.least in self._own or any(
            claim.amount.meets(each.claim.amount) for each in rivals
        )

    def denies(self, claim: Claim, article: Article, rival: _Known) -> bool:
        """Where one sentence says both values, or both articles one range, nothing is denied."""
        if not claim.denies(rival.claim):
            return False
        there = self.index.articles[self.index.names[rival.article]]
        amount = claim.amount
        is_range = amount.least < amount.most
        return not (
            (is_range and any(amount.is_same(each.amount) for each in claims_of(there)))
            or _says(claims_of(there), rival.claim, amount)
            or _says(claims_of(article), claim, rival.claim.amount)
        )

    @cached_property
    def _known(self) -> dict[tuple[Kind, str], list[_Known]]:
        known: dict[tuple[Kind, str], list[_Known]] = {}
        for number, article in enumerate(self.index.articles.values()):
            start = int(self.index.spans[number])
            headings = [passage.heading for passage in self.index.passages_of(number)]
            for claim in claims_of(article):
                place = headings.index(claim.heading) if claim.heading in headings else 0
                kind = (claim.amount.kind, article.lang)
                known.setdefault(kind, []).append(_Known(claim, number, start + place))
        return known

    # What the scores are made of ------------------------------------------------------------------

    def vector(self, text: str, lang: str) -> Vectors:
        text = meant(text, lang)
        if text not in self._vectors:
            try:
                self._vectors[text] = self.index.store.of(text)
            except KeyError:
                self._vectors[text] = self._encoder.encode([text])[0]
        return self._vectors[text]

    def oddness(self, term: str) -> float:
        """Return how much a word tells: least for one that stands in every passage."""
        return self.index.lexical.rarity_of(term)

    def home(self, claim: Claim, article: Article) -> str:
        """Return the other article a patient would get who asked for what the claim is about."""
        key = (claim.context, article.id)
        if key not in self._homes:
            found = ask(self.index, self._encoder, claim.context, lang=article.lang)
            self._homes[key] = tuple(
                each.article for each in found.passages if each.article != article.id
            )[:1]
        return next(iter(self._homes[key]), "")


def _says(claims: Sequence[Claim], beside: Claim, amount: Amount) -> bool:
    """Tell whether the sentence of a claim says this value as well."""
    return any(
        each.said == beside.said and each.amount.kind is amount.kind and each.amount.meets(amount)
        for each in claims
    )


def _nearness(
    known: Contradictions, claim: Claim, article: Article, rivals: Sequence[_Known]
) -> Scores:
    """Return what the vectors tell, a row for each rival."""
    index = known.index
    passages = np.array([each.passage for each in rivals])
    alone = known.vector(claim.about, claim.lang)
    whole = known.vector(claim.context, claim.lang)
    bodies = index.store.kinds["bodies"].vectors[passages]
    headings = index.headings[passages]
    asked = _best_of_each(index, index.store.kinds["questions"].vectors @ whole)
    own = (article.title, *article.questions)
    at_home = max(float(known.vector(text, claim.lang) @ alone) for text in own)
    columns = (
        bodies @ whole,
        headings @ whole,
        asked[[each.article for each in rivals]],
        bodies @ alone,
        headings @ alone,
        np.full(len(rivals), at_home),
    )
    return np.stack(columns, axis=1).astype(np.float64)


def _plain_facts(
    known: Contradictions, claim: Claim, article: Article, rival: _Known
) -> list[float]:
    """Return what values and words tell of one rival."""
    mine, theirs = claim.amount, rival.claim.amount
    return [
        float(known.index.names[rival.article] == known.home(claim, article)),
        _farness(mine, theirs),
        float(mine.role is not theirs.role),
        *_shared_words(known, claim, article, rival),
        *(float(mine.kind is kind) for kind in (Kind.PRICE, Kind.SPAN, Kind.AGE)),
    ]


FEATURES = (
    "body", "heading", "question", "body alone", "heading alone", "own article", "home", "farness",
    "role", "told", "rarest shared", "rarest shared near", "rarest missing", "price", "span", "age",
)  # fmt: skip


def _shared_words(
    known: Contradictions, claim: Claim, article: Article, rival: _Known
) -> Iterator[float]:
    other = known.index.articles[known.index.names[rival.article]]
    theirs = rival.claim.terms
    near = f"{rival.claim.context} {' '.join(other.questions)}"
    here = words_of_article(article)
    yield min(MOST_WORDS, sum(map(known.oddness, theirs)))
    yield max(map(known.oddness, claim.terms & words_of_article(other)), default=0.0)
    yield max(map(known.oddness, claim.terms & term_set(near, claim.lang)), default=0.0)
    yield max(map(known.oddness, theirs - here), default=0.0)


def _best_of_each(index: Index, scores: Vectors) -> Vectors:
    """Return each article's best sample question, 0 for one that has none."""
    best = np.zeros(len(index.names), dtype=np.float32)
    np.maximum.at(best, index.asked, scores)
    return best


def _farness(one: Amount, other: Amount) -> float:
    """Return how far apart two values are, 0 for what is plausibly said of one thing."""
    if one.kind not in MEASURED:
        return 0.0
    middles = [max((each.least + each.most) / 2, 1e-3) for each in (one, other)]
    ratio = abs(math.log(middles[0] / middles[1]))
    return min(max(ratio - LIKELY_RATIO, 0.0), FARTHEST)


def _weights() -> Scores:
    return np.array([WEIGHTS[name] for name in FEATURES])
