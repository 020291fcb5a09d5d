"""Names, and only behind a cue: "my name is", "soy", "sincerely".

Rule: a strong cue takes what follows, capital or not; a weak one ("I'm", "this is") needs two
capitalised words; a word that is no name ("spelled", "diabetic", "Monday") ends it.
"""

import re
from collections.abc import Iterator

from safety.cues import Cues
from safety.folding import HIDDEN_BIRTH

Found = tuple[int, int]

_STRONG = re.compile(
    r"(?<![a-z])(?:(?:full |first |last |middle |maiden |legal |patient'?s? |sur)?name?"
    r" ?(?:is(?: now)?|:|=)"
    r"|first name|last name|patient name|surname|my name'?s|(?:go|goes) by|name of"
    r"|me llamo|se llama|(?:mi |el |su )?(?:nombre(?: completo)?(?: de(?:l| la)? (?:(?:mi"
    r"|su) )?\w{3,12})?"
    r"|apellido)s? ?(?:es|:|=)"
    r"|se apellida|maiden name was|a nombre de|the patient is|(?:el|la) paciente es|(?:in"
    r"|under) (?:the )?name(?: of)?)\s+"
)
# Nothing else follows these with a capital: "booked under Petrov", "patient: Samuel Okafor".
_ONE_CAPITAL = re.compile(
    r"(?<![a-z])(?:(?:listed|booked|filed|registered|is) under|booked (?:it )?as|calls? me"
    r"|me dicen|me llaman|name'?s"
    r"|name changed to|changed (?:it|my name) to|formerly|known as|a\.?k\.?a\.?"
    r"|registrad[oa] como|(?:appointment|visit|chart|it'?s?) under"
    r"|(?:this is|soy|habla)(?: la| el)?(?= (?:mrs?|ms|miss|don|dona|sra?|senora?|senorita)\b)"
    r"|full name|legal name|nombre completo|first(?: name)?:|last(?: name)?:"
    r"|preferred name|'?s name|nombre|apellidos?|name(?: was)?)\s+"
)
_FAMILY = re.compile(
    r"(?<![a-z])(?:my|our|mi|nuestr[oa]) (?:son|daughter|wife|husband|mom|mother|dad|father|brother"
    r"|sister|baby|partner|grandson|granddaughter|grandma|grandpa|aunt|uncle|niece|nephew|kid"
    r"|child|boy|girl|teen|hij[oa]|nin[oa]|nen[ea]|muchach[oa]|chiquit[oa]"
    r"|espos[oa]|mama|papa|madre|padre|herman[oa]|bebe|marido|niet[oa]|abuel[oa]|ti[oa]"
    r"|sobrin[oa])\s+"
)
_SIGN_OFF = re.compile(
    r"(?:^|[.!?,\n] ?)(?:saludos|un saludo|bendiciones|cordialmente|best(?: regards| wishes)?"
    r"|warmly|love"
    r"|cheers|yours|(?:kind |warm )?regards|sincerely|respectfully|thanks|thank you|gracias"
    r"|atentamente)"
    r"[,!.]{0,2}\s+(?=[^\W\d_]+(?: [^\W\d_]+){0,2}\.?\s*$)"
)
_FIRST_NAME_ONLY = re.compile(
    r"(?<![a-z])this is (?=[a-z'-]+(?: (?:again|calling|here|speaking|from|and|i|u|you|your|my"
    r"|at)\b|[,.]))"
    r"|(?<![a-z])(?:it'?s|i'?m) (?=[a-z'-]+ (?:again|calling|here|speaking|from)\b)"
    r"|(?<![a-z])i'?m (?=[a-z'-]{2,20}\s*(?:[,.!\n]|$))"
    r"|(?<![a-z])(?:soy|habla) (?=[a-z'-]+)"
)
_THEN_NAMED = re.compile(
    r"([A-Z\u00c0-\u00dc][\w'\u2019-]{1,20}(?: [A-Z\u00c0-\u00dc][\w'\u2019-]{1,20}){1,3}),?"
    r" (?:is|[Tt]hat'?s|es) (?:my|mi) (?:full |first |last )?(?:name|nombre)\b"
)
_WEAK = re.compile(
    r"(?<![a-z])(?:i'?m|i am|this is|it'?s|it is|soy|le habla|habla|les? escribe|sincerely,?"
    r"|regards,?|thanks,?|thank you,?|atentamente,?|gracias,?|signed,?|para|patient:?|paciente:?"
    r"|calling (?:for|about)|on behalf of|de parte de|atte\.?,?|appointment for"
    r"|(?:emergency )?contact(?: is|:)?|contacto(?: es|:)?|(?:parent|guardian|caregiver"
    r"|tutor)(?: is|:)"
    r"|(?:mother|father|mom|dad|parent|guardian|wife|husband|son|daughter) of"
    r"|(?:mama|papa|madre|padre|hij[oa]|espos[oa]) de"
    r"|pt:?|chart says|my info:?|mis datos:?|name and dob:?|called|named|llamad[oa]"
    r"|my (?:son|daughter|wife|husband|mom|mother|dad|father|brother|sister|child|baby|partner)"
    r"|mi (?:hijo|hija|esposo|esposa|mama|papa|madre|padre|hermano|hermana|bebe|marido))\s+"
)
_SIGNED = re.compile(r"(?:^|\n|[.!?] ?)[-\u2013\u2014~] ?(?=[^\W\d_]+ [^\W\d_]+\s*$)")
_SIGNED_FIRST = re.compile(r"(?:\n|[.!?] ?)[-\u2013\u2014~] ?(?=[^\W\d_]+\s*$)")
_SPEAKS = re.compile(
    r"(?:^|[.!?\n] ?|\b(?:[Hh]i|[Hh]ello|[Hh]ey|[Hh]ola|[Bb]uenas?(?: tardes| noches| dias)?),? )"
    r"([A-Z\u00c0-\u00dc][\w'\u2019-]{1,20}(?: [A-Z\u00c0-\u00dc][\w'\u2019-]{1,20}){1,3}),?"
    r" (?:here|again|calling|speaking|writing|aqu\u00ed|otra vez|le habla|le escribe)\b"
)
_TITLED = re.compile(
    r"\b((?:Mr|Mrs|Ms|Miss|Sr|Sra)\.? [A-Z\u00c0-\u00dc][\w'\u2019-]{1,20})"
    r" (?:here|again|calling|speaking|writing)\b"
)
_ALONE = re.compile(r"^(?:[Hh]i,? |[Hh]ello,? )?([A-Z\u00c0-\u00dc][\w'\u2019-]{1,20}) here[,.]")
# "Lena Ortiz, 5/3/85": a name and a day, and no visit is so dated.
_WITH_DAY = re.compile(
    r"([A-Z\u00c0-\u00dc][\w'\u2019-]{1,20}(?: [A-Z\u00c0-\u00dc][\w'\u2019-]{1,20}){1,3}),? \(?"
    rf"(?:{HIDDEN_BIRTH}+|"
    r"\d{1,2}[/-]\d{1,2}[/-](?:19\d{2}|20[01]\d|202[0-3]|0\d|1\d|[3-9]\d))(?!\d)"
)
_WORD = re.compile(r"[^\W\d_][^\W\d_'\u2019-]*(?:['\u2019-][^\W\d_]+)*")
_BEFORE_BIRTH = re.compile(
    r"((?:[A-Z\u00c0-\u00dc][\w'\u2019-]{1,20} ){1,3}[A-Z\u00c0-\u00dc][\w'\u2019-]{1,20}),?"
    r" (?:born|dob|DOB|nacid[oa]|date of birth)"
)
_TITLES = frozenset(
    {"mr", "mrs", "ms", "miss", "don", "dona", "sr", "sra", "senor", "senora", "senorita"}
)
_LAST_FIRST = re.compile(r", [^\W\d_a-z][^\W\d_]+(?: [A-Z]\.?)?\s*(?:$|[.,;\n])")
_PARTICLES = frozenset({"de", "del", "la", "las", "los", "da", "di", "van", "von", "y", "mc", "st"})
_NO_NAME = frozenset(
    """
    a about abril account address aetna after again agosto alergica alergico allergic already also
    am an and annual any anymore anyone appointment april are as ask asking at august available
    because before being billing birth blank blood blue both but by calling cambio can care
    changed chart cita clinic common con confidential correct correcto covered covid cross date de
    december department desde desk diabetica diabetico diciembre did different difficult do doctor
    doctora does domingo dr due el ella email emergency en enero english equivocado es escrito
    espanol esta estoy even everybody everyone eye febrero february fedex first flu for friday
    from front get getting going good great guatemala happy having he he's her here his hospital
    how hyphenated i i'd i'll i'm i've if igual ill in incorrect incorrecto ingles insurance
    interested is it it's january jueves julio july june junio just kaiser knee la lab labs largo
    las late like lipid listed login long looking los lost lunes mal mama mammogram march martes
    marzo may mayo medicaid medicare mexico mi miercoles missing misspelled monday more mr mri mrs
    ms muy my necesito need new no nobody not november noviembre now nueva nuevo number nurse o
    october octubre of office ok on or otra otro out over paciente papa para parking patient
    patients pero pharmacy phone physical please por porque portal pregnant primary que question
    quien quiero ready really refill required results right room running sabado same saturday
    september septiembre she she's short shot shots si sick so somebody sorry soy spanish spelled
    spelt still su sunday supposed sure surgery taking tengo test tests thanks that the therapy
    there they this thursday to today tomorrow trouble trying tu tuesday un una unable under
    urgent usted vaccine vaccines very viernes visit vitamin waiting was we wednesday well what
    when where which while who why will with wondering wrong xray y yo you your
    """.split()
)


