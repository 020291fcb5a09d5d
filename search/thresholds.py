"""When a score is good enough: numbers learnt from each knowledge base and stored with its index.

Rule: a number here is either learnt (`search.learning`) or the careful one for an index that has
not been learnt from yet.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Thresholds:
    answer_few: float
    """Lowest P(right) of an answer to a question of few words, which near misses resemble most."""
    answer_many: float
    """The same for a question of many words."""
    choices: float
    """Lowest P(about something here) of a list of choices."""
    is_learnt: bool = True
    learnt_with: str = ""
    """The weights of `search.confidence` they were learnt with: others mean learning anew."""


UNLEARNT = Thresholds(0.85, 0.7, 0.4, is_learnt=False)
