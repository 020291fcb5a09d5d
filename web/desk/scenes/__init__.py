"""Scenes to practise with: synthetic conversations whose next line depends on what the agent does.

Rule: one file, one scene, checked when it is read: a beat that leads nowhere is an error. What an
agent wrote is never compared with words; a scene names meanings, each by examples and opposites.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

FOLDER = Path(__file__).parent
# What is read from the rows themselves, whatever was written.
ACTS = frozenset(
    ("claimed", "wrote", "silent", "revealed", "repeated_identifier", "closed", "gave_back")
)


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Meaning(_Part):
    """Sentences that mean it, and near ones that do not."""

    like: Annotated[tuple[str, ...], Field(min_length=1)]
    unlike: Annotated[tuple[str, ...], Field(min_length=1)]


class Way(_Part):
    """Where it goes when all of these were done since the beat began; the first to fit counts."""

    facts: Annotated[tuple[str, ...], Field(alias="if", min_length=1)]
    go: str


class Beat(_Part):
    id: str
    says: tuple[str, ...] = ()
    next: tuple[Way, ...] = ()
    ends: bool = False

    def after(self, facts: Collection[str]) -> str | None:
        return next((way.go for way in self.next if set(way.facts) <= set(facts)), None)


class Feedback(_Part):
    """One thing to learn: something to do, or something to leave out."""

    did: str | None = None
    avoided: str | None = None
    well: str
    advice: Annotated[str, Field(alias="try")]
    guidance: str

    def is_well(self, facts: Collection[str]) -> bool:
        return self.did in facts if self.did else self.avoided not in facts


class Scene(_Part):
    id: Annotated[str, Field(pattern=r"^[a-z][a-z-]{0,39}$")]
    title: str
    about: str
    minutes: int
    reason: Literal["asked", "failed_twice", "abuse"]
    opening: Annotated[tuple[str, ...], Field(min_length=1)]
    guidance: tuple[str, ...]
    meanings: dict[str, Meaning]
    beats: Annotated[tuple[Beat, ...], Field(min_length=2)]
    feedback: Annotated[tuple[Feedback, ...], Field(min_length=1)]

    def beat(self, beat_id: str) -> Beat:
        return next(beat for beat in self.beats if beat.id == beat_id)

    @model_validator(mode="after")
    def _holds_together(self) -> Scene:
        known, names = ACTS | set(self.meanings), {beat.id for beat in self.beats}
        ways = [way for beat in self.beats for way in beat.next]
        asked = {fact for way in ways for fact in way.facts}
        asked |= {each.did or each.avoided or "" for each in self.feedback}
        if unknown := asked - known:
            raise ValueError(f"nothing is called {', '.join(sorted(unknown))}")
        if lost := {way.go for way in ways} ^ (names - {self.beats[0].id}):
            raise ValueError(f"no way leads from or to {', '.join(sorted(lost))}")
        if stuck := [beat.id for beat in self.beats if beat.ends == bool(beat.next)]:
            raise ValueError(f"{', '.join(stuck)}: a beat either ends or goes on")
        return self


@cache
def scenes(folder: Path = FOLDER) -> dict[str, Scene]:
    """Return the scenes by id, in the order of their titles. Raises ValueError."""
    found = [
        Scene(id=path.stem, **tomllib.loads(path.read_text(encoding="utf-8")))
        for path in folder.glob("*.toml")
    ]
    return {scene.id: scene for scene in sorted(found, key=lambda each: each.title)}
