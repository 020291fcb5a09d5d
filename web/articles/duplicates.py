"""The same answer twice: another article whose passages say what this one's do.

Rule: reads only, against the published index of one language; an article is never compared with
itself or its translation. A hint for a person, never an error. Vectors are those of the index; only
a passage that was changed goes through the model, once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from search.articles import Article
from search.encoder import Encoder, Vectors
from search.index import Index
from search.passages import split
from search.prepared import texts_of

# The mean, over an article's passages, of the likeness to the other's nearest passage; less a part
# of what the next articles have of it, since some texts, and all Spanish, are a little like
# everything. Chosen on the choosing half of tests/data/checks and the shipped articles.
ALIKE = 0.52
NEXT, SHARE = 5, 0.3


@dataclass(frozen=True)
class Twin:
    article: str
    likeness: float


class Duplicates:
    """The articles of an index, to find another one's twin among them."""

    def __init__(self, index: Index, encoder: Encoder) -> None:
        self._index = index
        self._encoder = encoder
        self._vectors: dict[str, Vectors] = {}

    def of(self, article: Article) -> Twin | None:
        """Return the article that says most the same, where it is too much."""
        family = {article.id, article.translation_of}
        ranked = sorted(
            ((likeness, name) for likeness, name in self._likeness(article) if name not in family),
            reverse=True,
        )
        if not ranked:
            return None
        following = [likeness for likeness, _ in ranked[1 : NEXT + 1]]
        stands_out = ranked[0][0] - SHARE * (sum(following) / len(following) if following else 0.0)
        return Twin(ranked[0][1], stands_out) if stands_out >= ALIKE else None

    def _likeness(self, article: Article) -> list[tuple[float, str]]:
        """Return it for each article of the same language."""
        index = self._index
        if not index.names:
            return []
        texts = texts_of(article, split(article))["bodies"]
        own = np.stack([self._vector(text) for text in texts])
        all_ = index.store.kinds["bodies"].vectors @ own.T
        nearest = np.maximum.reduceat(all_, index.spans[:-1], axis=0).mean(axis=1)
        return [
            (float(nearest[number]), name)
            for number, name in enumerate(index.names)
            if index.languages[number] == article.lang
        ]

    def _vector(self, text: str) -> Vectors:
        if text not in self._vectors:
            try:
                self._vectors[text] = self._index.store.of(text)
            except KeyError:
                self._vectors[text] = self._encoder.encode([text])[0]
        return self._vectors[text]
