"""Finds the two Pythons: 3.11 or newer for the web side, 3.10 for Rasa.

A name on PATH proves nothing: pyenv's shims answer 127 for a version that is not chosen. So each
candidate is run.
"""

from __future__ import annotations

import glob
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from launch.places import WEB_PYTHON
from launch.progress import StepFailed, run_step

WEB_VERSIONS = ("3.11", "3.12", "3.13")  # 3.11 is the one the pins are tested on
BOT_VERSION = "3.10"
PROBE = "import sys, ensurepip, venv; print('%d.%d' % sys.version_info[:2])"


def find_web_python() -> str:
    for version in WEB_VERSIONS:
        for candidate in _candidates(version):
            if _version(candidate) == version:
                return candidate
    raise StepFailed(
        "No Python 3.11 or newer with its venv module was found",
        "install it, on Debian or Ubuntu with: apt-get install python3 python3-venv",
    )


def find_bot_python() -> str:
    """Return a Python 3.10. Rasa 3.6 runs on nothing newer; as a last resort uv fetches one."""
    for candidate in _candidates(BOT_VERSION):
        if _version(candidate) == BOT_VERSION:
            return candidate
    return _python_from_uv()


def _candidates(version: str) -> Iterator[str]:
    yield sys.executable
    for name in (f"python{version}", "python3"):
        found = shutil.which(name)
        if found:
            yield found
    yield from sorted(
        glob.glob(str(Path.home() / ".pyenv" / "versions" / f"{version}.*" / "bin" / "python"))
    )
    yield from sorted(
        glob.glob(
            str(Path.home() / ".local/share/uv/python" / f"cpython-{version}.*" / "bin" / "python3")
        )
    )


def _version(python: str) -> str | None:
    """Return "3.11" and the like, or None where it does not run or cannot make an environment."""
    try:
        answer = subprocess.run([python, "-c", PROBE], capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


def _python_from_uv() -> str:
    mend = "install Python 3.10 (for example with pyenv or uv) and start again"
    run_step("Fetching uv", [str(WEB_PYTHON), "-m", "pip", "install", "-q", "uv"], mend=mend)
    uv = str(WEB_PYTHON.parent / "uv")
    run_step("Fetching Python 3.10", [uv, "python", "install", BOT_VERSION], mend=mend)
    found = subprocess.run([uv, "python", "find", BOT_VERSION], capture_output=True, text=True)
    if found.returncode != 0:
        raise StepFailed("No Python 3.10 was found", mend)
    return found.stdout.strip()
