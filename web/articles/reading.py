"""How hard a text is to read: a grade, its long sentences, its long words.

Rule: pure, and a rough count that never needs a dictionary. English is Flesch-Kincaid (a US school
grade, lower is easier), Spanish is Fernández-Huerta (0 to 100, higher is easier; 60 is ordinary
prose). Only full sentences are graded: headings, list items and table cells are short by nature and
would flatter any text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

HARDEST_GRADE = 8.0
LEAST_EASE = 60.0
LONG_SENTENCE = 30
HARD_BEATS = {"en": 4, "es": 6}
MIN_WORDS = 30  # of fewer a grade says nothing

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")
_SENTENCE_END = re.compile(r"[.!?]+(?:\s|$)|\n\s*\n")
_CLAUSE_END = re.compile(r"[.!?;:]+(?:\s|$)|\n\s*\n")
_ENGLISH_VOWELS = re.compile(r"[aeiouy]+")
# A strong vowel carries a syllable; a weak one beside it does not, unless it has an accent.
_SPANISH_SYLLABLE = re.compile(r"[aeoáéíóú]|(?<![aeoáéóú])[iuü](?![aeiouáéíóú])")
_NOT_PROSE = re.compile(r"^\s*(?:[-*#|>]|\d+\.\s).*$", re.MULTILINE)


@dataclass(frozen=True)
class Reading:
    """grade: of English; ease: of Spanish. Both None for too few words."""

    grade: float | None = None
    ease: float | None = None

    @property
    def is_hard(self) -> bool:
        if self.grade is not None:
            return self.grade > HARDEST_GRADE
        return self.ease is not None and self.ease < LEAST_EASE


def plain_text(markdown: str) -> str:
    """Return the words a reader sees: no link targets, table rules or marks."""
    text = re.sub(r"\]\([^)]*\)", "", markdown)
    text = re.sub(r"\{\{[^}]*\}\}", "", text)
    text = re.sub(r"^\|[-| :]+\|$", "", text, flags=re.MULTILINE)
    text = re.sub(r"^\s*(?:[-*>]|#+|\d+\.)\s+", "", text, flags=re.MULTILINE)
    return re.sub(r"[|*`\[]", " ", text)


def prose(markdown: str) -> str:
    """Return the paragraphs alone, without headings, lists and tables."""
    return plain_text(_NOT_PROSE.sub("", markdown.replace("**", "")))


def syllables(word: str, lang: str) -> int:
    word = word.lower()
    if lang == "es":
        return max(1, len(_SPANISH_SYLLABLE.findall(word)))
    count = len(_ENGLISH_VOWELS.findall(word))
    # English drops a final e ("late"), but not in "table" or in "-ted" and "-ded".
    silent = re.search(r"[^aeiouyl]e$|[^aeiouytd]ed$|[^aeiouyscxzgh]es$", word)
    return max(1, count - 1 if silent else count)


def read(markdown: str, lang: str) -> Reading:
    counts = _counts(markdown, lang)
    if counts[0] < MIN_WORDS:
        return Reading()
    return Reading(ease=_ease(*counts)) if lang == "es" else Reading(grade=_grade(*counts))


def flesch_kincaid(markdown: str) -> float:
    """Return the grade of English text, however short."""
    return _grade(*_counts(markdown, "en"))


def fernandez_huerta(markdown: str) -> float:
    """Return the ease of Spanish text, however short."""
    return _ease(*_counts(markdown, "es"))


def _grade(words: int, sentences: int, beats: int) -> float:
    return 0.39 * words / sentences + 11.8 * beats / words - 15.59


def _ease(words: int, sentences: int, beats: int) -> float:
    return 206.84 - 60 * beats / words - 1.02 * words / sentences


def _counts(markdown: str, lang: str) -> tuple[int, int, int]:
    text = prose(markdown)
    words = _WORD.findall(text)
    sentences = [part for part in _SENTENCE_END.split(text) if _WORD.search(part)]
    return len(words), len(sentences), sum(syllables(word, lang) for word in words)


def long_sentences(lines: Iterable[tuple[int, str]]) -> Iterator[tuple[int, int]]:
    """Yield line and words of each sentence that is too long."""
    for number, line in lines:
        for sentence in _CLAUSE_END.split(prose(line)):
            words = len(_WORD.findall(sentence))
            if words > LONG_SENTENCE:
                yield number, words


def hard_words(markdown: str, lang: str) -> list[str]:
    """Return the long words of the prose, the longest first, each once."""
    beats = HARD_BEATS.get(lang, HARD_BEATS["en"])
    found = {word.lower() for word in _WORD.findall(prose(markdown))}
    hard = [word for word in found if syllables(word, lang) >= beats]
    return sorted(hard, key=lambda word: (-len(word), word))
