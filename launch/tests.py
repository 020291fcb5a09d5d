"""Runs every kind of test, quickest first, and says what each took."""

from __future__ import annotations

import shutil
import subprocess
import time
from dataclasses import dataclass

from launch import postgresql
from launch.places import ROOT, WEB_PYTHON, offline_environment
from launch.progress import StepFailed

SLOW_KINDS = ("model", "rasa", "browser", "faults")
PYTEST = [str(WEB_PYTHON), "-m", "pytest", "-q"]
# In two processes. What is costly to start is shared: the sentence model and the assistant by the
# tests of a file; in the browser each has a product of its own. Faults want the whole machine.
TWO_AT_ONCE = {
    "unit": ["-n", "2", "--dist", "worksteal"],
    "postgresql": ["-n", "2", "--dist", "worksteal"],
    "model": ["-n", "2", "--dist", "loadfile"],
    "rasa": ["-n", "2", "--dist", "loadfile"],
    "browser": ["-n", "2", "--dist", "worksteal"],
}
# Whatever of the unit tests has a database, a second time: all of it but what is about SQLite's
# files. tests/conftest.py leaves out what has none when CLINIC_TEST_POSTGRESQL is set.
ON_POSTGRESQL = "tests/web"


@dataclass(frozen=True)
class KindOfTest:
    """on_postgresql: on a PostgreSQL of its own, started for it."""

    name: str
    command: list[str]
    on_postgresql: bool = False


def kinds_of_test() -> list[KindOfTest]:
    ruff = [str(WEB_PYTHON), "-m", "ruff"]
    unit = " and ".join(f"not {kind}" for kind in SLOW_KINDS)
    widget_tests = sorted(
        str(path.relative_to(ROOT)) for path in ROOT.glob("tests/widget/*.test.mjs")
    )
    return [
        KindOfTest("style", [*ruff, "check", "."]),
        KindOfTest("format", [*ruff, "format", "--check", "."]),
        KindOfTest("types", [str(WEB_PYTHON), "-m", "mypy"]),
        KindOfTest("unit", _pytest("unit", unit)),
        KindOfTest("widget", [_node(), "--test", *widget_tests]),
        *(KindOfTest(kind, _pytest(kind, _only(kind))) for kind in SLOW_KINDS),
        KindOfTest(
            "postgresql",
            [*_pytest("postgresql", f"{unit} and not sqlite"), ON_POSTGRESQL],
            on_postgresql=True,
        ),
    ]


def _pytest(kind: str, marked: str) -> list[str]:
    return [*PYTEST, *TWO_AT_ONCE.get(kind, []), "-m", marked]


def _only(kind: str) -> str:
    """Return pytest's expression for a slow kind; a test of two kinds runs once, with the later."""
    later = SLOW_KINDS[SLOW_KINDS.index(kind) + 1 :]
    return " and not ".join((kind, *later))


def run_tests(only: list[str], pytest_arguments: list[str]) -> int:
    """Return 0 when every kind passed. `only`: names of kinds, all where empty."""
    if pytest_arguments:
        return _run([*PYTEST, *pytest_arguments])
    results = []
    for kind in kinds_of_test():
        if only and kind.name not in only:
            continue
        print(f"\n== {kind.name} ==", flush=True)
        started = time.monotonic()
        code = _run_on_postgresql(kind.command) if kind.on_postgresql else _run(kind.command)
        results.append((kind.name, time.monotonic() - started, code))
    print("\nKind of test   seconds  result")
    for name, seconds, code in results:
        print(f"{name:<14} {seconds:7.0f}  {'passed' if code == 0 else f'FAILED (exit {code})'}")
    failed = sum(code != 0 for _, _, code in results)
    print(f"\nkinds: {len(results) - failed} passed, {failed} failed", flush=True)
    return 1 if failed or not results else 0


def _run(command: list[str], environment: dict[str, str] | None = None) -> int:
    environment = {**offline_environment(), **(environment or {})}
    return subprocess.run(command, cwd=ROOT, env=environment).returncode


def _run_on_postgresql(command: list[str]) -> int:
    if not postgresql.install():
        raise StepFailed(
            "The tests of kind postgresql need the PostgreSQL server's programs",
            "install them (on Debian or Ubuntu: apt-get install postgresql) and start again",
        )
    with postgresql.throw_away(flush=False) as url:
        return _run(command, {"CLINIC_TEST_POSTGRESQL": url})


def _node() -> str:
    node = shutil.which("node")
    if not node:
        raise StepFailed(
            "The widget's tests need Node.js 20 or newer",
            "install it (on Debian or Ubuntu: apt-get install nodejs) and start again",
        )
    return node
