"""The clock of a host jumps by hours while patients write; moved_clock.c moves it.

What waits for a time (an agent who left, a dead worker's lease): tests/web/test_clock_steps.py.
"""

from __future__ import annotations

import shutil
import subprocess
import time
import uuid
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import requests

from benchmarks.fault import Row, Skipped, host_and_rasa, kept, until_enough, writing
from benchmarks.hosts import Writer, check

JUMPS_H = (3, -2, 26, -20, 0, -5, 1, 500, 0)  # from the real time
SOURCE = Path(__file__).with_name("moved_clock.c")
ANSWERED_WITHIN_S = 15.0


def jumps(size: int, folder: Path) -> Row:
    clock = folder / "clock"
    clock.write_text("0")
    moved = {"LD_PRELOAD": str(_library(folder)), "MOVED_CLOCK": str(clock)}
    seen, slowest = [], 0.0
    with host_and_rasa(folder, moved) as (host, _):
        writers = [Writer(host.url) for _ in range(3)]
        with writing(writers):
            for number in until_enough(size):
                _set(clock, JUMPS_H[number % len(JUMPS_H)])
                time.sleep(1)
                seen.append(_hours_off(host.url))
                slowest = max(slowest, _answered_after_s(Writer(host.url)))
        messages = sum(check(writer) for writer in writers)
        refused = {code for writer in writers for code in writer.refused}
    assert seen == [JUMPS_H[number % len(JUMPS_H)] for number in range(len(seen))]
    assert slowest <= ANSWERED_WITHIN_S and not refused, (slowest, refused)
    shown = ", ".join(f"{hours:+d} h" for hours in seen)
    figure = f"{kept(messages)}; a new patient answered within {slowest:.1f} s, none refused"
    return Row("a clock that jumps", len(seen), f"its answers were dated {shown}", figure)


def _hours_off(url: str) -> int:
    """Return how far the host's clock is from ours, by what it writes down."""
    date = requests.get(f"{url}/healthz", timeout=10).headers["Date"]
    return round((parsedate_to_datetime(date) - datetime.now(UTC)).total_seconds() / 3600)


def _answered_after_s(patient: Writer) -> float:
    started = time.monotonic()
    patient.post_until_taken(uuid.uuid4().hex)
    patient.wait_until_answered()
    return time.monotonic() - started


def _set(clock: Path, hours: int) -> None:
    beside = clock.with_suffix(".next")
    beside.write_text(f"{hours * 3600}")
    beside.rename(clock)


def _library(folder: Path) -> Path:
    if not (compiler := shutil.which("cc")):
        raise Skipped("the clock is moved by a C library made for it: install a C compiler")
    library = folder / "moved_clock.so"
    command = [compiler, "-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", str(library)]
    subprocess.run([*command, str(SOURCE), "-ldl"], check=True)
    return library
