"""Find digits that are spoken or spaced out: "five oh three 5 5 5", "cero uno nueve".

Rule: a run is made of single digits or digit words only, so prices, times and dates are no run.
"""

import re
from dataclasses import dataclass

_WORDS = {
    "zero": "0", "oh": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5",
    "six": "6", "seven": "7", "eight": "8", "nine": "9",
    "cero": "0", "uno": "1", "dos": "2", "tres": "3", "cuatro": "4", "cinco": "5", "seis": "6",
    "siete": "7", "ocho": "8", "nueve": "9",
}  # fmt: skip
_TIMES = {"double": 2, "doble": 2, "triple": 3}
_ITEM = r"(?:(?:double |triple |doble )?(?:" + "|".join(_WORDS) + r")(?![a-z])|\d(?!\d))"
_GAP = r"(?:[ ,.\-()]{1,3}|(?<=[a-z])(?=\d)|(?<=\d)(?=[a-z]))"
_RUN = re.compile(rf"(?<![a-z\d.,/$]){_ITEM}(?:{_GAP}{_ITEM}){{2,40}}(?![a-z\d])")
# "nueve uno cinco 555 01 22": said and written by turns, if enough of it is said.
_PART = r"(?:(?:" + "|".join(_WORDS) + r")(?![a-z])|\d{1,4}(?!\d))"
_MIXED = re.compile(rf"(?<![a-z\d.,/$]){_PART}(?:[ ,.\-]{{1,3}}{_PART}){{2,12}}(?![a-z\d])")
_LEAST_SAID = 3
_PIECE = re.compile(r"(?:(double|triple|doble) )?([a-z]+|\d)")


_ANY = (
    "|".join(_WORDS) + r"|ten|eleven"
    r"|twelve|\w{3,6}teen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred"
    r"|diez|once|doce|trece|catorce|quince|dieci\w{4,6}|veinti\w{3,6}|veinte|treinta|cuarenta"
    r"|cincuenta"
    r"|sesenta|setenta|ochenta|noventa|cien|ciento"
)
_NUMBERS = re.compile(
    rf"(?<![a-z\d])(?:{_ANY})(?![a-z])(?:[ ,\-]{{1,2}}(?:y |and )?(?:{_ANY})(?![a-z])){{3,14}}"
)


@dataclass(frozen=True)
class Run:
    start: int
    end: int
    digits: str


def runs(folded: str) -> list[Run]:
    whole = [found for found in _MIXED.finditer(folded) if _is_said(found[0])]
    found = [*_RUN.finditer(folded), *whole]
    return [Run(each.start(), each.end(), _digits(each[0])) for each in found]


def said_numbers(folded: str) -> list[tuple[int, int]]:
    """Return where four or more numbers are said, tens too: "cuatro cero dos, once, ochenta"."""
    return [found.span() for found in _NUMBERS.finditer(folded)]


def _is_said(text: str) -> bool:
    return len(re.findall(r"[a-z]+", text)) >= _LEAST_SAID and any(char.isdigit() for char in text)


def _digits(text: str) -> str:
    return "".join(
        _WORDS.get(word, word) * _TIMES.get(times, 1) for times, word in _PIECE.findall(text)
    )
