"""Turn lines into the numbers that fitting and judging work on.

Rule: each number comes from the very function that is used when a message is screened.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from safety.fitting.train import rarity
from safety.meaning import Numbers, Typed, typed
from safety.ngrams import BUCKETS, places_of_pieces, places_of_words, row
from safety.vocabulary import spell

Places = list[NDArray[np.intp]]


@dataclass(frozen=True)
class Table:
    """`owners`: the line of each window. `starts`: the first window of each line, and the end."""

    messages: list[Typed]
    rarity: Numbers
    wholes: csr_matrix
    windows: csr_matrix
    starts: list[int]


def table(texts: Sequence[str], windowed: NDArray[np.bool_]) -> Table:
    """windowed: the lines whose windows are wanted as well."""
    messages = [typed(text) for text in texts]
    wholes = [_places(message.whole) for message in messages]
    read = [m.windows if wanted else () for m, wanted in zip(messages, windowed, strict=True)]
    parts = [_places(part) for windows in read for part in windows]
    starts = np.cumsum([0, *map(len, read)]).tolist()
    rare = rarity(_counts(np.unique(np.concatenate(pair)) for pair in wholes))
    return Table(messages, rare, _rows(wholes, rare), _rows(parts, rare), starts)


def _places(part: Sequence[str]) -> Places:
    return [places_of_words(spell(list(part))), places_of_pieces(part)]


def _counts(places: Iterable[NDArray[np.intp]]) -> csr_matrix:
    found = list(places)
    ends = np.cumsum([0, *map(len, found)])
    columns = np.concatenate(found)
    return csr_matrix((np.ones(len(columns)), columns, ends), shape=(len(found), BUCKETS))


def _rows(parts: list[Places], rare: Numbers) -> csr_matrix:
    columns, values, ends = [], [], [0]
    for pair in parts:
        for places in pair:
            found, value = row(places, rare)
            columns.append(found)
            values.append(value)
        ends.append(ends[-1] + sum(map(len, columns[-2:])))
    if not columns:
        return csr_matrix((0, BUCKETS), dtype=np.float32)
    data = (np.concatenate(values), np.concatenate(columns), np.array(ends))
    return csr_matrix(data, shape=(len(parts), BUCKETS), dtype=np.float32)
