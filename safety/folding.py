"""Fold text without moving a character, so that what is found can be cut out of the raw text.

Rule: the result has exactly as many code points as the input.
"""

import unicodedata
from functools import lru_cache

# What is masked stands as so many of these: a date of birth still says that a name is beside it.
HIDDEN, HIDDEN_BIRTH = "\0", "\1"
ANY_HIDDEN = f"[{HIDDEN}{HIDDEN_BIRTH}]"


@lru_cache(maxsize=8192)
def _fold_char(char: str) -> str:
    # Fullwidth and mathematical digits and letters become plain ones; accents go.
    plain = unicodedata.normalize("NFKD", char)[:1].lower()
    return plain if len(plain) == 1 else char


def fold_in_place(text: str) -> str:
    return "".join(map(_fold_char, text))
