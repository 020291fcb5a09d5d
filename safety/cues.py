"""The words that say what a number is: "dob", "número de afiliado", "invoice".

Rule: the nearest cue before a number in the same sentence decides, and a cue for something that is
not personal (an invoice, a room, a price) protects the number.
"""

import re
from functools import cache

from safety.folding import ANY_HIDDEN

REACH = 36  # characters between the cue's end and the number
# "my birthday? it's 8/15/93" goes on; "what is my mrn? I was born in 1980" does not.
_ENDS_SENTENCE = re.compile(
    r"[!\n]|\?(?! ?(?:$|(?:its|it's|it is|is|es|son)\b|#?[a-z]{0,3}\d))|(?<![a-z]\.[a-z])\.\s+[a-z]"
)

_NUMBER = (
    r"(?:(?:identification |ident\.? )?(?:numbers?|num\b\.?|no\b\.?|nbr|nro\b\.?|#|ids?|i\.d\.|code"
    r"|locator|numero|identificacion))"
)
_CARRIERS = (
    r"aetna|cigna|humana|kaiser(?: permanente)?|blue (?:cross|shield)(?: blue shield)?|bcbs"
    r"|united ?healthcare|united|uhc|anthem|molina|tricare|champva|centene|ambetter|oscar"
    r"|providence(?: health)?|moda|regence|premera|health ?net|wellcare|caresource|carefirst|scan"
    r"|[a-z]{2,12}care(?= #?\d)|amerigroup|fidelis|highmark|geisinger|upmc"
    r"|superior|devoted|clover|geha|selecthealth|masshealth|tufts|harvard pilgrim|emblem"
    r"|medicare|medicaid|medi-?cal|apple health|ohp|oregon health plan|mbi|chip"
)
_PLAN = (
    r"contract|member(?:ship)?|insurance|insured|insurer|policy|subscriber|group|grp|plan"
    r"|beneficiary"
    r"|sponsor|coverage|health plan|certificate|enrollee|recipient|participant|policy ?holder|mbr"
)
_SEGURO = (
    r"(?:el |la |mi |su |del |de |la )*(?:seguro(?: medico)?|aseguranza|poliza|afiliad[oa]"
    r"|afiliacion|miembro|grupo|soci[oa]|beneficiari[oa]|suscriptor\w*|plan"
    r"|carne?t(?: del? (?:seguro|plan))?"
    r"|tarjeta (?:del?|de la|de mi) (?:seguro|aseguranza|plan))"
)
_CHART = (
    r"(?:med(?:i?cal)?\.?|health|epic|system|hospital|clinic|patient'?s?|pt\.?|charts?|file|unit"
    r"|record"
    r"|dossier|mr)"
)
_EXPEDIENTE = (
    r"(?:expediente|historia(?: clinica)?|historial|archivo|ficha|registro|paciente|folio|carpeta)"
)

