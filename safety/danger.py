"""The danger screen: does this message speak of an emergency or a crisis?

Rule: it reads the raw text of every free-text message before anything else does, needs no file
outside `safety/`, and never raises: when the rules fail, plain words of danger still raise a card.
"""

import argparse
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import islice, product

from safety import guards
from safety.grammar import near
from safety.guards import Message
from safety.jsonl import answer_lines
from safety.kinds import Kind, Level, kinds
from safety.meaning import (
    MeaningInvalid,
    Reading,
    has_a_part_of_danger,
    read,
    typed,
    weights,
)
from safety.names import without_names
from safety.normalise import tokens
from safety.rules import Rule, Shelf, guard_patterns, rules
from safety.tuned import TunedInvalid, tuned
from safety.vocabulary import spell, speller

__all__ = ["Danger", "Level", "prepare", "screen"]

MAX_CHARACTERS = 20_000
MAX_MATCHES, MAX_TRIALS = 12, 60  # of one phrase in one message: bounds the time of a long text


@dataclass(frozen=True)
class Danger:
    level: Level
    kind: str | None
    card: str | None
    why: tuple[str, ...]  # phrases that matched: en/stroke:12; or meaning:stroke
    model: bool = False  # whether the sentence model had a say


# Kinds whose phrases the examples never overrule: the worst to miss, and what a number or an age
# decides ("azúcar en 550", "newborn with a fever"), which likeness does not see.
ALWAYS = ("suicide", "infant", "diabetes")

# From this share on, the card is the sentence model's choice, whatever kind a phrase names: "took
# my methadone twice and can't stay awake" needs 911, though a phrase of poisoning matches. Higher
# where a phrase says that somebody may die now.
SURE_OF_CARD, SURE_AGAINST_DEATH = 0.7, 0.95

NONE = Danger(Level.NONE, None, None, ())

# Only when the rules themselves cannot be used. Unguarded on purpose: better one card too many.
_PLAIN = re.compile(
    r"(?P<suicide>kill(ing)? my ?self|want to die|end my life|suicid|matarme|me quiero matar"
    r"|quiero morir|quitarme la vida)"
    r"|(?P<breathing>chest pain|can'?t breathe|not breathing|heart attack|overdos|unconscious"
    r"|dolor de pecho|no puedo respirar|no respira|infarto|sobredosis|inconsciente)",
    re.IGNORECASE,
)


def screen(text: str, use_model: bool = True) -> Danger:
    """Judge a raw text. use_model: False shows what words and phrases notice alone."""
    reading = _read(text, use_model)
    try:
        return _decide(list(_matches(text)), reading, text)
    except Exception:
        # Whatever is wrong with the rules, a patient in danger still gets a card.
        plain = _plain(text)
        return plain if plain.card or reading is None else _by_meaning(reading)


def _read(text: str, use_model: bool) -> Reading | None:
    try:
        return read(typed(text[:MAX_CHARACTERS]), use_model)
    except Exception:
        # Weights gone or damaged: the phrases go on alone.
        return None


def _decide(found: list[Rule], reading: Reading | None, text: str) -> Danger:
    used = reading is not None and reading.model
    if not found:
        return NONE if reading is None else _by_meaning(reading)
    table = kinds()
    first = min((table[rule.kind] for rule in found), key=lambda kind: kind.priority)
    if not _always(found) and reading and _is_overruled(reading, text):
        return Danger(Level.NONE, None, None, (), used)
    if reading and _is_another_card(reading, first):
        return _as_read(reading, found)
    why = tuple(dict.fromkeys(rule.name for rule in found if rule.kind == first.name))
    return Danger(first.level, first.name, first.card, why, used)


def _is_another_card(reading: Reading, first: Kind) -> bool:
    card = kinds()[reading.kind].card if reading.kind else first.card
    may_die_now = first.card == "911" or first.name == "suicide"
    if card == first.card or (may_die_now and card not in ("911", "988")):
        return False  # "he punched me and now I can't breathe" needs 911 first
    return reading.share >= (SURE_AGAINST_DEATH if may_die_now else SURE_OF_CARD)


