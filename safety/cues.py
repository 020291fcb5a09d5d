"""The words that say what a number is: "dob", "número de afiliado", "invoice".

Rule: the nearest cue before a number in the same sentence decides, and a cue for something that is
not personal (an invoice, a room, a price) protects the number.
"""

import re
from functools import cache

REACH = 36  # characters between the cue's end and the number

_CUES: dict[str, str] = {
    "SSN": r"ssn|s\.s\.n|social security|social sec|my social|soc(?:ial)? is|social number|tax id"
    r"|social are|social:|of my social|seguro social|numero social|mi social|nss|my soc",
    "PHONE": r"phone|cell(?:phone| phone)?|mobile|call(?:back)?|text(?: me)?|reach|dial|whatsapp"
    r"|tel|ph#?|fax me|contact number|my number|landline|home|telefono|celular|cel|movil|llam\w+"
    r"|marque|marqu\w+|hablen\w*|mi numero|numero es|numero de contacto|mensaje en|contact\w*",
    "DOB": r"d\.?o\.?b\.?|date of birth|birth ?date|birthday|bday|b-day|born"
    r"|fecha de nac\w*|f\. ?nac|fecha nac|naci|nacid[oa]|nacio"
    r"|cumpleanos|cumple|nacimiento",
    "MRN": r"mrn|medical record|chart|patient (?:id|number|no)|record (?:number|no|#)"
    r"|hospital number|expediente|historia clinica|numero de paciente|registro medico"
    r"|numero de historia(?: clinica)?",
    "MEMBER_ID": r"member(?:ship)? (?:id|number|no|#)|insurance (?:id|number|card|no|#)"
    r"|policy (?:number|no|#|id)|subscriber|medicare(?: number| id)?|medicaid(?: number| id)?"
    r"|group (?:number|no|#|id)|plan (?:id|number)|(?:aetna|cigna|humana|kaiser|blue cross|bcbs"
    r"|united(?:healthcare)?|anthem|molina|tricare) (?:id|number|member)\w*|member ?id"
    r"|numero de (?:seguro medico|afiliado|poliza|miembro|grupo|socio)|seguro medico|id de miembro"
    r"|identificacion del plan|afiliado|mi poliza|id del seguro|numero del seguro",
    "OTHER": r"driver'?s? licen[sc]e|licen[sc]e number|passport|pass?word|account number"
    r"|routing number|bank account|pin|cvv|cvc|security code|licencia de \w+|contrasena|pasaporte"
    r"|numero de cuenta|clave|green card|visa number|alien number|itin",
    "NONE": r"order|invoice|claim|confirmation|reference|ref|case|ticket|rx|prescription|serial"
    r"|tracking|isbn|lot|ndc|cpt|icd|code|error|zip|postal|room|suite|bill|\$|price|cost|paid|charged"
    r"|factura|orden|receta|codigo|cuarto|piso|consultorio|lote|referencia|confirmacion|cobro"
    r"|flight|version|page|form|weigh|glucose|sugar|pressure|azucar|presion|appointment|appt|visit|cita"
    r"|reschedule|door|model|question|version|building|extension|upc|sku|batch|amount|total|donation",
}


@cache
def _pattern() -> re.Pattern[str]:
    groups = "|".join(f"(?P<{name}>(?:{words}))" for name, words in _CUES.items())
    return re.compile(rf"(?<![a-z])(?:{groups})(?![a-z])")


class Cues:
    """The cues of one text, found once."""

    def __init__(self, folded: str) -> None:
        self._folded = folded
        self._found = [(found.end(), str(found.lastgroup)) for found in _pattern().finditer(folded)]

    def end_before(self, start: int) -> int:
        """Return where the nearest cue before a place ends; the place itself without one."""
        return next((end for end, _ in reversed(self._found) if end <= start), start)

    def ends(self, name: str) -> list[int]:
        return [end for end, found in self._found if found == name]

    def before(self, start: int, reach: int = REACH) -> str | None:
        """Return the name of the nearest cue before a place, or None."""
        for end, name in reversed(self._found):
            if end > start:
                continue
            between = self._folded[end:start].replace("\0", "")  # what is masked has no length
            if len(between) > reach or re.search(r"[!?\n]|\.\s+[a-z]", between):
                return None
            return name
        return None
