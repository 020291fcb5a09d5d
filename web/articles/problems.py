"""A problem of an article: where it stands, what it is, and how to mend it.

Rule: FAIL stops publishing, WARN does not. `line` counts in the file.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "FAIL"


@dataclass(frozen=True)
class ArticleProblem:
    """field: of the front matter, None for the text. other: the article it is about as well."""

    file: str
    line: int
    what: str
    mend: str
    level: Level = Level.FAIL
    field: str | None = None
    other: str = ""


@dataclass(frozen=True)
class Found:
    """`at`: the line, or what stands on it."""

    what: str
    mend: str
    at: int | str = 1
    field: str | None = None
    level: Level = Level.FAIL
