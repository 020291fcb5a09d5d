"""Count hashed words and pieces of words: what the meaning layer looks at when it has no model.

Rule: the same tokens give the same numbers on every machine (CRC-32, no random seed), words and
pieces share one table of `BUCKETS` places, and nothing of the text can be read back from it.
"""

from collections.abc import Iterator, Sequence
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from safety.normalise import PAUSE, STOP
from safety.rules import plain_words

BUCKETS = 1 << 18
LONGEST_PHRASE = 3  # words
DENIAL_REACH = 6  # words after a "no"
PIECES = range(2, 6)  # letters

Places = NDArray[np.intp]
Numbers = NDArray[np.float32]


def places_of_words(spelled: Sequence[str]) -> Places:
    return _places(_phrases(spelled))


def places_of_pieces(typed: Sequence[str]) -> Places:
    return _places(_pieces(typed))


def row(places: Places, rarity: Numbers) -> tuple[Places, Numbers]:
    """Return the places once each with their values: 1 + log of the count, by rarity, length 1."""
    found, counts = np.unique(places, return_counts=True)
    values = ((1 + np.log(counts)) * rarity[found]).astype(np.float32)
    length = float(np.sqrt(values @ values))
    return found, values / length if length else values


def _places(grams: Iterator[str]) -> Places:
    hashed = (crc32(gram.encode("utf-8", "replace")) & (BUCKETS - 1) for gram in grams)
    return np.fromiter(hashed, dtype=np.intp)


def _phrases(spelled: Sequence[str]) -> Iterator[str]:
    yield from ("not " + word for word in _denied(spelled))
    words = [_number(token) for token in spelled if token not in (PAUSE, STOP)]
    words = ["<", *words, ">"]
    for length in range(1, LONGEST_PHRASE + 1):
        for start in range(len(words) - length + 1):
            yield "w " + " ".join(words[start : start + length])


def _denied(spelled: Sequence[str]) -> Iterator[str]:
    """Yield the words that follow a "no" in its clause, a list's commas included, and their pairs.

    "no chest pain, fever or chills" says other things about chest and fever than "chest pain".
    """
    negators, turns = plain_words("negator"), plain_words("clause_break")
    left, before = 0, ""
    for token in spelled:
        if token in negators:
            left, before = DENIAL_REACH, token
        elif token == STOP or token in turns:
            left = 0
        elif left and token != PAUSE:
            left -= 1
            yield token
            yield f"{before} {token}"
            before = token


def _number(token: str) -> str:
    """Return how long a number is, not which: what counts in "azúcar en 550" is three digits."""
    return f"#{len(token)}" if token[:1].isdigit() else token


def _pieces(typed: Sequence[str]) -> Iterator[str]:
    for token in typed:
        if token in (PAUSE, STOP):
            continue
        word = f" {token[:30]} "
        for length in PIECES:
            for start in range(max(1, len(word) - length + 1)):
                yield "p" + word[start : start + length]
