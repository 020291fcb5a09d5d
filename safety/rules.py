"""Read the phrase and guard files, and find the few phrases a message could match.

Rule: files are read once, when the first message comes; a line that cannot be read is an error
that names file and line. Every phrase is filed under its rarest necessary words, so a message is
compared with the phrases that share one with it, not with all.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from safety.grammar import (
    Choice,
    Item,
    Part,
    Pattern,
    PatternInvalid,
    Word,
    compile_pattern,
    spellings,
)
from safety.kinds import kinds

HERE = Path(__file__).parent
LANGUAGES = ("en", "es")
GUARDS = frozenset({"denial", "past", "education", "mild"})


class PhrasesInvalid(Exception):
    """A phrase file cannot be used: file, line and reason."""


@dataclass(frozen=True)
class Rule:
    name: str  # en/stroke:12, so that a clinician finds the line
    kind: str
    guards: frozenset[str]
    pattern: Pattern


@dataclass(frozen=True)
class Line:
    number: int
    text: str


def lines_of(path: Path) -> Iterator[Line]:
    for number, raw in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        text = raw.partition("#")[0].strip()
        if text:
            yield Line(number, text)


@cache
def word_lists(lang: str) -> dict[str, str]:
    """Return the named lists of a language: @family = mom|dad|..."""
    lists: dict[str, str] = {}
    for line in lines_of(HERE / "phrases" / lang / "words.txt"):
        if not _is_list(line.text):
            raise PhrasesInvalid(f"{lang}/words.txt:{line.number}: expected @name = words")
        _add_list(line.text, lists)
    return lists


@cache
def plain_words(name: str) -> frozenset[str]:
    """Return the single words of a list, of both languages together."""
    found: set[str] = set()
    for lang in LANGUAGES:
        found.update(word.strip() for word in word_lists(lang).get(name, "").split("|"))
    return frozenset(found - {""})


@cache
def rules() -> tuple[Rule, ...]:
    found: list[Rule] = []
    for lang in LANGUAGES:
        for path in sorted((HERE / "phrases" / lang).glob("*.txt")):
            if path.stem not in ("words", "real_words", "text_speak"):
                found.extend(_read_topic(path, lang))
    return tuple(found)


def _read_topic(path: Path, lang: str) -> Iterator[Rule]:
    kind, guards = "", frozenset({"denial", "past"})
    lists = dict(word_lists(lang))
    for line in lines_of(path):
        where = f"{lang}/{path.stem}:{line.number}"
        if _is_list(line.text):
            _add_list(line.text, lists)
        elif line.text.startswith("kind:"):
            kind = line.text.removeprefix("kind:").strip()
            if kind not in kinds():
                raise PhrasesInvalid(f"{where}: kinds.toml has no kind {kind!r}")
        elif line.text.startswith("guards:"):
            guards = frozenset(line.text.removeprefix("guards:").split()) - {"none"}
            if guards - GUARDS:
                raise PhrasesInvalid(f"{where}: no guard is called {sorted(guards - GUARDS)[0]!r}")
        elif not kind:
            raise PhrasesInvalid(f"{where}: a phrase before the first 'kind:' line")
        else:
            yield Rule(where, kind, guards, _pattern(line.text, lists, where))


def _is_list(text: str) -> bool:
    return re.match(r"@[a-z_]+ *=", text) is not None


def _add_list(text: str, lists: dict[str, str]) -> None:
    name, _, listed = text.partition("=")
    lists[name.strip()[1:]] = listed.strip()


@cache
def guard_patterns(name: str) -> tuple[Pattern, ...]:
    """Return the patterns of guards/{en,es}/<name>.txt."""
    return tuple(
        _pattern(line.text, word_lists(lang), f"guards/{lang}/{name}:{line.number}")
        for lang in LANGUAGES
        for line in lines_of(HERE / "guards" / lang / f"{name}.txt")
    )


def _pattern(text: str, lists: dict[str, str], where: str) -> Pattern:
    try:
        return compile_pattern(text, lists, plain_words("negator"))
    except PatternInvalid as fault:
        raise PhrasesInvalid(f"{where}: {fault}") from fault


class Shelf:
    """Patterns filed under the words that a text must have for them to match."""

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        self._patterns = tuple(patterns)
        self._exact: dict[str, list[int]] = {}
        self._prefix: dict[str, list[int]] = {}
        self._always: list[int] = []
        common = plain_words("common")
        for number, pattern in enumerate(self._patterns):
            key = min((_key(part, common) for part in pattern.parts), key=_cost)
            if not key:
                self._always.append(number)
            for word in key:
                if word.ending == "*":
                    self._prefix.setdefault(word.text, []).append(number)
                    continue
                for spelling in spellings(word):
                    self._exact.setdefault(spelling, []).append(number)
        self._longest = max((len(prefix) for prefix in self._prefix), default=0)

    def candidates(self, words: Iterable[str]) -> list[int]:
        """Return the numbers of the patterns that could match, in order."""
        found = set(self._always)
        for word in words:
            found.update(self._exact.get(word, ()))
            for end in range(1, min(len(word), self._longest) + 1):
                found.update(self._prefix.get(word[:end], ()))
        return sorted(found)


def _cost(key: tuple[Word, ...]) -> tuple[bool, int]:
    return (not key, len(key))


def _key(part: Part, common: frozenset[str]) -> tuple[Word, ...]:
    """Return words of which the part needs at least one: the rarest such choice."""
    options = [key for item in part.items if (key := _item_key(item, common))]
    return min(options, key=lambda key: _weight(key, common), default=())


def _item_key(item: Item, common: frozenset[str]) -> tuple[Word, ...]:
    if isinstance(item, Word):
        return (item,)
    if not isinstance(item, Choice) or item.optional:
        return ()
    keys: list[Word] = []
    for option in item.options:
        inner = [key for one in option if (key := _item_key(one, common))]
        if not inner:
            return ()
        keys.extend(min(inner, key=lambda found: _weight(found, common)))
    return tuple(keys)


def _weight(key: Iterable[Word], common: frozenset[str]) -> int:
    return sum(100 if word.text in common else 1 + 5 * (len(word.text) < 3) for word in key)
