"""Says what is wrong with this installation and how to mend it. Changes nothing."""

from __future__ import annotations

import shutil

from launch.environments import BOT, WEB
from launch.places import MODELS, ROOT, VAR
from launch.setup import is_trained, run_python

LEAST_FREE_GB = 1.0


def examine() -> int:
    """Print one line per check; return 0 when nothing is wrong."""
    checks = [
        (WEB.is_current(), "web environment (.venv)", "./clinic run makes it"),
        (BOT.is_current(), "assistant environment (.venv-bot)", "./clinic run makes it"),
        ((MODELS / "current").exists(), "sentence model (var/models)", "./clinic run exports it"),
        (is_trained(), "trained assistant (var/assistant)", "./clinic train"),
        (_free_gb() >= LEAST_FREE_GB, f"free disk: {_free_gb():.1f} GB", "free some space"),
    ]
    for is_fine, what, mend in checks:
        print(f"ok    {what}" if is_fine else f"FAIL  {what}\n      What to do: {mend}", flush=True)
    failed = not all(is_fine for is_fine, _, _ in checks)
    if WEB.is_current():
        failed |= run_python("-m", "web.cli", "doctor") != 0
    return 1 if failed else 0


def _free_gb() -> float:
    return shutil.disk_usage(VAR if VAR.exists() else ROOT).free / 1e9
