"""Everything the product needs before it can start, each step skipped where it is already done."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import Callable

from launch.environments import BOT, TESTS, WEB
from launch.places import MODELS, ROOT, WEB_PYTHON, offline_environment
from launch.progress import StepFailed, run_step

TRAINING = ROOT / "bot" / "training.py"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
# What a first start costs: measured on a fresh clone, 2 cores (README, "The two commands").
COSTS = {
    "Web": "about 0.6 GB to download, 2.0 GB on disk, 2 to 4 minutes",
    "Assistant": "about 1.1 GB to download, 2.8 GB on disk, 2 to 4 minutes",
    "Tests": "about 0.1 GB to download, 0.3 GB on disk, under a minute",
    "Sentence model": "nothing to download, 120 MB on disk, about a minute",
    "Assistant training": "nothing to download, about a minute",
    "Browser": "about 0.1 GB to download, 0.4 GB on disk, about a minute",
}


@dataclass(frozen=True)
class Need:
    """A piece that is missing: what it is called in COSTS, what it is, and how it is made."""

    name: str
    what: str
    make: Callable[[], None]


def prepare(*, for_tests: bool = False) -> None:
    """Say what is missing and what it costs, and make it."""
    needs = _needs(for_tests)
    if needs:
        print("Front Desk needs, once on this machine:")
        for need in needs:
            print(f"  - {need.what}: {COSTS[need.name]}")
        print(flush=True)
    for need in needs:
        need.make()


def _needs(for_tests: bool) -> list[Need]:
    environments = [WEB, BOT, TESTS] if for_tests else [WEB, BOT]
    needs = [Need(e.title, e.cost, e.make) for e in environments if not e.is_current()]
    if not (MODELS / "current").exists():
        needs.append(Need("Sentence model", "the sentence model, exported for speed", export_model))
    if not is_trained():
        needs.append(Need("Assistant training", "the assistant, trained from bot/", train))
    if for_tests and not find_browser():
        needs.append(Need("Browser", "Chromium, for the tests in a real browser", install_browser))
    return needs


def export_model() -> None:
    command = [str(WEB_PYTHON), "-m", "search", "export", "--models", str(MODELS)]
    run_step("Sentence model", command, mend="./clinic doctor says what is missing")


def is_trained() -> bool:
    """Return whether the trained assistant fits bot/, config.yml and the sentence model."""
    return subprocess.run([sys.executable, str(TRAINING), "--check"], cwd=ROOT).returncode == 0


def train() -> None:
    mend = "Rasa names the file and line in bot/ that it cannot use; mend it, then: ./clinic train"
    run_step("Assistant training", [sys.executable, str(TRAINING)], mend=mend)


def find_browser() -> str | None:
    return next((path for path in map(shutil.which, CHROMIUM_NAMES) if path), None)


def install_browser() -> None:
    """Install Debian's Chromium. Raises StepFailed with the command to run where we may not."""
    mend = (
        "install Chromium yourself (on Debian or Ubuntu: apt-get install chromium) and start again"
    )
    if sys.platform != "linux" or not shutil.which("apt-get") or os.geteuid() != 0:
        raise StepFailed("The tests need Chromium, and it cannot be installed from here", mend)
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run_step("Browser list", ["apt-get", "update"], mend=mend, env=env)
    run_step("Browser", ["apt-get", "install", "-y", "chromium"], mend=mend, env=env)


def run_python(*arguments: str) -> int:
    """Run a module of ours in the web environment and return its exit code."""
    return subprocess.run(
        [str(WEB_PYTHON), *arguments], cwd=ROOT, env=offline_environment()
    ).returncode
