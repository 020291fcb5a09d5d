"""Training happens when what the assistant is made of has changed, and harms no older model."""

import shutil
import stat
from pathlib import Path

import pytest

from tests.bot.conftest import ROOT, load_training

training = load_training()

FAKE_PYTHON = """#!/bin/sh
while [ "$1" != "--out" ]; do shift; done
mkdir -p "$2" && echo trained > "$2/front-desk.tar.gz"
echo once >> runs
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "checkout"
    shutil.copytree(ROOT / "bot", root / "bot", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "config.yml", root)
    _python(root, FAKE_PYTHON)
    return root


def _python(root: Path, script: str) -> Path:
    python = root / ".venv-bot" / "bin" / "python"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text(script)
    python.chmod(python.stat().st_mode | stat.S_IXUSR)
    return python


def _runs(root: Path) -> int:
    return len((root / "runs").read_text().splitlines())


def test_it_trains_once(root: Path) -> None:
    assert not training.is_trained(root)
    assert training.train_if_changed(root)
    assert training.is_trained(root)
    assert not training.train_if_changed(root)
    assert _runs(root) == 1


@pytest.mark.parametrize(
    "name",
    [
        "config.yml",
        "bot/data/rules/found.yml",
        "bot/domain/replies.yml",
        "bot/components/found.py",
        "var/models/current",
    ],
)
def test_it_trains_again_when_a_part_changed(root: Path, name: str) -> None:
    training.train_if_changed(root)
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if name.startswith("var"):
        (path.parent / "other").mkdir()
        (path.parent / "other" / "recipe.json").write_text("{}")
        path.write_text("other\n")
    else:
        path.write_text(path.read_text() + "\n# changed\n")
    assert not training.is_trained(root)
    assert training.train_if_changed(root)
    assert _runs(root) == 2


def test_it_trains_again_when_the_model_is_gone(root: Path) -> None:
    training.train_if_changed(root)
    (root / "var" / "assistant" / "front-desk.tar.gz").unlink()
    assert training.train_if_changed(root)


def test_force_trains_what_is_current(root: Path) -> None:
    training.train_if_changed(root)
    assert training.train_if_changed(root, force=True)


def test_a_failed_training_says_why_and_leaves_the_old_model(root: Path) -> None:
    training.train_if_changed(root)
    rules = root / "bot" / "data" / "rules" / "found.yml"
    rules.write_text("broken")
    _python(root, "#!/bin/sh\necho 'found.yml: no such intent' >&2\nexit 1\n")
    with pytest.raises(training.TrainingFailed, match="no such intent"):
        training.train_if_changed(root)
    assert (root / "var" / "assistant" / "front-desk.tar.gz").read_text() == "trained\n"
    assert not training.is_trained(root)
