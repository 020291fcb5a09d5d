"""Choose the threshold and count what it notices, on lines that were held out.

Rule: a danger missed is worse than a card too many. The threshold is the highest at which
`LEAST_NOTICED` of the dangers in the last judging set given up are noticed, whose lines are as hard
as those to come; the second authors' are harder. It decides as `safety.danger` does, but for the
parts of a long message.
"""

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safety.danger import ALWAYS
from safety.fitting.corpus import Line, Source

# The model is missing only where something is broken; words alone raise many more cards.
LEAST_NOTICED = {"with_model": 0.985, "without_model": 0.95}


@dataclass(frozen=True)
class Judged:
    """`phrased`: the kind the phrases name, or None. `is_against`: as `safety.meaning` means it."""

    lines: list[Line]
    phrased: list[str | None]
    is_judged: NDArray[np.bool_]
    score: NDArray[Any]
    is_against: NDArray[np.bool_]

    def of(self, *sources: Source) -> NDArray[np.bool_]:
        wanted = np.array([line.source in sources for line in self.lines])
        return np.asarray(self.is_judged & wanted)

    @property
    def is_danger(self) -> NDArray[np.bool_]:
        return np.array([line.is_danger for line in self.lines])

    def noticed(self, least: float) -> NDArray[np.bool_]:
        always = np.array([kind in ALWAYS for kind in self.phrased])
        phrased = np.array([kind is not None for kind in self.phrased])
        return np.asarray((self.score >= least) | always | (phrased & ~self.is_against))


def threshold(judged: Judged, stack: str) -> float:
    """Return the highest score from which a line is a danger with enough of them noticed."""
    dangers = judged.of(Source.JUDGED) & judged.is_danger
    by_phrase = judged.noticed(np.inf)  # those that decide alone
    wanted = math.ceil(LEAST_NOTICED[stack] * dangers.sum()) - int((by_phrase & dangers).sum())
    scores = np.sort(judged.score[dangers & ~by_phrase])[::-1]
    return round(float(scores[max(0, wanted - 1)]) - 1e-4, 4)


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
            if judged.phrased[number]:
                names.append(f"{what}: phrase matched")
        if line.source is Source.JUDGED:
            names.append(f"{what}: judged {line.topic.rpartition('/')[2]} {line.lang}")
        for name in names:
            found[name][0] += int(noticed[number])
            found[name][1] += 1
    return {name: found[name] for name in sorted(found)}
