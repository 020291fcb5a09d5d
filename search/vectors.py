"""The nearest of some vectors.

Rule: few are compared one by one; many are cut into cells around centres, and a question looks into
the nearest cells only (`./clinic bench large` measures where that pays).
"""

from __future__ import annotations

import math
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from search.encoder import Vectors

Rows = NDArray[np.int64]
# Below, comparing with all takes under a millisecond and misses nothing.
MANY = 10_000
POINTS_PER_CENTRE = 32
# Bytes choose, floats decide: this many times what is wanted is looked at again exactly.
SPARE = 2


class Flat:
    """All vectors of one kind, searched one by one by inner product."""

    def __init__(self, vectors: Vectors) -> None:
        self.vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        self.faiss = _one_thread(faiss.IndexFlatIP(max(1, self.vectors.shape[1])))
        if len(self.vectors):
            self.faiss.add(self.vectors)

    def __len__(self) -> int:
        return len(self.vectors)

    def nearest(self, vector: Vectors, count: int) -> tuple[Vectors, Rows]:
        """Return up to `count` inner products and their rows, best first."""
        count = min(count, len(self))
        if count == 0:
            return np.empty(0, dtype=np.float32), np.empty(0, dtype=np.int64)
        scores, rows = self.faiss.search(vector[None, :], count)
        return scores[0], rows[0]


class Celled:
    """Many vectors in cells. The nearest cells choose, from one byte for each number; what they
    choose is compared exactly."""

    def __init__(self, vectors: Vectors, centres: Vectors, of: NDArray[np.int32]) -> None:
        self.vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        width = self.vectors.shape[1]
        self._quantizer = faiss.IndexFlatIP(width)
        self._quantizer.add(centres)
        index = faiss.IndexIVFScalarQuantizer(
            self._quantizer,
            width,
            len(centres),
            faiss.ScalarQuantizer.QT_8bit,
            faiss.METRIC_INNER_PRODUCT,
            False,
        )
        index.train(self.vectors[:: max(1, len(vectors) // MANY)])  # the range of each byte
        _add_to_cells(index, self.vectors, of)
        index.nprobe = looked_into(len(centres))
        self.faiss = _one_thread(index)

    def __len__(self) -> int:
        return len(self.vectors)

    def nearest(self, vector: Vectors, count: int) -> tuple[Vectors, Rows]:
        """Return up to `count` inner products and their rows, best first."""
        _, found = self.faiss.search(vector[None, :], count * SPARE)
        rows = found[0][found[0] >= 0]
        scores = self.vectors[rows] @ vector
        order = np.argsort(-scores, kind="stable")[:count]
        return scores[order], rows[order]


Nearest = Flat | Celled


def learn_centres(vectors: Vectors) -> Vectors:
    """Return about 1.2 √n centres, a power of two, the same for the same vectors."""
    count = 2 ** round(math.log2(1.2 * math.sqrt(len(vectors))))
    clusters = _one_thread(
        faiss.Kmeans(
            vectors.shape[1],
            count,
            niter=6,
            seed=1,
            spherical=True,
            min_points_per_centroid=1,
            max_points_per_centroid=POINTS_PER_CENTRE,
        )
    )
    clusters.train(vectors)
    centres: Vectors = clusters.centroids
    return centres


def nearest_centres(vectors: Vectors, centres: Vectors) -> NDArray[np.int32]:
    if not len(vectors):
        return np.empty(0, dtype=np.int32)
    index = _one_thread(faiss.IndexFlatIP(centres.shape[1]))
    index.add(centres)
    _, found = index.search(np.ascontiguousarray(vectors), 1)
    nearest: NDArray[np.int32] = found[:, 0].astype(np.int32)
    return nearest


def looked_into(centres: int) -> int:
    """Return how many cells a question looks into: measured for 0.99 of the ten nearest."""
    return min(centres, max(48, round(4 * math.sqrt(centres))))


def _add_to_cells(index: Any, vectors: Vectors, of: NDArray[np.int32]) -> None:
    cells = np.ascontiguousarray(of, dtype=np.int64)
    rows = np.arange(len(vectors), dtype=np.int64)
    index.add_core(len(vectors), *(faiss.swig_ptr(part) for part in (vectors, rows, cells)))


def _one_thread(index: Any) -> Any:
    # One question at a time: a second thread costs more to wake than it saves.
    faiss.omp_set_num_threads(1)
    return index
