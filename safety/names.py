"""Strike out proper names that look like danger: Dr. Payne, Gunshot Lane, "my name is Killam".

Rule: works on unrepaired tokens, before spelling is mended, and only behind a cue.
"""

import re

from safety.guards import BLANK
from safety.normalise import PAUSE, STOP
from safety.rules import plain_words

_CAPITAL = re.compile(r"[A-ZÁÉÍÓÚÑ]\w*")


def without_names(found: list[str], text: str) -> list[str]:
    result = list(found)
    capitals = {word.lower() for word in _CAPITAL.findall(text)}
    shouted = text.isupper()
    for at, token in enumerate(found):
        if token in plain_words("title"):
            _strike_after_title(result, at, capitals, shouted)
        elif token in plain_words("street") and at:
            _strike_before_street(result, at)
        elif token in ("name", "surname", "apellido", "nombre"):
            _strike_after_name(result, at)
    return result


def _strike_after_title(result: list[str], at: int, capitals: set[str], shouted: bool) -> None:
    """`Dr. Payne`, `dr payne`; not `doctor chest pain`."""
    after = at + 2 if at + 1 < len(result) and result[at + 1] == STOP else at + 1
    if after >= len(result) or result[after] in plain_words("not_a_name"):
        return
    written_as_name = result[after] in capitals and not shouted
    if written_as_name or result[at] in plain_words("short_title"):
        result[after] = BLANK


def _strike_before_street(result: list[str], at: int) -> None:
    """`12 Suicide Bridge Road`, `on Gunshot Lane`."""
    for start in (at - 1, at - 2, at - 3):
        before = result[start - 1] if start >= 1 else ""
        if before.isdigit() or before in ("on", "at", "la", "en"):
            result[start:at] = [BLANK] * (at - start)
            return


def _strike_after_name(result: list[str], at: int) -> None:
    """`my last name is Killam`: up to two words after `is` or `es`."""
    for step in range(at + 1, min(at + 3, len(result))):
        if result[step] in ("is", "es", PAUSE):
            for name in range(step + 1, min(step + 3, len(result))):
                if result[name] in (PAUSE, STOP, "and", "y", "but", "pero"):
                    return
                result[name] = BLANK
            return
