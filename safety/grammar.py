"""The small language in which phrases are written, and its translation to regular expressions.

Rule: one line is one phrase, and whoever can read the line knows what it matches.

    chest pain            these words in this order, commas between or not
    bleed+                the word with its English endings: bleed, bleeds, bleeding, bleeded
    sangr*                every word that begins so
    {mom|dad|my son}      one of these
    [really]              may be there or not
    ..                    up to 3 other words, none of them a "no"; ..6 up to 6
    ?                     exactly one word, whichever
    <38-42>               a number in this range
    @family               a list of words with this name (words.txt)
    fever & confused      both, in any order, at most 25 words apart
    !{cat|dog}            must not stand within a few words of the match (written last)

Gaps never cross the end of a sentence or a negating word, and are bounded, so matching takes time
in proportion to the text.
"""

import re
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

WINDOW_WORDS = 25
_SEP = r" (?:[,.] )?"
_LEX = re.compile(r"[{}\[\]|?]|\.\.\d*|<[\d.]+-[\d.]+>|[a-z0-9.%]+[*+]?")
_VOWELS = set("aeiou")


class PatternInvalid(Exception):
    """A line of a phrase file cannot be read; says which sign."""


@dataclass(frozen=True)
class Word:
    text: str
    ending: str = ""  # "", "*" any ending, "+" English endings


@dataclass(frozen=True)
class Gap:
    words: int


@dataclass(frozen=True)
class AnyWord:
    pass


@dataclass(frozen=True)
class Number:
    low: float
    high: float


@dataclass(frozen=True)
class Choice:
    options: tuple[tuple["Item", ...], ...]
    optional: bool = False


Item = Word | Gap | AnyWord | Number | Choice


def inflect(word: str) -> tuple[str, ...]:
    """Return the word with its regular English endings, right and wrong ones alike."""
    forms = [word, word + "s"]
    if word.endswith("e"):
        forms += [word + "d", word[:-1] + "ing", word + "ing"]
    elif word.endswith("y") and word[-2] not in _VOWELS:
        forms += [word[:-1] + "ies", word[:-1] + "ied", word + "ing"]
    else:
        forms += [word + "ed", word + "ing", word + "in"]
    if word.endswith(("s", "x", "ch", "sh")):
        forms.append(word + "es")
    if len(word) > 2 and word[-1] not in _VOWELS | set("wxy") and word[-2] in _VOWELS:
        forms += [word + word[-1] + "ing", word + word[-1] + "ed"]
    return tuple(forms)


def parse(source: str) -> tuple[Item, ...]:
    signs = _LEX.findall(source)
    if "".join(signs) != re.sub(r"\s+", "", source):
        raise PatternInvalid(f"a sign that is not part of the language in {source!r}")
    items, rest = _sequence(signs, 0)
    if rest != len(signs):
        raise PatternInvalid(f"a bracket without its partner in {source!r}")
    return items


def _sequence(signs: list[str], at: int) -> tuple[tuple[Item, ...], int]:
    items: list[Item] = []
    while at < len(signs) and signs[at] not in "}]|":
        sign = signs[at]
        if sign in "{[":
            choice, at = _choice(signs, at)
            items.append(choice)
            continue
        items.append(_leaf(sign))
        at += 1
    return tuple(items), at


def _choice(signs: list[str], at: int) -> tuple[Choice, int]:
    closing = {"{": "}", "[": "]"}[signs[at]]
    options: list[tuple[Item, ...]] = []
    while True:
        option, end = _sequence(signs, at + 1)
        if not option:
            raise PatternInvalid("an empty choice")
        options.append(option)
        if end >= len(signs) or signs[end] not in ("|", closing):
            raise PatternInvalid("a bracket without its partner")
        at = end
        if signs[end] == closing:
            return Choice(tuple(options), optional=closing == "]"), end + 1


def _leaf(sign: str) -> Item:
    if sign.startswith(".."):
        return Gap(int(sign[2:] or 3))
    if sign == "?":
        return AnyWord()
    if sign.startswith("<"):
        low, high = sign[1:-1].split("-")
        return Number(float(low), float(high))
    if sign[-1] in "*+":
        return Word(sign[:-1], sign[-1])
    return Word(sign)


