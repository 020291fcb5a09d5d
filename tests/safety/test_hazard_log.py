"""The hazard log: enough hazards, each held by tests that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOG = (ROOT / "safety" / "hazard_log.md").read_text(encoding="utf-8")
ROWS = [line.strip("|").split("|") for line in LOG.split("\n") if re.match(r"\| H\d+ \|", line)]


def test_at_least_twenty_hazards_are_written_down_with_how_bad_and_how_likely() -> None:
    assert len(ROWS) >= 20
    assert [row[0].strip() for row in ROWS] == [f"H{number}" for number in range(1, len(ROWS) + 1)]
    assert all(row[2].strip() in "1234" and row[3].strip() in "1234" for row in ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0].strip())
def test_every_hazard_is_held_by_a_test_that_exists(row: list[str]) -> None:
    named = re.findall(r"`(\w+)::(\w+)`", row[-1])
    assert named
    for module, test in named:
        sources = [path.read_text(encoding="utf-8") for path in ROOT.glob(f"tests/**/{module}.py")]
        assert any(f"def {test}(" in source for source in sources), f"{module}::{test}"


def test_a_clinician_can_sign_and_has_not_yet() -> None:
    assert "no clinician has approved" in LOG and "| Signature |" in LOG
