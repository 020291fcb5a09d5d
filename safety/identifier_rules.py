"""What each identifier looks like: one finder a kind, each bounded in time.

Rule: a finder yields places in the folded text; it prefers shape plus cue, and shape alone only
where nothing else has that shape (an e-mail, a card with a right check digit, a full phone number).
"""

import re
from collections.abc import Callable, Iterator

from safety.cues import Cues
from safety.spelled import runs

Found = tuple[int, int]
Finder = Callable[[str, str, Cues], Iterator[Found]]

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")
_AT = r"(?: ?[(\[{] ?(?:at|arroba|@) ?[)\]}] ?| at | arroba )"
_DOT = r"(?:\.| ?[(\[{] ?(?:dot|punto) ?[)\]}] ?| dot | punto )"
_EMAIL_SPOKEN = re.compile(
    rf"(?<![\w.])[\w+-]{{1,40}}(?:{_DOT}[\w+-]{{1,40}}){{0,3}}{_AT}[\w-]{{1,40}}"
    rf"(?:{_DOT}(?:com|org|net|edu|gov|io|mx|es|co|us|uk|info|me)(?![a-z])){{1,2}}"
)
_SEP = r"[ .\-\u2013\u00b7/]{0,3}"
_CARD = re.compile(r"(?<![\d.$])[2-6]\d{2,3}(?:[ .-]?\d){9,16}(?!\d)")
_SSN = re.compile(r"(?<![\d.$-])\d{3}[ .\-\u2013]{1,2}\d{2}[ .\-\u2013]{1,2}\d{4}(?![\d-])")
_NINE = re.compile(r"(?<![\d.$-])\d{9}(?!\d)")
_FOUR = re.compile(r"(?<![\d.$-])\d{4}(?![\d-])")
_LAST_FOUR = re.compile(
    r"(?:last|ultimos) (?:4|four|cuatro)|end(?:s|ing)? (?:in|with)|termina(?:n|da|do)? en"
)
_EXTENSION = r"(?:,? ?(?:x|ext\.?|extension|ext) ?\d{1,5}(?!\d))?"
_PHONE = re.compile(
    rf"(?<![\w$.#-])(?:\+?1{_SEP})?\(? ?([2-9]\d{{2}}) ?\)?{_SEP}([2-9]\d{{2}}){_SEP}"
    rf"(\d{{4}}|\d{{2}}[ -]\d{{2}})(?![\d-]){_EXTENSION}"
)
_LOCAL = re.compile(rf"(?<![\w$.#-])[2-9]\d{{2}}[ .-]\d{{4}}(?![\d-]){_EXTENSION}")
_ABROAD = re.compile(r"(?<![\w+])\+\d{1,3}(?:[ .()-]{0,2}\d){6,13}(?!\d)")
_TOLL_FREE = frozenset({"800", "833", "844", "855", "866", "877", "888"})

