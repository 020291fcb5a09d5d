"""Words of a text: folded, stemmed, and known or not.

Rule: what is compared is folded the same way on both sides (case, accents, width), so that a question typed
without accents finds the article written with them.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from pathlib import Path

import snowballstemmer

WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
LATIN = re.compile(r"[A-Za-zÀ-ɏ]")
_APOSTROPHES = str.maketrans("", "", "'\u2019")
_LANGUAGES = {"en": "english", "es": "spanish"}
_FOLDER = Path(__file__).parent / "words"


def fold(text: str) -> str:
    if text.isascii():
        return text.lower()
    spread = unicodedata.normalize("NFKD", text).casefold()
    return "".join(mark for mark in spread if not unicodedata.combining(mark))


def words_of(text: str) -> list[str]:
    """Return the folded words in order; `don't` is `dont`, `COVID-19` is `covid`, `19`."""
    return [word.translate(_APOSTROPHES) for word in WORD.findall(fold(text))]


def terms_of(text: str, lang: str) -> list[str]:
    """Return the stems of the words that carry a topic, in order, repeats kept."""
    ignored = stop_words()
    return [stem(word, lang) for word in words_of(text) if word not in ignored]


@lru_cache(maxsize=200_000)
def stem(word: str, lang: str) -> str:
    # Spanish stems are taken of folded words on both sides; what the stemmer then misses, it misses twice.
    # A stemmer keeps the word it works on in itself: one object for two threads mixes their words.
    return str(snowballstemmer.stemmer(_LANGUAGES.get(lang, "english")).stemWord(word))


@lru_cache(maxsize=1)
def stop_words() -> frozenset[str]:
    return frozenset(_read("stop_en") + _read("stop_es"))


@lru_cache(maxsize=2)
def ranks(lang: str) -> dict[str, int]:
    """Return the rank of each ordinary word of the language, 0 for the most frequent."""
    return {word: rank for rank, word in enumerate(_read(lang))}


@lru_cache(maxsize=2)
def _stop_words_of(lang: str) -> frozenset[str]:
    return frozenset(_read(f"stop_{lang}"))


def _read(name: str) -> list[str]:
    return (_FOLDER / f"{name}.txt").read_text(encoding="utf-8").split()
