"""Ten kinds of noise that must not hide a danger. A person can still read every result."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable

Noise = Callable[[str, random.Random], str]
_LOOK_ALIKES = str.maketrans("aeopcxyABEHKMOPT", "аеорсхуАВЕНКМОРТ")
_LEET = str.maketrans("eoi", "301")


def _no_accents_or_marks(text: str, chance: random.Random) -> str:
    folded = unicodedata.normalize("NFD", text)
    return "".join(c for c in folded if not unicodedata.combining(c) and c not in ",.;:'!?¿¡")


def _stretched(text: str, chance: random.Random) -> str:
    """Repeat a vowel of every third word: `heeeelp`."""
    words = text.split(" ")
    for at in range(chance.randrange(3), len(words), 3):
        words[at] = re.sub(r"([aeiou])", r"\1\1\1\1", words[at], count=1)
    return " ".join(words)


def _slips(text: str, chance: random.Random) -> str:
    """Swap two neighbouring letters inside every fourth word that is long enough."""
    words = text.split(" ")
    for at in range(chance.randrange(4), len(words), 4):
        word = words[at]
        if len(word) > 4:
            place = chance.randrange(1, len(word) - 2)
            words[at] = word[:place] + word[place + 1] + word[place] + word[place + 2 :]
    return " ".join(words)


def _emoji(text: str, chance: random.Random) -> str:
    words = text.split(" ")
    words.insert(len(words) // 2, "😭")
    return " ".join(words) + " 🙏"


NOISES: dict[str, Noise] = {
    "upper case": lambda text, _: text.upper(),
    "lower case": lambda text, _: text.lower(),
    "spaces": lambda text, _: "  " + text.replace(" ", "   ") + " \n",
    "look-alike letters": lambda text, _: text.translate(_LOOK_ALIKES),
    "zero-width characters": lambda text, _: re.sub(r"(\w)(\w)", "\\1\u200b\\2", text),
    "repeated letters": _stretched,
    "no accents, no marks": _no_accents_or_marks,
    "digits for letters": lambda text, _: text.translate(_LEET),
    "letters swapped": _slips,
    "emoji": _emoji,
}
