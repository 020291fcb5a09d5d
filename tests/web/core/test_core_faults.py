"""The server is killed while patients write: nothing acknowledged is lost, doubled or unanswered.

Rule: the real gunicorn on a real database; only Rasa is a fake.
"""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import tomllib
import uuid
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.conftest import ROOT, write_articles
from tests.fakes import FakeRasa

pytestmark = pytest.mark.faults

KILLS = 8
WRITERS = 4


class Server:
    """gunicorn as it is started live, on a `var` of its own; `kill` takes all of it at once."""

    def __init__(self, folder: Path, rasa_url: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        toml = tomllib.loads((ROOT / "clinic.toml").read_text(encoding="utf-8"))
        limits = {name: 1_000_000 for name in toml["limits"] if "_per_" in name}
        self.environment = {
            **os.environ,
            "CLINIC_VAR": str(folder / "var"),
            "CLINIC_ARTICLES": str(write_articles(folder / "articles")),
            "CLINIC_MODELS": str(folder / "no-models"),
            "CLINIC_RASA_URL": rasa_url,
            "CLINIC_PORT": str(self.port),
            **{f"CLINIC_LIMITS__{name.upper()}": str(value) for name, value in limits.items()},
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "gunicorn", "-c", "web/gunicorn.py", "web:create_app()"]
        with (self.folder / "web.log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait(self, within_s: float = 60.0) -> None:
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            try:
                if requests.get(f"{self.url}/readyz", timeout=2).ok:
                    return
            except requests.RequestException:
                time.sleep(0.1)
        raise AssertionError((self.folder / "web.log").read_text()[-3000:])

    def kill(self) -> None:
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> float:
        """Ask it to end, as a service manager does. Returns the seconds it took."""
        assert self.process is not None
        started = time.monotonic()
        self.process.terminate()
        self.process.wait(30)
        return time.monotonic() - started


class Writer(threading.Thread):
    """A patient who writes one message after the other, each again until it is acknowledged."""

    def __init__(self, url: str) -> None:
        super().__init__()
        agreed = {"privacy_version": "1"}
        begun = requests.post(f"{url}/api/v1/conversations", json=agreed, timeout=10).json()
        self.path = f"{url}/api/v1/conversations/{begun['id']}"
        self.headers = {"Authorization": f"Bearer {begun['token']}"}
        self.acknowledged: dict[str, int] = {}
        self.stopping = threading.Event()

    def run(self) -> None:
        while not self.stopping.is_set():
            client_id = uuid.uuid4().hex
            while (n := self.post(client_id)) is None:
                time.sleep(0.05)
            self.acknowledged[client_id] = n
            time.sleep(random.uniform(0, 0.03))

    def post(self, client_id: str) -> int | None:
        body = {"client_id": client_id, "text": f"where do I park {client_id}"}
        try:
            answer = requests.post(
                f"{self.path}/messages", json=body, headers=self.headers, timeout=10
            )
        except requests.RequestException:
            return None
        return int(answer.json()["n"]) if answer.status_code == 202 else None

    def log(self) -> dict[str, Any]:
        found: dict[str, Any] = requests.get(
            f"{self.path}/log", headers=self.headers, timeout=10
        ).json()
        return found


def test_killed_again_and_again_it_loses_doubles_and_forgets_nothing(
    tmp_path: Path, rasa: FakeRasa
) -> None:
    rasa.delay_s = 0.02
    server = Server(tmp_path, rasa.url)
    server.start()
    server.wait()
    writers = [Writer(server.url) for _ in range(WRITERS)]
    try:
        for writer in writers:
            writer.start()
        for _ in range(KILLS):
            time.sleep(random.uniform(0.3, 1.2))
            server.kill()
            server.start()
            server.wait()
        for writer in writers:
            writer.stopping.set()
            writer.join(30)
        for writer in writers:
            check(writer)
    finally:
        for writer in writers:
            writer.stopping.set()
        server.kill()


def check(writer: Writer) -> None:
    deadline = time.monotonic() + 60
    while writer.log()["state"]["working"]:
        assert time.monotonic() < deadline, "turns were left without a reply"
        time.sleep(0.2)
    rows = writer.log()["messages"]
    assert [row["n"] for row in rows] == list(range(1, len(rows) + 1)), "in order, without gaps"
    kept = [row["client_id"] for row in rows if row["author"] == "patient"]
    assert len(kept) == len(set(kept)), "doubled"
    assert set(kept) == set(writer.acknowledged), "lost"
    assert {row["client_id"]: row["n"] for row in rows if row["author"] == "patient"} == (
        writer.acknowledged
    )
    replies = sum(row["author"] == "bot" for row in rows)
    assert replies >= len(kept), "each turn has its reply"


def test_it_stops_soon_with_streams_open(tmp_path: Path, rasa: FakeRasa) -> None:
    server = Server(tmp_path, rasa.url)
    server.start()
    server.wait()
    writer = Writer(server.url)
    with requests.get(
        f"{writer.path}/stream", headers=writer.headers, stream=True, timeout=20
    ) as stream:
        assert next(stream.iter_content(64))
        assert server.stop() < 6.0
