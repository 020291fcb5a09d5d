"""How many machines an organisation needs: a simulation from the parts that were measured.

`./clinic bench capacity` reads results/load.json and results/turn.json and plays the busiest hour
of organisations of 1 to 500 sites: patients arrive at random, open a chat, write some messages with
pauses; each message is a turn that a host's Rasa answers one at a time. What it is given and what
it found are printed side by side; `--sites=N` asks for one size.
"""

from __future__ import annotations

import heapq
import json
import random
from dataclasses import asdict, dataclass

from benchmarks.report import RESULTS, keep

SITES = (1, 10, 50, 100, 250, 500)
# Of one site in its busiest hour; a day has about eight times as many.
CHATS_PER_HOUR = 30
MESSAGES_PER_CHAT = 4
SECONDS_BETWEEN = 40.0
CHAT_STAYS_OPEN_S = 600.0
MOST_BUSY = 0.7  # above, waiting times grow faster than the load
MAX_STREAMS = 1000
BASE_MB, MB_PER_CHAT = 400.0, 0.1  # `load`: 500 MB with 1,000 chats and 50 consoles
ROW_BYTES = 700  # a message, sealed, with its indexes
HOUR_S = 3600.0


@dataclass(frozen=True)
class Parts:
    """turns_per_s: what one host's Rasa answers; turn_s: one turn when nobody else writes."""

    turns_per_s: float
    turn_s: float


@dataclass(frozen=True)
class Found:
    sites: int
    hosts: int
    messages_per_s: float
    open_chats: int
    busy: float
    answer_p50_ms: float
    answer_p95_ms: float
    memory_mb_per_host: float
    rows_gb_per_month: float


def run(arguments: list[str]) -> int:
    given = [
        int(each.removeprefix("--sites=")) for each in arguments if each.startswith("--sites=")
    ]
    parts = measured()
    print(f"measured: {parts.turns_per_s} turns/s a host, {parts.turn_s * 1000:.0f} ms a turn")
    found = [plan(sites, parts) for sites in given or SITES]
    print("sites hosts  msg/s  chats  busy   p50 ms   p95 ms  MB/host  GB/month")
    for row in found:
        print(
            f"{row.sites:5} {row.hosts:5} {row.messages_per_s:6} {row.open_chats:6} {row.busy:5}"
            f" {row.answer_p50_ms:8} {row.answer_p95_ms:8} {row.memory_mb_per_host:8}"
            f" {row.rows_gb_per_month:9}"
        )
    rows = [asdict(row) for row in found]
    print(f"kept in {keep('capacity', {'measured': asdict(parts), 'rows': rows})}")
    return 0


def measured() -> Parts:
    turn = json.loads((RESULTS / "turn.json").read_text())
    turns_per_s = 15.0
    if (RESULTS / "load.json").exists():
        load = json.loads((RESULTS / "load.json").read_text())
        turns_per_s = load.get("with_bot", {}).get("highest_rate_held_per_s") or turns_per_s
    return Parts(turns_per_s, turn["turn"]["p50_ms"] / 1000)


def plan(sites: int, parts: Parts) -> Found:
    """Find the fewest hosts with which no part is too full, and play the hour with them."""
    per_s = sites * CHATS_PER_HOUR * MESSAGES_PER_CHAT / HOUR_S
    chats = round(sites * CHATS_PER_HOUR * CHAT_STAYS_OPEN_S / HOUR_S)
    hosts = 1
    while per_s / (hosts * parts.turns_per_s) > MOST_BUSY or chats / hosts > MAX_STREAMS * 0.8:
        hosts += 1
    took = play(sites, hosts, parts)
    month = per_s * HOUR_S * 8 * 22 * ROW_BYTES * 2 / 1e9
    return Found(
        sites=sites,
        hosts=hosts,
        messages_per_s=round(per_s, 1),
        open_chats=chats,
        busy=round(per_s / (hosts * parts.turns_per_s), 2),
        answer_p50_ms=round(took[len(took) // 2] * 1000, 1),
        answer_p95_ms=round(took[int(len(took) * 0.95)] * 1000, 1),
        memory_mb_per_host=round(BASE_MB + MB_PER_CHAT * chats / hosts, 1),
        rows_gb_per_month=round(month, 2),
    )


def play(sites: int, hosts: int, parts: Parts, seed: int = 0) -> list[float]:
    """Return the seconds from each message to its answer, sorted; the first free host takes it."""
    chance = random.Random(seed)
    free_at = [0.0] * hosts
    heapq.heapify(free_at)
    took = []
    for at in arrivals(sites, chance):
        start = max(at, heapq.heappop(free_at))
        heapq.heappush(free_at, start + chance.expovariate(parts.turns_per_s))
        took.append(start - at + parts.turn_s)
    return sorted(took)


def arrivals(sites: int, chance: random.Random) -> list[float]:
    """Return when messages come in one hour, in order."""
    moments, begins = list[float](), 0.0
    while (begins := begins + chance.expovariate(sites * CHATS_PER_HOUR / HOUR_S)) < HOUR_S:
        at = begins
        for _ in range(MESSAGES_PER_CHAT):
            moments.append(at)
            at += chance.expovariate(1 / SECONDS_BETWEEN)
    moments.sort()
    return moments
