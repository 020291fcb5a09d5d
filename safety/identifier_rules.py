"""What each identifier looks like: one finder a kind, each bounded in time.

Rule: a finder yields places in the folded text; it prefers shape plus cue, and shape alone only
where nothing else has that shape (an e-mail, a card with a right check digit, a full phone number).
"""

import re
from collections.abc import Callable, Iterator

from safety.cues import Cues
from safety.spelled import runs, said_numbers

Found = tuple[int, int]
Finder = Callable[[str, str, Cues], Iterator[Found]]

_EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")
_AT = r"(?: ?[(\[{] ?(?:at|arroba|@) ?[)\]}] ?| at | arroba )"
_DOT = r"(?:\.| ?[(\[{] ?(?:dot|punto) ?[)\]}] ?| dot | punto )"
_DASH = r"(?: underscore | dash | hyphen | guion(?: bajo| medio)? )"
_EMAIL_SPOKEN = re.compile(
    rf"(?<![\w.])[\w+-]{{1,40}}(?:(?:{_DOT}|{_DASH})[\w+-]{{1,40}}){{0,3}}{_AT}[\w-]{{1,40}}"
    rf"(?:{_DOT}(?:com|org|net|edu|gov|io|mx|es|co|us|uk|info|me)(?![a-z])){{1,2}}"
)
_SEP = r"[ .\-\u2013\u00b7/]{0,3}"
_CARD = re.compile(r"(?<![\d.$])[2-6]\d{2,3}(?:[ .-]?\d){9,16}(?!\d)")
_SSN = re.compile(r"(?<![\d.$-])\d{3}[ .\-\u2013/]{1,3}\d{2}[ .\-\u2013/]{1,3}\d{4}(?![\d-])")
# The older Medicare number is a social security number with a letter.
_OLD_MEDICARE = re.compile(r"(?<![\d.$-])\d{3}-?\d{2}-?\d{4}-?[a-dtw]\d?(?![\w-])")
_PLAN_SHAPE = re.compile(r"(?<![\w-])[A-Z]{3}\d{9,12}(?![\w-])")
_NINE = re.compile(r"(?<![\d.$-])\d{3} ?\d{2} ?\d{4}(?!\d)")
_FOUR = re.compile(r"(?<![\d.$-])\d{4}(?![\d-])")
_LAST_FOUR = re.compile(
    r"(?:last|ultimos) (?:4|four|cuatro)|end(?:s|ing)?(?: in| with)?\b|termina(?:n|da|do)? en"
)
_EXTENSION = r"(?:,? ?(?:x|ext\.?|extension|ext) ?\d{1,5}(?!\d))?"
_PHONE = re.compile(
    rf"(?<![\w$.#-])(?:\+?1{_SEP})?\(? ?([2-9]\d{{2}}) ?\)?{_SEP}([2-9]\d{{2}}){_SEP}"
    rf"(\d{{4}}|\d{{2}}[ -]\d{{2}})(?![\d-]){_EXTENSION}"
)
_LOCAL = re.compile(
    rf"(?<![\w$.#-])[2-9]\d{{2}}[ .-](?:\d{{4}}|\d{{2}}[ .-]\d{{2}})(?![\d-]){_EXTENSION}"
)
_MEXICAN = re.compile(
    r"(?<![\w$.#-])\(?\d{2,3}\)?[ .-]\d{3,4}[ .-]\d{4}(?![\d-])"
    r"|(?<![\w$.#-])\d{2}(?:[ .-]\d{2}){4}(?![\d-])"
)
_ABROAD = re.compile(r"(?<![\w+])\+\d{1,3}(?:[ .()-]{0,2}\d){6,13}(?!\d)")
_DIALLED = re.compile(r"(?<![\w+])00 ?\d{1,3}(?:[ .()-]{0,2}\d){6,13}(?!\d)")
_TOLL_FREE = frozenset({"800", "833", "844", "855", "866", "877", "888"})

