"""A patient's side of the chat API, with the time each event arrived."""

from __future__ import annotations

import contextlib
import http.client
import json
import queue
import socket
import threading
import time
import uuid
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests

TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Arrived:
    """One event of the stream; `at`: time.monotonic() when its last line was read."""

    event: str
    data: dict[str, Any]
    at: float


class Patient:
    """One conversation with its stream open, as the panel has it."""

    def __init__(self, url: str, lang: str = "en") -> None:
        self._api = f"{url}/api/v1/conversations"
        self._session = requests.Session()
        clinic = self._session.get(f"{url}/api/v1/clinic", timeout=TIMEOUT_S).json()
        agreed = {"lang": lang, "privacy_version": clinic["privacy"]["version"]}
        started = self._session.post(self._api, json=agreed, timeout=TIMEOUT_S)
        started.raise_for_status()
        self.id = str(started.json()["id"])
        self._session.headers["Authorization"] = f"Bearer {started.json()['token']}"
        self._events: queue.Queue[Arrived] = queue.Queue()
        self._is_open = threading.Event()
        self._path = f"{urlsplit(self._api).path}/{self.id}"
        self._listening = http.client.HTTPConnection(urlsplit(url).netloc, timeout=TIMEOUT_S)
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()
        if not self._is_open.wait(TIMEOUT_S):
            raise TimeoutError("the stream did not open")

    def post(self, text: str) -> float:
        """Post a message; return the time.monotonic() just before it was sent."""
        sent = time.monotonic()
        body = {"client_id": str(uuid.uuid4()), "text": text}
        answer = self._session.post(f"{self._api}/{self.id}/messages", json=body, timeout=TIMEOUT_S)
        answer.raise_for_status()
        return sent

    def ask_for_a_person(self) -> None:
        answer = self._session.post(f"{self._api}/{self.id}/handoff", json={}, timeout=TIMEOUT_S)
        answer.raise_for_status()

    def next_from(self, author: str) -> Arrived:
        """Wait for the next message of `author`, passing over the others."""
        while True:
            arrived = self._events.get(timeout=TIMEOUT_S)
            if arrived.event == "message" and arrived.data["author"] == author:
                return arrived

    def forget_what_came(self) -> None:
        while not self._events.empty():
            self._events.get_nowait()

    def close(self) -> None:
        # Closing would wait for the reader's next line; a shut-down socket ends its reading.
        with contextlib.suppress(OSError):
            self._listening.sock.shutdown(socket.SHUT_RDWR)
        self._reader.join(TIMEOUT_S)
        self._session.close()

    def _listen(self) -> None:
        headers = {"Authorization": str(self._session.headers["Authorization"])}
        self._listening.request("GET", f"{self._path}/stream", headers=headers)
        stream = self._listening.getresponse()
        self._is_open.set()
        event, data = "message", b""
        # Line by line: byte by byte, this client takes longer than the product.
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            while line := stream.readline():
                if line.startswith(b"event:"):
                    event = line[6:].strip().decode()
                elif line.startswith(b"data:"):
                    data = line[5:].strip()
                elif line == b"\n" and data:
                    self._events.put(Arrived(event, json.loads(data), time.monotonic()))
                    event, data = "message", b""
        stream.close()
        self._listening.close()
