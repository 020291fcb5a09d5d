"""Dates of birth, in digits or in words, and only where something says that they are one.

Rule: a date is hidden behind or before a word of birth, or right beside a person; any other date
(a visit, a bill) stays readable.
"""

import re
from collections.abc import Iterator

from safety.cues import Cues
from safety.folding import ANY_HIDDEN

Found = tuple[int, int]

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?"
    r"|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?|enero|ene|febrero|marzo|abril|abr|mayo|junio|julio"
    r"|agosto|ago|sep?tiembre|octubre|noviembre|diciembre|dic)\.?"
)
_DAY = r"(?:the |el )?\d{1,2}(?:st|nd|rd|th|ro)?"
_YEAR = r"(?:'?\d{4}|'?\d{2})(?!\d)"
_ROMAN = r"(?:i{1,3}|iv|vi{0,3}|ix|xi{0,2})"
_DATE = re.compile(
    rf"(?<![\w/.])(?<!\d-)(?:{_DAY} ?(?:of |de )?{_MONTH},? ?(?:del? |of )?{_YEAR}"
    rf"|{_MONTH} ?{_DAY},? ?{_YEAR}|{_MONTH} (?:of |de |del )?\d{{4}}(?!\d)"
    rf"|\d{{1,2}}[-/. ](?:{_MONTH}|{_ROMAN})[-/. ]\d{{2,4}}"
    rf"|\d{{1,2}} del? \d{{1,2}} del? \d{{2,4}}|{_MONTH}[-/.]\d{{1,2}}[-/.]\d{{2,4}}"
    r"|(?:\d{4}|\d{1,2}) ?[/.\- ] ?\d{1,2} ?[/.\- ] ?\d{2,4}|\d{8}|\d{6})(?![\d/-])"
)
_YEAR_ALONE = re.compile(r"(?<![\w/.-])(?:19[0-9]{2}|20[0-2]\d)(?![\w/-])")
_BORN_THEN = re.compile(
    r"(?:born|year of birth|birth ?year|naci|nacio|nacid[oa]|nacimiento)[:\s]{1,3}"
    r"(?:(?:in|en|el ano|is|es)\s)?$"
)
_SHORT_YEAR = re.compile(
    r"(?:\bborn in|\bnaci(?:o|d[oa])? en(?: el(?: ano)?)?) ('?\d{2})(?! ?(?:[/.\-:\d]|de |th|st))"
)
_TENS = r"(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)"
_UNITS = (
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen"
    r"|sixteen|seventeen|eighteen|nineteen)"
)
_ORDINALS = (
    r"(?:first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth"
    r"|thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth"
    r"|thirtieth)"
)
_NUMERO = (
    r"(?:primero|uno|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce|trece|catorce"
    r"|quince"
    r"|dieciseis|diecisiete|dieciocho|diecinueve|veinti\w+|veinte|treinta|cuarenta|cincuenta"
    r"|sesenta"
    r"|setenta|ochenta|noventa)(?: y \w+)?"
)
_SPOKEN_DAY = rf"(?:the |el )?(?:{_TENS}[ -])?(?:{_ORDINALS}|{_UNITS}|{_NUMERO}|{_DAY})"
_SPOKEN_YEAR = (
    rf"(?:(?:nineteen|twenty|two thousand(?: and)?)[ -](?:oh[ -])?"
    rf"(?:{_TENS}(?:[ -]{_UNITS})?|{_UNITS})"
    rf"|two thousand|(?:(?:mil novecientos|dos mil)(?: {_NUMERO})?|{_NUMERO})"
    rf"|{_TENS}[ -]?{_UNITS}|{_YEAR})"
)
_SPOKEN_DATE = re.compile(
    rf"(?<![a-z\d])(?:{_MONTH} {_SPOKEN_DAY},? (?:de |del |of )?{_SPOKEN_YEAR}"
    rf"|{_SPOKEN_DAY} (?:of |de )?{_MONTH},? (?:de |del |of )?{_SPOKEN_YEAR}"
    rf"|{_SPOKEN_YEAR},? {_MONTH} {_SPOKEN_DAY})(?![a-z\d])"
)
# Behind a word of birth only: a birthday without its year, and a date told in bare numbers.
_NUMBER_WORD = (
    rf"(?:oh|zero|cero|mil|novecientos|dos|hundred|thousand|and|{_TENS}|{_UNITS}|{_ORDINALS}"
    rf"|{_NUMERO})"
)
_BARE = re.compile(
    rf"(?<![\w/.-])(?:{_MONTH} {_SPOKEN_DAY}|{_SPOKEN_DAY} (?:of |de ){_MONTH}"
    rf"|\d{{1,2}} ?[/.-] ?\d{{1,2}}"
    rf"|{_NUMBER_WORD}(?:[ ,-]{{1,2}}{_NUMBER_WORD}){{2,7}})(?![\w/-])"
)
_BIRTH_THEN = re.compile(r"^[\s:=,-]{0,3}(?:(?:is|was|on|anos|es|el|fue|the|:) ?){0,3}$")
_OLDEST, _LONG_AGO = 1900, 2008
# What else a clinic dates: then the date stays.
_HAPPENED = re.compile(
    r"\b(?:since|visit\w*|surger\w+|operat\w+|diagnos\w+|accident|had|last|seen|died|married"
    r"|moved|until"
    r"|desde|visita|cirugia|oper\w+|diagnostic\w+|accidente|tuve|ultim[oa]|muri\w+|hasta|invoice"
    r"|bill"
    r"|factura|order|claim|stroke|attack|vaccin\w+|shot|vacuna\w*|lot|version)\b"
)
_FAMILY = (
    r"(?:son|daughter|wife|husband|mom|mother|dad|father|brother|sister|child|baby|patient|partner"
    r"|kid|boy|girl|grandson|granddaughter|nene|nena|nieto|nieta|hijo|hija|esposo|esposa|mama"
    r"|papa|madre|padre|hermano|hermana|bebe|paciente|nino|nina)"
)
_BESIDE_PERSON = re.compile(
    rf"(?:{ANY_HIDDEN}|\b{_FAMILY}) ?[,(]{{0,2}} ?(?:fecha:? )?$|\b(?:i'?m|its|it's|yo soy)[:,]? $"
)
_NEWEST = 2024  # what is dated later may be a visit


