"""What is left out when there is more to do than can be done, and in which order.

Rule: a danger card is part of taking a message in, and never waits. People come next: who asks for
one, or has one, is served without the assistant. Then answers: a message that waited too long is
answered from the articles alone, without Rasa, which is the slow part; one that waited far longer
is not looked up, and the patient is told so with a number to call. Insights go first of all: their
pages rest while patients wait.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from enum import StrEnum

WITHOUT_RASA_AFTER_S = 4.0
WITHOUT_SEARCH_AFTER_S = 20.0
# Insights rest this long after the last message that waited too long.
RESTS_S = 10.0


class Effort(StrEnum):
    """How much is done for one message."""

    ALL = "all"
    ARTICLES = "articles"
    NOTHING = "nothing"


def effort(waited_s: float, fence: int) -> Effort:
    """Decide by how long it waited. A turn that was taken up again waited for its lease alone."""
    if fence > 1 or waited_s < WITHOUT_RASA_AFTER_S:
        return Effort.ALL
    return Effort.ARTICLES if waited_s < WITHOUT_SEARCH_AFTER_S else Effort.NOTHING


class Overload:
    """Whether messages waited too long a moment ago."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._until = float("-inf")

    def note(self) -> None:
        with self._lock:
            self._until = self._clock() + RESTS_S

    @property
    def is_on(self) -> bool:
        return self._clock() < self._until
