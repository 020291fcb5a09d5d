"""The vectors of an index, by the text each stands for.

Rule: a text is known by its hash, so that its vector outlives its place; only a text met for the
first time goes through the model. A store is never changed, only followed by another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from search.encoder import Encoder, Vectors
from search.moves import Rows, rearranged
from search.vectors import MANY, Celled, Flat, Nearest, learn_centres, nearest_centres

KINDS = ("titles", "headings", "bodies", "questions")
KEY_BYTES = 16
# Centres are learnt anew when the vectors have become so many times more or fewer.
OUTGROWN = 2.0

NO_VECTORS: Vectors = np.empty((0, 0), dtype=np.float32)


@dataclass(frozen=True)
class Kind:
    """All titles, or all headings, passages or sample questions, in the index's order."""

    keys: tuple[str, ...] = ()
    vectors: Vectors = field(default_factory=lambda: NO_VECTORS)
    cells: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, dtype=np.int32))
    """The cell of each vector; empty for few."""


@dataclass(frozen=True)
class VectorStore:
    kinds: Mapping[str, Kind] = field(default_factory=lambda: dict.fromkeys(KINDS, Kind()))
    centres: Vectors = field(default_factory=lambda: NO_VECTORS)
    """Of the cells that many vectors are cut into."""
    learnt_from: int = 0
    """How many vectors there were when the centres were learnt."""

    @property
    def size(self) -> int:
        return sum(len(kind.keys) for kind in self.kinds.values())

    def of(self, text: str) -> Vectors:
        """Return the vector of a text that stands in the index."""
        return self._by_key[key_of(text)]

    def near(self, name: str) -> Nearest:
        """Return what finds the nearest of a kind, chosen by how many they are."""
        kind = self.kinds[name]
        if len(kind.keys) < MANY or not len(self.centres):
            return Flat(kind.vectors)
        return Celled(kind.vectors, self.centres, kind.cells)

    def followed(
        self, sources: Mapping[str, Rows], fresh: Mapping[str, Sequence[str]], encoder: Encoder
    ) -> VectorStore:
        """Return the store of other texts.

        sources: the row each text of a kind had here, -1 for a fresh one. fresh: the texts of
        those, in order.
        """
        known = self._known(fresh, encoder)
        kinds = {}
        for name, old in self.kinds.items():
            keys = list(map(key_of, fresh[name]))
            vectors = np.array([known[key] for key in keys]) if keys else old.vectors[:0]
            kinds[name] = Kind(
                tuple(_keys(old.keys, sources[name], keys)),
                rearranged(old.vectors, sources[name], vectors),
            )
        return self._in_cells(kinds, sources)

    @cached_property
    def _by_key(self) -> dict[str, Vectors]:
        rows = (zip(kind.keys, kind.vectors, strict=True) for kind in self.kinds.values())
        return dict(chain.from_iterable(rows))

    def _known(self, texts: Mapping[str, Sequence[str]], encoder: Encoder) -> dict[str, Vectors]:
        by_key = {key_of(text): text for kind in texts.values() for text in kind}
        if not by_key:
            return {}
        new = [key for key in by_key if key not in self._by_key]
        vectors = encoder.encode([by_key[key] for key in new])
        known = {key: self._by_key[key] for key in by_key if key in self._by_key}
        return known | dict(zip(new, vectors, strict=True))

    def _in_cells(self, kinds: Mapping[str, Kind], sources: Mapping[str, Rows]) -> VectorStore:
        """Keep the centres while they fit; a vector that was here keeps its cell."""
        size = sum(len(kind.keys) for kind in kinds.values())
        if size < MANY:
            return VectorStore(kinds)
        fits = self.learnt_from / OUTGROWN <= size <= self.learnt_from * OUTGROWN
        every = [kind.vectors for kind in kinds.values() if len(kind.keys)]
        centres = self.centres if fits else learn_centres(np.concatenate(every))
        cut = {}
        for name, kind in kinds.items():
            source = sources[name] if fits else np.full(len(kind.keys), -1, dtype=np.int64)
            fresh = nearest_centres(kind.vectors[source < 0], centres)
            cut[name] = Kind(
                kind.keys, kind.vectors, rearranged(self.kinds[name].cells, source, fresh)
            )
        return VectorStore(cut, centres, self.learnt_from if fits else size)


def _keys(old: Sequence[str], source: Rows, fresh: Sequence[str]) -> Iterator[str]:
    new = iter(fresh)
    return (old[row] if row >= 0 else next(new) for row in source.tolist())


def key_of(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=KEY_BYTES).hexdigest()