_VALUE = r"[#:=.,(\s-]{0,4}"
_LINK = (
    r"(?:(?:is|are|was|number|num|no|nro|id|card|code|es|numero|de|the|my|it|its|del|la|el"
    r"|says|shows|reads|has|had|dice|trae|tiene|there)\b"
    r"\.?[\s#:=]{0,3}){0,4}"
)
_SHAPE = (
    r"((?=(?:[a-z]{2,4} )?[a-z\d-]{0,20}\d)[a-z]{0,4}[- ]?\d[a-z\d]{0,19}"
    r"(?:[- ][a-z]{0,3}\d[a-z\d]{0,9}){0,4}"
    r"(?:-[a-z]{1,3}| [a-z](?= |$|[.,;]))?|(?=[a-z\d]{3,20}\b)[a-z]{1,8}\d[a-z\d-]{1,19})(?![\w])"
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


def emails(raw: str, folded: str, cues: Cues) -> Iterator[Found]:
    if "@" in folded:
        yield from (found.span() for found in _EMAIL.finditer(folded))
    if " at " in folded or "arroba" in folded or "at" in folded:
        yield from (found.span() for found in _EMAIL_SPOKEN.finditer(folded))


def cards(raw: str, folded: str, cues: Cues) -> Iterator[Found]:
    for found in _CARD.finditer(folded):
        yield from _card_within(folded, found)
    for run in runs(folded):
        if 13 <= len(run.digits) <= 19 and run.digits[0] in "23456" and _luhn(run.digits):
            yield run.start, run.end


def _card_within(folded: str, found: re.Match[str]) -> Iterator[Found]:
    """Yield the card at the start of a run of digits: "4242 4242 4242 4242 12/27" goes on."""
    places = [at for at in range(*found.span()) if folded[at].isdigit()]
    for count in range(min(19, len(places)), 12, -1):
        end = places[count - 1] + 1
        if (
            _luhn("".join(folded[at] for at in places[:count]))
            and not folded[end : end + 1].isdigit()
        ):
            yield found.start(), end
            return


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
    yield from _said(folded, cues, "SSN")
    if _LAST_FOUR.search(folded):
        for found in _FOUR.finditer(folded):
            if cues.before(found.start()) == "SSN":
                yield found.span()


def _said(folded: str, cues: Cues, cue: str) -> Iterator[Found]:
    for start, end in said_numbers(folded):
        if cues.before(start) == cue:
            yield start, end


def phones(raw: str, folded: str, cues: Cues) -> Iterator[Found]:
    yield from (found.span() for found in _ABROAD.finditer(folded))
    for found in _PHONE.finditer(folded):
        bare = found[0].isdigit()
        if found[1] in _TOLL_FREE or (bare and cues.before(found.start()) not in ("PHONE", None)):
            continue
        if cues.before(found.start()) not in ("MRN", "MEMBER_ID", "NONE") or not bare:
            yield found.span()
    for run in runs(folded):
        if 10 <= len(run.digits) <= 11 or (
            len(run.digits) == 7 and "PHONE" in (cues.before(run.start), cues.after(run.end))
        ):
            yield run.start, run.end
    for shape in (_LOCAL, _MEXICAN, _DIALLED):
        for found in shape.finditer(folded):
            if cues.before(found.start()) == "PHONE":
                yield found.span()
    yield from _said(folded, cues, "PHONE")


def _numbered(cue: str) -> Finder:
    def find(raw: str, folded: str, cues: Cues) -> Iterator[Found]:
        for run in runs(folded):
            if len(run.digits) >= 4 and cues.before(run.start) == cue:
                yield run.start, run.end
        yield from _said(folded, cues, cue)
        for end in cues.ends(cue):
            found = _ID.match(folded, end)
            if found and _digits(found[1]) >= 3 and not _PHONE.fullmatch(found[1]):
                yield _with_glued_cue(cues, end, found) if _is_whole(raw, found) else _number(found)
        for far in _FAR_ID.finditer(folded):
            before = cues.before(far.start())
            said_after = (cues.after(far.end()), None if before else cues.soon(far.end()))
            if _digits(far[1]) >= 5 and cue in (before, *said_after):
                yield far.span(1)

    return find


def _with_glued_cue(cues: Cues, end: int, found: re.Match[str]) -> Found:
    """In "MRN4455667" the letters belong to the number."""
    return (cues.start_of(end) if found.start(1) == end else found.start(1)), found.end(1)


def _is_whole(raw: str, found: re.Match[str]) -> bool:
    """Letters apart from the number belong to it only as capitals: "ABC 123", not "was 123"."""
    letters = re.match(r"[a-z]{1,4} ", found[1])
    return letters is None or raw[found.start(1) : found.start(1) + letters.end() - 1].isupper()


def _number(found: re.Match[str]) -> Found:
    return found.start(1) + found[1].index(" ") + 1, found.end(1)


def _digits(value: str) -> int:
    return sum(char.isdigit() for char in value)


def _is_mixed(value: str) -> bool:
    """QW3321AB: nothing else that is said of a plan looks so."""
    return _digits(value) >= 4 and sum(char.isalpha() for char in value) >= 2


records, others = _numbered("MRN"), _numbered("OTHER")
_members = _numbered("MEMBER_ID")


def members(raw: str, folded: str, cues: Cues) -> Iterator[Found]:
    yield from _members(raw, folded, cues)
    for shape, text in ((_MEDICARE, folded), (_OLD_MEDICARE, folded), (_PLAN_SHAPE, raw)):
        for found in shape.finditer(text):
            if cues.before(found.start()) not in ("MRN", "NONE", "SSN"):
                yield found.span()
    for cue, least in (("PLAN", 5), ("ID", 6)):  # "Boise, ID 83704" is Idaho
        for end in cues.ends(cue):
            near = _ID.match(folded, end)
            if near and (_digits(near[1]) >= least or _is_mixed(near[1])):
                whole = _with_glued_cue(cues, end, near)
                yield whole if _is_whole(raw, near) else _number(near)
    for far in _FAR_ID.finditer(folded):
        if _PHONE.fullmatch(far[1]):
            continue
        if _digits(far[1]) >= 6 and cues.after(far.end()) == "PLAN":
            yield far.span(1)


def secrets(raw: str, folded: str, cues: Cues) -> Iterator[Found]:
    for cue in _SECRET_CUE.finditer(folded):
        found = _SECRET.match(folded, cue.end())
        if found and re.search(r"[\d\W_]", found[1]):
            yield found.span(1)