def _is_long_ago(date: str) -> bool:
    """Such a day, told in full, is nearly always the one a patient was born."""
    year = re.search(r"(?<!\d)\d{4}(?!\d)", date)
    return bool(year) and _OLDEST <= int(year[0]) < _LONG_AGO if year else False


def _is_recent(date: str) -> bool:
    year = re.search(r"(?:^|\D)(20\d{2}|\d{2})$", date)
    return bool(year) and int(year[1][-2:]) in range(_NEWEST - 2000, 40) if year else False


def births(raw: str, folded: str, cues: Cues) -> Iterator[Found]:
    for shape in (_SPOKEN_DATE, _DATE):
        for found in shape.finditer(folded):
            if _is_birth(folded, cues, found, shape):
                yield found.span()
    for found in _BARE.finditer(folded):
        if cues.before(found.start()) == "DOB" and _BIRTH_THEN.match(
            folded[cues.end_before(found.start()) : found.start()]
        ):
            yield found.span()
    for found in _YEAR_ALONE.finditer(folded):
        if _BORN_THEN.search(folded, max(0, found.start() - 30), found.start()):
            yield found.span()
    yield from (found.span(1) for found in _SHORT_YEAR.finditer(folded))


def _is_birth(folded: str, cues: Cues, found: re.Match[str], shape: re.Pattern[str]) -> bool:
    if cues.before(found.start()) == "DOB":
        return not shape.search(folded, cues.end_before(found.start()), found.start())
    if _is_long_ago(found[0]) and not _HAPPENED.search(
        folded, max(0, found.start() - 60), found.end()
    ):
        return True
    # "Tom Wells, 4/19/1967" and "my son (5/5/2018)": whoever is named was born then.
    if cues.before(found.start()) not in (None, "DOB", "NONE") and not re.search(r"\D", found[0]):
        return False
    beside = _BESIDE_PERSON.search(folded, max(0, found.start() - 24), found.start())
    if beside and re.search(r"\D\d{2,4}$", found[0]) and not _is_recent(found[0]):
        return True
    return (
        bool(beside and re.search(ANY_HIDDEN, beside[0]))
        or cues.after(found.end()) == "DOB"
        or cues.soon(found.end()) == "DOB"
    )
