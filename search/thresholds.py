"""When a score is good enough, learnt from each knowledge base.

Rule: first form with fixed values.
"""
from __future__ import annotations
from dataclasses import dataclass

@dataclass(frozen=True)
class Thresholds:
    answer: float
    choices: float
    is_learnt: bool = True

UNLEARNT = Thresholds(0.75, 0.55, False)
