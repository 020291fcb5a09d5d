"""Which passages come nearest to a question.

Rule: first the article, then the passage in it. An article is worth its best passage: heading,
passage, title, words and the mean of its passages, weighed as measured on public sets. A sample
question stands in for heading and title where it is nearer than they are. It lifts the article, not
one passage of it: which is shown, heading and text decide, the opening being a little ahead. A long
message is looked at whole and sentence by sentence, and its best sentence counts half.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.contents import Index
from search.encoder import Vectors
from search.lexical import Floats

# Of heading, passage, title, words and the mean of the article's passages. What the model reads of
# Spanish is rough English (search.gloss): there words tell more.
WEIGHTS = {"en": (0.4, 0.4, 0.2, 0.2, 0.25), "es": (0.3, 0.4, 0.1, 0.4, 0.25)}
# Within an article, measured on tests/data/clinic_passages.tsv.
PLACE_HEADING, PLACE_BODY, PLACE_WORDS, OPENING = 0.3, 0.5, 0.05, 0.03
# Off the score of a passage in another language than the question's; where the article stands here
# in the question's language, too, that one comes first by far.
OTHER_LANGUAGE, TRANSLATED = 0.1, 0.6
# Up to here it is quicker to score every passage than to choose some first.
SMALL = 1500
NEAREST = 60
FAVOURED = 24
BEST_SENTENCE = 0.5

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class View:
    """A question, or a sentence of it, as meaning and as words."""

    vector: Vectors | None
    terms: tuple[str, ...]


@dataclass(frozen=True)
class Ranked:
    """Candidates, best first, as columns."""

    passages: Numbers
    articles: Numbers
    scores: Floats
    heading: Floats
    """Cosine to the heading, or to the nearest sample question of the article."""
    body: Floats
    title: Floats
    """Cosine to the title, or to the nearest sample question of the article."""
    words: Floats
    """BM25 as a share of the best passage's."""
    asked: Floats
    """Cosine to the nearest sample question of the article, 0 where none is near."""
    centre: Floats
    """Inner product with the mean of the article's passages."""

    def __len__(self) -> int:
        return len(self.passages)


def rank(index: Index, views: Sequence[View], lang: str, *, without: int | None = None) -> Ranked:
    """Rank the passages near in meaning or words. views: the whole question, then its sentences.

    without: number of an article to leave out.
    """
    words = [_words(index, view, without) for view in views]
    asked = [_asked(index, view) for view in views]
    chosen = np.zeros(len(index.passages), dtype=bool)
    if len(index.passages) <= SMALL:
        chosen[:] = True
    else:
        for view, by_word, by_question in zip(views, words, asked, strict=True):
            _choose(index, view, by_word, by_question, chosen)
    if without is not None:
        chosen[index.spans[without] : index.spans[without + 1]] = False
    candidates = np.flatnonzero(chosen)
    parts = [
        _parts(index, view, candidates, by_word, by_question, lang)
        for view, by_word, by_question in zip(views, words, asked, strict=True)
    ]
    return _order(index, candidates, _mixed(parts), lang)


def _words(index: Index, view: View, without: int | None) -> Floats:
    words = index.lexical.score(view.terms)
    if without is not None:
        words[index.spans[without] : index.spans[without + 1]] = 0.0
    return words


def _asked(index: Index, view: View) -> Floats | None:
    """Return each article's cosine to its nearest sample question, 0 where none is near."""
    if view.vector is None or not len(index.questions):
        return None
    asked = np.zeros(len(index.names), dtype=np.float32)
    cosines, rows = index.questions.nearest(view.vector, NEAREST)
    np.maximum.at(asked, index.asked[rows], cosines)
    return asked


def _choose(
    index: Index, view: View, words: Floats, asked: Floats | None, chosen: NDArray[np.bool_]
) -> None:
    """Mark the passages worth an exact score: nearest by words, by meaning, and whole articles."""
    chosen[_largest(words, NEAREST)] = True
    if view.vector is None:
        return
    chosen[index.bodies.nearest(view.vector, NEAREST)[1]] = True
    favoured = set(index.titles.nearest(view.vector, FAVOURED)[1].tolist())
    if asked is not None:
        favoured.update(_largest(asked, FAVOURED).tolist())
    spans = index.spans
    for article in favoured:
        chosen[spans[article] : spans[article + 1]] = True