def _as_read(reading: Reading, found: list[Rule]) -> Danger:
    kind = kinds()[reading.kind]
    why = tuple(dict.fromkeys(rule.name for rule in found))
    return Danger(kind.level, kind.name, kind.card, (f"meaning:{kind.name}", *why), True)


def _always(found: list[Rule]) -> bool:
    return any(rule.kind in ALWAYS for rule in found)


def _is_overruled(reading: Reading, text: str) -> bool:
    if not reading.is_against or reading.is_danger(has_phrase=True):
        return False
    message = typed(text[:MAX_CHARACTERS])
    if message.is_too_long or message.is_too_short:
        return False
    return not (reading.model and has_a_part_of_danger(message))


def _by_meaning(reading: Reading) -> Danger:
    if not reading.is_danger(has_phrase=False):
        return Danger(Level.NONE, None, None, (), reading.model)
    kind = kinds()[reading.kind]
    return Danger(kind.level, kind.name, kind.card, (f"meaning:{kind.name}",), reading.model)


def phrases_fire(text: str) -> str | None:
    """Return the kind that the phrases alone name; one that always decides goes first."""
    found = sorted(
        (kinds()[rule.kind] for rule in _matches(text)),
        key=lambda kind: (kind.name not in ALWAYS, kind.priority),
    )
    return found[0].name if found else None


def _plain(text: str) -> Danger:
    found = _PLAIN.search(text)
    if not found:
        return NONE
    if found["suicide"]:
        return Danger(Level.CRISIS, "suicide", "988", ("plain",))
    return Danger(Level.EMERGENCY, "breathing", "911", ("plain",))


def _matches(text: str) -> Iterator[Rule]:
    raw = tokens(text[:MAX_CHARACTERS], speller().known)
    message = guards.blanked(Message(tuple(spell(without_names(raw, text)))))
    shelf, all_rules = _shelf()
    for number in shelf.candidates(set(message.tokens)):
        if _applies(all_rules[number], message):
            yield all_rules[number]


def _applies(rule: Rule, message: Message) -> bool:
    sides = [part.spans(message.text) for part in rule.pattern.parts]
    if not all(sides):
        return False
    checks = [guards.CHECKS[name] for name in sorted(rule.guards)]
    open_sides = [
        [span for span in side[:MAX_MATCHES] if not any(check(message, span) for check in checks)]
        for side in sides
    ]
    return any(
        near(spans, message.starts) and not guards.is_barred(rule.pattern, message, spans)
        for spans in islice(product(*open_sides), MAX_TRIALS)
    )


@cache
def _shelf() -> tuple[Shelf, tuple[Rule, ...]]:
    return Shelf(rule.pattern for rule in rules()), rules()


def _row(line: str) -> dict[str, object]:
    danger = screen(line)
    return {
        "text": line,
        "level": danger.level,
        "kind": danger.kind,
        "card": danger.card,
        "why": list(danger.why),
        "model": danger.model,
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m safety.danger",
        description="Screen lines of text for danger: one line in, one JSON line out.",
    )
    parser.add_argument("--jsonl", action="store_true", required=True)
    parser.parse_args(arguments)
    try:
        prepare()
    except Exception as fault:
        print(f"the phrases cannot be read: {fault}", file=sys.stderr)  # noqa: T201
        return 1
    return answer_lines(_row)


def prepare() -> None:
    """Read and compile every phrase, so that no message waits for it and damage is told at once.

    Raises PhrasesInvalid or KindsInvalid with file, line and reason. Takes some seconds; a process
    that does not call it compiles each phrase when a message first needs it.
    """
    _shelf()
    kinds()
    speller()
    patterns = [rule.pattern for rule in rules()]
    for name in ("idioms", "past", "now", "education", "mild"):
        patterns.extend(guard_patterns(name))
    for pattern in patterns:
        for part in (*pattern.parts, *pattern.without):
            part.compile()
    for load in (weights, tuned):
        try:
            load()
        except (MeaningInvalid, TunedInvalid) as fault:  # the rest goes on; somebody should know
            print(fault, file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
