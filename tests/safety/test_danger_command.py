"""The two commands of this package, as docs/contracts.md describes them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(
    module: str, *arguments: str, given: bytes = b"", root: Path = ROOT
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        input=given,
        capture_output=True,
        cwd=root,
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


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """Return a folder that holds the package and nothing else."""
    shutil.copytree(ROOT / "safety", tmp_path / "safety")
    return tmp_path


PLAIN = b"I want to kill myself\nno puedo respirar\nwhere do I park?\n"


def answers(root: Path) -> list[tuple[str | None, bool]]:
    done = run("safety.danger", "--jsonl", given=PLAIN, root=root)
    assert done.returncode == 0
    rows = [json.loads(row) for row in done.stdout.splitlines()]
    return [(row["card"], row["model"]) for row in rows]


def test_the_package_alone_is_enough(copy: Path) -> None:
    assert answers(copy) == [("988", True), ("911", True), (None, True)]


def test_without_the_sentence_model_plain_dangers_are_noticed_and_the_row_says_so(
    copy: Path,
) -> None:
    shutil.rmtree(copy / "safety" / "model")
    assert answers(copy) == [("988", False), ("911", False), (None, False)]


def test_with_damaged_weights_plain_dangers_are_noticed(copy: Path) -> None:
    weights = copy / "safety" / "meaning.npz"
    weights.write_bytes(weights.read_bytes()[:1000])
    assert answers(copy) == [("988", False), ("911", False), (None, False)]
    (copy / "safety" / "meaning.json").unlink()
    assert answers(copy) == [("988", False), ("911", False), (None, False)]


def test_a_row_is_answered_whatever_stands_in_it() -> None:
    strange = [
        b"\x00\x00I want to\x00 die\x00",
        b"what are your hours? " * 476 + b"I can't breathe",
        b"\xf0\x9f\x98\xad" * 2500,
        b"k" * 10_000,
        b"." * 10_000,
    ]
    done = run("safety.danger", "--jsonl", given=b"\n".join(strange))
    assert done.returncode == 0
    cards = [json.loads(row)["card"] for row in done.stdout.splitlines()]
    assert cards == ["988", "911", None, None, None]
