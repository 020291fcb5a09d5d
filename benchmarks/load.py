"""Load on one host: open chats, agents, messages; with and without the assistant; and floors.

`./clinic bench load` at a quarter of the size, `--full` at 1,000 chats, 50 agents, 20 messages/s,
and 100 re-indexes under 50 questions/s.
Delivery is from the post to the row on the patient's own stream. Floors, in the same run: an empty
Flask route, and Rasa's bare REST channel where there is a trained assistant.
"""

from __future__ import annotations

import contextlib
import os
import queue
import resource
import selectors
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from benchmarks import faults_articles
from benchmarks.hosts import Host
from benchmarks.product import ROOT, free_port
from benchmarks.report import keep, quantiles_ms
from launch.places import ASSISTANT, BOT_PYTHON, offline_environment
from tests.fakes import FakeRasa

QUESTIONS = ("Where do I park?", "How do I pay my bill?", "Can I see my test results online?")
READY_WITHIN_S = 150.0
OPENS_WITHIN_S = 90.0
DELIVERY_GOAL_MS = 250.0
MEMORY_GOAL_MB = 768.0
RATES = {"steady": 5.0, "peak": 15.0, "more": 25.0, "much": 32.0, "most": 40.0}
EMPTY_ROUTE = (
    "from flask import Flask\napp = Flask(__name__)\n@app.get('/')\ndef empty():\n    return ''\n"
)


@dataclass(frozen=True)
class Size:
    chats: int
    agents: int
    rate: float
    seconds: float


SMALL = Size(chats=250, agents=12, rate=5.0, seconds=20.0)
FULL = Size(chats=1000, agents=50, rate=20.0, seconds=60.0)


@dataclass
class Chat:
    id: str
    headers: dict[str, str]
    socket: socket.socket
    waits_for: dict[str, float] = field(default_factory=dict)
    asked_at: float = 0.0


class Crowd:
    """Many open panels read by one thread; their posts go out from a few."""

    def __init__(self, url: str, chats: int) -> None:
        self.url = url
        self.delivered: list[float] = []
        self.answered: list[float] = []
        self.failed: list[str] = []
        self.refused = 0  # chats that were opened only later
        self._waiting = selectors.DefaultSelector()
        with ThreadPoolExecutor(16) as pool:
            self.chats = list(pool.map(lambda _: self._open(), range(chats)))
        for chat in self.chats:
            self._waiting.register(chat.socket, selectors.EVENT_READ, chat)
        self._stopping = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self._local = threading.local()

    def close(self) -> None:
        self._stopping.set()
        self._reader.join()
        for chat in self.chats:
            chat.socket.close()

    def post_at(self, rate: float, seconds: float) -> int:
        """Post at a steady rate, whatever the answers do. Returns how many."""
        began, number = time.monotonic(), 0
        with ThreadPoolExecutor(32) as pool:
            while time.monotonic() - began < seconds:
                pool.submit(self._post, self.chats[number % len(self.chats)], number)
                number += 1
                time.sleep(max(0.0, began + number / rate - time.monotonic()))
        return number

    def lost(self, within_s: float = 10.0) -> int:
        """Wait for what is on its way; return how many rows never came."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline and any(chat.waits_for for chat in self.chats):
            time.sleep(0.1)
        return sum(len(chat.waits_for) for chat in self.chats)

    def _open(self) -> Chat:
        begun = self._begin()
        headers = {"Authorization": f"Bearer {begun['token']}"}
        place = urlsplit(self.url)
        stream = socket.create_connection((place.hostname, place.port), timeout=30)
        lines = [
            f"GET /api/v1/conversations/{begun['id']}/stream HTTP/1.1",
            f"Host: {place.netloc}",
        ]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        stream.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return Chat(begun["id"], headers, stream)

    def _begin(self) -> dict[str, str]:
        """Open a chat; where the host is too busy, again, as the panel does."""
        deadline = time.monotonic() + OPENS_WITHIN_S
        while time.monotonic() < deadline:
            agreed = {"privacy_version": "1"}
            answer = requests.post(f"{self.url}/api/v1/conversations", json=agreed, timeout=30)
            if answer.status_code == 201:
                return dict(answer.json())
            self.refused += 1
            time.sleep(1)
        raise RuntimeError(f"no chat could be opened: {answer.status_code} {answer.text[:200]}")

    def _post(self, chat: Chat, number: int) -> None:
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
        client_id = uuid.uuid4().hex
        chat.waits_for[client_id] = chat.asked_at = time.monotonic()
        body = {"client_id": client_id, "text": QUESTIONS[number % len(QUESTIONS)]}
        path = f"{self.url}/api/v1/conversations/{chat.id}/messages"
        try:
            answer = self._local.session.post(path, json=body, headers=chat.headers, timeout=30)
            if answer.status_code != 202:
                self.failed.append(str(answer.status_code))
                chat.waits_for.pop(client_id, None)
        except requests.RequestException as error:
            self.failed.append(type(error).__name__)

    def _read(self) -> None:
        while not self._stopping.is_set():
            for key, _ in self._waiting.select(0.2):
                chat: Chat = key.data
                try:
                    piece = chat.socket.recv(65536)
                except OSError:
                    piece = b""
                if not piece:
                    self._waiting.unregister(chat.socket)
                    self.failed.append("stream ended")
                    continue
                self._take(chat, piece, time.monotonic())

    def _take(self, chat: Chat, piece: bytes, now: float) -> None:
        for client_id, sent in list(chat.waits_for.items()):
            if client_id.encode() in piece:
                self.delivered.append(now - sent)
                chat.waits_for.pop(client_id, None)
        if b'"author":"bot"' in piece and chat.asked_at:
            self.answered.append(now - chat.asked_at)
            chat.asked_at = 0.0


@contextmanager
def consoles(url: str, count: int, host: Host) -> Iterator[None]:
    """Agents' consoles: signed-in pages with their stream open, each on a thread that reads it."""
    command = [sys.executable, "-m", "web.cli", "staff", "add", "--role", "agent"]
    command += ["--name", "Ana", "--email", "ana@clinic.example"]
    made = subprocess.run(command, cwd=ROOT, env=host.environment, capture_output=True, text=True)
    password = made.stdout.split()[-1] if made.returncode == 0 else ""
    session = requests.Session()
    page = session.get(f"{url}/account/sign-in", timeout=10).text
    token = page.split('name="csrf_token"')[1].split('value="')[1].split('"')[0]
    form = {"email": "ana@clinic.example", "password": password, "csrf_token": token}
    session.post(f"{url}/account/sign-in", data=form, timeout=10)
    stopping = threading.Event()

    def watch() -> None:
        while not stopping.is_set():
            with contextlib.suppress(requests.RequestException):
                with session.get(f"{url}/console/stream", stream=True, timeout=70) as stream:
                    for _ in stream.iter_content(None):
                        if stopping.is_set():
                            return
                if not stopping.is_set():
                    time.sleep(1)

    for _ in range(count):
        threading.Thread(target=watch, daemon=True).start()
    yield
    stopping.set()


