"""Lines with identifiers marked in them: tests/data/safety/identifiers_*.txt."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

JUDGING = Path(__file__).resolve().parent.parent / "tests" / "data" / "safety"
_MARK = re.compile(r"\[\[([A-Z_]+) (.*?)\]\]")


@dataclass(frozen=True)
class Planted:
    start: int
    end: int
    type: str


def planted_lines(folder: Path = JUDGING) -> Iterator[tuple[str, list[Planted]]]:
    for path in sorted(folder.glob("identifiers_*.txt")):
        for line in path.read_text(encoding="utf-8").split("\n"):
            if line and not line.startswith("#"):
                yield plant(line)


def plant(line: str) -> tuple[str, list[Planted]]:
    """Return the line without its marks, and where the marked values stand in it."""
    text, planted, at = "", [], 0
    for found in _MARK.finditer(line):
        text += line[at : found.start()]
        planted.append(Planted(len(text), len(text) + len(found[2]), found[1]))
        text += found[2]
        at = found.end()
    return text + line[at:], planted
