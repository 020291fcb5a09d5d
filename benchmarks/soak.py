"""Half an hour of everyday use: memory and open files must stay flat.

`./clinic bench soak`, or `--minutes=N`. Chats open, ask, close and are opened again; the figures
are the web process's own, each ten seconds; flat means that the last third is no higher than the
middle one by more than 3 %.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.hosts import Host
from benchmarks.load import Crowd
from benchmarks.product import ROOT
from benchmarks.report import keep, quantiles_ms
from tests.fakes import FakeRasa

MINUTES = 30.0
CHATS = 60
RATE_PER_S = 4.0
ROUND_S = 10.0
MAY_GROW = 0.03


def run(arguments: list[str]) -> int:
    given = [each.removeprefix("--minutes=") for each in arguments if each.startswith("--minutes=")]
    minutes = float(given[0]) if given else MINUTES
    rasa = FakeRasa()
    with tempfile.TemporaryDirectory(prefix="front-desk-soak-") as folder:
        host = Host(Path(folder), rasa.url, models=ROOT / "var" / "models")
        try:
            host.start()
            host.wait()
            figures = soak(host, minutes)
        finally:
            host.end()
            rasa.go_down()
    print(figures)
    print(f"kept in {keep('soak', figures)}")
    grows = max(figures["memory_growth"], figures["files_growth"])
    return 0 if grows <= MAY_GROW and not figures["lost"] and not figures["failed"] else 1


def soak(host: Host, minutes: float) -> dict[str, float]:
    ends = time.monotonic() + minutes * 60
    memory: list[float] = []
    files: list[float] = []
    delivered: list[float] = []
    sent = lost = failed = refused = 0
    while time.monotonic() < ends:
        crowd = Crowd(host.url, CHATS)
        sent += crowd.post_at(RATE_PER_S, ROUND_S)
        lost += crowd.lost()
        now = host.figures()
        memory.append(now["front_desk_memory_bytes"] / 1e6)
        files.append(now["front_desk_open_files"])
        crowd.close()
        failed += len(crowd.failed)
        refused += crowd.refused
        delivered += crowd.delivered
    return {
        "minutes": minutes,
        "messages": sent,
        "lost": lost,
        "failed": failed,
        "refused": refused,
        "delivery_p95_ms": quantiles_ms(delivered)["p95_ms"],
        "memory_mb": round(memory[-1], 1),
        "memory_growth": _growth(memory),
        "open_files": files[-1],
        "files_growth": _growth(files),
    }


def _growth(figures: list[float]) -> float:
    """Return how much higher the last third is than the middle one, as a share."""
    third = max(1, len(figures) // 3)
    middle, last = figures[-2 * third : -third] or figures[:1], figures[-third:]
    return round(statistics.median(last) / statistics.median(middle) - 1, 4)
