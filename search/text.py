"""Words of a text: folded, stemmed, and known or not.

Rule: what is compared is folded the same way on both sides (case, accents, width), so that a
question typed without accents finds the article written with them.
"""

from __future__ import annotations

import math
import re
import unicodedata
from functools import lru_cache
from pathlib import Path

import snowballstemmer

WORD = re.compile(r"[^\W_]+(?:['\u2019][^\W_]+)*")
LATIN = re.compile(r"[A-Za-zÀ-ɏ]")
_APOSTROPHES = str.maketrans("", "", "'\u2019")
_LANGUAGES = {"en": "english", "es": "spanish"}
_LISTED = 45_000
_GLOSSED = 4_000
SHORTEST_PLURAL = 4
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


@lru_cache(maxsize=50_000)
def term_set(text: str, lang: str) -> frozenset[str]:
    """Return the different terms of a title or heading, which is asked for again and again."""
    return frozenset(terms_of(text, lang))


@lru_cache(maxsize=200_000)
def stem(word: str, lang: str) -> str:
    # A stemmer holds the word it works on: shared by two threads it would mix their words.
    return str(snowballstemmer.stemmer(_LANGUAGES.get(lang, "english")).stemWord(word))


@lru_cache(maxsize=1)
def stop_words() -> frozenset[str]:
    return frozenset(_read("stop_en") + _read("stop_es"))


@lru_cache(maxsize=2)
def asking_stems(lang: str) -> frozenset[str]:
    """Return the stems of words that ask, or name a side of anything: "explain", "treatment"."""
    known = lang if lang in _LANGUAGES else "en"
    return frozenset(stem(word, known) for word in _read(f"asking_{known}"))


@lru_cache(maxsize=2)
def ranks(lang: str) -> dict[str, int]:
    """Return the rank of each ordinary word of the language, 0 for the most frequent."""
    listed = {word: rank for rank, word in enumerate(_read(lang))}
    for word in _glossed() if lang == "es" else ():
        listed.setdefault(word, _GLOSSED)
    return listed


def spanish_rank(word: str) -> int | None:
    """Return the rank of the word or, as the list lacks many a plural, of its shorter form."""
    listed = ranks("es")
    if word in listed or len(word) < SHORTEST_PLURAL or not word.endswith(("s", "n")):
        return listed.get(word)
    shorter = word[:-2] if word.endswith(("es", "en")) else word
    return listed.get(word[:-1], listed.get(shorter))


@lru_cache(maxsize=50_000)
def oddness(word: str) -> float:
    """Return 0 for the 500 most ordinary words of English or Spanish, 1 for one in neither list."""
    spanish = spanish_rank(word)
    rank = min(ranks("en").get(word, _LISTED), _LISTED if spanish is None else spanish)
    return min(1.0, max(0.0, math.log((rank + 1) / 500) / math.log(_LISTED / 500)))


def _glossed() -> list[str]:
    """Return the glossary's single words; many of them are too rare for the list."""
    lines = (_FOLDER.parent / "glossary" / "es_en.tsv").read_text(encoding="utf-8").split("\n")
    pairs = [line.split("\t") for line in lines if line]
    return [spanish for spanish, english in pairs if " " not in spanish and spanish != english]


def _read(name: str) -> list[str]:
    return (_FOLDER / f"{name}.txt").read_text(encoding="utf-8").split()
