"""What the assistant's tests share: the trained model, a real server, and its Python."""

from __future__ import annotations

import importlib.util
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import requests

ROOT = Path(__file__).resolve().parents[2]
VAR = ROOT / "var"
BOT_PYTHON = ROOT / ".venv-bot" / "bin" / "python"
HERE = Path(__file__).parent
READY_TIMEOUT_S = 180

Turn = dict[str, Any]


def load_training() -> ModuleType:
    """Return bot/training.py as the launcher runs it: nothing may import the package bot."""
    spec = importlib.util.spec_from_file_location("bot_training", ROOT / "bot" / "training.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def turn(message: str, **facts: object) -> Turn:
    """Return a turn as the web process posts it; unnamed facts are a quiet English one."""
    plain = {"kb": "none", "misses": 0, "lang": "en", "open": True, "waiting": False}
    return {"message": message, "metadata": {**plain, "vector": None, **facts}}


def rasa_run(
    *arguments: str, root: Path = ROOT, var: Path = VAR, **options: Any
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(BOT_PYTHON), *arguments],
        cwd=root,
        env=load_training().rasa_environment(root, var),
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
        **options,
    )


class Talker:
    """The trained model in one process that stays: starting it takes longer than 500 turns."""

    def __init__(self, root: Path = ROOT, var: Path = VAR) -> None:
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            [str(BOT_PYTHON), str(HERE / "talk_in_rasa.py"), str(var / "assistant")],
            cwd=root,
            env=load_training().rasa_environment(root, var),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )

    def hold(self, conversations: list[list[Turn]]) -> list[dict[str, Any]]:
        """Return what was said in each of them, and what is then kept."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(conversations) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, self._last_words()
        held: list[dict[str, Any]] = json.loads(answer)
        return held

    def close(self) -> None:
        self._process.communicate(timeout=20)
        self._errors.close()

    def _last_words(self) -> str:
        self._process.wait(20)
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace")[-2000:]


@pytest.fixture(scope="session")
def talker(trained: Path) -> Iterator[Talker]:
    running = Talker()
    yield running
    running.close()


@pytest.fixture(scope="session")
def trained() -> Path:
    """Return the folder of the trained assistant, trained by the rule the launcher uses."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "bot" / "training.py")],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return VAR / "assistant"


@dataclass
class Server:
    url: str
    log: Path
    process: subprocess.Popen[bytes] = field(repr=False)

    def say(self, said: Turn, sender: str = "pat.1") -> list[dict[str, Any]]:
        answer = self.post({"sender": sender, **said})
        items: list[dict[str, Any]] = answer.json()
        return items

    def post(self, body: object) -> requests.Response:
        return requests.post(f"{self.url}/webhooks/rest/webhook", json=body, timeout=20)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(20)


@pytest.fixture(scope="session")
def server(trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Start `rasa run` as the launcher does, but speaking of everything it does (--debug)."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("rasa") / "rasa.log"
    command = [
        *(str(BOT_PYTHON), "-m", "rasa", "run", "--debug", "-i", "127.0.0.1", "-p", str(port)),
        *("--model", str(trained), "--endpoints", "bot/endpoints.yml"),
        *("--credentials", "bot/credentials.yml"),
    ]
    environment = load_training().rasa_environment(ROOT, VAR)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    running = Server(f"http://127.0.0.1:{port}", log, process)
    try:
        _wait_until_ready(running)
        yield running
    finally:
        running.stop()


def _wait_until_ready(running: Server) -> None:
    give_up_at = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < give_up_at:
        assert running.process.poll() is None, running.log.read_text()[-2000:]
        try:
            requests.get(running.url, timeout=2)
        except requests.RequestException:
            time.sleep(0.3)
        else:
            return
    raise AssertionError("rasa run did not become ready")
