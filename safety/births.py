"""Dates of birth, in digits or in words, and only where something says that they are one.

Rule: a date is hidden behind or before a word of birth, or right beside a person; any other date
(a visit, a bill) stays readable.
"""

import re
from collections.abc import Iterator

from safety.cues import Cues

Found = tuple[int, int]

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?|enero|ene|febrero|marzo|abril|abr|mayo|junio|julio"
    r"|agosto|ago|sep?tiembre|octubre|noviembre|diciembre|dic)\.?"
)
_DAY = r"(?:the |el )?\d{1,2}(?:st|nd|rd|th|ro)?"
_YEAR = r"(?:'?\d{4}|'?\d{2})(?!\d)"
_DATE = re.compile(
    rf"(?<![\w/.-])(?:{_DAY} ?(?:of |de )?{_MONTH},? ?(?:del? |of )?{_YEAR}"
    rf"|{_MONTH} ?{_DAY},? ?{_YEAR}|{_MONTH} (?:of |de |del )?\d{{4}}(?!\d)"
    rf"|\d{{1,2}}-{_MONTH}-\d{{2,4}}"
    r"|(?:\d{4}|\d{1,2}) ?[/.\- ] ?\d{1,2} ?[/.\- ] ?\d{2,4}|\d{8}|\d{6})(?![\d/-])"
)
_YEAR_ALONE = re.compile(r"(?<![\w/.-])(?:19[0-9]{2}|20[0-2]\d)(?![\w/-])")
_BORN_THEN = re.compile(
    r"(?:born|year of birth|birth ?year|naci|nacio|nacid[oa]|nacimiento)[:\s]{1,3}"
    r"(?:(?:in|en|el ano|is|es)\s)?$"
)
_TENS = r"(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)"
_UNITS = (
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen"
    r"|sixteen|seventeen|eighteen|nineteen)"
)
_ORDINALS = (
    r"(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth"
    r"|thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth|thirtieth)"
)
_NUMERO = (
    r"(?:primero|uno|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce|trece|catorce|quince"
    r"|dieciseis|diecisiete|dieciocho|diecinueve|veinti\w+|veinte|treinta|cuarenta|cincuenta|sesenta"
    r"|setenta|ochenta|noventa)(?: y \w+)?"
)
_SPOKEN_DAY = rf"(?:the |el )?(?:{_TENS}[ -])?(?:{_ORDINALS}|{_UNITS}|{_NUMERO}|{_DAY})"
_SPOKEN_YEAR = (
    rf"(?:(?:nineteen|twenty|two thousand(?: and)?)[ -](?:oh[ -])?"
    rf"(?:{_TENS}(?:[ -]{_UNITS})?|{_UNITS})"
    rf"|two thousand|(?:mil novecientos|dos mil)(?: {_NUMERO})?|{_TENS}[ -]?{_UNITS}|{_YEAR})"
)
_SPOKEN_DATE = re.compile(
    rf"(?<![a-z\d])(?:{_MONTH} {_SPOKEN_DAY},? (?:de |del |of )?{_SPOKEN_YEAR}"
    rf"|{_SPOKEN_DAY} (?:of |de )?{_MONTH},? (?:de |del |of )?{_SPOKEN_YEAR})(?![a-z\d])"
)
_OLDEST, _LONG_AGO = 1900, 2008
# What else a clinic dates: then the date stays.
_HAPPENED = re.compile(
    r"\b(?:since|visit\w*|surger\w+|operat\w+|diagnos\w+|accident|had|last|seen|died|married|moved|until"
    r"|desde|visita|cirugia|oper\w+|diagnostic\w+|accidente|tuve|ultim[oa]|muri\w+|hasta|invoice|bill"
    r"|factura|order|claim|stroke|attack|vaccin\w+|shot|vacuna\w*|lot|version)\b"
)
_FAMILY = (
    r"(?:son|daughter|wife|husband|mom|mother|dad|father|brother|sister|child|baby|patient|partner"
    r"|hijo|hija|esposo|esposa|mama|papa|madre|padre|hermano|hermana|bebe|paciente|nino|nina)"
)
_BESIDE_PERSON = re.compile(rf"(?:\0|\b{_FAMILY}) ?[,(]{{1,2}} ?$")


def _is_long_ago(date: str) -> bool:
    """Such a day, told in full, is nearly always the one a patient was born."""
    year = re.search(r"(?<!\d)\d{4}(?!\d)", date)
    return bool(year) and _OLDEST <= int(year[0]) < _LONG_AGO if year else False


def births(raw: str, folded: str, cues: Cues) -> Iterator[Found]:
    for shape in (_DATE, _SPOKEN_DATE):
        for found in shape.finditer(folded):
            if _is_birth(folded, cues, found, shape):
                yield found.span()
    for found in _YEAR_ALONE.finditer(folded):
        if _BORN_THEN.search(folded, max(0, found.start() - 30), found.start()):
            yield found.span()


def _is_birth(folded: str, cues: Cues, found: re.Match[str], shape: re.Pattern[str]) -> bool:
    if cues.before(found.start()) == "DOB":
        return not shape.search(folded, cues.end_before(found.start()), found.start())
    if _is_long_ago(found[0]) and not _HAPPENED.search(
        folded, max(0, found.start() - 60), found.end()
    ):
        return True
    # "Tom Wells, 4/19/1967" and "my son (5/5/2018)": whoever is named was born then.
    beside = _BESIDE_PERSON.search(folded, max(0, found.start() - 16), found.start())
    return bool(beside) or cues.after(found.end()) == "DOB"
