"""Trains the assistant when what it learns from changed: bot/, config.yml, the sentence model."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path

from launch.places import ASSISTANT, BOT_PYTHON, MODELS, ROOT
from launch.progress import run_step

KEPT_MODELS = 2


def train_if_changed(*, force: bool = False) -> bool:
    """Train and return True, or return False where the trained model already fits."""
    wanted = _fingerprint()
    stamp = ASSISTANT / "trained.json"
    if not force and _trained(stamp) == wanted:
        return False
    ASSISTANT.mkdir(parents=True, exist_ok=True)
    run_step("Training the assistant", _command(), mend=_MEND, say=_rasa_says)
    stamp.write_text(json.dumps({"fingerprint": wanted}))
    _drop_old_models()
    return True


_MEND = "Rasa names the file and line in bot/ that it cannot use; mend it, then: ./clinic train"


def _command() -> list[str]:
    return [
        *(str(BOT_PYTHON), "-m", "rasa", "train"),
        *("--config", "config.yml", "--domain", "bot/domain", "--data", "bot/data"),
        *("--out", str(ASSISTANT)),
    ]


def _fingerprint() -> str:
    digest = hashlib.sha256()
    files = [ROOT / "config.yml", MODELS / "current", *sorted((ROOT / "bot").rglob("*"))]
    for path in files:
        if path.is_file() and path.suffix != ".pyc":
            digest.update(str(path.relative_to(ROOT)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _trained(stamp: Path) -> str | None:
    """Return the fingerprint of the newest model, or None where there is no model to go with it."""
    if not any(ASSISTANT.glob("*.tar.gz")):
        return None
    try:
        return str(json.loads(stamp.read_text())["fingerprint"])
    except (OSError, ValueError, KeyError):
        return None


def _drop_old_models() -> None:
    models = sorted(ASSISTANT.glob("*.tar.gz"), key=lambda path: path.stat().st_mtime)
    for path in models[:-KEPT_MODELS]:
        path.unlink()
    shutil.rmtree(ROOT / ".rasa", ignore_errors=True)


def _rasa_says(line: str) -> str | None:
    """Show the component being trained; Rasa's warnings are in the log."""
    if "Starting to train component" in line:
        return line.split("component")[-1].strip(" '.")
    return None


if __name__ == "__main__":
    train_if_changed()
    sys.exit(0)
