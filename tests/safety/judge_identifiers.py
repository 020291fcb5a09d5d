"""Print how masking does on a judging set: hidden by type, look-alikes touched, time.

    .venv/bin/python tests/safety/judge_identifiers.py [FILE] [--misses]

Rule: an identifier is found when every letter and digit of it is inside spans of its own type.
"""

# ruff: noqa: T201

import re
import sys
import time
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from safety.identifiers import mask  # noqa: E402

FOLDER = ROOT / "tests" / "data" / "safety"
JUDGING = FOLDER / "identifiers_judging.txt"
# Other words than the first set's; the rules have seen what of them they missed.
LATER = tuple(FOLDER / f"identifiers_{name}.txt" for name in ("second", "blind2", "blind3"))
MARK = re.compile(r"\[\[([A-Z_]+) (.*?)\]\]")

Planted = tuple[int, int, str]


def plant(line: str) -> tuple[str, list[Planted]]:
    """Return the line without its marks, and where the marked values stand in it."""
    text, planted, at = "", [], 0
    for found in MARK.finditer(line):
        text += line[at : found.start()]
        planted.append((len(text), len(text) + len(found[2]), found[1]))
        text += found[2]
        at = found.end()
    return text + line[at:], planted


def lines(file: Path = JUDGING) -> list[tuple[str, list[Planted]]]:
    rows = file.read_text(encoding="utf-8").split("\n")
    return [plant(row) for row in rows if row and not row.startswith("#")]


def is_hidden(text: str, planted: Planted) -> bool:
    start, end, kind = planted
    inside = {
        place
        for span in mask(text).spans
        if span.type.value == kind
        for place in range(span.start, span.end)
    }
    return all(place in inside for place in range(start, end) if text[place].isalnum())


def judge(file: Path, show_misses: bool) -> None:
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    times = []
    for text, planted in lines(file):
        begin = time.perf_counter()
        spans = mask(text).spans
        times.append((time.perf_counter() - begin) * 1000)
        for one in planted:
            found = is_hidden(text, one)
            counts[one[2]][0] += found
            counts[one[2]][1] += 1
            if show_misses and not found:
                print("MISS", one[2], text[one[0] : one[1]], "|", mask(text).text)
        if not planted:
            counts["look-alikes masked"][0] += bool(spans)
            counts["look-alikes masked"][1] += 1
            if show_misses and spans:
                print("TOUCHED", text, "|", mask(text).text)
    for name, (hits, total) in sorted(counts.items()):
        print(f"{name:<20} {hits:>4} of {total:<4} {hits / total:.3f}")
    times.sort()
    print(f"time p50 {times[len(times) // 2]:.2f} ms, p95 {times[int(len(times) * 0.95)]:.2f} ms")


if __name__ == "__main__":
    files = [Path(argument) for argument in sys.argv[1:] if argument != "--misses"]
    judge(files[0] if files else JUDGING, "--misses" in sys.argv)
