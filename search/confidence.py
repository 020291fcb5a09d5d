"""From signals to probabilities.

Rule: two plain logistic models, one for "the first passage is right" and one for "this knowledge
base is about it at all", each for search with vectors and by words alone. Their weights stand in
confidence.json with where they come from; tests/search/fit_confidence.py makes it.
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from search.signals import NAMES, Numbers

WEIGHTS_FILE = Path(__file__).with_name("confidence.json")


@dataclass(frozen=True)
class Model:
    weights: Numbers
    bias: float

    def probability(self, values: Numbers) -> float:
        return 1.0 / (
            1.0 + math.exp(-max(-30.0, min(30.0, self.bias + float(self.weights @ values))))
        )


@lru_cache(maxsize=1)
def _models() -> dict[str, Model]:
    rows = json.loads(WEIGHTS_FILE.read_text(encoding="utf-8"))["models"]
    return {
        name: Model(np.array([row["weights"][signal] for signal in NAMES]), row["bias"])
        for name, row in rows.items()
    }


@lru_cache(maxsize=1)
def version() -> str:
    return hashlib.sha256(WEIGHTS_FILE.read_bytes()).hexdigest()[:16]


def right(values: Numbers, *, by_meaning: bool) -> float:
    """Estimate P(the first passage answers the question)."""
    return _models()["right" if by_meaning else "right_by_words"].probability(values)


def about(values: Numbers, *, by_meaning: bool) -> float:
    """Estimate P(the question is about something in this knowledge base)."""
    return _models()["about" if by_meaning else "about_by_words"].probability(values)
