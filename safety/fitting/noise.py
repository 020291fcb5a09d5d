"""Make the copies that teach the weights not to mind how a danger is typed or where it stands.

Rule: a copy keeps the kind of its line; dangers and near misses are treated alike, so that noise
itself is no sign of danger. Randomness is passed in.
"""

import random
import unicodedata
from collections.abc import Callable, Sequence

KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")


def noisy(text: str, chance: random.Random) -> str:
    """Return the text with one kind of noise, or two."""
    for noise in chance.sample(NOISES, k=chance.choice((1, 1, 2))):
        text = noise(text, chance)
    return text


def mixed(text: str, everyday: Sequence[str], chance: random.Random) -> str:
    """Return the text before or after an everyday line, as people join them."""
    other = chance.choice(everyday).rstrip(".?! ")
    joint = chance.choice((". ", ", ", "? ", " also ", ". oh and ", " and ", "\n", " "))
    if any(letter in text + other for letter in "áéíóúñ¿"):
        joint = chance.choice((". ", ", ", "? ", " y también ", ". ah y ", " y ", "\n", " "))
    pair = (other, text) if chance.random() < 0.65 else (text.rstrip(".?! "), other)
    return joint.join(pair)


def _slips(text: str, chance: random.Random) -> str:
    words = text.split(" ")
    for at, word in enumerate(words):
        if len(word) > 3 and chance.random() < 0.3:
            words[at] = _slip(word, chance)
    return " ".join(words)


def _slip(word: str, chance: random.Random) -> str:
    at = chance.randrange(1, len(word) - 1)
    kind = chance.randrange(4)
    if kind == 0:
        return word[:at] + word[at + 1 :]
    if kind == 1:
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    if kind == 2:
        return word[:at] + word[at] + word[at:]
    row = next((row for row in KEYS if word[at].lower() in row), word[at])
    place = row.find(word[at].lower())
    return (
        word[:at] + row[max(0, min(len(row) - 1, place + chance.choice((-1, 1))))] + word[at + 1 :]
    )


# How English and Spanish are spelt by those who write as they hear, or leave vowels out.
_SOUNDS = (
    ("ph", "f"), ("tion", "shun"), ("ck", "k"), ("ea", "ee"), ("ee", "ea"), ("igh", "i"),
    ("ough", "uf"), ("qu", "k"), ("ie", "ei"), ("ould", "uld"), ("thing", "thin"), ("ing", "in"),
    ("er", "ur"), ("al", "ul"), ("wh", "w"), ("kn", "n"), ("ss", "s"), ("ll", "l"), ("tt", "t"),
    ("pp", "p"), ("que", "ke"), ("ll", "y"), ("v", "b"), ("b", "v"), ("z", "s"), ("ce", "se"),
    ("ci", "si"), ("h", ""), ("gue", "ge"), ("ge", "je"), ("x", "cs"), ("mb", "nb"), ("mp", "np"),
    ("nd", "n"), ("a", ""), ("e", ""), ("o", ""),
)  # fmt: skip


def _by_ear(text: str, chance: random.Random) -> str:
    words = text.lower().split(" ")
    for at, word in enumerate(words):
        able = [(old, new) for old, new in _SOUNDS if old in word[1:]]
        if len(word) > 3 and able and chance.random() < 0.4:
            old, new = chance.choice(able)
            words[at] = word[0] + word[1:].replace(old, new, 1)
    return " ".join(words)


def _plain(text: str, chance: random.Random) -> str:
    """Drop accents, capitals and marks, as on a phone."""
    folded = unicodedata.normalize("NFD", text.lower())
    return "".join(c for c in folded if not unicodedata.combining(c) and c not in ",.'?!¿¡")


def _capitals(text: str, chance: random.Random) -> str:
    return text.upper()


def _joined(text: str, chance: random.Random) -> str:
    words = text.split(" ")
    for _ in range(max(1, len(words) // 8)):
        if len(words) > 2:
            at = chance.randrange(len(words) - 1)
            words[at : at + 2] = [words[at] + words[at + 1]]
    return " ".join(words)


def _leet(text: str, chance: random.Random) -> str:
    digits = {"e": "3", "o": "0", "i": "1", "a": "4", "s": "5"}
    table = str.maketrans(dict(chance.sample(sorted(digits.items()), k=3)))
    share = chance.choice((0.4, 1.0))
    words = [word.translate(table) if chance.random() < share else word for word in text.split(" ")]
    return " ".join(words)


def _stretched(text: str, chance: random.Random) -> str:
    words = text.split(" ")
    at = chance.randrange(len(words))
    words[at] = words[at] + words[at][-1:] * 3
    return " ".join(words)


NOISES: tuple[Callable[[str, random.Random], str], ...] = (
    _slips, _slips, _by_ear, _by_ear, _plain, _plain, _capitals, _joined, _leet, _stretched,
)  # fmt: skip
