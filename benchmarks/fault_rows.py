"""Keeps each row of the reliability table when it ends: a run that is cut short loses none.

A row says which size was asked for, which was reached and at which commit. One that passed with
more faults stays when fewer pass after it; one that failed is always written down.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from benchmarks import report
from benchmarks.fault import Row

FAILED = "FAILED"


def keep_row(name: str, asked: int, row: Row, seconds: int) -> str:
    """Write it down. Returns where, or why not."""
    rows = _kept()
    larger = rows.get(name)
    if larger and larger["size"] > row.size and not row.figure.startswith(FAILED):
        return f"not kept: {larger['size']} passed at {larger['commit']}"
    rows[name] = {
        "name": name,
        **asdict(row),
        "asked": asked,
        "seconds": seconds,
        "commit": report.commit(),
        "on": datetime.now(UTC).date().isoformat(),
    }
    return f"kept in {report.keep('faults', {'rows': list(rows.values())})}"


def _kept() -> dict[str, dict[str, Any]]:
    file = report.RESULTS / "faults.json"
    rows = json.loads(file.read_text())["rows"] if file.exists() else []
    return {row["name"]: row for row in rows}
