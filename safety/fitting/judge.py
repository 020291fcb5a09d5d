"""Choose the threshold and count what it notices, on lines that were held out.

Rule: as few dangers missed as can be, with false alarms on at most `MOST_ALARMS` of the near
misses. A phrase decides by itself where phrases of its kind are trusted, and always for suicide;
elsewhere it is weighed with the rest, for phrases alone raise alarms on 2.7 % of these near misses.
"""

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safety.danger import ALWAYS
from safety.fitting.corpus import Line, Source

MOST_ALARMS = 0.03
TRUSTED_FROM = 0.95  # share of a kind's phrase matches on examples that are dangers


@dataclass(frozen=True)
class Judged:
    """`phrased`: the kind the phrases name, or None."""

    lines: list[Line]
    phrased: list[str | None]
    is_judged: NDArray[np.bool_]
    score: NDArray[Any]
    trusted: tuple[str, ...]

    def of(self, *sources: Source) -> NDArray[np.bool_]:
        wanted = np.array([line.source in sources for line in self.lines])
        return np.asarray(self.is_judged & wanted)

    @property
    def is_danger(self) -> NDArray[np.bool_]:
        return np.array([line.is_danger for line in self.lines])

    def noticed(self, least: float) -> NDArray[np.bool_]:
        always = np.array([kind in (*ALWAYS, *self.trusted) for kind in self.phrased])
        return np.asarray((self.score >= least) | always)


def trusted(lines: list[Line], phrased: list[str | None]) -> tuple[str, ...]:
    """Return the kinds whose phrases are nearly always right on the examples."""
    right, seen = Counter[str](), Counter[str]()
    for line, kind in zip(lines, phrased, strict=True):
        if kind and line.source is Source.EXAMPLE:
            seen[kind] += 1
            right[kind] += line.is_danger
    return tuple(sorted(kind for kind in seen if right[kind] / seen[kind] >= TRUSTED_FROM))


def threshold(judged: Judged) -> float:
    """Return the score from which a line is a danger."""
    near = judged.of(Source.EXAMPLE) & ~judged.is_danger
    scores = np.sort(judged.score[near]) + 1e-4
    for least in scores[int(len(scores) * (1 - 2 * MOST_ALARMS)) :]:
        if judged.noticed(least)[near].mean() <= MOST_ALARMS:
            return round(float(least), 4)
    return float(scores[-1])


def figures(judged: Judged, least: float) -> dict[str, list[int]]:
    """Return for each slice how many were noticed, and of how many."""
    noticed = judged.noticed(least)
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for number in np.flatnonzero(judged.is_judged):
        line = judged.lines[number]
        what = "noticed" if line.is_danger else "false alarms"
        names = [f"{what}: {line.source}", f"{what}: {line.source} {line.lang}"]
        if line.source is Source.EXAMPLE and line.is_danger:
            names.append(f"{what}: kind {line.kind}")
        if line.source is Source.EXAMPLE:
            names.append(f"{what}: topic {line.topic}")
            if judged.phrased[number]:
                names.append(f"{what}: phrase matched")
        for name in names:
            found[name][0] += int(noticed[number])
            found[name][1] += 1
    return {name: found[name] for name in sorted(found)}