_CUES: dict[str, str] = {
    "SSN": r"ssn|s\.s\.n\.?|ss ?#|social security|soc(?:ial)?\.? sec\b|my social|soc(?:ial)? is"
    r"|social"
    r"|soc(?= ?[:#])|ss(?= ?#?:? ?\d)"
    r"|tax id|seguro social|numero social|mi social|nss|my soc",
    "PHONE": r"area(?: code)?|phone|cell(?:phone| phone)?|mobile|call(?:back)?"
    r"|text(?: me)?|reach|dial|whatsapp|tel|ph#?|fax me|contact number|my number(?! (?:in|with"
    r"|on) (?:your|the)\b)|landline|home"
    r"|telefono|celular|cel|movil|llam\w+|marque|marqu\w+|hablen\w*|mi numero(?! de)"
    r"|mi numero de (?:telefono|celular)|numero es|numero de contacto|mensaje en|contact\w*",
    "DOB": r"d\.?o\.?b\.?|dates?[- ]of[- ](?:birth|brith|birht)|b[ir]{2}th[- ]?dates?|birth ?days?"
    r"|bday|b-day|born|b/d|bd(?= ?:? ?\d)|cumplo(?= el)"
    r"|birth ?year|year of birth|birth(?= ?[:=(])"
    r"|fec(?:has?)?\.?[- ](?:de[- ])?nac\w*|f\. ?(?:de )?nac\w*|fecha nac"
    r"|f\.? ?d?\.? ?n\.?(?= ?[:.]? ?\d)"
    r"|naci|nacid[oa]|nacio|nacimos|cumpleanos|cumplo anos|cumple|na[cs]imiento|soy del(?= \d)",
    "MRN": r"mrn|m\.r\.n\.?|mr ?#|nhc|h\.?c\.?(?= ?[#:]? ?\d)"
    r"|historial medico|record medico|numero de record"
    rf"|{_CHART}(?: (?:rec(?:or?d|rd)?\.?|chart|file|history|account|acct\.?))?(?: {_NUMBER})+"
    r"|medrec|(?:number|id) on (?:my|the|his|her) (?:bracelet|wristband)|my file(?= is)"
    r"|numero clinico"
    r"|historial(?= #?\d)|exp\.(?= ?#?\d)|medical record|charts?|med\.? rec\.?"
    r"|records?(?= #?[a-z]{0,3}\d{4})|(?:mi|my) record"
    r"|patient(?= #?[a-z]{0,2}\d{5})|expediente|historia clinica|registro medico"
    rf"|{_NUMBER} (?:de |del |de la |de mi )?{_EXPEDIENTE}(?: (?:medic[oa]|clinic[oa]))?"
    rf"|{_EXPEDIENTE}(?: (?:medic[oa]|clinic[oa]|del? paciente))?(?: {_NUMBER})+"
    r"|(?:folio|clave) del? paciente|numero de archivo|(?:ficha|folio)(?= #?\d)"
    r"|patient account|number (?:in|with|on) (?:your|the) (?:system|clinic|file|records?)",
    "MEMBER_ID": rf"member ?id|(?:{_PLAN})(?: (?:card|plan|policy|member(?:ship)?|group|sponsor"
    rf"|subscriber|insurance|holder'?s?|id)){{0,2}}(?: ?{_NUMBER})+"
    rf"|(?:{_CARRIERS})(?:'s)?(?: (?:insurance|plan|member(?:ship)?|policy|group|sponsor|card))*"
    rf"(?: ?{_NUMBER})+|subscriber|medicare|medicaid|mbi"
    rf"|{_NUMBER} (?:de |del |en )?{_SEGURO}|seguro medico|identificacion del plan|afiliado"
    rf"|mi poliza|{_SEGURO}(?: {_NUMBER})+",
    # Words that name a plan, too ordinary to hide a short number that follows.
    "PLAN": rf"(?:{_CARRIERS})(?: (?:insurance|plan|member))?|{_PLAN}|miembro"
    r"|aseguranza|poliza|mi seguro|carne?t(?: del seguro)?|tarjeta del seguro(?: medico)?"
    r"|afiliacion|tarjeta medica"
    r"|credencial(?: del seguro)?|provider ?one|card says(?: id)?|rx ?(?:grp|pcn)",
    # Where nothing else is said, "my id is …" most often speaks of insurance.
    "ID": r"i\.?d\.?(?: (?:number|no\.?|#))?",
    "OTHER": r"driver'?s? licen[sc]e|licen[sc]e number|passport|pass?word|account number"
    r"|routing number|bank account|pin|cvv|cvc|security code|licencia de \w+|contrasena|pasaporte"
    r"|numero de cuenta|clave|green card|visa number|alien number|itin",
    "NONE": r"order|invoice|claim|confirmation|reference|ref|case|ticket|rx|prescription|serial"
    r"|tracking|isbn|lot|ndc|cpt|icd|code|error|zip|postal|room|suite|bill|\$|price|cost|paid"
    r"|charged"
    r"|factura|orden|receta|codigo|cuarto|piso|consultorio|lote|referencia|confirmacion|cobro"
    r"|flight|version|page|form|weigh|glucose|sugar|pressure|azucar|presion|appointment|appt"
    r"|visit|cita"
    r"|reschedule|door|model|question|version|building|extension|upc|sku|batch|amount|total"
    r"|donation"
    r"|rx ?bin|authorization|autorizacion",
}


@cache
def _pattern() -> re.Pattern[str]:
    groups = "|".join(f"(?P<{name}>(?:{words}))" for name, words in _CUES.items())
    return re.compile(rf"(?<![a-z])(?:{groups})(?![a-z])")


_LINKS_BACK = re.compile(
    r"[\s,;)]{0,3}(?:(?:is|are|was|es|era|for|de|that'?s|it'?s|eso es|la de|el de)\b ?)?"
    r"(?:(?:my|mi|the|el|la|her|his|su|our|their)\b ?)?(?:(?:sons?'?s?|daughter'?s|kid'?s) )?"
)


class Cues:
    """The cues of one text, found once."""

    def __init__(self, folded: str) -> None:
        self._folded = folded
        found = list(_pattern().finditer(folded))
        self._found = [(each.end(), str(each.lastgroup)) for each in found]
        self._starting = [(each.start(), str(each.lastgroup)) for each in found]
        self._starts = {each.end(): each.start() for each in found}

    def end_before(self, start: int) -> int:
        """Return where the nearest cue before a place ends; the place itself without one."""
        return next((end for end, _ in reversed(self._found) if end <= start), start)

    def start_of(self, end: int) -> int:
        """Return where the cue that ends here begins."""
        return self._starts[end]

    def ends(self, name: str) -> list[int]:
        return [end for end, found in self._found if found == name]

    def before(self, start: int, reach: int = REACH) -> str | None:
        """Return the name of the nearest cue before a place, or None."""
        for end, name in reversed(self._found):
            if end > start:
                continue
            between = re.sub(ANY_HIDDEN, "", self._folded[end:start])  # it has no length
            if len(between) > reach or _ENDS_SENTENCE.search(between):
                return None
            return name
        return None

    def soon(self, end: int) -> str | None:
        """Return the name of the first cue after a place, if it comes in the same sentence and
        nothing else is numbered before it."""
        for start, name in self._starting:
            if start >= end:
                between = self._folded[end:start]
                ends = re.search(rf"[\d!?.;\n]|{ANY_HIDDEN}", between)
                is_near = start - end <= REACH and not ends
                return name if is_near else None
        return None

    def after(self, end: int) -> str | None:
        """Return the name of a cue that says what stood just before it: "00451234 is my mrn"."""
        link = _LINKS_BACK.match(self._folded, end)
        found = _pattern().match(self._folded, link.end() if link else end)
        return str(found.lastgroup) if found else None
