"""Makes `.venv` (web, search) and `.venv-bot` (Rasa), and keeps them true to their requirements.

One environment cannot hold both: Rasa 3.6 needs Python 3.10, numpy 1 and SQLAlchemy 1.4.
"""

from __future__ import annotations

import hashlib
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from launch.places import BOT_ENVIRONMENT, ROOT, WEB_ENVIRONMENT
from launch.progress import run_step
from launch.pythons import find_bot_python, find_web_python

TORCH = "torch==2.13.0"
# Plain torch on Linux brings several GB of CUDA packages; PyTorch's own index has the CPU build.
TORCH_CPU = "torch==2.13.0+cpu"
TORCH_CPU_INDEX = "https://download.pytorch.org/whl/cpu"
NETWORK_MEND = (
    "check the network connection and the free disk space (6 GB), then start again: "
    "it goes on where it was"
)


@dataclass(frozen=True)
class Environment:
    """One folder of packages. `cost`: what it holds, in words for the operator."""

    title: str
    folder: Path
    requirements: tuple[Path, ...]
    cost: str
    find_python: Callable[[], str]
    needs_torch: bool = False

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def is_current(self) -> bool:
        return self.python.exists() and _read(self._stamp) == self._wanted()

    def make(self) -> None:
        if self.is_current():
            return
        if not self.python.exists():
            make = [self.find_python(), "-m", "venv", "--clear", str(self.folder)]
            run_step(f"{self.title} environment", make, mend=NETWORK_MEND)
        if self.needs_torch:
            _install_torch(self)
        wanted = [part for path in self.requirements for part in ("-r", str(path))]
        _pip_install(f"{self.title} packages", self, wanted)
        self._stamp.write_text(self._wanted())

    @property
    def _stamp(self) -> Path:
        return self.folder / f"{self.title.lower()}-requirements.sha256"

    def _wanted(self) -> str:
        constraints = ROOT / "constraints.txt"
        texts = b"".join(path.read_bytes() for path in (*self.requirements, constraints))
        return hashlib.sha256(texts).hexdigest()


WEB = Environment(
    title="Web",
    folder=WEB_ENVIRONMENT,
    requirements=(ROOT / "requirements.txt",),
    cost="Flask, FAISS and the sentence model",
    find_python=find_web_python,
    needs_torch=True,
)
TESTS = Environment(
    title="Tests",
    folder=WEB_ENVIRONMENT,
    requirements=(ROOT / "tests" / "requirements.txt",),
    cost="pytest, Playwright, ruff and mypy",
    find_python=find_web_python,
)
BOT = Environment(
    title="Assistant",
    folder=BOT_ENVIRONMENT,
    requirements=(ROOT / "bot" / "requirements.txt",),
    cost="Rasa 3.6 and TensorFlow",
    find_python=find_bot_python,
)


def _install_torch(environment: Environment) -> None:
    title = f"{environment.title} PyTorch"
    if sys.platform == "linux" and not Path("/proc/driver/nvidia").exists():
        _pip_install(title, environment, ["--extra-index-url", TORCH_CPU_INDEX, TORCH_CPU])
    else:
        _pip_install(title, environment, [TORCH])


def _pip_install(title: str, environment: Environment, wanted: list[str]) -> None:
    command = [str(environment.python), "-m", "pip", "install", "--disable-pip-version-check"]
    command += ["--progress-bar", "off", "--retries", "2", "--timeout", "30", *wanted]
    run_step(title, command, mend=NETWORK_MEND, say=_pip_says)


def _pip_says(line: str) -> str | None:
    """Turn pip's own lines into short ones.

    _pip_says("Downloading nh3-0.3.8-cp38.whl (0.8 MB)") → "downloading nh3 (0.8 MB)"
    """
    download = re.match(r"Downloading (?:.*/)?([A-Za-z0-9_.]+?)-\d\S* \((.+)\)", line)
    if download:
        return f"downloading {download[1]} ({download[2]})"
    if line.startswith("Installing collected packages"):
        return f"installing {line.count(',') + 1} packages"
    return None


def _read(path: Path) -> str | None:
    try:
        return path.read_text()
    except OSError:
        return None
