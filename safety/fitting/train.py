"""Fit the parts of the weights: words, kinds, and how much each counts.

Rule: each function fits what it is given and knows nothing of folds; figures and thresholds are
`safety.fitting.judge`'s.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier

from safety.meaning import KIND_BUCKETS, Numbers
from safety.ngrams import BUCKETS

WORDS_C, KINDS_C = 20.0, 3.0
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Words:
    weights: Numbers
    start: float

    def score(self, rows: csr_matrix) -> Numbers:
        return np.asarray(rows @ self.weights + self.start, dtype=np.float32)


def fit_words(rows: csr_matrix, is_danger: Flags, counts: Numbers) -> Words:
    fitted = LogisticRegression(C=WORDS_C, solver="liblinear", tol=1e-3, random_state=0)
    fitted.fit(rows, is_danger, sample_weight=counts)
    return Words(fitted.coef_[0].astype(np.float32), float(fitted.intercept_[0]))


def fit_kinds(rows: Any, kinds: Sequence[str], names: Sequence[str]) -> tuple[Numbers, list[float]]:
    """Return how much each column speaks for a name, shape (len(names), columns), and starts."""
    one = LogisticRegression(C=KINDS_C, solver="liblinear", tol=1e-2, random_state=0)
    fitted = OneVsRestClassifier(one).fit(rows, np.array(kinds))
    by_name = dict(zip(fitted.classes_, fitted.estimators_, strict=True))
    nothing = np.zeros(rows.shape[1], dtype=np.float32)
    weights = [by_name[name].coef_[0] if name in by_name else nothing for name in names]
    starts = [float(by_name[name].intercept_[0]) if name in by_name else -9.0 for name in names]
    return np.array(weights, dtype=np.float32), starts


def fewer_columns(rows: csr_matrix) -> csr_matrix:
    """Fold the columns as `safety.meaning.kind_scores` folds places."""
    found = rows.tocoo()
    return csr_matrix(
        (found.data, (found.row, found.col & (KIND_BUCKETS - 1))),
        shape=(rows.shape[0], KIND_BUCKETS),
    )


def fit_stack(facts: NDArray[Any], is_danger: Flags, counts: Numbers) -> tuple[list[float], float]:
    fitted = LogisticRegression(C=100.0, random_state=0)
    fitted.fit(facts, is_danger, sample_weight=counts)
    return [float(each) for each in fitted.coef_[0]], float(fitted.intercept_[0])


def rarity(counts: csr_matrix) -> Numbers:
    """Return for each place how rare it is among the lines; what no line has is the rarest."""
    having = np.bincount(counts.indices, minlength=BUCKETS)
    return np.asarray(np.log((1 + counts.shape[0]) / (1 + having)) + 1, dtype=np.float32)
