"""The words the screen knows, and the way from typed tokens to known ones.

Rule: the vocabulary is what the phrase and guard files say, so a new phrase is spelt-checked at
once; ordinary words that only look misspelt stand in `phrases/{en,es}/real_words.txt`.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache

from safety.grammar import expand, parse, spellings, words
from safety.repair import Speller
from safety.rules import HERE, LANGUAGES, guard_patterns, lines_of, rules, word_lists

_FILES_OF_GUARDS = ("idioms", "past", "now", "education", "mild")


@cache
def speller() -> Speller:
    return Speller(_vocabulary(), _spanish(), _real_words())


@cache
def _vocabulary() -> Counter[str]:
    found = Counter(list(_text_speak()))
    for rule in rules():
        found.update(rule.pattern.vocabulary)
    for name in _FILES_OF_GUARDS:
        for pattern in guard_patterns(name):
            found.update(pattern.vocabulary)
    for lang in LANGUAGES:
        found.update(_listed(lang))
    for spelt in _text_speak().values():
        found.update(spelt)
    return found


def _listed(lang: str) -> set[str]:
    lists = word_lists(lang)
    return {
        spelling
        for name in lists
        for word in words(parse(expand(f"@{name}", lists)))
        for spelling in spellings(word)
    }


def _spanish() -> set[str]:
    spanish = _listed("es")
    for rule in rules():
        if rule.name.startswith("es/"):
            spanish |= rule.pattern.vocabulary
    return spanish


@cache
def _real_words() -> set[str]:
    return {
        word
        for lang in LANGUAGES
        for line in lines_of(HERE / "phrases" / lang / "real_words.txt")
        for word in line.text.split()
    }


@cache
def _text_speak() -> dict[str, tuple[str, ...]]:
    """Return what stands for what: `kms` for `kill myself`."""
    pairs = (
        line.text.partition("=")
        for lang in LANGUAGES
        for line in lines_of(HERE / "phrases" / lang / "text_speak.txt")
    )
    return {short.strip(): tuple(spelt.split()) for short, _, spelt in pairs}


def spell(found: list[str]) -> list[str]:
    return list(_rewritten(list(mended(found))))


def mended(found: Sequence[str]) -> Iterator[str]:
    """Mend what is misspelt or run together; text-speak stays."""
    for token in found:
        if token in _text_speak():
            yield token
            continue
        near = speller().mend(token)
        if near == token and not speller().known(token):
            yield from speller().split(token)
        else:
            yield near


def _rewritten(found: list[str]) -> Iterator[str]:
    """Spell out text-speak, longest first: `do not` → `dont`, `kms` → `kill myself`."""
    table = _text_speak_by_first()
    at = 0
    while at < len(found):
        for short, spelt in table.get(found[at], ()):
            if tuple(found[at : at + len(short)]) == short:
                yield from spelt
                at += len(short)
                break
        else:
            yield found[at]
            at += 1


@cache
def _text_speak_by_first() -> dict[str, list[tuple[tuple[str, ...], tuple[str, ...]]]]:
    table: dict[str, list[tuple[tuple[str, ...], tuple[str, ...]]]] = {}
    for short, spelt in _text_speak().items():
        table.setdefault(short.split()[0], []).append((tuple(short.split()), spelt))
    for entries in table.values():
        entries.sort(key=lambda entry: -len(entry[0]))
    return table
