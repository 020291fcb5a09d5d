"""Street addresses, English and Spanish, in digits or said.

Rule: a number with a word for a street, or with a capital and something else that only an address
has (a direction, a flat, a state and its ZIP code, words that announce one); bounded in time.
"""

import re
from collections.abc import Iterator

from safety.cues import Cues

Found = tuple[int, int]

_WORD_SUFFIX = (
    r"(?:street|st|avenue|ave?|road|rd|boulevard|blvd|drive|dr|lane|ln|court|ct|way|place|pl"
    r"|circle|broadway"
    r"|cir|highway|hwy|parkway|pkwy|terrace|ter|trail|trl|loop|square|sq|alley|plaza|route)\b\.?"
)
_UNIT = (
    r"(?:(?:,? ?(?:(?:apartamento|apartment|apto|apt|unit|suite|ste|no|departamento|depto"
    r"|interior|int|casa|piso|space|spc|floor|room|rm|edificio|unidad|bloque|torre|box|bldg"
    r"|building|lot|lote)\b\.? ?#?|# ?)\w{1,6}|,? \d{1,2}(?:st|nd|rd|th) fl(?:oor)?\b"
    r"| \d{1,3}[a-h]\b){1,3})?"
)
_UNIT_FIRST = (
    r"(?:(?<![a-z])(?:apt|apartment|apartamento|apto|unit|suite|ste|depto|departamento)\.?"
    r" ?#?\w{1,5},? )?"
)
_STATE = (
    r"(?:a[klrz]|c[aot]|d[ce]|fl|ga|hi|i[adln]|k[sy]|la|m[adeinost]|n[cdehjmvy]|o[hkr]|p[ar]|ri"
    r"|s[cd]|t[nx]"
    r"|ut|v[at]|w[aivy]|alabama|alaska|arizona|arkansas|california|colorado|connecticut|florida"
    r"|georgia"
    r"|hawaii|idaho|illinois|indiana|iowa|kansas|kentucky|louisiana|maine|maryland|massachusetts"
    r"|michigan"
    r"|minnesota|mississippi|missouri|montana|nebraska|nevada|new \w+|north \w+|south \w+|ohio"
    r"|oklahoma"
    r"|oregon|pennsylvania|puerto rico|tennessee|texas|utah|vermont|virginia|washington|wisconsin"
    r"|wyoming)"
)
_CITY = (
    rf"(?:,? [a-z][a-z. ]{{1,24}},? {_STATE}\.?,? ?\d{{5}}(?:-\d{{4}})?|,? ?{_STATE} \d{{5}}"
    rf"|, [a-z]+(?: [a-z]+)?, {_STATE}\b|, [a-z]+(?: [a-z]+)?(?=[.,;]|$)"
    rf"|,? [a-z.]{{2,20}}(?: [a-z]{{2,20}})? {_STATE}(?=\s*(?:$|[.,;!?]))"
    rf"|, [a-z.]{{2,20}}(?: [a-z]{{2,20}})? \d{{5}}(?!\d)"
    rf"|, [a-z]+(?: [a-z]+)??(?= (?:is|es|and|y|now|ahora)\b))?"
)
_ADDRESS = re.compile(
    rf"{_UNIT_FIRST}(?<![\w/:$.-])[nsew]?\d{{1,6}}(?:-\d{{1,4}})?[a-z]?(?: 1/2)?(?: (?:n|s|e|w|ne"
    rf"|nw|se|sw|north|south|east|west)\b\.?)?"
    rf"(?: [a-z\d'.]{{1,20}}){{1,4}}? {_WORD_SUFFIX}(?:(?<=road|oute) \d{{1,4}}(?!\d))?"
    rf"{_UNIT}{_CITY}"
    rf"|(?<![\w/:$.-])\d{{1,6}} (?:hwy|highway|(?:rural )?route|us|fm|cr|sr|state route"
    rf"|state road|county road)"
    rf" (?:\d{{1,4}}|[a-z]{{1,2}})\b"
    rf"(?: (?:n|s|e|w|north|south|east|west)\b\.?)?{_UNIT}{_CITY}"
    # Whatever the street is called, a state and a ZIP code say that it is one.
    rf"|(?<![\w/:$.-])\d{{1,6}}(?: [a-z\d'.]{{1,20}}){{1,4}},? [a-z][a-z. ]{{1,20}},?"
    rf" {_STATE} \d{{5}}\b"
)
_REST = re.compile(rf"{_UNIT}{_CITY}")
_BOX = re.compile(
    rf"(?<![a-z])(?:p\.? ?o\.? ?box ?#?\d{{1,6}}|box \d{{1,6}},? (?:rural route|rr) ?\d{{1,3}}"
    rf"|(?:rural route|rr) ?#?\d{{1,3}},? ?box ?#?\d{{1,6}}"
    rf"|apartado (?:postal )?\d{{1,6}}){_CITY}"
)
_CALLE = re.compile(
    r"(?<![a-z])(?:calle|avenida|av\.|camino|calzada|carretera|privada|boulevard|blvd\.?|paseo"
    r"|carrera|cra\.?|cerrada|andador|retorno|circuito|prolongacion|diagonal|transversal)"
    r"(?: [a-z\d'.]{1,20}){1,4}?,? (?:(?:# ?|no\.? ?|num\.? ?"
    r"|numero )?\d{1,6}[a-z]?(?:-\d{1,4})?(?!\d)|s/n)"
    r"(?: (?:entre|y) [a-z\d.]{1,15} (?:y|e) [a-z\d.]{1,15})?"
    rf"{_UNIT}(?:, ?(?:col|colonia)\.? [a-z]+(?: [a-z]+)?)?{_CITY}"
)
_SAID = (
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w{3,6}teen|twenty|thirty"
    r"|forty"
    r"|fifty|sixty|seventy|eighty|ninety|hundred|oh|zero)"
)
_SAID_STREET = re.compile(
    rf"(?<![a-z]){_SAID}(?:[ -]{_SAID}){{0,4}}("
    rf"(?: [a-z]{{3,20}}){{1,2}}) {_WORD_SUFFIX}{_UNIT}{_CITY}"
)
_URBANIZATION = re.compile(
    rf"(?<![a-z])(?:urb|urbanizacion|residencial|fracc|fraccionamiento|col"
    rf"|colonia)\.? [a-z ]{{2,24}},"
    rf" \d{{1,5}} [a-z\d ]{{2,24}}(?:{_CITY})"
)
# Without a word like "street": only behind words that announce an address, and with a capital.
_PLACED = re.compile(
    r"(?<![a-z])(?:(?:my|new|home|mailing|street|our) address(?: is|:)?|address:?"
    r"|address (?:has )?changed to"
    r"|(?:send|ship|deliver|mail)(?: (?:it|them|that|the \w+|my \w+))? to|(?:our|my) place(?: is"
    r"|,)|live (?:at|on)"
    r"|i'm at|(?:we are|we're|are|am|is) (?:now|currently) at|now at|moved to|mail (?:it )?to"
    r"|(?:mi |nueva )?(?:direcc?ion|domicilio)(?: nueva)?(?: es|:)?"
    r"|vivo en(?: el)?|(?:apartamento|casa) es(?: el| la)?)"
    rf" (\d{{1,6}}(?: 1/2)?(?: (?:n|s|e|w|ne|nw|se"
    rf"|sw)\b\.?)? [a-z]{{3,20}}(?: [a-z]{{3,20}})?{_UNIT})"
)
_PLACED_ES = re.compile(
    r"(?:[Dd]omicilio|[Dd]irecci[oó]n)(?: actual| nueva)?(?: es"
    r"|:)? ((?:\d{1,2} de )?[A-Z\u00c0-\u00dc]"
    r"[\w.]{2,20}(?: [\w.]{2,20}){0,3},? (?:#|[Nn]o\.? ?|n[uú]mero )?\d{1,5}[A-Za-z]?)\b"
)
_LETTERED = re.compile(r"(?<![\w/:$.-])\d{1,6} (?:Avenue|Ave\.?|Street|Avenida|Calle|Road) [A-Z]\b")
_TO_A_SIDE = re.compile(
    r"(?<![\w/:$.-])\d{2,6}(?: 1/2)? (?:[NSEW]\.?|[NS][EW]|North|South|East|West) [A-Z][a-z]{2,20}"
    r"(?: [A-Z][a-z]{2,20})?\b"
)
_WITH_UNIT = re.compile(
    r"(?<![\w/:$.-])\d{2,6}(?: [NSEW]{1,2}\b\.?)?(?: [A-Z][a-z\u00e0-\u00ff]{2,20}){1,3},?"
    r" (?:(?:[Aa]pt|[Aa]pto|[Uu]nit|[Uu]nidad|[Ss]uite|[Ss]te|[Ee]dificio|[Bb]ldg|[Ll]ot)\.? ?#?|#)"
)
# Endings of streets that are everyday words as well: only as names, with capitals.
_NAMED_STREET = re.compile(
    r"(?<![\w/:$.-])\d{1,6}[A-Z]?(?: [NSEW]{1,2}\b\.?)?(?: [A-Z][\w'.]{1,20}){1,3} (?:Run|Ridge"
    r"|Hollow"
    r"|Crossing|Point|Pass|Path|Row|Bend|View|Landing|Grove|Glen|Creek|Heights|Commons|Walk|Cove"
    r"|Crescent|Mobile Park|Park|Hill|Meadows?|Springs?|Valley|Estates|Turnpike|Pike|Bluff|Mews"
    r"|Gate)\b"
    r"(?:,? (?:Apt|Unit|Suite|Ste|#)\.? ?#?\w{1,5})?"
)
_NUMERO_CALLE = re.compile(
    r"(?<![\w/:$.-])\d{1,6} (?:de (?:la )?)?(?:calle|avenida|av\.|camino|paseo|via|calzada"
    r"|carretera)"
    rf"(?: (?:de|del|la|las|los|el))*(?: [a-z\d'.]{{2,20}}){{1,2}}?{_UNIT}(?:{_CITY})(?![a-z])"
)
_NOT_STREETS = re.compile(
    r"\b(?:weeks?|days?|months?|years?|minutes?|hours?|kids|pm|am|mg|ml|semanas|times|miles|blocks"
    r"|lbs|pounds|secs?|mins?|hrs?"
    r"|(?:my|your|our|the|a|to|wanna|will|can) (?:dr|drive|court|way|place|st|trail))\b"
)


