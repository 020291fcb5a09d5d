"""Names, and only behind a cue: "my name is", "soy", "sincerely".

Rule: a strong cue takes what follows, capital or not; a weak one ("I'm", "this is") needs two
capitalised words; a word that is no name ("spelled", "diabetic", "Monday") ends it.
"""

import re
from collections.abc import Iterator

from safety.cues import Cues

Found = tuple[int, int]

_STRONG = re.compile(
    r"(?<![a-z])(?:(?:full |first |last |middle |maiden |legal |patient'?s? |sur)?name?"
    r" ?(?:is(?: now)?|:|=)"
    r"|first name|last name|patient name|surname|my name'?s|(?:go|goes) by|name of"
    r"|me llamo|se llama|(?:mi |el |su )?(?:nombre(?: completo)?(?: del? (?:la )?paciente)?"
    r"|apellido)s? ?(?:es|:|=)"
    r"|a nombre de|the patient is|(?:el|la) paciente es|(?:in|under) (?:the )?name(?: of)?)\s+"
)
# Nothing else follows these with a capital: "booked under Petrov", "patient: Samuel Okafor".
_ONE_CAPITAL = re.compile(
    r"(?<![a-z])(?:(?:listed|booked|filed|registered|is) under|booked (?:it )?as|call me"
    r"|(?:this is|soy|habla) (?:mrs?|ms|miss|don|dona|sra?)\b\.?|full name|legal name"
    r"|preferred name|'?s name|nombre|apellidos?|name)\s+"
)
_FIRST_NAME_ONLY = re.compile(r"(?<![a-z])this is (?=[a-z'-]+ (?:again|calling|here|speaking)\b)")
_THEN_NAMED = re.compile(
    r"([A-Z\u00c0-\u00dc][\w'\u2019-]{1,20}(?: [A-Z\u00c0-\u00dc][\w'\u2019-]{1,20}){1,3}),?"
    r" (?:is|[Tt]hat'?s|es) (?:my|mi) (?:full |first |last )?(?:name|nombre)\b"
)
_WEAK = re.compile(
    r"(?<![a-z])(?:i'?m|i am|this is|it'?s|it is|soy|le habla|habla|les? escribe|sincerely,?"
    r"|regards,?|thanks,?|thank you,?|atentamente,?|gracias,?|signed,?|para|patient:?|paciente:?"
    r"|pt:?|chart says|my info:?|mis datos:?|name and dob:?|called|named|llamad[oa]"
    r"|my (?:son|daughter|wife|husband|mom|mother|dad|father|brother|sister|child|baby|partner)"
    r"|mi (?:hijo|hija|esposo|esposa|mama|papa|madre|padre|hermano|hermana|bebe|marido))\s+"
)
_SIGNED = re.compile(r"(?:^|\n|[.!?] ?)[-\u2013\u2014~] ?(?=[^\W\d_]+ [^\W\d_]+\s*$)")
_WORD = re.compile(r"[^\W\d_][^\W\d_'\u2019-]*(?:['\u2019-][^\W\d_]+)*")
_BEFORE_BIRTH = re.compile(
    r"((?:[A-Z\u00c0-\u00dc][\w'\u2019-]{1,20} ){1,3}[A-Z\u00c0-\u00dc][\w'\u2019-]{1,20}),?"
    r" (?:born|dob|DOB|nacid[oa]|date of birth)"
)
_PARTICLES = frozenset({"de", "del", "la", "las", "los", "da", "di", "van", "von", "y", "mc", "st"})
_NO_NAME = frozenset(
    """
    a about abril account address aetna after again agosto alergica alergico allergic already
    also am an and any anymore appointment april are as ask asking at august available because
    before being birth blank blue both but by calling cambio can changed chart cita clinic
    common con confidential correct correcto covered cross date de december desde diabetica
    diabetico diciembre did different difficult do doctor doctora does domingo dr due el ella
    email en enero english equivocado es escrito esta estoy even febrero february first for
    friday from get getting going good great guatemala happy having he her here his hospital how
    hyphenated i if igual ill in incorrect incorrecto insurance interested is it january jueves
    julio july june junio just kaiser la largo las late like listed long looking los lost lunes mal
    mama march martes marzo may mayo medicaid medicare mexico mi miercoles missing misspelled
    monday more mr mrs ms muy my necesito need new no not november noviembre now nueva nuevo
    number nurse o october octubre of ok on or otra otro out over paciente papa para pero phone
    please por porque portal pregnant que question quien quiero ready really required right running
    sabado same saturday september septiembre she short si sick so sorry soy spanish spelled
    spelt still su sunday supposed sure taking tengo that the there they this thursday to today
    tomorrow trouble trying tu tuesday un una unable under urgent usted very viernes waiting was
    we wednesday what when where which who why will with wondering wrong y yo you your
    """.split()
)


def names(raw: str, folded: str, cues: Cues) -> Iterator[Found]:
    for found in _STRONG.finditer(folded):
        if raw[found.start() : found.end()].rstrip().endswith("\u00f3"):  # "me llamó" is a call
            continue
        yield from _name_at(raw, folded, found.end(), capitals_needed=0)
    for found in _WEAK.finditer(folded):
        yield from _name_at(raw, folded, found.end(), capitals_needed=2)
    for found in [*_ONE_CAPITAL.finditer(folded), *_FIRST_NAME_ONLY.finditer(folded)]:
        yield from _name_at(raw, folded, found.end(), capitals_needed=1)
    for found in _SIGNED.finditer(raw):
        yield from _name_at(raw, folded, found.end(), capitals_needed=2)
    for found in [*_BEFORE_BIRTH.finditer(raw), *_THEN_NAMED.finditer(raw)]:
        if not set(found[1].lower().split()) & _NO_NAME:
            yield found.span(1)


def _name_at(raw: str, folded: str, at: int, capitals_needed: int) -> Iterator[Found]:
    """Yield the name that starts at a place: up to four words, particles between."""
    start, end, capitals, taken = at, at, 0, 0
    while taken < 5:
        word = _WORD.match(raw, at)
        if not word:
            break
        plain = folded[word.start() : word.end()]
        capital = word[0][0].isupper()
        if plain in _PARTICLES and taken and _goes_on(raw, word.end()):
            at, taken = word.end() + 1, taken + 1
            continue
        # A lower-case name is believed only where everything so far was lower-case too.
        if plain in _NO_NAME or (not capital and (capitals_needed or capitals)):
            break
        capitals += capital
        end, taken = word.end(), taken + 1
        if len(plain) == 1 and capital and raw[end : end + 2] == ". ":  # John Q. Public
            end += 1
        if raw[end : end + 1] != " " or (not capital and taken >= 3):
            break
        at = end + 1
    if end > start and capitals >= capitals_needed:
        yield start, end


def _goes_on(raw: str, at: int) -> bool:
    following = _WORD.match(raw, at + 1)
    return bool(following) and raw[at : at + 1] == " "
