"""Starts the web process and the assistant, restarts what dies, stops all of it together.

Rule: a child never outlives the supervisor, and the assistant is never reachable from outside.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from launch.places import ASSISTANT, BOT_PYTHON, LOGS, ROOT, VAR, WEB_PYTHON, offline_environment
from launch.progress import StepFailed

STOP_WITHIN_S = 8.0
LONGEST_PAUSE_S = 30.0
STEADY_AFTER_S = 60.0  # a process that ran this long starts again at once
PR_SET_PDEATHSIG = 1


@dataclass
class Child:
    """One process of ours. `failures`: starts in a row that did not last."""

    name: str
    command: list[str]
    env: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    start_again_at: float = 0.0
    log: Path = field(init=False)

    def __post_init__(self) -> None:
        self.log = LOGS / f"{self.name}.log"

    def start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches only the supervisor: it stops the rest
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )
        self.started = time.monotonic()

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None


class Supervisor:
    """Keeps the two processes up until stop() or a signal."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self.rasa_port = _free_port(5005)
        self.children = [self._web(), self._assistant()]
        self._stopping = threading.Event()

    @property
    def url(self) -> str:
        return f"http://{'127.0.0.1' if self.host == '0.0.0.0' else self.host}:{self.port}"

    def run(self) -> None:
        """Start, say where to go, and stay until stopped."""
        if not _is_free(self.host, self.port):
            raise StepFailed(
                f"Port {self.port} on {self.host} is in use",
                f"stop what uses it, or choose another: ./clinic run --port {self.port + 1}",
            )
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        for child in self.children:
            child.start()
        self._note_processes()
        try:
            self._announce()
            while not self._stopping.wait(0.5):
                self._restart_the_dead()
        finally:
            self.stop()

    def stop(self) -> None:
        for child in self.children:
            if child.process and child.is_running():
                child.process.terminate()
        deadline = time.monotonic() + STOP_WITHIN_S
        for child in self.children:
            if child.process:
                _wait_or_kill(child.process, deadline)
        print("Stopped.", flush=True)

    def _announce(self) -> None:
        """Wait for the web process, then for the assistant, starting again what dies."""
        web_ready = assistant_ready = False
        while not self._stopping.wait(0.2) and not (web_ready and assistant_ready):
            self._restart_the_dead()
            state = _readiness(self.url)
            if state.get("ready") and not web_ready:
                web_ready = True
                self._say_where()
            if web_ready and state.get("rasa") == "ok" and state.get("index") == "ok":
                assistant_ready = True
                print("The assistant is ready. Ctrl-C stops everything.", flush=True)

    def _say_where(self) -> None:
        print(f"\n  Patient demo   {self.url}/demo")
        print(f"  Help pages     {self.url}/help")
        print(f"  Console        {self.url}/console")
        print(f"  Logs           {LOGS}\n")
        print(
            "Questions are answered from the articles. The assistant is loading (about 25 s) …",
            flush=True,
        )

    def _restart_the_dead(self) -> None:
        now = time.monotonic()
        for child in self.children:
            if child.is_running() or self._stopping.is_set():
                continue
            if child.start_again_at == 0.0:
                child.failures = 0 if now - child.started > STEADY_AFTER_S else child.failures + 1
                pause = min(2.0**child.failures / 2, LONGEST_PAUSE_S)
                child.start_again_at = now + pause
                code = child.process.returncode if child.process else None
                print(
                    f"{child.name} stopped (exit {code}); again in {pause:.0f} s. Log: {child.log}",
                    flush=True,
                )
            elif now >= child.start_again_at:
                child.start_again_at = 0.0
                child.start()
                self._note_processes()

    def _note_processes(self) -> None:
        """Write who runs where to var/processes.json, for the operator's own tools."""
        noted: dict[str, object] = {"web_url": self.url, "assistant_port": self.rasa_port}
        for child in self.children:
            noted[f"{child.name}_pid"] = child.process.pid if child.process else None
        (VAR / "processes.json").write_text(json.dumps(noted) + "\n")

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._stopping.set()

    def _web(self) -> Child:
        command = [str(WEB_PYTHON), "-m", "gunicorn", "--bind", f"{self.host}:{self.port}"]
        command += ["--config", "web/gunicorn.py", "web:create_app()"]
        env = {**offline_environment(), "CLINIC_RASA_URL": f"http://127.0.0.1:{self.rasa_port}"}
        return Child("web", command, env)

    def _assistant(self) -> Child:
        command = [
            str(BOT_PYTHON),
            "-m",
            "rasa",
            "run",
            "-i",
            "127.0.0.1",
            "-p",
            str(self.rasa_port),
        ]
        command += ["--model", str(ASSISTANT), "--endpoints", "bot/endpoints.yml"]
        command += ["--credentials", "bot/credentials.yml"]
        return Child("assistant", command, offline_environment())


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _wait_or_kill(process: subprocess.Popen[bytes], deadline: float) -> None:
    try:
        process.wait(timeout=max(0.1, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _readiness(url: str) -> dict[str, object]:
    """Return what /readyz says, ready or not; {} while nothing answers."""
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=2) as answer:
            return dict(json.load(answer))
    except urllib.error.HTTPError as error:
        return dict(json.loads(error.read() or b"{}"))
    except (OSError, ValueError):
        return {}


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _free_port(wanted: int) -> int:
    if _is_free("127.0.0.1", wanted):
        return wanted
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