def addresses(raw: str, folded: str, cues: Cues) -> Iterator[Found]:
    for shape in (_URBANIZATION, _NUMERO_CALLE, _ADDRESS, _BOX, _CALLE):
        for found in shape.finditer(folded):
            if not _NOT_STREETS.search(found[0]):
                yield found.span()
    yield from (found.span(1) for found in _PLACED_ES.finditer(raw))
    for shape in (_NAMED_STREET, _LETTERED, _TO_A_SIDE, _WITH_UNIT):
        for found in shape.finditer(raw):
            rest = _REST.match(folded, _street_end(found))
            yield found.start(), rest.end() if rest else found.end()
    for found in _SAID_STREET.finditer(folded):
        if all(word[0].isupper() for word in raw[slice(*found.span(1))].split()):
            yield found.span()
    for found in _PLACED.finditer(folded):
        street = re.search(r"[^\W\d_]{3,}", raw[slice(*found.span(1))])
        if street and street[0][0].isupper() and not _NOT_STREETS.search(found[1]):
            yield found.span(1)


def _street_end(found: re.Match[str]) -> int:
    """Return where the street's own name ends, before ", Apt"."""
    cut = re.search(r",? (?:[a-z]{2,8}\.? ?#?|#)$", found[0].lower())
    return found.start() + cut.start() if cut and found.re is _WITH_UNIT else found.end()
