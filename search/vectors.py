"""Vectors by the text they stand for, and the nearest of them.

Rule: a vector is found by the hash of its text, so that it outlives the passage's place in the
index.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import faiss
import numpy as np
from numpy.typing import NDArray

from search.encoder import Encoder, Vectors

Rows = NDArray[np.int64]
KEY_BYTES = 16


@dataclass(frozen=True)
class VectorStore:
    keys: tuple[str, ...]
    vectors: Vectors

    @classmethod
    def empty(cls) -> VectorStore:
        return cls((), np.empty((0, 0), dtype=np.float32))

    @property
    def size(self) -> int:
        return len(self.keys)

    @cached_property
    def rows(self) -> dict[str, int]:
        return {key: row for row, key in enumerate(self.keys)}

    def take(self, texts: Iterable[str]) -> Vectors:
        rows = [self.rows[key_of(text)] for text in texts]
        return self.vectors[rows] if rows else np.empty((0, self._width), dtype=np.float32)

    def grown(self, texts: Iterable[str], encoder: Encoder) -> VectorStore:
        """Return a store of exactly these texts; only those that are not here are embedded."""
        wanted = {key_of(text): text for text in texts}
        missing = [text for key, text in wanted.items() if key not in self.rows]
        fresh: dict[str, Vectors] = {}
        if missing:
            fresh.update(zip(map(key_of, missing), encoder.encode(missing), strict=True))
        rows = [fresh[key] if key in fresh else self.vectors[self.rows[key]] for key in wanted]
        return VectorStore(tuple(wanted), np.stack(rows)) if rows else VectorStore.empty()

    @property
    def _width(self) -> int:
        return int(self.vectors.shape[1])


class Flat:
    """All vectors of one kind, searched one by one by inner product."""

    def __init__(self, vectors: Vectors) -> None:
        self.vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        # One question at a time: a second thread costs more to wake than it saves.
        faiss.omp_set_num_threads(1)
        self._index = faiss.IndexFlatIP(max(1, self.vectors.shape[1]))
        if len(self.vectors):
            self._index.add(self.vectors)

    def __len__(self) -> int:
        return len(self.vectors)

    def nearest(self, vector: Vectors, count: int) -> tuple[Vectors, Rows]:
        """Return up to `count` inner products and their rows, best first."""
        count = min(count, len(self))
        if count == 0:
            return np.empty(0, dtype=np.float32), np.empty(0, dtype=np.int64)
        scores, rows = self._index.search(vector[None, :], count)
        return scores[0], rows[0]


def key_of(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "replace"), digest_size=KEY_BYTES).hexdigest()
