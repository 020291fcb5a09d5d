"""Strings with how often each stands somewhere, as arrays that are quickly added up."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.int32]


class Table:
    """Gives each string a number, the same for as long as the process lives."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._numbers: dict[str, int] = {}
        self._one_at_a_time = threading.Lock()

    def number(self, name: str) -> int:
        number = self._numbers.get(name)
        if number is not None:
            return number
        with self._one_at_a_time:
            if name not in self._numbers:
                self.names.append(name)
                self._numbers[name] = len(self.names) - 1
            return self._numbers[name]


@dataclass(frozen=True)
class Counted:
    numbers: Integers
    """Of strings in a table, each once."""
    counts: Integers

    @classmethod
    def of(cls, strings: Iterable[str], table: Table) -> Counted:
        counts = Counter(strings)
        numbers = np.fromiter(map(table.number, counts), np.int32, len(counts))
        return cls(numbers, np.fromiter(counts.values(), np.int32, len(counts)))
