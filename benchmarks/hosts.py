"""One host's web process as it is started live, for faults: real gunicorn, database and kill.

Only Rasa may be a fake one: it is started in moods that the real one cannot be asked for.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
import tomllib
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests

from benchmarks.product import ROOT, free_port

WRITE_EVERY_S = 0.03


class Host:
    """gunicorn on a `var` of its own; `kill` takes all of it at once.

    database: an URL, where it is not the SQLite file in `var`. before: what the command is run
    with, e.g. `ip netns exec one`. models: the sentence model; none where words are enough.
    """

    def __init__(
        self,
        folder: Path,
        rasa_url: str,
        *,
        address: str = "127.0.0.1",
        database: str | None = None,
        before: tuple[str, ...] = (),
        models: Path | None = None,
        settings: dict[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"http://{address}:{self.port}"
        self.var = folder / "var"
        self.articles = folder / "articles"
        self.before = before
        folder.mkdir(parents=True, exist_ok=True)
        if not self.articles.exists():
            shutil.copytree(ROOT / "kb_articles", self.articles)
        toml = tomllib.loads((ROOT / "clinic.toml").read_text(encoding="utf-8"))
        limits = {name: "1000000" for name in toml["limits"] if "_per_" in name}
        self.environment = {
            **os.environ,
            "CLINIC_VAR": str(self.var),
            "CLINIC_ARTICLES": str(self.articles),
            "CLINIC_MODELS": str(models or folder / "no-models"),
            "CLINIC_RASA_URL": rasa_url,
            "CLINIC_HOST": address,
            "CLINIC_PORT": str(self.port),
            "CLINIC_METRICS_TOKEN": "bench",
            "OMP_NUM_THREADS": "1",
            **{f"CLINIC_LIMITS__{name.upper()}": value for name, value in limits.items()},
            **(settings or {}),
        }
        if database:
            self.environment["CLINIC_DATABASE_URL"] = database
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "gunicorn", "-c", "web/gunicorn.py", "web:create_app()"]
        with (self.folder / "web.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self.before, *command],
                cwd=ROOT,
                env=self.environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait(self, within_s: float = 300.0) -> None:
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            try:
                if requests.get(f"{self.url}/readyz", timeout=2).ok:
                    return
            except requests.RequestException:
                time.sleep(0.05)
        raise AssertionError(self.log()[-3000:])

    def log(self) -> str:
        return (self.folder / "web.log").read_text(errors="replace")

    def kill(self) -> None:
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def is_gone(self) -> bool:
        return self.process is not None and self.process.poll() == -signal.SIGKILL

    def stop(self) -> float:
        """Ask it to end, as a service manager does. Returns the seconds it took."""
        assert self.process is not None
        started = time.monotonic()
        self.process.terminate()
        self.process.wait(30)
        return time.monotonic() - started

    def end(self) -> None:
        """Leave nothing behind, whatever state it is in."""
        if self.process is not None and self.process.poll() is None:
            self.kill()

    def figures(self) -> dict[str, float]:
        token = {"Authorization": "Bearer bench"}
        text = requests.get(f"{self.url}/metrics", headers=token, timeout=10).text
        rows = (line.rpartition(" ") for line in text.splitlines() if line and line[0] != "#")
        return {name: float(value) for name, _, value in rows}


def insisting(send: Callable[[], requests.Response], tries: int = 20) -> requests.Response:
    """Send again what a busy host refused, as the panel does: this machine may be slow."""
    answer = send()
    while answer.status_code == 503 and tries > 1:
        time.sleep(0.5)
        answer, tries = send(), tries - 1
    return answer


class Writer(threading.Thread):
    """A patient who writes one message after the other, each again until it is acknowledged.

    urls: of the hosts; the next one is tried when one does not answer.
    """

    def __init__(self, *urls: str) -> None:
        super().__init__(daemon=True)
        self.urls = list(urls)
        agreed = {"privacy_version": "1"}
        url = f"{urls[0]}/api/v1/conversations"
        begun = insisting(lambda: requests.post(url, json=agreed, timeout=10)).json()
        self.id = str(begun["id"])
        self.headers = {"Authorization": f"Bearer {begun['token']}"}
        self.acknowledged: dict[str, int] = {}
        self.refused: dict[int, int] = {}
        self.stopping = threading.Event()

    @property
    def path(self) -> str:
        return f"{self.urls[0]}/api/v1/conversations/{self.id}"

    def run(self) -> None:
        while not self.stopping.is_set():
            client_id = uuid.uuid4().hex
            while (n := self.post(client_id)) is None:
                self.urls.append(self.urls.pop(0))
                time.sleep(0.05)
            self.acknowledged[client_id] = n
            time.sleep(random.uniform(0, WRITE_EVERY_S))

    def post(self, client_id: str) -> int | None:
        body = {"client_id": client_id, "text": f"where do I park {client_id}"}
        try:
            answer = requests.post(
                f"{self.path}/messages", json=body, headers=self.headers, timeout=10
            )
        except requests.RequestException:
            return None
        if answer.status_code != 202:
            self.refused[answer.status_code] = self.refused.get(answer.status_code, 0) + 1
            return None
        return int(answer.json()["n"])

    def post_until_taken(self, client_id: str) -> int:
        """Post again after a 503, as the panel does."""
        for _ in range(20):
            if (n := self.post(client_id)) is not None:
                return n
            time.sleep(0.5)
        raise AssertionError(f"never acknowledged; refused: {self.refused}")

    def log(self, after: int = 0) -> dict[str, Any]:
        url = f"{self.path}/log?after={after}"
        answer = insisting(lambda: requests.get(url, headers=self.headers, timeout=10))
        return dict(answer.json())

    def whole_log(self) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        while more := self.log(rows[-1]["n"] if rows else 0)["messages"]:
            rows += more
        return rows

    def wait_until_answered(self, within_s: float = 60.0) -> None:
        deadline = time.monotonic() + within_s
        while self.log(10**9)["state"]["working"]:
            if time.monotonic() > deadline:
                raise AssertionError("turns were left without a reply")
            time.sleep(0.2)


def check(writer: Writer) -> int:
    """Hold the log against what was acknowledged. Returns how many messages there were."""
    writer.wait_until_answered()
    rows = writer.whole_log()
    assert [row["n"] for row in rows] == list(range(1, len(rows) + 1)), "in order, without gaps"
    kept = [row["client_id"] for row in rows if row["author"] == "patient"]
    assert len(kept) == len(set(kept)), "doubled"
    assert set(writer.acknowledged) <= set(kept), "lost"
    numbers = {row["client_id"]: row["n"] for row in rows if row["author"] == "patient"}
    assert all(numbers[key] == n for key, n in writer.acknowledged.items()), "another number"
    replies = sum(row["author"] == "bot" for row in rows)
    assert replies >= len(kept), "each turn has its reply"
    return len(kept)