def spellings(word: Word) -> tuple[str, ...]:
    return inflect(word.text) if word.ending == "+" else (word.text,)


def words(items: tuple[Item, ...]) -> list[Word]:
    found: list[Word] = []
    for item in items:
        if isinstance(item, Word):
            found.append(item)
        elif isinstance(item, Choice):
            for option in item.options:
                found.extend(words(option))
    return found


@dataclass(frozen=True)
class Part:
    """One side of a `&`: a sequence, matched against the token text."""

    items: tuple[Item, ...]
    negators: frozenset[str]

    @cached_property
    def _numbers(self) -> list[Number]:
        return list(_all_numbers(self.items))

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        # Compiled when first needed: most phrases never meet a message that has their rare word.
        return re.compile(r"(?<!\S)" + _regex(self.items, self.negators))

    def compile(self) -> None:
        _ = self._regex

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return where it matches in `text`, whose tokens each end with one space."""
        return [found.span() for found in self._regex.finditer(text) if self._fits(found)]

    def _fits(self, found: re.Match[str]) -> bool:
        pairs = zip(found.groups(), self._numbers, strict=True)
        return all(
            shown is None or number.low <= float(shown) <= number.high for shown, number in pairs
        )


def _all_numbers(items: tuple[Item, ...]) -> list[Number]:
    found: list[Number] = []
    for item in items:
        if isinstance(item, Number):
            found.append(item)
        elif isinstance(item, Choice):
            for option in item.options:
                found.extend(_all_numbers(option))
    return found


def _regex(items: tuple[Item, ...], negators: frozenset[str]) -> str:
    return "".join(_one(item, negators) for item in items)


def _one(item: Item, negators: frozenset[str]) -> str:
    match item:
        case Word(text, "+"):
            return "(?:" + "|".join(sorted(set(inflect(text)), key=len, reverse=True)) + ")" + _SEP
        case Word(text, "*"):
            return re.escape(text) + r"[a-z]*" + _SEP
        case Word(text):
            return re.escape(text) + _SEP
        case Gap(count):
            barred = "|".join(sorted(negators)) or "\\."
            return rf"(?:(?!(?:{barred}|\.) )\S+ ){{0,{count}}}?"
        case AnyWord():
            return r"[^\s,.]+" + _SEP
        case Number():
            return r"(\d{1,6}(?:\.\d{1,3})?)" + _SEP
        case Choice(options, optional):
            inner = "|".join(_regex(option, negators) for option in options)
            return f"(?:{inner})" + ("?" if optional else "")


@dataclass(frozen=True)
class Pattern:
    """A whole line: parts joined by `&`, and what must not stand beside them."""

    source: str
    parts: tuple[Part, ...]
    without: tuple[Part, ...] = field(default=())

    @property
    def vocabulary(self) -> set[str]:
        return {
            spelling
            for part in self.parts
            for word in words(part.items)
            for spelling in spellings(word)
            if word.ending != "*" or len(word.text) > 3
        }


def expand(source: str, lists: dict[str, str], depth: int = 0) -> str:
    """Replace every @name by its words in braces."""
    if depth > 8:
        raise PatternInvalid("a list that names itself")

    def replaced(found: re.Match[str]) -> str:
        if found[1] not in lists:
            raise PatternInvalid(f"no list is called @{found[1]}")
        return "{" + expand(lists[found[1]], lists, depth + 1) + "}"

    return re.sub(r"@([a-z_]+)", replaced, source)


def compile_pattern(source: str, lists: dict[str, str], negators: frozenset[str]) -> Pattern:
    wanted, *barred = expand(source, lists).split("!")
    parts = tuple(Part(parse(part), negators) for part in wanted.split("&"))
    if any(not part.items for part in parts):
        raise PatternInvalid(f"an empty side of & in {source!r}")
    return Pattern(source, parts, tuple(Part(parse(part), negators) for part in barred))


def near(spans: tuple[tuple[int, int], ...], starts: list[int]) -> bool:
    """Whether the parts of one `&` phrase stand within the window. `starts`: of each token."""
    ordered = sorted(spans)
    return all(
        sum(left[1] <= start < right[0] for start in starts) <= WINDOW_WORDS
        for left, right in pairwise(ordered)
    )
