"""Stand-ins for the slow and the outside, as real as they can be.

Rule: a fake answers over the same interface as the real thing, and a test holds it to the real one
(tests/web/core/test_core_fakes.py). It never knows which test is running.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import deque
from collections.abc import Sequence
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from numpy.typing import NDArray

DIMENSIONS = 384


class FakeEncoder:
    """Each word has a direction of its own; a text is the sum of its words, of length 1."""

    recipe = "fake-words-384"

    def __init__(self) -> None:
        self.encoded: list[str] = []

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.encoded += texts
        vectors = [_vector(text) for text in texts]
        return np.array(vectors, dtype=np.float32).reshape(len(texts), DIMENSIONS)


def _vector(text: str) -> NDArray[np.float32]:
    words = "".join(sign if sign.isalnum() else " " for sign in text.casefold()).split() or [""]
    total = np.sum([_direction(word) for word in words], axis=0)
    return np.asarray(total / np.linalg.norm(total), dtype=np.float32)


def _direction(word: str) -> NDArray[np.float32]:
    seed = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest())
    return np.random.default_rng(seed).standard_normal(DIMENSIONS).astype(np.float32)


class Mood(StrEnum):
    """What can be wrong with Rasa. DOWN is made by `FakeRasa.go_down()`."""

    STATUS_500 = "500"
    SLOW = "slow"
    HUNG = "hung"
    EMPTY = "empty"
    GARBAGE = "garbage"
    DRIP = "drip"
    DRIP_HEADERS = "drip_headers"
    DRIP_THEN_HUNG = "drip_then_hung"
    UNKNOWN_KIND = "unknown_kind"
    HUGE = "huge"


class FakeRasa:
    """Rasa's REST channel as a real local HTTP server.

    Answers as our rules do, from `kb` and `misses`, unless told otherwise: `say(items)` scripts the
    next reply, `mood` spoils all of them. `heard` holds the requests, oldest first.
    """

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.mood: Mood | None = None
        self.heard: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.delay_s = 0.0
        self._scripted: deque[list[dict[str, Any]]] = deque()
        self._closing = threading.Event()
        self._server = _Server((address, 0), _Handler)
        self._server.rasa = self
        self.url = f"http://{address}:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def say(self, *items: dict[str, Any]) -> None:
        self._scripted.append(list(items))

    def go_down(self) -> None:
        """Stop listening, as a killed process does. Cannot be undone."""
        if not self._closing.is_set():
            self._closing.set()
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    def reply_to(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        self.heard.append(request)
        time.sleep(self.delay_s)
        return self._scripted.popleft() if self._scripted else by_our_rules(request)

    def wait(self, seconds: float) -> None:
        self._closing.wait(seconds)


def by_our_rules(request: dict[str, Any]) -> list[dict[str, Any]]:
    facts = request["metadata"]
    if request["message"] == "/choose" or facts["kb"] == "answer":
        return [{"custom": {"kind": "passages"}}]
    if facts["kb"] == "choices":
        return [{"custom": {"kind": "choices"}}]
    if facts["misses"] == 0 or facts["waiting"]:
        button = {"title": "Talk to a person", "payload": "I want to talk to a person"}
        return [{"text": "I could not find that. Call [[clinic.phone]].", "buttons": [button]}]
    handoff = {"custom": {"kind": "handoff", "reason": "failed_twice"}}
    return [{"text": "I could not find that either."}, handoff]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    rasa: FakeRasa

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that gave up is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self._answer(200, b'{"status": "ok"}')

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        rasa = self.server.rasa
        rasa.headers.append(dict(self.headers.items()))
        request = json.loads(body)
        if rasa.mood is None:
            self._answer(200, json.dumps(rasa.reply_to(request)).encode())
            return
        rasa.heard.append(request)
        getattr(self, f"_be_{rasa.mood.name.lower()}")()

    def _be_status_500(self) -> None:
        self._answer(500, b'{"status": "failure"}')

    def _be_slow(self) -> None:
        self.server.rasa.wait(4.5)
        self._answer(200, b'[{"text": "too late"}]')

    def _be_hung(self) -> None:
        self.server.rasa.wait(30)
        self.close_connection = True

    def _be_empty(self) -> None:
        self._answer(200, b"[]")

    def _be_garbage(self) -> None:
        self._answer(200, b"<html>not what was agreed</html>\xff")

    def _be_unknown_kind(self) -> None:
        self._answer(200, b'[{"custom": {"kind": "dance"}}]')

    def _be_huge(self) -> None:
        self._answer(200, json.dumps([{"text": "a" * 3_000_000}]).encode())

    def _be_drip(self) -> None:
        """A byte now and then: no single read ever takes long."""
        self._begin(200, 1000)
        self._drip(b'[{"text": "' + b"a" * 900)

    def _be_drip_headers(self) -> None:
        self._drip(b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 900)

    def _be_drip_then_hung(self) -> None:
        self._begin(200, 1000)
        self._drip(b'[{"t')
        self.server.rasa.wait(30)

    def _drip(self, content: bytes) -> None:
        for byte in content:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            self.server.rasa.wait(0.2)
            if self.server.rasa._closing.is_set():
                return

    def _answer(self, status: int, body: bytes) -> None:
        self._begin(status, len(body))
        self.wfile.write(body)

    def _begin(self, status: int, length: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Keep quiet."""
