"""Spanish as rough English, word by word.

Rule: the sentence model knows English alone, and to it all Spanish is alike. What it is given is
not a translation and never shown: the longest phrase the glossary knows, else the word, else a word
of the same stem, else the word as it stands.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from itertools import pairwise
from pathlib import Path

import snowballstemmer

from search.text import WORD, fold, stem

LONGEST = 5

_FILE = Path(__file__).parent / "glossary" / "es_en.tsv"
_OPENING_MARKS = re.compile("[¿¡]")


def meant(text: str, lang: str) -> str:
    """Return what the sentence model reads for a text."""
    return english_of(text) if lang == "es" else text


@lru_cache(maxsize=50_000)
def english_of(text: str) -> str:
    words = list(WORD.finditer(text))
    folded = [fold(word.group()) for word in words]
    pieces, end, at = [], 0, 0
    while at < len(words):
        length, english = _longest(text, words, folded, at)
        pieces += [text[end : words[at].start()], english]
        at += length
        end = words[at - 1].end()
    return _OPENING_MARKS.sub("", "".join((*pieces, text[end:])))


def _longest(text: str, words: list[re.Match[str]], folded: list[str], at: int) -> tuple[int, str]:
    """Return how many words are taken together, and their English."""
    known = _phrases()
    for length in range(min(LONGEST, len(words) - at), 1, -1):
        phrase = " ".join(folded[at : at + length])
        if phrase in known and _is_unbroken(text, words[at : at + length]):
            return length, known[phrase]
    word = folded[at]
    return 1, known.get(word) or _by_stem().get(stem(word, "es")) or words[at].group()


def _is_unbroken(text: str, words: list[re.Match[str]]) -> bool:
    return all(text[one.end() : other.start()].isspace() for one, other in pairwise(words))


@lru_cache(maxsize=1)
def version() -> str:
    return hashlib.sha256(_FILE.read_bytes()).hexdigest()[:8]


@lru_cache(maxsize=1)
def _phrases() -> dict[str, str]:
    lines = _FILE.read_text(encoding="utf-8").split("\n")
    return dict(line.split("\t") for line in lines if line)


@lru_cache(maxsize=1)
def _by_stem() -> dict[str, str]:
    """The shortest word of each stem: the plainest form."""
    stems: dict[str, str] = {}
    words = sorted((phrase for phrase in _phrases() if " " not in phrase), key=len, reverse=True)
    for word, found in zip(words, snowballstemmer.stemmer("spanish").stemWords(words), strict=True):
        stems[found] = _phrases()[word]
    return stems
