"""Figures for machines that watch: what waits, what was answered and how, how long each part took.

Rule: counts, times and words of a fixed set; never a text, an id or an address. What is counted
here is this host's; what is read from the database (turns and people waiting) is everybody's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 3.5, 10.0)

Gauges = Callable[[], dict[str, tuple[str, dict[str, float]]]]


class Metrics:
    """The figures of one application."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._parts = Histogram(
            "front_desk_part_seconds",
            "How long each part of a turn took: wait, search, rasa, store, turn (all of it)",
            ["part"],
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self._turns = Counter(
            "front_desk_turns",
            "Turns done: what the patient was shown, and who answered",
            ["shown", "answered_by"],
            registry=self.registry,
        )
        self._failures = Counter(
            "front_desk_rasa_failures",
            "Requests to the assistant without a usable answer",
            ["why"],
            registry=self.registry,
        )
        self._requests = Histogram(
            "front_desk_request_seconds",
            "Requests answered, streams not counted, by class of status",
            ["status"],
            buckets=BUCKETS_S,
            registry=self.registry,
        )
        self._shed = Counter(
            "front_desk_shed",
            "What was put off or left out because there was too much to do",
            ["what"],
            registry=self.registry,
        )

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        started = time.monotonic()
        try:
            yield
        finally:
            self.took(part, time.monotonic() - started)

    def took(self, part: str, seconds: float) -> None:
        self._parts.labels(part).observe(seconds)

    def turn_done(self, shown: str, answered_by: str | None, failure: str | None) -> None:
        self._turns.labels(shown, answered_by or "none").inc()
        if failure is not None:
            self._failures.labels(failure).inc()

    def answered(self, status: int, seconds: float) -> None:
        self._requests.labels(f"{status // 100}xx").observe(seconds)

    def shed(self, what: str) -> None:
        self._shed.labels(what).inc()

    def text(self, gauges: Gauges) -> bytes:
        """Return all figures in Prometheus' text format. gauges: read now."""
        registry = CollectorRegistry()
        registry.register(_Now(gauges))
        return generate_latest(self.registry) + generate_latest(registry)


class _Now:
    """Figures that are true for one moment: name → (help, label's value → figure)."""

    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        for name, (purpose, figures) in self._gauges().items():
            has_label = set(figures) != {""}
            family = GaugeMetricFamily(name, purpose, labels=["is"] if has_label else [])
            for label, figure in figures.items():
                family.add_metric([label] if has_label else [], figure)
            yield family


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").is_dir() else 0


def resident_bytes() -> int:
    try:
        pages = Path("/proc/self/statm").read_text().split()[1]
    except OSError:
        return 0
    return int(pages) * 4096


def one(figure: Any) -> dict[str, float]:
    return {"": float(figure)}
