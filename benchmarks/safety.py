"""The danger screen and the masking on lines written blind: `./clinic evaluate safety`.

Rule: it prints counts and shares with their 95 % intervals, never a line. The danger lines are
tests/data/safety/*_blind5.tsv: written without sight of phrases, examples or each other, frozen
before the weights were fitted, and not read by anyone who works on the screen. The identifiers are
of every set, all of them read by now: their first, blind count stands in docs/safety.md.
"""

from __future__ import annotations

import csv
import math
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.noise import NOISES
from benchmarks.planted import Planted, planted_lines
from benchmarks.report import keep, quantiles_ms
from safety.danger import Danger, Level, prepare, screen
from safety.identifiers import mask

DATA = Path(__file__).resolve().parent.parent / "tests" / "data" / "safety"
DANGERS, EVERYDAY = DATA / "danger_judging_blind5.tsv", DATA / "everyday_blind5.tsv"
PLAIN_SUICIDE = "noticed: plain suicide"
GOALS = {
    "noticed": 0.975, PLAIN_SUICIDE: 1.0, "noticed: es": 0.95, "noticed: typos": 0.93,
    "noticed: hint": 0.78, "noticed: mixed": 0.95, "noticed: third": 0.90, "right card": 0.95,
    "without the model: noticed": 0.93, f"without the model: {PLAIN_SUICIDE}": 1.0,
    "masked: SSN": 0.98, "masked: PHONE": 0.98, "masked: EMAIL": 0.98, "masked: CARD": 0.98,
    "masked: DOB": 0.95, "masked: MRN": 0.95, "masked: MEMBER_ID": 0.95, "masked: ADDRESS": 0.90,
    "masked: NAME": 0.80,
}  # fmt: skip
CEILINGS = {"false alarms: hard": 0.03, "false alarms: ordinary": 0.001,
            "without the model: false alarms: hard": 0.03,
            "without the model: false alarms: ordinary": 0.001,
            "masked: look-alikes": 0.02}  # fmt: skip
Counts = dict[str, list[int]]


@dataclass(frozen=True)
class Line:
    text: str
    lang: str
    slice: str
    level: str
    kind: str
    cards: tuple[str, ...]

    @property
    def is_danger(self) -> bool:
        return self.level != Level.NONE


def run(dangers: Path = DANGERS, everyday: Path = EVERYDAY) -> int:
    """Print every row, keep them, and return 0: what is missed is told, not hidden."""
    prepare()
    lines, ordinary = read_dangers(dangers), read_ordinary(everyday)
    counts, times = judge(lines, ordinary, screen)
    counts |= noise(lines)
    alone, _ = judge(lines, ordinary, partial(screen, use_model=False))
    counts |= {f"without the model: {name}": count for name, count in alone.items()}
    masked, mask_times = judge_masking()
    counts |= masked
    for name, count in counts.items():
        print(row(name, *count))
    figures = {"screen": quantiles_ms(times), "mask": quantiles_ms(mask_times)}
    for name, quantiles in figures.items():
        print(f"time, {name}: p50 {quantiles['p50_ms']} ms, p95 {quantiles['p95_ms']} ms")
    print(f"kept in {keep('safety', {'rows': counts, 'times': figures})}")
    return 0


def read_dangers(path: Path) -> list[Line]:
    return [
        Line(row["text"], row["lang"], row["slice"], row["level"], row["kind"],
             tuple(row["card"].split("|")))
        for row in _rows(path)
    ]  # fmt: skip


def read_ordinary(path: Path) -> list[str]:
    return [row["text"] for row in _rows(path)]


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def judge(
    lines: Sequence[Line], ordinary: Sequence[str], ask: Callable[[str], Danger]
) -> tuple[Counts, list[float]]:
    counts: Counts = {}
    times = []
    for line in lines:
        began = time.perf_counter()
        found = ask(line.text)
        times.append(time.perf_counter() - began)
        for name, hit in _judged(line, found):
            counts.setdefault(name, [0, 0])
            counts[name][0] += hit
            counts[name][1] += 1
    alarms = sum(ask(text).card is not None for text in ordinary)
    counts["false alarms: ordinary"] = [alarms, len(ordinary)]
    return dict(sorted(counts.items(), key=lambda each: _place(each[0]))), times


def _judged(line: Line, found: Danger) -> Iterator[tuple[str, bool]]:
    noticed = found.card is not None
    what = "noticed" if line.is_danger else "false alarms"
    yield (what if line.is_danger else "false alarms: hard"), noticed
    for group in (line.lang, line.slice, f"{line.slice} {line.lang}"):
        yield f"{what}: {group}", noticed
    if line.is_danger:
        yield f"{what}: {line.level}", noticed
        yield f"{what}: kind {line.kind}", noticed
        if line.kind == "suicide" and line.slice == "plain":
            yield PLAIN_SUICIDE, noticed
        if noticed:
            yield "right card", found.card in line.cards
            yield f"right card: {line.lang}", found.card in line.cards


def _place(name: str) -> tuple[int, bool, int, str]:
    first = ("noticed", "right card", "false alarms").index(name.partition(":")[0])
    return first, "kind" in name, name.count(" "), name


def noise(lines: Sequence[Line]) -> Counts:
    """Return how many of the noticed dangers, of every other line, each noise leaves noticed."""
    seen = [line for line in lines[::2] if line.is_danger and screen(line.text).card]
    return {
        f"still noticed: {name}": [
            sum(screen(disturb(line.text, random.Random(7))).card is not None for line in seen),
            len(seen),
        ]
        for name, disturb in NOISES.items()
    }


def judge_masking() -> tuple[Counts, list[float]]:
    hits: Counter[str] = Counter()
    totals: Counter[str] = Counter()
    times = []
    for text, planted in planted_lines():
        began = time.perf_counter()
        spans = mask(text).spans
        times.append(time.perf_counter() - began)
        for one in planted:
            hits[one.type] += is_hidden(text, one)
            totals[one.type] += 1
        if not planted:
            hits["look-alikes"] += bool(spans)
            totals["look-alikes"] += 1
    return {f"masked: {name}": [hits[name], totals[name]] for name in sorted(totals)}, times


def is_hidden(text: str, planted: Planted) -> bool:
    """Whether every letter and digit of it is inside spans of its own type."""
    inside = {
        place
        for span in mask(text).spans
        if span.type.value == planted.type
        for place in range(span.start, span.end)
    }
    return all(at in inside for at in range(planted.start, planted.end) if text[at].isalnum())


def row(name: str, hits: int, total: int) -> str:
    low, high = wilson(hits, total)
    goal = f"  goal ≥ {GOALS[name]}" if name in GOALS else ""
    goal = f"  goal ≤ {CEILINGS[name]}" if name in CEILINGS else goal
    share = hits / max(total, 1)
    return f"{name:<52} {hits:>5} of {total:<5} {share:.3f}  ({low:.3f}-{high:.3f}){goal}"


def wilson(hits: int, total: int) -> tuple[float, float]:
    """Return the 95 % interval of a share."""
    if not total:
        return 0.0, 1.0
    z, share = 1.96, hits / total
    middle = share + z * z / (2 * total)
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    below = 1 + z * z / total
    return max(0.0, (middle - spread) / below), min(1.0, (middle + spread) / below)


if __name__ == "__main__":
    sys.exit(run(*map(Path, sys.argv[1:])))