# "Teacher here" says who writes, not the name.
_ROLES = frozenset(
    """
    aide brother caregiver coach counselor dad daughter dispatch driver esposa esposo father
    grandma grandpa hija hijo husband madre maestra maestro mom mother neighbor nurse padre parent
    patient pharmacist roommate sister son teacher vecina vecino wife
    """.split()
)


def names(raw: str, folded: str, cues: Cues) -> Iterator[Found]:
    for found in _STRONG.finditer(folded):
        if raw[found.start() : found.end()].rstrip().endswith("\u00f3"):  # "me llamó" is a call
            continue
        yield from _name_at(raw, folded, found.end(), capitals_needed=0)
    for found in _WEAK.finditer(folded):
        yield from _name_at(raw, folded, found.end(), capitals_needed=2)
    for found in _believed_with_one_capital(folded):
        yield from _name_at(raw, folded, found.end(), capitals_needed=1)
    for found in _SIGNED.finditer(raw):
        yield from _name_at(raw, folded, found.end(), capitals_needed=2)
    for found in _SIGNED_FIRST.finditer(raw):
        yield from _name_at(raw, folded, found.end(), capitals_needed=1)
    for shape in (_BEFORE_BIRTH, _THEN_NAMED, _SPEAKS, _TITLED, _ALONE, _WITH_DAY):
        for found in shape.finditer(raw):
            words = set(found[1].lower().split())
            if not words & _NO_NAME and not words <= _ROLES:
                yield found.span(1)