def resident_mb(host: Host) -> float:
    return round(host.figures()["front_desk_memory_bytes"] / 1e6, 1)


def run(arguments: list[str]) -> int:
    """Return 0 when delivery, memory and losses are within their goals. arguments: --full."""
    size = FULL if "--full" in arguments else SMALL
    _allow_many_files()
    figures: dict[str, Any] = {"size": vars(size), "floors": {}}
    figures["floors"]["empty_flask_route"] = empty_route()
    with tempfile.TemporaryDirectory(prefix="front-desk-load-") as folder:
        figures["without_bot"] = without_bot(Path(folder) / "a", size)
        figures["reindexes"] = reindexed(Path(folder) / "c", 100 if size is FULL else 10)
        if ASSISTANT.exists() and BOT_PYTHON.exists():
            with real_rasa() as url:
                figures["floors"]["bare_rasa"] = bare_rasa(url)
                figures["with_bot"] = with_bot(Path(folder) / "b", url, size)
    for name, row in figures.items():
        print(f"{name}: {row}", flush=True)
    print(f"kept in {keep('load', figures)}")
    first = figures["without_bot"]
    good = first["delivery"]["p95_ms"] <= DELIVERY_GOAL_MS and first["memory_mb"] <= MEMORY_GOAL_MB
    return 0 if good and not first["lost"] and not first["failed"] else 1


def without_bot(folder: Path, size: Size) -> dict[str, Any]:
    """A fake Rasa that answers at once: what the web process itself carries."""
    rasa = FakeRasa()
    host = Host(folder, rasa.url, models=ROOT / "var" / "models")
    try:
        host.start()
        host.wait()
        crowd = Crowd(host.url, size.chats)
        with consoles(host.url, size.agents, host):
            sent = crowd.post_at(size.rate, size.seconds)
            lost = crowd.lost()
            now = host.figures()
            memory = resident_mb(host)
        crowd.close()
        return {
            "chats": size.chats,
            "agents": size.agents,
            "sent": sent,
            "rate_per_s": size.rate,
            "delivery": quantiles_ms(crowd.delivered),
            "answer": quantiles_ms(crowd.answered),
            "lost": lost,
            "failed": len(crowd.failed),
            "streams_open": now["front_desk_streams_open"],
            "memory_mb": memory,
            "open_files": now["front_desk_open_files"],
        }
    finally:
        host.end()
        rasa.go_down()


