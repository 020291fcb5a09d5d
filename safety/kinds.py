"""The table of kinds: `kinds.toml`, read once, checked, never guessed."""

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path

TABLE = Path(__file__).with_name("kinds.toml")
CARDS = ("911", "988", "violence", "poison")


class Level(StrEnum):
    NONE = "none"
    EMERGENCY = "emergency"
    CRISIS = "crisis"


class KindsInvalid(Exception):
    """`kinds.toml` names a level or card that does not exist."""


@dataclass(frozen=True)
class Kind:
    name: str
    level: Level
    card: str
    priority: int  # smallest first, when a message speaks of several kinds


@cache
def kinds() -> dict[str, Kind]:
    table = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    found = {name: _kind(name, row) for name, row in table.items()}
    if len({kind.priority for kind in found.values()}) != len(found):
        raise KindsInvalid("kinds.toml: two kinds share a priority")
    return found


def _kind(name: str, row: dict[str, object]) -> Kind:
    level, card, priority = row.get("level"), row.get("card"), row.get("priority")
    if level not in (Level.EMERGENCY, Level.CRISIS):
        raise KindsInvalid(f"kinds.toml [{name}] level: {level!r} is not emergency or crisis")
    if card not in CARDS:
        raise KindsInvalid(f"kinds.toml [{name}] card: {card!r} is not one of {', '.join(CARDS)}")
    if not isinstance(priority, int):
        raise KindsInvalid(f"kinds.toml [{name}] priority: {priority!r} is not a whole number")
    return Kind(name, Level(str(level)), str(card), priority)
