"""Questions that mean the same, put together.

Rule: pure, and the same questions in any order make the same groups. Average linkage: a question
joins those it is like on the whole, so that no chain of small steps ends far away, and how many
groups there are need not be known. Measured by `./clinic bench groups`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from search.encoder import Vectors

# Mean cosine between two groups that still mean the same; chosen on one half of the public set's
# intents, judged on the other.
ALIKE = 0.3
# A single question stands nearer to the middle of its group than groups stand to each other.
NEAR_MIDDLE = 0.5


def groups_of(vectors: Vectors, alike: float = ALIKE) -> list[NDArray[np.int64]]:
    """Return the rows of each group, the largest group first, in it the most typical row first.

    vectors: of shape (questions, dimensions), rows of length 1.
    """
    # Imported here: it takes half a second, and only editors need it.
    from scipy.cluster.hierarchy import fcluster, linkage

    if len(vectors) < 2:
        return [np.arange(len(vectors))] if len(vectors) else []
    tree = linkage(vectors.astype(np.float64), method="average", metric="cosine")
    labels = fcluster(tree, t=1 - alike, criterion="distance")
    found = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    ordered = [_typical_first(vectors, rows) for rows in found]
    return sorted(ordered, key=lambda rows: (-len(rows), int(rows[0])))


def middle(vectors: Vectors) -> Vectors:
    """Return the direction they have in common, of length 1."""
    together = vectors.sum(axis=0)
    return np.asarray(together / max(float(np.linalg.norm(together)), 1e-6), dtype=np.float32)


def _typical_first(vectors: Vectors, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    likeness = vectors[rows] @ middle(vectors[rows])
    return rows[np.argsort(-likeness, kind="stable")]
