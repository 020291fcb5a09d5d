"""Print how the danger screen does on a judging set, by language, slice and kind.

    .venv/bin/python tests/safety/judge_danger.py [FILE.tsv] [--misses] [--without-model]
        [--ordinary FILE.tsv]

Rule: it prints counts and shares; the lines themselves only with --misses.
"""

# ruff: noqa: T201

import argparse
import csv
import math
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from safety.danger import Danger, prepare, screen  # noqa: E402
from safety.meaning import Encoder  # noqa: E402
from search.encoder import load_encoder  # noqa: E402

Screen = Callable[[str], Danger]

JUDGING = ROOT / "tests" / "data" / "safety" / "danger_judging.tsv"


def wilson(hits: int, total: int) -> tuple[float, float]:
    """Return the 95 % interval of a share."""
    if not total:
        return 0.0, 1.0
    z, share = 1.96, hits / total
    middle = share + z * z / (2 * total)
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    below = 1 + z * z / total
    return max(0.0, (middle - spread) / below), min(1.0, (middle + spread) / below)


def row(name: str, hits: int, total: int) -> str:
    low, high = wilson(hits, total)
    return f"{name:<34} {hits:>5} of {total:<5} {hits / max(total, 1):.3f}  ({low:.3f}-{high:.3f})"


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def judge(rows: Iterable[dict[str, str]], screen: Screen, show_misses: bool) -> None:
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    times: list[float] = []
    for line in rows:
        start = time.perf_counter()
        danger = screen(line["text"])
        times.append((time.perf_counter() - start) * 1000)
        real = line["level"] != "none"
        noticed = danger.level.value != "none"
        groups = [line["lang"], f"{line['lang']} {line['slice']}", "all", line["level"]]
        groups += [f"kind {line['kind']}"] if real else []
        for group in groups:
            name = f"{'noticed' if real else 'false alarms'}: {group}"
            counts[name][0] += noticed
            counts[name][1] += 1
        if real and noticed:
            counts["right card"][0] += danger.card in line["card"].split("|")
            counts["right card"][1] += 1
        wrong = noticed != real or (real and danger.card not in line["card"].split("|"))
        if show_misses and wrong:
            print("MISS", line["lang"], line["slice"], line["level"], line["card"], "->",
                  danger.card, danger.why[:3], "|", line["text"])  # fmt: skip
    for name in sorted(counts):
        print(row(name, *counts[name]))
    times.sort()
    print(f"time p50 {times[len(times) // 2]:.2f} ms, p95 {times[int(len(times) * 0.95)]:.2f} ms")


def ordinary(path: Path, screen: Screen, show: bool) -> None:
    lines = read(path)
    alarms = [line["text"] for line in lines if screen(line["text"]).level.value != "none"]
    print(row(f"ordinary traffic, {path.name}", len(alarms), len(lines)))
    for text in alarms if show else ():
        print("ALARM", screen(text).why[:3], "|", text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("file", nargs="?", type=Path, default=JUDGING)
    parser.add_argument("--misses", action="store_true")
    parser.add_argument("--ordinary", type=Path)
    parser.add_argument("--without-model", action="store_true")
    options = parser.parse_args()
    prepare()
    encoder: Encoder | None = None
    if not options.without_model:
        encoder = load_encoder(ROOT / "var" / "models")
    with_model = partial(screen, encoder=encoder)
    judge(read(options.file), with_model, options.misses)
    if options.ordinary:
        ordinary(options.ordinary, with_model, options.misses)