def _parts(
    index: Index,
    view: View,
    candidates: Numbers,
    words: Floats,
    asked: Floats | None,
    lang: str,
) -> NDArray[np.float32]:
    """Return heading, body, title, words, worth, place, asked and centre of each candidate."""
    parts = np.zeros((8, len(candidates)), dtype=np.float32)
    top = float(words.max(initial=0.0))
    parts[3] = words[candidates] / top if top > 0 else 0.0
    if view.vector is None or not len(candidates):
        parts[4] = parts[5] = parts[3]
        return parts
    owners = index.owner[candidates]
    articles, place = _runs(owners)
    parts[0] = _products(index.headings, candidates, view.vector)
    parts[1] = _products(index.bodies.vectors, candidates, view.vector)
    parts[2] = _products(index.titles.vectors, articles, view.vector)[place]
    parts[5] = PLACE_HEADING * parts[0] + PLACE_BODY * parts[1] + PLACE_WORDS * parts[3]
    if asked is not None:
        parts[0] = np.maximum(parts[0], asked[owners])
        parts[2] = np.maximum(parts[2], asked[owners])
        parts[6] = asked[owners]
    parts[7] = _products(index.centres, articles, view.vector)[place]
    weights = np.array(WEIGHTS.get(lang, WEIGHTS["en"]), dtype=np.float32)
    parts[4] = weights @ parts[[0, 1, 2, 3, 7]]
    return parts


def _runs(owners: NDArray[np.int32]) -> tuple[NDArray[np.int32], Numbers]:
    """Return the different owners and, for each row, which of them it has. owners: ascending."""
    is_next = np.empty(len(owners), dtype=bool)
    is_next[0] = True
    np.not_equal(owners[1:], owners[:-1], out=is_next[1:])
    return owners[is_next], np.cumsum(is_next) - 1


def _products(vectors: Vectors, rows: NDArray[np.integer], vector: Vectors) -> Floats:
    chosen = vectors if len(rows) == len(vectors) else vectors[rows]
    products: Floats = chosen @ vector
    return products


def _mixed(parts: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    whole, *sentences = parts
    if not sentences:
        return whole
    best = np.max(np.stack(sentences), axis=0)
    mixed: NDArray[np.float32] = (1 - BEST_SENTENCE) * whole + BEST_SENTENCE * best
    return mixed


def _order(index: Index, candidates: Numbers, parts: NDArray[np.float32], lang: str) -> Ranked:
    owners = index.owner[candidates].astype(np.int64)
    scores = _placed(index, candidates, parts[4], parts[5])
    is_other = index.languages[owners] != lang
    scores -= OTHER_LANGUAGE * is_other
    scores -= TRANSLATED * (is_other & index.translated[owners])
    order = np.argsort(-scores, kind="stable")
    heading, body, title, words, _, _, asked, centre = (row[order] for row in parts)
    return Ranked(
        passages=candidates[order],
        articles=owners[order],
        scores=scores[order].astype(np.float32),
        heading=heading,
        body=body,
        title=title,
        words=words,
        asked=asked,
        centre=centre,
    )


def _placed(index: Index, candidates: Numbers, worth: Floats, place: Floats) -> Floats:
    """Give the best place in an article its highest worth; others fall short as their place does.

    candidates: ascending, so that those of one article stand together.
    """
    if not len(candidates):
        return worth
    owners = index.owner[candidates]
    place = place + OPENING * (index.spans[owners] == candidates)
    _, article = _runs(owners)
    starts = article.searchsorted(np.arange(article[-1] + 1))
    lead = np.maximum.reduceat(worth, starts) - np.maximum.reduceat(place, starts)
    placed: Floats = place + lead[article]
    return placed


def _largest(values: Floats, count: int) -> Numbers:
    """Return where the largest values above 0 are, at most `count` of them."""
    places = np.flatnonzero(values > 0)
    if len(places) <= count:
        return places
    return places[np.argpartition(-values[places], count)[:count]]
