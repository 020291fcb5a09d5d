"""Which of some groups of sample lines a patient's line means, if any.

Rule: lines are compared as vectors, never as words. Each group is told from the others and from
what patients ordinarily ask by a weighted least-squares plane. Nearness to a sample alone was
tried: with as many lines found, it called for a guide on every third ordinary question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from search.encoder import Encoder, Vectors
from search.gloss import meant
from search.language import notice_language
from search.views import sentences_of

RIDGE = 10.0
MAX_ORDINARY = 2000


@dataclass(frozen=True)
class Planes:
    """`weights`: a row for each group; the last number of a row is what it adds."""

    recipe: str
    weights: Vectors

    def nearness(self, encoder: Encoder, texts: Sequence[str], lang: str) -> list[float]:
        """Return how clearly the texts mean each group: about 1 like its samples, -1 not at all."""
        lines = [line for text in texts for line in _lines(text, lang)]
        if not lines or not len(self.weights):
            return [-1.0] * len(self.weights)
        vectors = encoder.encode(lines)
        shares = vectors @ self.weights[:, :-1].T + self.weights[:, -1]
        return [float(share) for share in shares.max(axis=0)]


def learn(encoder: Encoder, groups: Sequence[Sequence[str]], ordinary: Vectors) -> Planes:
    """ordinary: vectors of what patients ask every day; without any, nothing is told apart."""
    texts = [meant(line, notice_language(line)) for lines in groups for line in lines]
    if not texts or not len(ordinary):
        return Planes(encoder.recipe, np.empty((0, 1), dtype=np.float32))
    ordinary = ordinary[:: max(1, -(-len(ordinary) // MAX_ORDINARY))]
    owner = np.repeat(np.arange(len(groups)), [len(lines) for lines in groups])
    owner = np.concatenate((owner, np.full(len(ordinary), -1)))
    vectors = np.concatenate((encoder.encode(texts), ordinary)).astype(np.float64)
    rows = [_plane(vectors, owner == group) for group in range(len(groups))]
    return Planes(encoder.recipe, np.array(rows, dtype=np.float32))


def _plane(vectors: np.ndarray, is_own: np.ndarray) -> np.ndarray:
    if not is_own.any():
        return np.concatenate((np.zeros(vectors.shape[1]), [-1.0]))
    total, own = len(is_own), is_own.sum()
    weight = np.where(is_own, total / (2 * own), total / (2 * (total - own)))
    wide = np.column_stack((vectors, np.ones(total)))
    held = RIDGE * np.diag(np.append(np.ones(vectors.shape[1]), 0.0))
    weighted = (wide * weight[:, None]).T
    return np.linalg.solve(weighted @ wide + held, weighted @ np.where(is_own, 1.0, -1.0))


def _lines(text: str, lang: str) -> list[str]:
    """Return a message and the sentences of a long one, as the sentence model reads them."""
    lang = notice_language(text, lang)
    return [meant(line, lang) for line in (text, *sentences_of(text))]
