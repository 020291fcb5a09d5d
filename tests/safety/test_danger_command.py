"""The two commands of this package, as docs/contracts.md describes them."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(module: str, *arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        input=given,
        capture_output=True,
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin"},
        timeout=60,
        check=False,
    )


LINES = (
    b"I want to die\n\nwhat\rtime\xe2\x80\xa8do you open\n\xff\xfe chest pain\nlast line, no end"
)


@pytest.mark.parametrize("module", ["safety.danger", "safety.identifiers"])
def test_one_line_out_for_each_line_in(module: str) -> None:
    done = run(module, "--jsonl", given=LINES)
    assert done.returncode == 0
    rows = done.stdout.split(b"\n")
    assert len(rows) == 6 and rows[-1] == b""
    assert done.stdout.isascii()
    assert all(isinstance(json.loads(row), dict) for row in rows[:-1])


def test_a_danger_row_has_the_fields_of_the_contract() -> None:
    first, blank, *_ = run("safety.danger", "--jsonl", given=LINES).stdout.split(b"\n")
    row = json.loads(first)
    assert list(row) == ["text", "level", "kind", "card", "why", "model"]
    assert (row["text"], row["level"], row["card"]) == ("I want to die", "crisis", "988")
    assert json.loads(blank)["level"] == "none" and json.loads(blank)["card"] is None


def test_an_undecodable_byte_is_replaced_and_the_line_still_read() -> None:
    row = json.loads(run("safety.danger", "--jsonl", given=LINES).stdout.split(b"\n")[3])
    assert row["text"].startswith("\ufffd\ufffd") and row["card"] == "911"


def test_an_empty_input_gives_an_empty_output() -> None:
    done = run("safety.danger", "--jsonl")
    assert (done.returncode, done.stdout) == (0, b"")


@pytest.mark.parametrize("module", ["safety.danger", "safety.identifiers"])
def test_wrong_usage_exits_with_2(module: str) -> None:
    assert run(module).returncode == 2
    assert run(module, "--wrong").returncode == 2


def test_the_clinics_own_numbers_stay() -> None:
    line = b"call (503) 555-0110 or my cell 971-555-0143\n"
    kept = run("safety.identifiers", "--jsonl", "--clinic", "clinic.toml", given=line)
    row = json.loads(kept.stdout)
    assert row["masked"] == "call (503) 555-0110 or my cell [phone]"
    assert row["spans"] == [{"start": 31, "end": 43, "type": "PHONE"}]


def test_a_missing_clinic_file_is_one_line_of_reason_and_exit_1() -> None:
    done = run("safety.identifiers", "--jsonl", "--clinic", "nowhere.toml")
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1 and b"nowhere.toml" in done.stderr
