"""From the places things had in one index to those they have in the next.

Rule: a source is the row a thing had before, -1 for one that is new. Almost everything stays when
an article changes, so what stays is copied in whole stretches.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Kept = TypeVar("Kept", bound=np.generic)


def starts_of(counts: Sequence[int] | Rows) -> Rows:
    """Return where each article's things start; one more at the end."""
    return np.concatenate(([0], np.cumsum(counts))).astype(np.int64)


def sources(origin: Rows, before: Rows, now: Rows) -> Rows:
    """Return the source of each thing, from those of its articles.

    before, now: where the things of each article start, one more at the end.
    """
    shift = before[origin] - now[:-1]
    counts = np.diff(now)
    found = np.arange(now[-1], dtype=np.int64) + np.repeat(shift, counts)
    found[np.repeat(origin < 0, counts)] = -1
    return found


def rearranged(old: NDArray[Kept], source: Rows, fresh: NDArray[Kept]) -> NDArray[Kept]:
    """Return the rows that stay, in their new order, with the fresh ones in between."""
    shape = (len(source), *(fresh if len(fresh) else old).shape[1:])
    rows: NDArray[Kept] = np.empty(shape, dtype=old.dtype)
    # A stretch ends where the next row does not come from just behind.
    ends = np.flatnonzero(np.diff(source, append=-2) != 1) + 1
    begins = np.concatenate(([0], ends[:-1])) if len(ends) else ends
    kept = source[begins] >= 0
    for begin, end in zip(begins[kept].tolist(), ends[kept].tolist(), strict=True):
        rows[begin:end] = old[source[begin] : source[begin] + end - begin]
    rows[source < 0] = fresh
    return rows