def with_bot(folder: Path, rasa_url: str, size: Size) -> dict[str, Any]:
    """The real assistant: steady, at the peak, and the highest rate at which no queue grows."""
    host = Host(folder, rasa_url, models=ROOT / "var" / "models")
    try:
        host.start()
        host.wait()
        rows: dict[str, dict[str, Any]] = {}
        for name, rate in RATES.items():
            crowd = Crowd(host.url, 100)
            began = time.monotonic()
            sent = crowd.post_at(rate, min(size.seconds, 20.0))
            took = time.monotonic() - began
            waiting = host.figures()['front_desk_turns_open{is="waiting"}']
            lost = crowd.lost(30.0)
            crowd.close()
            rows[name] = {
                "rate_per_s": round(sent / took, 1),
                "answer": quantiles_ms(crowd.answered or [0.0]),
                "left_waiting": waiting,
                "lost": lost,
                "failed": len(crowd.failed),
            }
            _settle(host)
        held = [row["rate_per_s"] for row in rows.values() if row["left_waiting"] <= 5]
        return {**rows, "highest_rate_held_per_s": max(held, default=0.0)}
    finally:
        host.end()


def reindexed(folder: Path, times: int) -> dict[str, Any]:
    """50 questions a second while the index is built again and again; the figure, good or bad."""
    folder.mkdir()
    try:
        return asdict(faults_articles.reindexes(times, folder))
    except AssertionError as missed:
        return {"size": times, "missed": str(missed)}


def _settle(host: Host) -> None:
    deadline = time.monotonic() + 60
    while host.figures()['front_desk_turns_open{is="waiting"}'] and time.monotonic() < deadline:
        time.sleep(0.5)


# Floors ------------------------------------------------------------------------------------------


def empty_route() -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "empty.py").write_text(EMPTY_ROUTE)
        port = free_port()
        command = [sys.executable, "-m", "gunicorn", "-b", f"127.0.0.1:{port}", "-k", "gthread"]
        command += ["--threads", "8", "--no-control-socket", "empty:app"]
        with open(os.devnull, "wb") as nothing:
            process = subprocess.Popen(command, cwd=folder, stdout=nothing, stderr=nothing)
        try:
            return _timed(lambda session: session.get(f"http://127.0.0.1:{port}/", timeout=5))
        finally:
            process.terminate()
            process.wait(10)


def bare_rasa(url: str) -> dict[str, float]:
    body = {"message": "/greet", "metadata": {"kb": "none", "misses": 0, "lang": "en"}}
    path, sender = f"{url}/webhooks/rest/webhook", iter(range(10**9))
    return _timed(
        lambda session: session.post(
            path, json={**body, "sender": f"floor-{next(sender)}"}, timeout=10
        )
    )


def _timed(
    act: Callable[[requests.Session], requests.Response], times: int = 100
) -> dict[str, float]:
    session = requests.Session()
    deadline = time.monotonic() + READY_WITHIN_S
    while True:
        try:
            act(session)
            break
        except requests.RequestException:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
    took = queue.SimpleQueue[float]()
    for _ in range(times):
        started = time.monotonic()
        act(session)
        took.put(time.monotonic() - started)
    return quantiles_ms([took.get() for _ in range(times)])


@contextmanager
def real_rasa() -> Iterator[str]:
    port = free_port()
    command = [str(BOT_PYTHON), "-m", "rasa", "run", "-i", "127.0.0.1", "-p", str(port)]
    command += ["--model", str(ASSISTANT), "--endpoints", "bot/endpoints.yml"]
    command += ["--credentials", "bot/credentials.yml"]
    with open(os.devnull, "wb") as nothing:
        process = subprocess.Popen(
            command, cwd=ROOT, env=offline_environment(), stdout=nothing, stderr=nothing
        )
    url, deadline = f"http://127.0.0.1:{port}", time.monotonic() + READY_WITHIN_S
    try:
        while time.monotonic() < deadline:
            with contextlib.suppress(requests.RequestException):
                if requests.get(f"{url}/webhooks/rest/", timeout=1).ok:
                    break
            time.sleep(0.5)
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _allow_many_files() -> None:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
