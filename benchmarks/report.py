"""Keeps figures in benchmarks/results/, with the machine and the commit they belong to."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent / "results"


def quantiles_ms(seconds: Sequence[float]) -> dict[str, float]:
    """Return p50 and p95 in milliseconds, rounded to 0.1."""
    ordered = sorted(seconds)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return {"p50_ms": round(statistics.median(ordered) * 1000, 1), "p95_ms": round(p95 * 1000, 1)}


def keep(name: str, figures: dict[str, Any]) -> Path:
    """Write the figures to results/<name>.json and return its path."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps({"machine": _machine(), **figures}, indent=2) + "\n")
    return path


def commit() -> str:
    """Return the commit this checkout stands at."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=RESULTS.parent)
    return done.stdout.strip()


def _machine() -> dict[str, Any]:
    return {
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "commit": commit(),
        "on": datetime.now(UTC).date().isoformat(),
    }