def _believed_with_one_capital(folded: str) -> Iterator[re.Match[str]]:
    for cue in (_ONE_CAPITAL, _FIRST_NAME_ONLY, _FAMILY, _SIGN_OFF):
        yield from cue.finditer(folded)


def _name_at(raw: str, folded: str, at: int, capitals_needed: int) -> Iterator[Found]:
    """Yield the name that starts at a place: up to four words, particles between."""
    start, end, capitals, taken = at, at, 0, 0
    while taken < 5:  # particles do not count
        word = _WORD.match(raw, at)
        if not word:
            break
        plain = folded[word.start() : word.end()]
        if plain in _TITLES and not taken:
            at = word.end() + 2 if raw[word.end() : word.end() + 1] == "." else word.end() + 1
            continue
        capital = word[0][0].isupper()
        if plain in _PARTICLES and taken and _goes_on(raw, word.end()):
            at = word.end() + 1
            continue
        # A lower-case name is believed only where everything so far was lower-case too.
        if plain in _NO_NAME or (not capital and (capitals_needed or capitals)):
            break
        capitals += capital
        end, taken = word.end(), taken + 1
        if len(plain) <= 2 and capital and raw[end : end + 2] == ". ":  # John Q. Public, Ma. Luisa
            end += 1
        if taken == 1 and _LAST_FIRST.match(raw, end):
            at = end + 2
            continue
        if raw[end : end + 1] != " " or (not capital and taken >= 3):
            break
        at = end + 1
    if end > start and capitals >= capitals_needed:
        yield start, end


def _goes_on(raw: str, at: int) -> bool:
    following = _WORD.match(raw, at + 1)
    return bool(following) and raw[at : at + 1] == " "
