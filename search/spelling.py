"""Misspelt words, mended with the knowledge base's own.

Rule: a word is touched only when neither the articles nor everyday English and Spanish know it, and
only where one word is clearly the nearest. A mend towards a name (a medicine, a disease) by more
than one letter is a guess between names: it may be offered, never answered from.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from rapidfuzz import process
from rapidfuzz.distance import OSA

from search.text import WORD, fold, oddness, ranks, spanish_rank

MIN_LETTERS = 4
TWO_MISTAKES_FROM = 7
SURE_NAME_LETTERS = 6
EVERYDAY = 6_000
NAME = 0.85
MAX_REPAIRS = 24
RARE = 45_000
FOREIGN = 0.2  # a word of the other language: "hoar" in a Spanish text is "hora", not "hour"


Shapes = dict[tuple[int, str], list[str]]
"""Words by length and first letter: hardly anyone mistypes the first."""


@dataclass(frozen=True)
class Understood:
    text: str
    is_guess: bool = False
    """A name was changed into another that may be a different one."""


@dataclass(frozen=True)
class Vocabulary:
    counts: dict[str, int] = field(default_factory=dict)
    """How often each folded word stands in the articles."""

    @cached_property
    def by_shape(self) -> Shapes:
        return _by_shape(self.counts)

    def followed(self, gone: Mapping[str, int], fresh: Mapping[str, int]) -> Vocabulary:
        """Return the vocabulary without the words that are gone, and with the fresh ones."""
        counts = dict(self.counts)
        for word, count in fresh.items():
            counts[word] = counts.get(word, 0) + count
        for word, count in gone.items():
            counts[word] -= count
            if not counts[word]:
                del counts[word]
        return Vocabulary(counts)

    def mend(self, text: str, lang: str = "en") -> Understood:
        pieces, end, is_guess, repairs = [], 0, False, 0
        for found in WORD.finditer(text):
            word = fold(found.group())
            if repairs >= MAX_REPAIRS or not self._is_strange(word):
                continue
            repairs += 1
            better = self._nearest(word, lang)
            if better is None:
                continue
            pieces += [text[end : found.start()], better]
            end = found.end()
            is_guess = is_guess or _is_guess(word, better)
        return Understood("".join((*pieces, text[end:])), is_guess)

    def _is_strange(self, word: str) -> bool:
        if len(word) < MIN_LETTERS or not (word.isalpha() and word.isascii()):
            return False
        shorter = word if word.endswith("ss") else word.removesuffix("s")
        return not (self._is_known(word) or self._is_known(shorter))

    def _is_known(self, word: str) -> bool:
        return word in self.counts or word in ranks("en") or spanish_rank(word) is not None

    def _nearest(self, word: str, lang: str) -> str | None:
        """Return the one nearest word, the articles' own first; None between equals."""
        allowed = 2 if len(word) >= TWO_MISTAKES_FROM else 1
        near: list[tuple[float, str]] = []
        for length in range(len(word) - allowed, len(word) + allowed + 1):
            shape = length, word[0]
            own, everyday = self.by_shape.get(shape, []), _everyday().get(shape, [])
            for candidate, distance, _ in process.extract(
                word, own + everyday, scorer=OSA.distance, score_cutoff=allowed, limit=None
            ):
                near.append((distance + self._doubt(candidate, lang), candidate))
        near = sorted(set(near))
        if not near or (len(near) > 1 and near[1][0] - near[0][0] < 0.05):
            return None
        return near[0][1]

    def _doubt(self, candidate: str, lang: str) -> float:
        """Return what speaks against a candidate, in letters."""
        doubt = 0.0 if candidate in self.counts else 0.4
        own, other = (ranks(one).get(candidate) for one in _first(lang))
        if own is None and other is not None:
            doubt += FOREIGN
        rank = min(RARE if found is None else found for found in (own, other))
        return doubt + 0.3 * rank / RARE - 0.02 * min(10, self.counts.get(candidate, 0))


def _first(lang: str) -> tuple[str, str]:
    return ("es", "en") if lang == "es" else ("en", "es")


@lru_cache(maxsize=1)
def _everyday() -> Shapes:
    return _by_shape(word for lang in ("en", "es") for word in list(ranks(lang))[:EVERYDAY])


def _by_shape(words: Iterable[str]) -> Shapes:
    shapes: Shapes = {}
    for word in words:
        if len(word) >= MIN_LETTERS - 1 and word.isalpha():
            shapes.setdefault((len(word), word[0]), []).append(word)
    return shapes


def _is_guess(word: str, better: str) -> bool:
    if oddness(better) < NAME:
        return False
    is_sure = len(better) >= SURE_NAME_LETTERS and OSA.distance(word, better) == 1
    return not is_sure
