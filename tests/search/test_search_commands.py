"""The commands of docs/contracts.md section 2, as another program would run them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parents[2]
ROW = ["question", "understood", "lang", "outcome", "confidence", "shown", "passages", "engine"]

pytestmark = pytest.mark.model


def search(*arguments: str | Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    environment = {"PATH": os.environ["PATH"]}
    command = [sys.executable, "-m", "search", *map(str, arguments)]
    return subprocess.run(
        command, input=stdin, cwd=ROOT, env=environment, capture_output=True, timeout=120
    )


def rows(run: subprocess.CompletedProcess[bytes]) -> list[dict[str, Any]]:
    assert run.stdout.isascii()
    lines = run.stdout.split(b"\n")
    assert lines[-1] == b""
    return [json.loads(line) for line in lines[:-1]]


@pytest.fixture(scope="module")
def articles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("articles")
    (folder / "visits").mkdir()
    (folder / "visits" / "parking.md").write_text("# Where can I park?\n\nBehind the building.\n")
    (folder / "hours.md").write_text("# When are you open?\n\nMonday to Friday, 8 to 6.\n")
    (folder / "cost.md").write_text("# What does a visit cost?\n\n120 dollars.\n")
    (folder / "broken.md").write_bytes(b"---\ntitle: \xff\n---\nText\n")
    (folder / "draft.md").write_text("---\ntitle: D\nstatus: draft\n---\nText.\n")
    return folder


@pytest.fixture(scope="module")
def index(articles: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("index")
    assert search("build", "--articles", articles, "--index", directory).returncode == 0
    return directory


def test_build_reports_a_row_per_article_then_a_summary(articles: Path, tmp_path: Path) -> None:
    run = search("build", "--articles", articles, "--index", tmp_path)
    *reports, summary = rows(run)
    assert run.returncode == 0
    assert [row["article"] for row in reports] == [
        "broken",
        "cost",
        "draft",
        "hours",
        "visits/parking",
    ]
    assert reports[0]["status"] == "error"
    assert reports[0]["line"] == 2
    assert reports[0]["reason"]
    assert [row["status"] for row in reports[1:]] == ["indexed", "skipped", "indexed", "indexed"]
    assert all(set(row) == {"article", "status", "passages", "line", "reason"} for row in reports)
    assert summary["articles"] == 3
    again = rows(search("build", "--articles", articles, "--index", tmp_path))
    assert [row["status"] for row in again[:-1]][1] == "unchanged"


def test_ask_writes_exactly_one_line_per_line(index: Path) -> None:
    lines = [
        b"where can i park?",
        b"",
        b"   ",
        b"bad \xff\xfe bytes",
        "one\rtwo\x85three\u2028four\x0bfive\x0csix".encode(),
        b"\x00",
        "¿dónde?".encode(),
        b"last without an end",
    ]
    run = search("ask", "--index", index, "--jsonl", stdin=b"\n".join(lines))
    found = rows(run)
    assert run.returncode == 0
    assert [row["question"] for row in found] == [line.decode("utf-8", "replace") for line in lines]
    assert all(list(row) == [*ROW, "recipe"] for row in found)
    assert (found[0]["outcome"], found[0]["passages"][0]["article"]) == ("answer", "visits/parking")
    assert list(found[0]["passages"][0]) == ["article", "heading", "anchor", "score", "text"]
    assert found[1]["outcome"] == found[2]["outcome"] == "none"


def test_no_line_in_means_no_line_out(index: Path) -> None:
    assert search("ask", "--index", index, "--jsonl").stdout == b""
    assert len(rows(search("ask", "--index", index, "--jsonl", stdin=b"\n"))) == 1


def test_answers_come_one_by_one_not_at_the_end(index: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "search", "ask", "--index", str(index), "--jsonl"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin and process.stdout
    with process:
        for question in (b"when are you open", b"what does it cost"):
            process.stdin.write(question + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["question"] == question.decode()
        process.stdin.close()


def test_evaluate_counts(index: Path, tmp_path: Path) -> None:
    questions = tmp_path / "q.tsv"
    questions.write_text(
        "query\tarticles\n"
        "where can i park?\tvisits/parking\n"
        'when are you "open\thours|cost\n'
        "where can i park?\tcost\n"
        "play some jazz\t\n"
    )
    run = search(
        "evaluate", "--index", index, "--questions", questions, "--svg", tmp_path / "s.svg"
    )
    *failures, summary = rows(run)
    assert run.returncode == 0
    assert [row["query"] for row in failures] == ["where can i park?"]
    assert list(summary) == [
        "n",
        "first",
        "first3",
        "answered",
        "answered_right",
        "helped",
        "none_right",
        "wrong",
    ]
    assert (summary["n"], summary["first"], summary["first3"]) == (4, 2, 3)
    assert (summary["answered_right"], summary["none_right"], summary["wrong"]) == (2, 1, 1)
    assert "answering the surest 25%: 0.0% wrong" in run.stderr.decode()
    assert "answering the surest 100%: 50.0% wrong" in run.stderr.decode()
    picture = ElementTree.fromstring((tmp_path / "s.svg").read_text())
    curve = picture.find("{http://www.w3.org/2000/svg}polyline")
    assert curve is not None and len(curve.attrib["points"].split()) == 4


@pytest.mark.parametrize(
    "arguments",
    [
        ["ask", "--index", "/nowhere", "--jsonl"],
        ["build", "--articles", "/nowhere", "--index", "/tmp/x"],
        ["evaluate", "--index", "/nowhere", "--questions", "/nowhere.tsv"],
    ],
)
def test_what_cannot_run_says_why_in_one_line(arguments: list[str]) -> None:
    run = search(*arguments)
    assert run.returncode == 1
    assert run.stdout == b""
    assert run.stderr.strip().count(b"\n") == 0
    assert run.stderr.strip()


@pytest.mark.parametrize("arguments", [["ask"], ["nonsense"], ["build", "--articles", "x"], []])
def test_wrong_usage_is_told_apart(arguments: list[str]) -> None:
    assert search(*arguments).returncode == 2


def test_a_damaged_index_is_named(index: Path, tmp_path: Path) -> None:
    shutil.copytree(index, tmp_path / "index")
    (passages,) = tmp_path.glob("index/generation-*/passages.json")
    passages.write_bytes(passages.read_bytes().replace(b"Behind", b"Before"))
    run = search("ask", "--index", tmp_path / "index", "--jsonl", stdin=b"x\n")
    assert run.returncode == 1
    assert b"passages.json" in run.stderr


def test_without_the_model_it_searches_by_words(index: Path, tmp_path: Path) -> None:
    run = search(
        "ask", "--index", index, "--jsonl", "--models", tmp_path, stdin=b"where can i park?\n"
    )
    (row,) = rows(run)
    assert (run.returncode, row["engine"]) == (0, "lexical")
    assert row["passages"][0]["article"] == "visits/parking"
    assert b"python -m search export" in run.stderr
