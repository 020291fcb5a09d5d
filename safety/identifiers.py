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

from safety import identifier_rules as rules
from safety.addresses import addresses
from safety.births import births
from safety.cues import Cues
from safety.folding import ANY_HIDDEN, HIDDEN, HIDDEN_BIRTH, fold_in_place
from safety.identifier_names import names
from safety.identifier_rules import Finder
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


# The first finder that claims a place keeps it.
_FINDERS: tuple[tuple[IdentifierType, Finder], ...] = (
    (IdentifierType.EMAIL, rules.emails),
    (IdentifierType.CARD, rules.cards),
    (IdentifierType.DOB, births),
    (IdentifierType.SSN, rules.social_security),
    (IdentifierType.MEMBER_ID, rules.members),
    (IdentifierType.MRN, rules.records),
    (IdentifierType.PHONE, rules.phones),
    (IdentifierType.OTHER, rules.others),
    (IdentifierType.OTHER, rules.secrets),
    (IdentifierType.ADDRESS, addresses),
    (IdentifierType.NAME, names),
)
_PLACEHOLDER = re.compile(r"\[(" + "|".join(kind.value.lower() for kind in IdentifierType) + r")\]")
SHORTEST_REPEATED = 5  # a value this long is masked wherever it stands again
MAX_ROUNDS = 4


def mask(text: str, keep: Collection[str] = ()) -> Masked:
    """Return the text with identifiers replaced by `[phone]` and the like, and where they stood.

    keep: values that stay, such as the clinic's own numbers and addresses, in any notation.
    """
    try:
        return _mask(text, frozenset(_essence(value) for value in keep) - {""})
    except Exception:
        # Whatever is wrong with the rules, nothing that could be a number gets through.
        spans = tuple(
            Span(found.start(), found.end(), IdentifierType.OTHER)
            for found in re.finditer(r"\S*[\d@]\S*", text)
        )
        return Masked(_masked(text, spans), spans)


def _mask(text: str, kept: frozenset[str]) -> Masked:
    spans: tuple[Span, ...] = ()
    for _ in range(MAX_ROUNDS):
        # What is hidden can leave a cue beside something else: look again until nothing changes.
        blanked = _blanked(text, spans)
        more = _merged([*spans, *_find(blanked, kept)])
        if more == spans:
            break
        spans = more
    return Masked(_masked(text, spans), spans)


def _find(text: str, kept: frozenset[str]) -> list[Span]:
    # A mask is no cue: "[phone]" must not make a telephone number of what follows it.
    text = _PLACEHOLDER.sub(lambda found: _hidden(found[1].upper(), len(found[0])), text)
    folded = fold_in_place(text)
    cues = Cues(folded)
    taken = [found.span() for found in re.finditer(f"{ANY_HIDDEN}+", text)]
    spans: list[Span] = []
    for kind, finder in _FINDERS:
        for start, end in finder(text, folded, cues):
            free = all(end <= first or start >= last for first, last in taken)
            if not free or start >= end:
                continue
            taken.append((start, end))
            if not _is_kept(text[start:end], kept):
                spans.append(Span(start, end, kind))
    return [*spans, *_repeated(text, spans, taken)]


def _repeated(text: str, spans: list[Span], taken: list[tuple[int, int]]) -> list[Span]:
    """Return where a value already found stands once more without a cue."""
    found: list[Span] = []
    for span in spans:
        value = text[span.start : span.end]
        if len(value) < SHORTEST_REPEATED:
            continue
        at = text.find(value)
        while at >= 0:
            end = at + len(value)
            is_part = _goes_on(text[at - 1 : at + 1]) or _goes_on(text[end - 1 : end + 1])
            if not is_part and all(end <= first or at >= last for first, last in taken):
                found.append(Span(at, end, span.type))
                taken.append((at, end))
            at = text.find(value, at + 1)
    return found


def _goes_on(pair: str) -> bool:
    """Whether two neighbours are of one word or of one number; at an end there is one alone."""
    both_digits = pair.isdigit()
    both_letters = all(each.isalnum() and not each.isdigit() for each in pair)
    return len(pair) == 2 and (both_digits or both_letters)


def _essence(value: str) -> str:
    """Return what two notations of one value share: last ten digits, or plain letters."""
    digits = re.sub(r"\D", "", value)
    letters = re.sub(r"[^a-z0-9@]", "", fold_in_place(value))
    return digits[-10:] if len(digits) >= 7 and len(digits) * 2 > len(letters) else letters


def _is_kept(value: str, kept: frozenset[str]) -> bool:
    essence = _essence(value)
    return any(
        essence == one or (len(essence) > 9 and not essence.isdigit() and essence in one)
        for one in kept
    )


def _blanked(text: str, spans: tuple[Span, ...]) -> str:
    """Return the text, as long as before, with what was found struck out."""
    letters = list(text)
    for span in spans:
        letters[span.start : span.end] = _hidden(span.type, span.end - span.start)
    return "".join(letters)


def _hidden(kind: str, length: int) -> str:
    return (HIDDEN_BIRTH if kind == IdentifierType.DOB else HIDDEN) * length


def _merged(spans: list[Span]) -> tuple[Span, ...]:
    ordered: list[Span] = []
    for span in sorted(spans, key=lambda one: (one.start, -one.end)):
        if not ordered or span.start >= ordered[-1].end:
            ordered.append(span)
    return tuple(ordered)


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
