"""Divide the lines into folds, so that no line is judged by weights fitted on one worded like it.

Rule: lines that share most of their pieces, or that the sentence model takes for paraphrases, are
one cluster; a cluster, with the noisy copies of its lines, never crosses folds; and every topic
file is spread over all folds.
"""

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix  # type: ignore[import-untyped]
from scipy.sparse.csgraph import connected_components  # type: ignore[import-untyped]

FOLDS = 4
SAME_PIECES, SAME_MEANING = 0.5, 0.88  # cosines from which two lines are worded alike


def clusters(pieces: csr_matrix, vectors: NDArray[np.float32] | None) -> NDArray[np.intp]:
    alike = (pieces @ pieces.T).tocoo()
    near = alike.data > SAME_PIECES
    pairs = [(alike.row[near], alike.col[near])]
    if vectors is not None:
        for start in range(0, len(vectors), 1000):
            first, second = np.nonzero(vectors[start : start + 1000] @ vectors.T > SAME_MEANING)
            pairs.append((first + start, second))
    rows, columns = (np.concatenate(side) for side in zip(*pairs, strict=True))
    graph = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=alike.shape)
    return np.asarray(connected_components(graph, directed=False)[1], dtype=np.intp)


def folds(cluster_of: NDArray[np.intp], topics: list[str]) -> NDArray[np.intp]:
    """Return the fold of each line; clusters of one topic are dealt out in turn."""
    first: dict[int, str] = {}
    for cluster, topic in zip(cluster_of, topics, strict=True):
        first.setdefault(int(cluster), topic)
    dealt: dict[str, list[int]] = defaultdict(list)
    for cluster, topic in first.items():
        dealt[topic].append(cluster)
    fold_of: dict[int, int] = {}
    for number, topic in enumerate(sorted(dealt)):
        order = np.random.default_rng(number).permutation(len(dealt[topic]))
        for turn, at in enumerate(order):
            fold_of[dealt[topic][at]] = (turn + number) % FOLDS
    return np.array([fold_of[int(cluster)] for cluster in cluster_of], dtype=np.intp)