_VALUE = r"[#:=.,(\s-]{0,4}"
_LINK = (
    r"(?:(?:is|are|was|number|num|no|nro|id|card|code|es|numero|de|the|my|it|its|del|la|el"
    r"|says|shows|reads|dice|there)\b"
    r"\.?[\s#:=]{0,3}){0,4}"
)
_SHAPE = (
    r"((?=[a-z\d-]{0,20}\d)[a-z]{0,4}[- ]?\d[a-z\d]{0,19}(?:[- ][a-z]{0,3}\d[a-z\d]{0,9}){0,4}"
    r"(?:-[a-z]{1,3})?|(?=[a-z\d]{3,20}\b)[a-z]{1,8}\d[a-z\d-]{1,19})(?![\w])"
)
_ID = re.compile(_VALUE + _LINK + _SHAPE)
# Farther from its cue only what can be nothing else: five digits or more, no date, price or time.
_FAR_ID = re.compile(
    r"(?<![\w/$.,:-])((?:[a-z]{1,4}-?)?\d{2,12}(?:[ -]\d{2,8}){0,4})(?![\w/:%-]|[.,]\d)"
)
_MEDICARE = re.compile(
    r"(?<![\w-])[1-9][a-z][a-z\d]\d[- ]?[a-z][a-z\d]\d[- ]?[a-z]{2}\d{2}(?![\w-])"
)
_SECRET = re.compile(_VALUE + _LINK + r"([^\s,;]{3,40})")
_SECRET_CUE = re.compile(r"(?<![a-z])(?:password|contrasena|clave)\b(?: is| es|:|=)")
_WORD_SUFFIX = (
    r"(?:street|st|avenue|ave?|road|rd|boulevard|blvd|drive|dr|lane|ln|court|ct|way|place|pl|circle"
    r"|cir|highway|hwy|parkway|pkwy|terrace|ter|trail|trl|loop|square|sq|alley|plaza|route)\b\.?"
)
_UNIT = (
    r"(?:(?:,? ?(?:(?:apartamento|apartment|apto|apt|unit|suite|ste|no|departamento|depto"
    r"|interior|int|casa|piso|bldg|building|lot|lote)\b\.? ?#?|#)\w{1,6}){1,2})?"
)
_STATE = (
    r"(?:a[klrz]|c[aot]|d[ce]|fl|ga|hi|i[adln]|k[sy]|la|m[adeinost]|n[cdehjmvy]|o[hkr]|pa|ri|s[cd]|t[nx]"
    r"|ut|v[at]|w[aivy]|oregon|washington|california|texas|idaho)"
)
_CITY = (
    rf"(?:,? [a-z][a-z. ]{{1,24}},? {_STATE}\.?,? ?\d{{5}}(?:-\d{{4}})?|,? ?{_STATE} \d{{5}}"
    rf"|, [a-z]+(?: [a-z]+)?, {_STATE}\b|, [a-z]+(?: [a-z]+)?(?=[.,;]|$))?"
)
_ADDRESS = re.compile(
    rf"(?<![\w/:$.-])\d{{1,6}}[a-z]?(?: (?:n|s|e|w|ne|nw|se|sw|north|south|east|west)\b\.?)?"
    rf"(?: [a-z\d'.]{{1,20}}){{1,4}}? {_WORD_SUFFIX}(?:(?<=road|oute) \d{{1,4}}(?!\d))?"
    rf"{_UNIT}{_CITY}"
    rf"|(?<![\w/:$.-])\d{{1,6}} (?:hwy|highway|route|us|state route|county road) \d{{1,4}}\b"
    rf"(?: (?:n|s|e|w|north|south|east|west)\b\.?)?{_UNIT}{_CITY}"
    # Whatever the street is called, a state and a ZIP code say that it is one.
    rf"|(?<![\w/:$.-])\d{{1,6}}(?: [a-z\d'.]{{1,20}}){{1,4}},? [a-z][a-z. ]{{1,20}},?"
    rf" {_STATE} \d{{5}}\b"
)
_BOX = re.compile(
    rf"(?<![a-z])(?:p\.? ?o\.? ?box ?#?\d{{1,6}}|box \d{{1,6}},? (?:rural route|rr) ?\d{{1,3}}"
    rf"|apartado \d{{1,6}}){_CITY}"
)
_CALLE = re.compile(
    r"(?<![a-z])(?:calle|avenida|av\.|camino|calzada|carretera|privada|boulevard|paseo)"
    r"(?: [a-z\d'.]{1,20}){1,4}?,? (?:#|no\.? ?|num\.? ?|numero )?\d{1,6}[a-z]?(?!\d)"
    rf"{_UNIT}(?:, ?(?:col|colonia)\.? [a-z]+(?: [a-z]+)?)?{_CITY}"
)
# Without a word like "street": only behind words that announce an address, and with a capital.
_PLACED = re.compile(
    r"(?<![a-z])(?:(?:my|new|home|mailing|street|our) address(?: is|:)?|address:?|live (?:at|on)"
    r"|i'm at|moved to|mail (?:it )?to|(?:mi |nueva )?(?:direcc?ion|domicilio)(?: nueva)?(?: es|:)?"
    r"|vivo en(?: el)?)"
    rf" (\d{{1,6}}(?: (?:n|s|e|w|ne|nw|se|sw)\b\.?)? [a-z]{{3,20}}(?: [a-z]{{3,20}})?{_UNIT})"
)
_NUMERO_CALLE = re.compile(
    r"(?<![\w/:$.-])\d{1,6} (?:calle|avenida|av\.|camino|paseo|via|calzada|carretera)"
    rf"(?: (?:de|del|la|las|los|el))*(?: [a-z\d'.]{{2,20}}){{1,2}}?{_UNIT}(?:{_CITY})(?![a-z])"
)
_NOT_STREETS = re.compile(
    r"\b(?:weeks?|days?|months?|years?|minutes?|hours?|kids|pm|am|mg|ml|semanas|times|miles|blocks"
    r"|lbs|pounds|secs?|mins?|hrs?"
    r"|(?:my|your|our|the|a|to|wanna|will|can) (?:dr|drive|court|way|place|st|trail))\b"
)


def emails(raw: str, folded: str, cues: Cues) -> Iterator[Found]:
    if "@" in folded:
        yield from (found.span() for found in _EMAIL.finditer(folded))
    if " at " in folded or "arroba" in folded or "at" in folded:
        yield from (found.span() for found in _EMAIL_SPOKEN.finditer(folded))


