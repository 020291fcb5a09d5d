"""The operator's commands: one journey as `./clinic` calls them, the rest inside this process."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from tests import postgresql
from tests.web.staff_desk import ROOT, Desk
from web import checks
from web.checks import Level
from web.cli import main
from web.config import Settings
from web.db import utc_now

ARTICLE = """---
title: Where do I park?
summary: Behind the house.
topic: visiting
owner: Front desk
reviewed_by: demo content
reviewed_on: 2026-11-01
review_by: 2099-05-01
questions: [is parking free]
---
Park behind the house. Call {{clinic.phone}} if it is full.
"""


class Done(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


class Operator:
    """Runs the command line on an installation of its own."""

    def __init__(self, folder: Path) -> None:
        self.var = folder / "var"
        self.articles = folder / "articles"
        self.articles.mkdir()
        self.toml = folder / "clinic.toml"
        shutil.copy(ROOT / "clinic.toml", self.toml)
        self.write("parking", ARTICLE)

    def write(self, name: str, text: str) -> None:
        (self.articles / f"{name}.md").write_text(text, encoding="utf-8")

    @property
    def environment(self) -> dict[str, str]:
        return {
            "CLINIC_CONFIG": str(self.toml),
            **postgresql.environment(self.var),
            "CLINIC_MODELS": str(self.var / "models"),
            "CLINIC_ARTICLES": str(self.articles),
            "CLINIC_RASA_URL": "http://127.0.0.1:9",
        }

    def run(self, *arguments: str, typed: str = "") -> Done:
        done = CliRunner().invoke(main, arguments, input=typed, env=self.environment)
        return Done(done.exit_code, done.stdout, done.stderr)

    def run_process(self, *arguments: str, typed: str = "") -> Done:
        """As a process of its own, with every warning an error."""
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "web.cli", *arguments],
            cwd=ROOT,
            env={**os.environ, **self.environment},
            input=typed,
            capture_output=True,
            text=True,
            timeout=120,
        )
        return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Operator]:
    operator = Operator(tmp_path)
    yield operator
    postgresql.drop(operator.var)


def test_it_works(operator: Operator) -> None:
    """Add, list, close; the printed password signs in."""
    add = ("staff", "add", "--email", "Bea@Clinic.example", "--name", "Bea")
    added = operator.run_process(*add, "--role", "agent", "--role", "manager")
    assert added.returncode == 0, added.stderr
    found = re.search(r"Password, shown only now: (\S{16})\n", added.stdout)
    assert found is not None
    assert sign_in_works(operator, "bea@clinic.example", found.group(1))

    listed = operator.run("staff", "list")
    assert listed.stdout == "Bea  bea@clinic.example  agent, manager\n"
    assert found.group(1) not in listed.stdout

    again = operator.run(*add, "--role", "agent")
    assert (again.returncode, again.stdout) == (1, "")
    assert "there is an account" in again.stderr

    closed = operator.run("staff", "disable", "--email", "bea@clinic.example")
    assert closed.returncode == 0
    assert "(closed)" in operator.run("staff", "list").stdout
    assert not sign_in_works(operator, "bea@clinic.example", found.group(1))


def test_somebody_is_seated_at_desks_and_the_list_says_where(operator: Operator) -> None:
    bea = ("--email", "bea@clinic.example")
    add = ("staff", "add", *bea, "--name", "Bea", "--role", "agent", "--desk", "billing")
    assert operator.run(*add).returncode == 0
    assert "agent  [billing]\n" in operator.run("staff", "list").stdout
    moved = operator.run("staff", "desks", *bea, "--desk", "records", "--lang", "es")
    assert moved.stdout == "Bea works at records, in es.\n"
    assert "agent  [records]  [es]\n" in operator.run("staff", "list").stdout
    assert (
        operator.run("staff", "desks", *bea).stdout == "Bea works at all desks, in any language.\n"
    )
    for wrong, said in (("--desk", "the desks are appointments"), ("--lang", "the clinic speaks")):
        refused = operator.run("staff", "desks", *bea, wrong, "xx")
        assert refused.returncode == 1
        assert said in refused.stderr


def sign_in_works(operator: Operator, email: str, password: str) -> bool:
    desk = Desk(operator.var)
    try:
        return desk.client().sign_in(email, password).status_code == 302
    finally:
        desk.stop()


def test_a_password_can_be_piped_in(operator: Operator) -> None:
    add = ("staff", "add", "--email", "bea@clinic.example", "--name", "Bea", "--role", "agent")
    short = operator.run(*add, "--password-stdin", typed="short\n")
    assert short.returncode == 1
    assert "at least 12 characters" in short.stderr
    done = operator.run(*add, "--password-stdin", typed="a long quiet password\n")
    assert done.returncode == 0
    assert "a long quiet password" not in done.stdout
    assert sign_in_works(operator, "bea@clinic.example", "a long quiet password")


@pytest.mark.parametrize(
    "arguments",
    [
        ("staff", "add", "--email", "x", "--name", "Bea", "--role", "agent"),
        ("staff", "add", "--email", "b@c.example", "--name", " ", "--role", "agent"),
        ("staff", "add", "--email", "b@c.example", "--name", "Bea", "--role", "king"),
        ("staff", "add", "--email", "b@c.example", "--name", "Bea"),
    ],
)
def test_wrong_use_is_refused_with_a_reason(operator: Operator, arguments: tuple[str, ...]) -> None:
    done = operator.run(*arguments)
    assert done.returncode == 2
    assert "Error:" in done.stderr


def test_demo_sign_ins_are_made_once_and_only_in_demo_mode(operator: Operator) -> None:
    first = operator.run_process("demo-accounts", "--json")
    people = json.loads(first.stdout)
    assert [(each["name"], each["role"]) for each in people] == [
        ("Ana", "agent"),
        ("Eli", "editor"),
        ("Rui", "reviewer"),
        ("Max", "manager"),
    ]
    assert len({each["password"] for each in people}) == 4
    assert sign_in_works(operator, people[0]["email"], people[0]["password"])
    assert json.loads(operator.run("demo-accounts", "--json").stdout) == []
    assert "accounts already" in operator.run("demo-accounts").stdout


def test_a_real_clinic_gets_no_demo_sign_ins(operator: Operator) -> None:
    text = operator.toml.read_text(encoding="utf-8").replace("demo = true", "demo = false")
    operator.toml.write_text(text, encoding="utf-8")
    done = operator.run("demo-accounts")
    assert "Not in demo mode" in done.stdout
    assert "No accounts yet" in operator.run("staff", "list").stdout


def test_wrong_settings_are_named_by_every_command(operator: Operator) -> None:
    text = operator.toml.read_text(encoding="utf-8")
    operator.toml.write_text(text.replace("max_streams = 1000", "max_streams = -1"), "utf-8")
    for command in (("staff", "list"), ("index",), ("lint",)):
        done = operator.run(*command)
        assert done.returncode == 1
        assert "[limits] max_streams: -1" in done.stderr
    doctor = operator.run("doctor")
    assert doctor.returncode == 1
    assert "[limits] max_streams: -1" in doctor.stdout


def test_the_index_is_written_and_a_damaged_article_is_named(operator: Operator) -> None:
    operator.write("broken", "---\ntitle: [\n---\nText\n")
    done = operator.run("index")
    assert done.returncode == 0, done.stderr
    assert "1 articles, 1 passages." in done.stdout
    assert re.search(r"^broken\.md:\d+: ", done.stderr, re.MULTILINE)
    assert "model is missing" in done.stdout


def test_lint_is_content_with_good_articles(operator: Operator) -> None:
    done = operator.run("lint")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("All articles can be published.\n")


def test_a_hint_is_no_failure(operator: Operator) -> None:
    operator.write("parking", ARTICLE.replace("2099-05-01", "2026-11-02"))
    done = operator.run("lint")
    assert done.returncode == 0, done.stderr
    assert "articles/parking.md:8: hint: its review was due on 2026-11-02" in done.stdout


def test_what_is_missing_is_said_once(operator: Operator) -> None:
    operator.write("parking", ARTICLE.replace("questions: [is parking free]\n", ""))
    done = operator.run("lint")
    assert done.stdout.count("there are no sample questions") == 1, done.stdout


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("owner: Front desk\n", "", "articles/parking.md:1: owner is missing"),
        ("2026-11-01", "November", "articles/parking.md:7: reviewed_on is missing or not readable"),
        ("clinic.phone", "clinic.fon", "articles/parking.md:11: {{clinic.fon}} is not a fact"),
        ("2099-05-01", "2025-01-01", "articles/parking.md:8: review_by lies before reviewed_on"),
        ("title: Where", "title: [", "articles/parking.md:3: YAML"),
    ],
)
def test_lint_names_file_line_and_mend(operator: Operator, old: str, new: str, said: str) -> None:
    operator.write("parking", ARTICLE.replace(old, new))
    done = operator.run("lint")
    assert done.returncode == 1, done.stdout
    assert said in done.stdout
    assert "1 thing to mend" in done.stderr


# The doctor --------------------------------------------------------------------------------------


def test_the_doctor_gives_each_fault_its_mend_and_says_it_by_its_exit_code(
    operator: Operator,
) -> None:
    done = operator.run_process("doctor")
    assert done.returncode == 1
    assert "FAIL  search index: there is none\n      What to do: ./clinic index" in done.stdout
    assert "FAIL  sentence model: " in done.stdout
    assert "warn  assistant: does not answer" in done.stdout
    assert "ok    articles: all are fine" in done.stdout
    faults = [line for line in done.stdout.splitlines() if line.startswith(("FAIL", "warn"))]
    assert done.stdout.count("What to do:") == len(faults)


def test_the_doctor_knows_a_database_that_fits(desk: Desk) -> None:
    if not desk.services.database.is_sqlite:
        pytest.skip("on PostgreSQL it says more: see test_core_hosts.py")
    assert [check.level for check in checks.database_checks(desk.settings)] == [Level.OK]


def test_the_doctor_knows_a_database_that_cannot_be_opened(desk: Desk, tmp_path: Path) -> None:
    broken = tmp_path / "broken.sqlite3"
    broken.write_bytes(b"this is not a database" * 100)
    [check] = checks.database_checks(with_database(desk, broken))
    assert check.level is Level.FAIL
    assert check.mend


def test_the_doctor_knows_a_database_of_another_version(desk: Desk, tmp_path: Path) -> None:
    [check] = checks.database_checks(with_database(desk, tmp_path / "empty.sqlite3"))
    assert check.level is Level.WARN


def test_the_doctor_knows_a_server_that_cannot_be_reached(desk: Desk) -> None:
    nobody = {"database_url": "postgresql://nobody@127.0.0.1:9/nothing"}
    [check] = checks.database_checks(desk.settings.model_copy(update=nobody))
    assert check.level is Level.FAIL
    assert "pg_hba.conf" in check.mend


FINE = checks.ServerState(version=15, ahead_s=0.1, connections_left=100, is_flushed=True)


@pytest.mark.parametrize(
    ("state", "said", "mend"),
    [
        ({"version": 12}, "PostgreSQL 12: older", "upgrade"),
        ({"ahead_s": 9.0}, "9.0 s ahead", "NTP"),
        ({"ahead_s": -9.0}, "9.0 s behind", "NTP"),
        ({"connections_left": 12}, "12 connections left", "max_connections"),
        ({"is_flushed": False}, "a power cut loses messages", "fsync"),
    ],
)
def test_the_doctor_says_what_is_wrong_with_a_server(
    state: dict[str, Any], said: str, mend: str
) -> None:
    assert {check.level for check in checks.server_checks(FINE)} == {Level.OK}
    found = checks.server_checks(replace(FINE, **state))
    [wrong] = [check for check in found if check.level is not Level.OK]
    assert said in wrong.what and mend in wrong.mend


def with_database(desk: Desk, path: Path) -> Settings:
    return desk.settings.model_copy(update={"database_url": f"sqlite:///{path}"})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"holidays": ()}, "none are entered"),
        ({"holidays": [{"on": "2020-01-01"}]}, "all lie in the past"),
        ({"chat_hours": {}}, "nobody ever answers the chat"),
    ],
)
def test_the_doctor_warns_of_a_calendar_nobody_kept(
    tmp_path: Path, changes: dict[str, object], said: str
) -> None:
    desk = Desk(tmp_path, **changes)
    try:
        found = list(checks.hours_checks(desk.settings, utc_now()))
        assert [check.level for check in found if said in check.what] == [Level.WARN]
    finally:
        desk.close()


def test_the_doctor_knows_a_full_disk(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "LEAST_FREE_BYTES", 1 << 60)
    assert [check.level for check in checks.disk_checks(desk.settings)] == [Level.FAIL]
