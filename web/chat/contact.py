"""What a patient types into the contact form.

Rule: a name, a message and one way to be reached. Numbers and e-mails in their own fields stay as
typed, because somebody must use them; in the free text they are masked like anywhere else.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from safety.identifiers import mask

FIELDS = ("name", "phone", "email", "preferred_time", "message")
MAX_CHARACTERS = {"name": 80, "phone": 40, "email": 200, "preferred_time": 120, "message": 2000}

_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_PHONE = re.compile(r"\+?[\d\s().\-/]+((x|ext\.?)\s*\d{1,6})?", re.IGNORECASE)
_PHONE_DIGITS = range(7, 16)  # 7: a local number; 15: the longest there is (ITU-T E.164)


class ContactInvalid(ValueError):
    """`fields`: field → code of what is wrong, in the form's order.

    Codes: name_missing, message_missing, reach_missing (neither phone nor e-mail), phone_wrong,
    email_wrong, too_long.
    """

    def __init__(self, fields: dict[str, str]) -> None:
        super().__init__(", ".join(f"{name}: {code}" for name, code in fields.items()))
        self.fields = fields


@dataclass(frozen=True)
class Contact:
    name: str
    phone: str
    email: str
    preferred_time: str
    message: str

    def as_dict(self) -> dict[str, str]:
        return {name: value for name, value in asdict(self).items() if value}


def check(fields: Mapping[str, Any], keep: Collection[str] = ()) -> Contact:
    """Return the tidied contact. keep: the clinic's own numbers. Raises ContactInvalid."""
    typed = {name: _tidy(fields.get(name)) for name in FIELDS}
    if wrong := _faults(typed):
        raise ContactInvalid(wrong)
    for name in ("preferred_time", "message"):
        typed[name] = mask(typed[name], keep).text
    return Contact(**typed)


def original(fields: Mapping[str, Any], kept: Mapping[str, str]) -> dict[str, str] | None:
    """Return the fields as typed in which something was masked; None where nothing was."""
    typed = {name: _tidy(fields.get(name)) for name in kept}
    return {name: text for name, text in typed.items() if text != kept[name]} or None


def _tidy(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _faults(typed: Mapping[str, str]) -> dict[str, str]:
    faults = {name: "too_long" for name, text in typed.items() if len(text) > MAX_CHARACTERS[name]}
    if not typed["name"]:
        faults["name"] = "name_missing"
    if not typed["message"]:
        faults["message"] = "message_missing"
    if typed["phone"] and not _is_phone(typed["phone"]):
        faults["phone"] = "phone_wrong"
    if typed["email"] and not _EMAIL.fullmatch(typed["email"]):
        faults["email"] = "email_wrong"
    if not typed["phone"] and not typed["email"]:
        faults["phone"] = "reach_missing"
    return {name: faults[name] for name in FIELDS if name in faults}


def _is_phone(text: str) -> bool:
    digits = sum(character.isdigit() for character in text)
    return _PHONE.fullmatch(text) is not None and digits in _PHONE_DIGITS