def cards(raw: str, folded: str, cues: Cues) -> Iterator[Found]:
    for found in _CARD.finditer(folded):
        if _luhn(re.sub(r"\D", "", found[0])):
            yield found.span()
    for run in runs(folded):
        if 13 <= len(run.digits) <= 19 and run.digits[0] in "23456" and _luhn(run.digits):
            yield run.start, run.end


def _luhn(digits: str) -> bool:
    if not 13 <= len(digits) <= 19 or len(set(digits)) < 2:
        return False
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(number // 10 + number % 10 for number in doubled) % 10 == 0


def social_security(raw: str, folded: str, cues: Cues) -> Iterator[Found]:
    for found in _SSN.finditer(folded):
        if cues.before(found.start()) not in ("MRN", "MEMBER_ID", "NONE"):
            yield found.span()
    for found in _NINE.finditer(folded):
        if cues.before(found.start()) == "SSN":
            yield found.span()
    for run in runs(folded):
        if len(run.digits) == 9 and cues.before(run.start) in ("SSN", None):
            yield run.start, run.end
    if _LAST_FOUR.search(folded):
        for found in _FOUR.finditer(folded):
            if cues.before(found.start()) == "SSN":
                yield found.span()


def phones(raw: str, folded: str, cues: Cues) -> Iterator[Found]:
    yield from (found.span() for found in _ABROAD.finditer(folded))
    for found in _PHONE.finditer(folded):
        bare = found[0].isdigit()
        if found[1] in _TOLL_FREE or (bare and cues.before(found.start()) not in ("PHONE", None)):
            continue
        if cues.before(found.start()) not in ("MRN", "MEMBER_ID", "NONE") or not bare:
            yield found.span()
    for found in _LOCAL.finditer(folded):
        if cues.before(found.start()) == "PHONE":
            yield found.span()
    for run in runs(folded):
        if 10 <= len(run.digits) <= 11 or (
            len(run.digits) == 7 and "PHONE" in (cues.before(run.start), cues.after(run.end))
        ):
            yield run.start, run.end


def _numbered(cue: str) -> Finder:
    def find(raw: str, folded: str, cues: Cues) -> Iterator[Found]:
        for run in runs(folded):
            if len(run.digits) >= 4 and cues.before(run.start) == cue:
                yield run.start, run.end
        for end in cues.ends(cue):
            found = _ID.match(folded, end)
            if found and _digits(found[1]) >= 3 and not _PHONE.fullmatch(found[1]):
                yield _with_glued_cue(cues, end, found)
        for found in _FAR_ID.finditer(folded):
            if _digits(found[1]) >= 5 and cue in (
                cues.before(found.start()),
                cues.after(found.end()),
            ):
                yield found.span(1)

    return find


def _with_glued_cue(cues: Cues, end: int, found: re.Match[str]) -> Found:
    """In "MRN4455667" the letters belong to the number."""
    return (cues.start_of(end) if found.start(1) == end else found.start(1)), found.end(1)


def _digits(value: str) -> int:
    return sum(char.isdigit() for char in value)


records, others = _numbered("MRN"), _numbered("OTHER")
_members = _numbered("MEMBER_ID")


def members(raw: str, folded: str, cues: Cues) -> Iterator[Found]:
    yield from _members(raw, folded, cues)
    yield from (found.span() for found in _MEDICARE.finditer(folded))
    for cue, least in (("PLAN", 5), ("ID", 6)):  # "Boise, ID 83704" is Idaho
        for end in cues.ends(cue):
            found = _ID.match(folded, end)
            if found and _digits(found[1]) >= least:
                yield found.span(1)
    for found in _FAR_ID.finditer(folded):
        if _digits(found[1]) >= 6 and cues.after(found.end()) == "PLAN":
            yield found.span(1)


def secrets(raw: str, folded: str, cues: Cues) -> Iterator[Found]:
    for cue in _SECRET_CUE.finditer(folded):
        found = _SECRET.match(folded, cue.end())
        if found and re.search(r"[\d\W_]", found[1]):
            yield found.span(1)


def addresses(raw: str, folded: str, cues: Cues) -> Iterator[Found]:
    for shape in (_NUMERO_CALLE, _ADDRESS, _BOX, _CALLE):
        for found in shape.finditer(folded):
            if not _NOT_STREETS.search(found[0]):
                yield found.span()
    for found in _PLACED.finditer(folded):
        street = re.search(r"[^\W\d_]{3,}", raw[slice(*found.span(1))])
        if street and street[0][0].isupper() and not _NOT_STREETS.search(found[1]):
            yield found.span(1)
