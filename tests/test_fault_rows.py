"""What `./clinic bench faults` writes down, and when."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import fault_rows, faults, report
from benchmarks.fault import Fault, Row


@pytest.fixture(autouse=True)
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    return tmp_path / "faults.json"


def rows(results: Path) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in json.loads(results.read_text())["rows"]}


def passing(size: int, _folder: Path) -> Row:
    return Row("a fault", size, "seen", "0 lost")


def breaking(_size: int, _folder: Path) -> Row:
    raise ConnectionError("nobody there")


def cut_off(_size: int, _folder: Path) -> Row:
    raise KeyboardInterrupt


def test_a_row_is_kept_before_the_next_one_runs(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = {"first": Fault(passing, 1, 30), "second": Fault(cut_off, 1, 30)}
    monkeypatch.setattr(faults, "FAULTS", every)
    with pytest.raises(KeyboardInterrupt):
        faults.run(["--full"])
    kept = rows(results)["first"]
    assert (kept["asked"], kept["size"]) == (30, 30) and kept["commit"] == report.commit()


def test_a_row_that_breaks_off_has_failed(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every = {"first": Fault(breaking, 1, 30), "second": Fault(passing, 1, 30)}
    monkeypatch.setattr(faults, "FAULTS", every)
    assert faults.run(["--size=7"]) == 1
    kept = rows(results)
    assert kept["first"]["figure"].startswith("FAILED: ConnectionError")
    assert (kept["first"]["asked"], kept["first"]["size"]) == (7, 0)
    assert kept["second"]["size"] == 7


def test_more_faults_that_passed_are_not_forgotten_for_fewer(results: Path) -> None:
    def keep(size: int, figure: str = "0 lost") -> None:
        fault_rows.keep_row("kills", 1000, Row("kill -9", size, "seen", figure), 1)

    keep(800)
    keep(4)
    assert rows(results)["kills"]["size"] == 800
    keep(0, "FAILED: lost")
    assert rows(results)["kills"]["figure"] == "FAILED: lost"
    keep(4)
    assert rows(results)["kills"]["size"] == 4
