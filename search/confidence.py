"""From signals to probabilities.

Rule: three small networks of one hidden layer ("the first passage is right", "one of the first
three articles is right", "this knowledge base is about it at all"), each for search with vectors
and by words alone. Their weights stand in confidence.json with where they come from;
tests/search/fit_confidence.py makes it.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from search.signals import NAMES, Numbers

WEIGHTS_FILE = Path(__file__).with_name("confidence.json")
# In standard deviations: a signal beyond what was ever seen says no more than the farthest seen.
FARTHEST = 4.0


@dataclass(frozen=True)
class Model:
    middle: Numbers
    spread: Numbers
    inner: Numbers
    inner_bias: Numbers
    outer: Numbers
    bias: float

    def probability(self, values: Numbers) -> float:
        scaled = ((values - self.middle) / self.spread).clip(-FARTHEST, FARTHEST)
        hidden = np.tanh(scaled @ self.inner + self.inner_bias)
        return 1.0 / (1.0 + math.exp(-(float(hidden @ self.outer) + self.bias)))


@lru_cache(maxsize=1)
def _models() -> dict[str, Model]:
    rows = json.loads(WEIGHTS_FILE.read_text(encoding="utf-8"))["models"]
    return {name: _model(row) for name, row in rows.items()}


def _model(row: dict[str, Any]) -> Model:
    signals = np.array([row["signals"][name] for name in NAMES])
    return Model(
        middle=signals[:, 0],
        spread=signals[:, 1],
        inner=signals[:, 2:],
        inner_bias=np.array(row["inner_bias"]),
        outer=np.array(row["outer"]),
        bias=row["bias"],
    )


@lru_cache(maxsize=1)
def version() -> str:
    return hashlib.sha256(WEIGHTS_FILE.read_bytes()).hexdigest()[:16]


def right(values: Numbers, *, by_meaning: bool) -> float:
    """Estimate P(the first passage answers the question)."""
    return _models()["right" if by_meaning else "right_by_words"].probability(values)


def listed(values: Numbers, *, by_meaning: bool) -> float:
    """Estimate P(one of the first three articles answers the question)."""
    return _models()["listed" if by_meaning else "listed_by_words"].probability(values)


def about(values: Numbers, *, by_meaning: bool) -> float:
    """Estimate P(the question is about something in this knowledge base)."""
    return _models()["about" if by_meaning else "about_by_words"].probability(values)
