"""Starts the real product with `./clinic run` in a folder of its own, for tests and benchmarks."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).resolve().parent.parent
READY_WITHIN_S = 600.0  # half a minute, but where others work as well
ANSWER_WITHIN_S = 20.0
STOP_WITHIN_S = 30.0


class ProductNotReady(Exception):
    """The product did not start in time; the message holds the end of what it said."""


@dataclass(frozen=True)
class SignIn:
    email: str
    password: str


class Product:
    """One running product: web process and assistant on free ports, database and articles aside.

    `settings`: replacements in clinic.toml, text → text.
    """

    def __init__(self, folder: Path, settings: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.port = free_port()
        self.articles = folder / "articles"
        self.var = folder / "var"
        self._settings = settings or {}
        self._process: subprocess.Popen[bytes] | None = None
        self._said = folder / "said.txt"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Product:
        self.lay_out()
        self.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        env = {
            **os.environ,
            "CLINIC_VAR": str(self.var),
            "CLINIC_CONFIG": str(self.folder / "clinic.toml"),
            "CLINIC_ARTICLES": str(self.articles),
        }
        command = [sys.executable, str(ROOT / "clinic"), "run", "--port", str(self.port)]
        with self._said.open("ab") as said:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, stdout=said, stderr=said
            )
        try:
            self.wait_until_ready()
        except BaseException:
            self.stop()  # nobody else will: `with` does not leave what it could not enter
            raise

    def stop(self) -> None:
        if not self._process or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(timeout=STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()  # its web process and its assistant end with it
            self._process.wait()

    def said(self) -> str:
        """Return all that `./clinic run` has printed so far."""
        return (
            self._said.read_text(encoding="utf-8", errors="replace") if self._said.exists() else ""
        )

    def sign_in(self, role: str) -> SignIn:
        """Return the demo sign-in that was printed at first start for `role`."""
        found = re.search(
            rf"\b{role}\s+(\S+@\S+)\s+(\S+)\s*$", self.said(), re.MULTILINE | re.IGNORECASE
        )
        if not found:
            raise ProductNotReady(f"no demo sign-in for {role} in:\n{self.said()}")
        return SignIn(found[1], found[2])

    def processes(self) -> dict[str, object]:
        """Return the process ids and ports of the running parts, as `./clinic run` notes them."""
        return dict(json.loads((self.var / "processes.json").read_text()))

    def readiness(self) -> dict[str, object]:
        """Return what /readyz says; {} while nothing answers."""
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as error:
            with error:
                return dict(json.loads(error.read() or b"{}"))
        except (OSError, ValueError):
            return {}

    def wait_until_ready(self) -> None:
        """Wait for the web process and the assistant. Raises ProductNotReady."""
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            state = self.readiness()
            if state.get("ready") and state.get("index") == "ok" and state.get("rasa") == "ok":
                return
            if self._process and self._process.poll() is not None:
                break
            time.sleep(0.2)
        raise ProductNotReady(f"not ready, {self.readiness()}; it said:\n{self.said()[-3000:]}")

    def lay_out(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self.articles.exists():
            shutil.copytree(ROOT / "kb_articles", self.articles)
        settings = (ROOT / "clinic.toml").read_text(encoding="utf-8")
        for old, new in self._settings.items():
            if old not in settings:
                raise ValueError(f"clinic.toml has no {old!r}")
            settings = settings.replace(old, new)
        (self.folder / "clinic.toml").write_text(settings, encoding="utf-8")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
