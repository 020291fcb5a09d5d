"""Which passages come nearest to a question.

Rule: 0.4 heading + 0.4 passage + 0.2 title + 0.2 words, each at most 1 (won of 17 fusions on public sets, GOALS).
A sample question of an article stands in for heading and title where it is nearer than they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.encoder import Vectors
from search.index import Index
from search.lexical import Floats

HEADING, BODY, TITLE, WORDS = 0.4, 0.4, 0.2, 0.2
OTHER_LANGUAGE = 0.25
"""Taken off the score of a passage in another language than the question's."""
NEAREST = 60
FAVOURED = 24

Numbers = NDArray[np.int64]


@dataclass(frozen=True)
class Ranked:
    """Candidates, best first, as columns."""

    passages: Numbers
    articles: Numbers
    scores: Floats
    heading: Floats
    body: Floats
    title: Floats
    asked: Floats
    """Cosine to the nearest sample question of the article, 0 without one."""
    words: Floats
    """BM25 as a share of the best passage's."""
    top_words: float

    def __len__(self) -> int:
        return len(self.passages)


def rank(
    index: Index,
    vector: Vectors | None,
    terms: list[str],
    lang: str,
    *,
    without: int | None = None,
) -> Ranked:
    """Rank the passages that are near in meaning or words. without: number of an article to leave out."""
    words = index.lexical.score(terms)
    if without is not None:
        words[index.spans[without] : index.spans[without + 1]] = 0.0
    top = float(words.max()) if len(words) else 0.0
    near_questions = np.zeros(len(index.names), dtype=np.float32)
    if vector is not None and len(index.questions):
        found, rows = index.questions.nearest(vector, NEAREST)
        np.maximum.at(near_questions, index.asked[rows], found)
    candidates = _candidates(index, vector, words, near_questions, without)
    owners = index.owner[candidates].astype(np.int64)
    share = words[candidates] / top if top > 0 else np.zeros(len(candidates), dtype=np.float32)
    asked = near_questions[owners]
    if vector is None:
        heading = body = title = np.zeros(len(candidates), dtype=np.float32)
        scores = share
    else:
        heading = index.headings[candidates] @ vector
        body = index.bodies.vectors[candidates] @ vector
        title = index.titles.vectors[owners] @ vector
        scores = (
            HEADING * np.maximum(heading, asked)
            + BODY * body
            + TITLE * np.maximum(title, asked)
            + WORDS * share
        )
    scores = scores - OTHER_LANGUAGE * (index.languages[owners] != lang)
    order = np.argsort(-scores, kind="stable")
    return Ranked(
        passages=candidates[order],
        articles=owners[order],
        scores=scores[order].astype(np.float32),
        heading=heading[order],
        body=body[order],
        title=title[order],
        asked=asked[order],
        words=share[order].astype(np.float32),
        top_words=top,
    )


def _candidates(
    index: Index,
    vector: Vectors | None,
    words: Floats,
    near_questions: Floats,
    without: int | None,
) -> Numbers:
    """Return the passages worth an exact score, sorted: nearest by words, by meaning, and whole articles."""
    chosen = np.zeros(len(index.passages), dtype=bool)
    chosen[_largest(words, NEAREST)] = True
    if vector is not None:
        chosen[index.bodies.nearest(vector, NEAREST)[1]] = True
        favoured = set(index.titles.nearest(vector, FAVOURED)[1].tolist())
        favoured.update(_largest(near_questions, FAVOURED).tolist())
        for article in favoured:
            chosen[index.spans[article] : index.spans[article + 1]] = True
    if without is not None:
        chosen[index.spans[without] : index.spans[without + 1]] = False
    return np.flatnonzero(chosen)


def _largest(values: Floats, count: int) -> Numbers:
    if len(values) <= count:
        return np.arange(len(values))
    return np.argpartition(-values, count)[:count]
