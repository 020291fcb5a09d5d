"""Mend misspelt words, towards the screen's own vocabulary only.

Rule: a word that is itself an ordinary word is never changed (`words/real_words`), and a mend is
small: one slip in a short word, two in a long one, or the same sound in Spanish spelling.
"""

import re
from collections.abc import Mapping
from functools import lru_cache

from rapidfuzz.distance import OSA
from rapidfuzz.process import extract

_SHORTEST = 4
_SHORTEST_SPLIT = 5
_SOUNDS = (
    (r"h(?!$)", ""), (r"ll", "y"), (r"qu(?=[ei])", "k"), (r"q", "k"), (r"c(?=[ei])", "s"),
    (r"[zx]", "s"), (r"c", "k"), (r"v", "b"), (r"g(?=[ei])", "j"), (r"w", "u"), (r"(.)\1", r"\1"),
    (r"n(?=[bp])", "m"),
)  # fmt: skip


@lru_cache(maxsize=20_000)
def sound(word: str) -> str:
    """Return how a word sounds in Spanish: `convulsionando` and `combulsionando` are one."""
    word = word.replace("ch", "7")
    for pattern, becomes in _SOUNDS:
        word = re.sub(pattern, becomes, word)
    return word


class Speller:
    """`weights`: how many phrases use a word; of two equally near words the more used one wins."""

    def __init__(self, weights: Mapping[str, int], spanish: set[str], real_words: set[str]) -> None:
        self._weights = {word: count for word, count in weights.items() if word.isalpha()}
        self._vocabulary = set(self._weights)
        self._real = real_words
        self._by_sound = {sound(word): word for word in sorted(spanish) if len(word) >= _SHORTEST}
        self._by_length: dict[int, list[str]] = {}
        for word in sorted(self._vocabulary):
            if len(word) >= _SHORTEST:
                self._by_length.setdefault(len(word), []).append(word)
        self._mended = lru_cache(maxsize=50_000)(self._look_up)

    def known(self, word: str) -> bool:
        return word in self._vocabulary

    def mend(self, word: str) -> str:
        if not word[:1].isalpha() or word in self._vocabulary or word in self._real:
            return word
        return self._mended(word)

    def split(self, word: str) -> list[str]:
        """Return `i want to die` for `iwanttodie`; the word itself where it cannot be split."""
        if (
            len(word) < _SHORTEST_SPLIT
            or len(word) > 60
            or word in self._real
            or word in self._vocabulary
        ):
            return [word]
        best: list[list[str] | None] = [[]] + [None] * len(word)
        for end in range(1, len(word) + 1):
            for start in range(max(0, end - 16), end):
                head, piece = best[start], word[start:end]
                if head is None or not self._may_stand_alone(piece):
                    continue
                if best[end] is None or len(head) + 1 < len(best[end] or []):
                    best[end] = [*head, piece]
        whole = best[-1]
        return whole if whole and len(whole) > 1 else [word]

    def _may_stand_alone(self, piece: str) -> bool:
        return piece in {"i", "a", "y", "o"} or (len(piece) > 1 and piece in self._vocabulary)

    def _look_up(self, word: str) -> str:
        if "*" in word:
            return self._starred(word)
        if len(word) < _SHORTEST or len(word) > 24 or not word.isalpha():
            return self._by_sound.get(sound(word), word) if word.isalpha() else word
        if sound(word) in self._by_sound:
            return self._by_sound[sound(word)]
        slips = 1 if len(word) < 8 else 2
        near = [
            candidate
            for length in range(len(word) - slips, len(word) + slips + 1)
            for candidate in self._by_length.get(length, ())
            if candidate[0] == word[0] or candidate[:2] == word[1::-1]
        ]
        found = extract(
            word, near, scorer=OSA.distance, processor=None, score_cutoff=slips, limit=12
        )
        ranked = sorted(found, key=lambda one: (one[1], -self._weights[one[0]], one[0]))
        return ranked[0][0] if ranked else word

    def _starred(self, word: str) -> str:
        shape = re.compile(re.sub(r"\*+", "[a-z]{1,3}", word))
        fitting = [candidate for candidate in self._vocabulary if shape.fullmatch(candidate)]
        return min(fitting, key=lambda candidate: (len(candidate), candidate), default=word)
