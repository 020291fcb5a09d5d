"""BM25 over stems, as arrays.

Rule: the words of a passage, its heading and its article's title count; which of them are rare is
learnt from the knowledge base itself. Postings lie in flat arrays, one stretch for each term, so
that a question touches only its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from search.moves import Rows, rearranged

K1 = 1.2
B = 0.6

Floats = NDArray[np.float32]
Integers = NDArray[np.int32]


@dataclass(frozen=True)
class Lexical:
    terms: dict[str, int]
    starts: Integers
    """Where the stretch of each term starts; one more at the end."""
    postings: Integers
    """Passage numbers."""
    counts: Integers
    """How often the term stands in that passage."""
    lengths: Integers
    """How many terms each passage has."""

    @classmethod
    def empty(cls) -> Lexical:
        nothing = np.empty(0, dtype=np.int32)
        return cls({}, np.zeros(1, dtype=np.int32), nothing, nothing, nothing)

    @property
    def size(self) -> int:
        return len(self.lengths)

    @cached_property
    def weights(self) -> Floats:
        """The BM25 weight of the term in that passage, its rarity included."""
        average = float(self.lengths.mean()) if self.size else 1.0
        norm = (K1 * (1 - B) + K1 * B / max(average, 1.0) * self.lengths).astype(np.float32)
        counts = self.counts.astype(np.float32)
        rarity = np.repeat(self.rarity, np.diff(self.starts))
        weights: Floats = rarity * (counts * (K1 + 1) / (counts + norm[self.postings]))
        return weights

    @cached_property
    def rarity(self) -> Floats:
        """Inverse document frequency of each term."""
        found_in = np.diff(self.starts).astype(np.float32)
        rarity: Floats = np.log1p((self.size - found_in + 0.5) / (found_in + 0.5))
        return rarity

    @cached_property
    def unknown_rarity(self) -> float:
        """What a term that stands nowhere would weigh."""
        return float(np.log1p((self.size + 0.5) / 0.5))

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

    def followed(self, source: Rows, fresh: Sequence[Sequence[str]]) -> Lexical:
        """Return the index of other passages.

        source: the number each passage had here, -1 for a fresh one. fresh: the stems of those.
        """
        added = Counter[tuple[int, int]]()
        terms = dict(self.terms)
        for passage, stems in zip(np.flatnonzero(source < 0).tolist(), fresh, strict=True):
            added.update((terms.setdefault(stem, len(terms)), passage) for stem in stems)
        pairs = np.array(list(added), dtype=np.int64).reshape(-1, 2)
        place = np.full(self.size, -1, dtype=np.int64)
        place[source[source >= 0]] = np.flatnonzero(source >= 0)
        owners = place[self.postings]
        stays = owners >= 0
        numbers = np.repeat(np.arange(len(self.terms)), np.diff(self.starts))[stays]
        # Nearly in order already, which a stable sort is quick with.
        keys = np.concatenate((numbers, pairs[:, 0])) * len(source)
        keys += np.concatenate((owners[stays], pairs[:, 1]))
        order = np.argsort(keys, kind="stable")
        counts = np.concatenate((self.counts[stays], np.fromiter(added.values(), np.int32)))
        lengths = np.array([len(stems) for stems in fresh], dtype=np.int32)
        return _without_gaps(
            terms, keys[order], counts[order], rearranged(self.lengths, source, lengths)
        )


def index_terms(passages: Sequence[Sequence[str]]) -> Lexical:
    """Make the index of passages given as lists of stems."""
    return Lexical.empty().followed(np.full(len(passages), -1, dtype=np.int64), passages)


def _without_gaps(
    terms: dict[str, int], keys: Rows, counts: Integers, lengths: Integers
) -> Lexical:
    """keys: term number times passages, plus passage number, ascending."""
    numbers, owners = np.divmod(keys, max(1, len(lengths)))
    found_in = np.bincount(numbers, minlength=len(terms))
    if not found_in.all():  # a term went with its last passage
        names = list(terms)
        terms = {names[old]: new for new, old in enumerate(np.flatnonzero(found_in).tolist())}
        found_in = found_in[found_in > 0]
    starts = np.concatenate(([0], np.cumsum(found_in))).astype(np.int32)
    return Lexical(terms, starts, owners.astype(np.int32), counts.astype(np.int32), lengths)
