"""The values in a sentence: phone numbers, prices, percentages, times, days, lengths of time, ages.

Rule: pure, English and Spanish alike. What means the same is the same: `half an hour`, `30 minutes`
and `media hora`; `noon` and `12:00`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from search.text import fold

OLDEST = 110
GROWN = 10  # so many years are rather somebody's age


ENOUGH = 2  # words that say what a value is of


class Kind(StrEnum):
    PHONE = "phone number"
    PRICE = "price"
    SHARE = "percentage"
    CLOCK = "time of day"
    DATE = "day of the year"
    SPAN = "length of time"
    AGE = "age"


class Role(StrEnum):
    """What a length of time is; one of how often and one of how long can both be true."""

    BEFORE = "before"
    EVERY = "every"
    PAST = "past"
    ONCE_OVER = "once over"


@dataclass(frozen=True)
class Amount:
    """least, most: dollars, hours, years; of a phone number, its digits.

    days: the weekdays it is for, 0 is Monday; none for any.
    """

    kind: Kind
    least: float
    most: float
    role: Role | None = None
    days: frozenset[int] = frozenset()

    def is_same(self, other: Amount) -> bool:
        return (self.kind, self.least, self.most) == (other.kind, other.least, other.most)

    def meets(self, other: Amount) -> bool:
        """Tell whether both can be true of one thing: the same value, or ranges that overlap."""
        spare = 1 if self.kind is Kind.AGE else 0  # up to 12, and from 13 on
        return self.least <= other.most + spare and other.least <= self.most + spare


_NUMBERS = {
    "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40,
    "fifty": 50, "sixty": 60, "ninety": 90, "dos": 2, "tres": 3, "cuatro": 4, "cinco": 5,
    "seis": 6, "siete": 7, "ocho": 8, "nueve": 9, "diez": 10, "doce": 12, "quince": 15,
    "veinte": 20, "treinta": 30, "cuarenta": 40, "cincuenta": 50, "sesenta": 60, "noventa": 90,
}  # fmt: skip
_UNIT = r"(?:minut[eo]|hour|hora|day|dia|week|semana|month|mes|year|ano)(?:e?s)?"
_HOURS = {"minut": 1 / 60, "hour": 1, "hora": 1, "day": 24, "dia": 24, "week": 168, "seman": 168,
          "month": 730, "mes": 730, "year": 8760, "ano": 8760}  # fmt: skip
_WORDED = tuple(
    (re.compile(pattern), text)
    for pattern, text in (
        (r"\b(?:an|one) hour and a half\b|\b(?:una )?hora y media\b", "90 minutes"),
        (r"\b(?:a )?quarter of an hour\b|\b(?:un )?cuarto de hora\b", "15 minutes"),
        (r"\bhalf an hour\b|\bmedia hora\b", "30 minutes"),
        (r"\bhalf a year\b|\bmedio ano\b", "6 months"),
        (r"\ba fortnight\b", "2 weeks"),
        (r"\bnoon\b|\bmidday\b|\bmediodia\b", "12:00"),
        (rf"\b(?:an?|one|una?)(?= (?:working |full |whole |more )?{_UNIT}\b)", "1"),
    )
)
_NUMBER = re.compile(rf"\b(?:{'|'.join(_NUMBERS)})\b")

_N = r"\d+(?:[.,]\d+)*"
_WORD = re.compile(r"[a-z]{3,}")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_TO = r"\s*(?:to|or|and|through|a|o|y|al?|-|–|/)\s*"
_MORE = r"(?:full|whole|working|business|calendar|more|further|other|habiles|mas|otros)?"
_MONTHS = (
    "january february march april may june july august september october november december",
    "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
)
_MONTH_NUMBER = {name: n for names in _MONTHS for n, name in enumerate(names.split())}
_MONTH = "|".join(_MONTH_NUMBER)
_OLDER = r"(?:or|and|y|o) (?:older|over|up|under|younger|mas|mayor\w*|menor\w*)"

_PHONE = re.compile(r"(?<![\d-])(?:\+?1[\s.-]?)?\(?(\d{3})\)?[\s.-]{1,2}(\d{3})[\s.-](\d{4})(?!\d)")
_PRICE = re.compile(
    rf"\$\s*({_N})(?:{_TO}\$\s*({_N}))?|\b({_N})\s+(dollars?|dolares|cents?|centavos)\b"
)
_SHARE = re.compile(rf"\b({_N})\s?%?(?:{_TO}({_N}))?\s?(?:%|per ?cent\b|por ciento\b)")
_CLOCK = re.compile(r"\b(\d{1,2})(?::(\d\d))?\s*([ap])\.?\s?m\b\.?|\b(\d{1,2}):(\d\d)\b")
_DATE = re.compile(rf"\b({_MONTH}) (\d{{1,2}})\b|\b(\d{{1,2}}) de ({_MONTH})\b")
_SPAN = re.compile(rf"\b({_N})(?:{_TO}({_N}))?[\s-]+{_MORE}\s*({_UNIT})\b")
_COUNTED = re.compile(rf"\b({_UNIT}) ({_N})(?:{_TO}({_N}))?\b")
_AGE = re.compile(
    rf"\b({_N})(?: years)? {_OLDER}\b|\b({_N})(?:st|nd|rd|th) birthday\b"
    rf"|\b(?:aged?|ages|edad|turns?|cumpl\w+|under|over|from|of|is|are|at|de|desde|hasta|up to|"
    rf"menor\w* de|mayor\w* de)(?: los| age)? ({_N})(?:{_TO}(?:los )?({_N}))?\b"
    rf"(?!\s*(?:{_TO}{_N}\s*)?(?:{_UNIT}\b|%|:|[ap]\.?m\b|de (?:{_MONTH})))"
)
_YOUNG = re.compile(
    r"\b(?:age[sd]?|old|older|young\w*|birthday|teen\w*|child\w*|son|daughter|adults?|people|anyone|"
    r"anybody|edad|menor\w*|mayor\w*|joven|jovenes|hij[oa]s?|nin[oa]s?|cumpl\w+)\b"
)
_OLD = re.compile(rf"[ -](?:old|{_OLDER})\b")
_SINCE = re.compile(r"\b(?:desde los|hasta los|mayor\w* de|menor\w* de|edad de|a los|cumpl\w+)\s*$")
_EVERY = re.compile(
    r"\b(?:every|each|once(?: in)?|twice(?: in)?|cada|vez (?:en|al)|veces (?:en|al))\s*$"
)
_BEFORE = re.compile(
    r"\b(?:before|ahead|early|earlier|beforehand|in advance|notice|prior|antes|anticipacion)\b"
)
_PAST = re.compile(r"\b(?:last|past|previous|ultim[oa]s)\s*$")

_ONCE_OVER = re.compile(
    r"^\W*(?:(?:only |solo )?after|despues de|(?:if|si|cuando) (?:\w+ )?pasan)\s*$"
)

_DAY_NAMES = ("monday lunes", "tuesday martes", "wednesday miercoles", "thursday jueves",
              "friday viernes", "saturday sabado", "sunday domingo")  # fmt: skip
_DAY_NUMBER = {name: n for n, names in enumerate(_DAY_NAMES) for name in names.split()}
_DAY = re.compile(rf"\b({'|'.join(_DAY_NUMBER)})s?\b(?:\s*(to|through|a|al|-|–)\s+(?=\w+))?")
_WEEKDAYS = re.compile(r"\bweekdays?\b|\bentre semana\b|\bdias de semana\b")
_WEEKEND = re.compile(r"\bweekends?\b|\bfin(?:es)? de semana\b")


def plain(sentence: str) -> str:
    """Return the sentence folded, its numbers in digits."""
    text = fold(sentence)
    for pattern, instead in _WORDED:
        text = pattern.sub(instead, text)
    return _NUMBER.sub(lambda found: str(_NUMBERS[found[0]]), text)


def amounts_in(sentence: str) -> list[tuple[Amount, str]]:
    """Return the values in their order, each with what is said of it: the sentence, folded, without
    any value; of several of one kind, the words from one to the next."""
    text = bare = plain(sentence)
    found: list[tuple[int, int, Amount]] = []
    for pattern, made_of in _MAKERS:
        for match in list(pattern.finditer(bare)):
            amount = made_of(match, text)
            if amount is not None:
                found.append((match.start(), match.end(), amount))
                bare = bare[: match.start()] + " " * len(match[0]) + bare[match.end() :]
    found.sort(key=lambda each: each[0])
    return [(amount, _about(bare, n, found)) for n, (_, _, amount) in enumerate(found)]


def _about(bare: str, number: int, found: list[tuple[int, int, Amount]]) -> str:
    kind = found[number][2].kind
    alike = [n for n, (_, _, each) in enumerate(found) if each.kind is kind]
    at = alike.index(number)
    start = found[alike[at - 1]][1] if at else 0
    end = found[number][1] if at + 1 < len(alike) else len(bare)
    own = bare[start:end]
    return " ".join((own if len(_WORD.findall(own)) >= ENOUGH else bare).split())


def _number(text: str) -> float:
    """Read 1,200 and 3.50; of anything else, such as 3.50.1, what comes first."""
    if _THOUSANDS.fullmatch(text):
        return float(text.replace(",", ""))
    return float(".".join(re.split("[.,]", text)[:2]))


def _phone(found: re.Match[str], _: str) -> Amount:
    digits = float("".join(found.groups()))
    return Amount(Kind.PHONE, digits, digits)


def _price(found: re.Match[str], _: str) -> Amount:
    least = _number(found[1] or found[3])
    most = _number(found[2]) if found[2] else least
    part = 100 if (found[4] or "").startswith(("cent", "cents")) else 1
    return Amount(Kind.PRICE, least / part, most / part)


def _share(found: re.Match[str], _: str) -> Amount:
    return Amount(Kind.SHARE, *_between(found[1], found[2]))


def _clock(found: re.Match[str], text: str) -> Amount:
    hour, minute = int(found[1] or found[4]), int(found[2] or found[5] or 0)
    if found[3]:
        hour = hour % 12 + (12 if found[3] == "p" else 0)
    return Amount(Kind.CLOCK, hour + minute / 60, hour + minute / 60, days=_weekdays(text))


def _date(found: re.Match[str], _: str) -> Amount:
    month, day = found[1] or found[4], found[2] or found[3]
    value = _MONTH_NUMBER[month] * 31.0 + int(day)
    return Amount(Kind.DATE, value, value)


def _span(found: re.Match[str], text: str) -> Amount:
    least, most = _between(found[1], found[2])
    before, after = text[: found.start()], text[found.end() :]
    is_year = found[3].startswith(("year", "ano"))
    if is_year and (least >= GROWN or _SINCE.search(before) or _OLD.match(after)):
        return Amount(Kind.AGE, least, most)
    hours = _hours(found[3])
    return Amount(Kind.SPAN, least * hours, most * hours, _role(before, after))


def _counted(found: re.Match[str], _: str) -> Amount:
    """Of `week 8` and `semanas 8 y 10`."""
    least, most = _between(found[2], found[3])
    hours = _hours(found[1])
    return Amount(Kind.SPAN, least * hours, most * hours)


def _age(found: re.Match[str], text: str) -> Amount | None:
    least, most = _between(found[1] or found[2] or found[3], found[4])
    if most > OLDEST or not (found[1] or found[2] or _YOUNG.search(text)):
        return None
    return Amount(Kind.AGE, least, most)


def _between(one: str, other: str | None) -> tuple[float, float]:
    least = _number(one)
    most = _number(other) if other else least
    return min(least, most), max(least, most)


def _hours(unit: str) -> float:
    return next(hours for name, hours in _HOURS.items() if unit.startswith(name))


def _role(before: str, after: str) -> Role | None:
    if _EVERY.search(before):
        return Role.EVERY
    if _PAST.search(before):
        return Role.PAST
    if _ONCE_OVER.search(before):
        return Role.ONCE_OVER
    clause = re.split(r"[,;.:]", before)[-1] + " " + re.split(r"[,;.:]", after)[0]
    return Role.BEFORE if _BEFORE.search(clause) else None


def _weekdays(text: str) -> frozenset[int]:
    days: set[int] = set()
    begun: int | None = None
    for found in _DAY.finditer(text):
        day = _DAY_NUMBER[found[1]]
        days |= set(range(begun, day + 1)) if begun is not None else {day}
        begun = day if found[2] else None
    if _WEEKDAYS.search(text):
        days |= set(range(5))
    if _WEEKEND.search(text):
        days |= {5, 6}
    return frozenset(days)


_MAKERS = (
    (_PHONE, _phone), (_PRICE, _price), (_SHARE, _share), (_DATE, _date), (_CLOCK, _clock),
    (_SPAN, _span), (_COUNTED, _counted), (_AGE, _age),
)  # fmt: skip
