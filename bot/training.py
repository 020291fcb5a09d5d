"""Rule: train the assistant when what it is made of has changed, and only then.

Standard library only: the launcher, the tests and an operator on a bare machine call this
file before any environment of ours is loaded. `python3 bot/training.py [--force]`
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TRAIN_TIMEOUT_S = 600
MODEL_NAME = "front-desk"


class TrainingFailed(Exception):
    """Rasa refused the data or could not train; its own words are in the message."""


def rasa_environment(root: Path = ROOT, var: Path | None = None) -> dict[str, str]:
    """Return the environment every Rasa command needs: our modules found, quiet, one thread."""
    return {
        **os.environ,
        "PYTHONPATH": str(root),
        "CLINIC_MODELS": str((var or root / "var") / "models"),
        "RASA_TELEMETRY_ENABLED": "false",
        # A cache of half-trained parts does not notice that a component's code has changed.
        "RASA_MAX_CACHE_SIZE": "0",
        "OMP_NUM_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
        "PYTHONWARNINGS": "ignore",
    }


def train_command(root: Path, python: Path, out: Path) -> list[str]:
    """Return the command that trains; it runs with `root` as its working directory."""
    return [
        *(str(python), "-m", "rasa", "train", "--force"),
        *("--config", "config.yml", "--domain", "bot/domain", "--data", "bot/data"),
        *("--out", str(out), "--fixed-model-name", MODEL_NAME),
    ]


def fingerprint(root: Path, var: Path) -> str:
    """Return a hash over all that decides what the trained assistant is."""
    digest = hashlib.sha256()
    for path in _sources(root, var):
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def is_trained(root: Path = ROOT, var: Path | None = None) -> bool:
    """Return whether the trained assistant is the one that bot/ and config.yml describe."""
    var = var or root / "var"
    return _is_current(var / "assistant" / "fingerprint", fingerprint(root, var))


def train_if_changed(
    root: Path = ROOT, var: Path | None = None, python: Path | None = None, *, force: bool = False
) -> bool:
    """Train into `var/assistant` if needed; return whether it did. Raises TrainingFailed."""
    var = var or root / "var"
    python = python or root / ".venv-bot" / "bin" / "python"
    # Taken before training: a file saved meanwhile is not in the model, and must not count as it.
    wanted = fingerprint(root, var)
    if not force and is_trained(root, var):
        return False
    _train(root, var, python)
    (var / "assistant" / "fingerprint").write_text(wanted, encoding="utf-8")
    return True


def _sources(root: Path, var: Path) -> Iterator[Path]:
    yield root / "config.yml"
    for folder in ("domain", "data", "components"):
        yield from sorted(
            path for path in (root / "bot" / folder).rglob("*") if path.suffix in {".yml", ".py"}
        )
    yield root / "bot" / "requirements.txt"
    # Another sentence model makes other vectors: the assistant has to learn them.
    current = var / "models" / "current"
    if current.is_file():
        yield current
        yield var / "models" / current.read_text(encoding="utf-8").strip() / "recipe.json"


def _is_current(mark: Path, wanted: str) -> bool:
    model = mark.parent / f"{MODEL_NAME}.tar.gz"
    return mark.is_file() and model.is_file() and mark.read_text(encoding="utf-8") == wanted


def _train(root: Path, var: Path, python: Path) -> None:
    # Trained aside and moved in whole: a running or failed training leaves the old model alone.
    aside = var / "assistant.new"
    shutil.rmtree(aside, ignore_errors=True)
    done = subprocess.run(
        train_command(root, python, aside),
        cwd=root,
        env=rasa_environment(root, var),
        capture_output=True,
        text=True,
        timeout=TRAIN_TIMEOUT_S,
        check=False,
    )
    trained = aside / f"{MODEL_NAME}.tar.gz"
    if done.returncode != 0 or not trained.is_file():
        raise TrainingFailed((done.stdout + done.stderr)[-4000:])
    (var / "assistant").mkdir(parents=True, exist_ok=True)
    trained.replace(var / "assistant" / trained.name)
    shutil.rmtree(aside)


def main() -> int:
    parser = argparse.ArgumentParser(description="Train the assistant if bot/ has changed.")
    parser.add_argument("--force", action="store_true", help="train even if nothing changed")
    parser.add_argument("--check", action="store_true", help="only say by exit code 0 or 1")
    options = parser.parse_args()
    if options.check:
        return 0 if is_trained() else 1
    try:
        trained = train_if_changed(force=options.force)
    except TrainingFailed as failure:
        sys.stderr.write(f"{failure}\n")
        return 1
    sys.stdout.write("trained\n" if trained else "unchanged\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
