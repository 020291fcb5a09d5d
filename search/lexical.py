"""BM25 over stems, as arrays.

Rule: the words of a passage, its heading and its article's title count; which of them are rare is
learnt from the knowledge base itself. Postings lie in flat arrays, one stretch for each term, so
that a question touches only its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from search.counted import Counted, Integers

K1 = 1.2
B = 0.6

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Lexical:
    terms: dict[str, int]
    starts: Integers
    """Where the stretch of each term starts; one more at the end."""
    postings: Integers
    """Passage numbers."""
    weights: Floats
    """The BM25 weight of the term in that passage, its rarity included."""
    rarity: Floats
    """Inverse document frequency of each term."""
    unknown_rarity: float
    """What a term that stands nowhere would weigh."""
    size: int

    def score(self, terms: Iterable[str]) -> Floats:
        """Return one score for each passage, 0 where no term stands."""
        scores = np.zeros(self.size, dtype=np.float32)
        for term, count in Counter(terms).items():
            number = self.terms.get(term)
            if number is not None:
                stretch = slice(self.starts[number], self.starts[number + 1])
                scores[self.postings[stretch]] += self.weights[stretch] * min(count, 2)
        return scores

    def passages_of(self, term: str) -> Integers:
        """Return the passages that hold the term, ascending."""
        number = self.terms.get(term)
        if number is None:
            return self.postings[:0]
        return self.postings[self.starts[number] : self.starts[number + 1]]

    def rarity_of(self, term: str) -> float:
        number = self.terms.get(term)
        return self.unknown_rarity if number is None else float(self.rarity[number])


def index_terms(passages: Sequence[Sequence[str]]) -> Lexical:
    """Make the index of passages given as lists of stems."""
    terms: dict[str, int] = {}
    numbers, owners, counts, lengths = [], [], [], []
    for passage, stems in enumerate(passages):
        lengths.append(len(stems))
        for stem, count in Counter(stems).items():
            numbers.append(terms.setdefault(stem, len(terms)))
            owners.append(passage)
            counts.append(count)
    return _weigh(
        terms,
        np.array(numbers, dtype=np.int32),
        np.array(owners, dtype=np.int32),
        np.array(counts, dtype=np.float32),
        np.array(lengths, dtype=np.float32),
    )


def index_counted(passages: Sequence[Counted], names: Sequence[str]) -> Lexical:
    """Make the index of passages whose stems are given as places in `names`, each once."""
    if not passages:
        return index_terms([])
    numbers = np.concatenate([passage.numbers for passage in passages])
    different = [len(passage.numbers) for passage in passages]
    used = np.flatnonzero(np.bincount(numbers, minlength=1))
    place = np.zeros(int(numbers.max(initial=0)) + 1, dtype=np.int32)
    place[used] = np.arange(len(used), dtype=np.int32)
    owners = np.repeat(np.arange(len(passages), dtype=np.int32), different)
    counts = np.concatenate([passage.counts for passage in passages]).astype(np.float32)
    lengths = np.bincount(owners, weights=counts, minlength=len(passages)).astype(np.float32)
    terms = {names[number]: new for new, number in enumerate(used.tolist())}
    return _weigh(terms, place[numbers], owners, counts, lengths)


def _weigh(
    terms: dict[str, int], numbers: Integers, owners: Integers, counts: Floats, lengths: Floats
) -> Lexical:
    # Numbers of 16 bits are sorted by radix, ten times as fast.
    narrow = numbers.astype(np.uint16) if len(terms) <= 2**16 else numbers
    order = np.argsort(narrow, kind="stable")
    found_in = np.bincount(numbers, minlength=len(terms)).astype(np.float32)
    size = len(lengths)
    rarity = np.log1p((size - found_in + 0.5) / (found_in + 0.5)).astype(np.float32)
    average = float(lengths.mean()) if size else 1.0
    norm = K1 * (1 - B + B * lengths[owners] / max(average, 1.0))
    weights = rarity[numbers] * counts * (K1 + 1) / (counts + norm)
    return Lexical(
        terms=terms,
        starts=np.concatenate(([0], np.cumsum(found_in))).astype(np.int32),
        postings=owners[order],
        weights=weights[order].astype(np.float32),
        rarity=rarity,
        unknown_rarity=float(np.log1p((size + 0.5) / 0.5)),
        size=size,
    )
