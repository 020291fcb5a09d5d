"""Reading level of article text. Rule: a rough count that never needs a dictionary.

English is Flesch-Kincaid (a US school grade, lower is easier). Spanish is Fernández-Huerta
(0 to 100, higher is easier; 60 is ordinary prose). Only full sentences are graded: headings,
list items and table cells are short by nature and would flatter any text.
"""

import re

_WORD = re.compile(r"[^\W\d_]+(?:['\u2019][^\W\d_]+)*")
_SENTENCE_END = re.compile(r"[.!?]+(?:\s|$)|\n\s*\n")
_ENGLISH_VOWELS = re.compile(r"[aeiouy]+")
# A strong vowel carries a syllable; a weak one beside it does not, unless it has an accent.
_SPANISH_SYLLABLE = re.compile(r"[aeoáéíóú]|(?<![aeoáéóú])[iuü](?![aeiouáéíóú])")


def plain_text(markdown: str) -> str:
    """Return the words a reader sees: no link targets, table rules or marks."""
    text = re.sub(r"\]\([^)]*\)", "", markdown)
    text = re.sub(r"\{\{[^}]*\}\}", "", text)
    text = re.sub(r"^\|[-| :]+\|$", "", text, flags=re.MULTILINE)
    text = re.sub(r"^\s*(?:[-*>]|#+|\d+\.)\s+", "", text, flags=re.MULTILINE)
    return re.sub(r"[|*`\[]", " ", text)


def prose(markdown: str) -> str:
    """Return the paragraphs alone, without headings, lists and tables."""
    not_prose = re.compile(r"^\s*(?:[-*#|>]|\d+\.\s).*$", re.MULTILINE)
    return plain_text(not_prose.sub("", markdown.replace("**", "")))


def syllables(word: str, lang: str) -> int:
    word = word.lower()
    if lang == "es":
        return max(1, len(_SPANISH_SYLLABLE.findall(word)))
    count = len(_ENGLISH_VOWELS.findall(word))
    # English drops a final e ("late"), but not in "table" or in "-ted" and "-ded".
    silent = re.search(r"[^aeiouyl]e$|[^aeiouytd]ed$|[^aeiouyscxzgh]es$", word)
    return max(1, count - 1 if silent else count)


def _counts(markdown: str, lang: str) -> tuple[int, int, int]:
    text = prose(markdown)
    words = _WORD.findall(text)
    sentences = [part for part in _SENTENCE_END.split(text) if _WORD.search(part)]
    return len(words), len(sentences), sum(syllables(word, lang) for word in words)


def flesch_kincaid(markdown: str) -> float:
    words, sentences, beats = _counts(markdown, "en")
    return 0.39 * words / sentences + 11.8 * beats / words - 15.59


def fernandez_huerta(markdown: str) -> float:
    words, sentences, beats = _counts(markdown, "es")
    return 206.84 - 60 * beats / words - 1.02 * words / sentences
