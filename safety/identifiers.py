"""Find and mask what tells who a patient is, before anything else sees the text.

Rule: spans are code points of the raw text, half-open, sorted, never overlapping; masking twice
changes nothing more; it never raises; and what is not personal (prices, times, rooms, the clinic's
own numbers) stays readable.
"""

import argparse
import re
import sys
import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from safety.jsonl import answer_lines

__all__ = ["IdentifierType", "Masked", "Span", "mask"]


class IdentifierType(StrEnum):
    SSN = "SSN"
    PHONE = "PHONE"
    EMAIL = "EMAIL"
    CARD = "CARD"
    DOB = "DOB"
    MRN = "MRN"
    MEMBER_ID = "MEMBER_ID"
    ADDRESS = "ADDRESS"
    NAME = "NAME"
    OTHER = "OTHER"


@dataclass(frozen=True)
class Span:
    start: int
    end: int
    type: IdentifierType


@dataclass(frozen=True)
class Masked:
    text: str
    spans: tuple[Span, ...]


_FIRST = (
    (IdentifierType.EMAIL, re.compile(r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")),
    (IdentifierType.SSN, re.compile(r"(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)")),
    (IdentifierType.PHONE, re.compile(r"(?<!\d)\(?\d{3}\)?[ .-]?\d{3}[ .-]\d{4}(?!\d)")),
)


def mask(text: str, keep: Collection[str] = ()) -> Masked:
    kept = {re.sub(r"\D", "", number)[-10:] for number in keep} - {""}
    spans: list[Span] = []
    for kind, shape in _FIRST:
        for found in shape.finditer(text):
            digits = re.sub(r"\D", "", found[0])[-10:]
            free = all(found.end() <= span.start or found.start() >= span.end for span in spans)
            if free and digits not in kept:
                spans.append(Span(found.start(), found.end(), kind))
    ordered = tuple(sorted(spans, key=lambda span: span.start))
    return Masked(_masked(text, ordered), ordered)


def _masked(text: str, spans: tuple[Span, ...]) -> str:
    parts, at = [], 0
    for span in spans:
        parts += [text[at : span.start], f"[{span.type.lower()}]"]
        at = span.end
    return "".join([*parts, text[at:]])


def clinic_numbers(path: Path) -> tuple[str, ...]:
    """Return the clinic's own numbers, e-mail and addresses, which stay readable."""
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    values = [*table.get("clinic", {}).values(), *table.get("danger", {}).values()]
    return tuple(str(value) for value in values if isinstance(value, str))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m safety.identifiers",
        description="Mask identifiers in lines of text: one line in, one JSON line out.",
    )
    parser.add_argument("--jsonl", action="store_true", required=True)
    parser.add_argument("--clinic", type=Path, help="clinic.toml, whose own numbers stay")
    options = parser.parse_args(arguments)
    try:
        keep = clinic_numbers(options.clinic) if options.clinic else ()
    except (OSError, tomllib.TOMLDecodeError) as fault:
        print(f"{options.clinic} cannot be read: {fault}", file=sys.stderr)  # noqa: T201
        return 1

    def row(line: str) -> dict[str, object]:
        masked = mask(line, keep)
        spans = [{"start": s.start, "end": s.end, "type": s.type.value} for s in masked.spans]
        return {"masked": masked.text, "spans": spans}

    return answer_lines(row)


if __name__ == "__main__":
    sys.exit(main())
