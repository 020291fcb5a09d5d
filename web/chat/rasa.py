"""The one request of a turn to Rasa.

Rule: `ask` ends within its deadline whatever Rasa does, also when the answer drips in byte by byte,
and gives back items that are what the contract says, or raises RasaUnavailable. It sends masked
text and an opaque id, and keeps nothing.
"""

from __future__ import annotations

import contextlib
import json
import re
import select
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

MAX_ANSWER_BYTES = 262_144
PROBE_TIMEOUT_S = 1.0
CHOOSE = "/choose"  # a command of ours alone: see typed()

_COMMAND = re.compile(r"^[\s/]+")
# What a person is asked for about, as far as the assistant knows (bot/domain/slots.yml).
TOPICS = (
    *("appointments", "prescriptions", "billing", "records", "results", "referrals"),
    *("portal", "language", "complaints", "general"),
)

_HANDOFF_REASONS = ("asked", "failed_twice", "abuse", "callback")


class RasaUnavailable(Exception):
    """No usable answer. `why` is one of Failure, for logs and tests."""

    def __init__(self, why: Failure) -> None:
        super().__init__(why.value)
        self.why = why


class Failure(StrEnum):
    UNREACHABLE = "unreachable"
    LATE = "late"
    STATUS = "status"
    GARBAGE = "garbage"
    EMPTY = "empty"  # `200 []` is what Rasa says when something failed inside
    UNKNOWN_KIND = "unknown_kind"
    BUSY = "busy"  # not asked: too many wait


@dataclass(frozen=True)
class Button:
    title: str
    payload: str


@dataclass(frozen=True)
class TextItem:
    text: str
    buttons: tuple[Button, ...] = ()


@dataclass(frozen=True)
class PassagesItem:
    """Show what answers the question."""


@dataclass(frozen=True)
class ChoicesItem:
    """Let the patient choose among what was found."""


@dataclass(frozen=True)
class FormItem:
    form: str
    topic: str = "general"


@dataclass(frozen=True)
class HandoffItem:
    reason: str
    topic: str = "general"


Item = TextItem | PassagesItem | ChoicesItem | FormItem | HandoffItem


class Rasa:
    """A client with a kept-alive connection for each thread."""

    def __init__(self, url: str, timeout_s: float = 3.0) -> None:
        self.url = url.rstrip("/")
        self.timeout_s = timeout_s
        self._local = threading.local()

    def ask(
        self,
        sender: str,
        text: str | None,
        metadata: Mapping[str, Any],
        request_id: str | None = None,
    ) -> tuple[Item, ...]:
        """Return Rasa's reply to one message. Raises RasaUnavailable after timeout_s.

        text: what the patient typed; None when they picked from our list. request_id: for whoever
        watches the way to Rasa.
        """
        message = CHOOSE if text is None else typed(text)
        body = {"sender": sender, "message": message, "metadata": dict(metadata)}
        with _deadline(self.timeout_s):
            return read_items(self._post(body, {"X-Request-Id": request_id or ""}))

    def is_ready(self) -> bool:
        """Rasa listens only once its model is loaded."""
        try:
            with _deadline(PROBE_TIMEOUT_S), self._answered("GET", "/webhooks/rest/") as answer:
                answer.read()
                return answer.status < 400
        except (HTTPException, OSError):
            return False

    def _post(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> Any:
        content = json.dumps(body).encode()
        try:
            with self._answered("POST", "/webhooks/rest/webhook", content, headers) as answer:
                if answer.status != 200:
                    raise RasaUnavailable(Failure.STATUS)
                return json.loads(_up_to(MAX_ANSWER_BYTES, answer))
        except TimeoutError:
            raise RasaUnavailable(Failure.LATE) from None
        except (ValueError, RecursionError):
            raise RasaUnavailable(Failure.GARBAGE) from None
        except (HTTPException, OSError) as error:
            late = time.monotonic() >= _clock.ends_at
            raise RasaUnavailable(Failure.LATE if late else Failure.UNREACHABLE) from error

    @contextlib.contextmanager
    def _answered(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] = {}
    ) -> Iterator[HTTPResponse]:
        """Ask over this thread's connection, which is not used again when something goes wrong."""
        line = self._line()
        try:
            kind = {"Content-Type": "application/json"} if body else {}
            line.request(method, line.prefix + path, body, {**kind, **headers})
            answer = line.getresponse()
            yield answer
        except BaseException:
            line.close()
            raise
        if not answer.isclosed():
            line.close()

    def _line(self) -> _Line:
        if not hasattr(self._local, "line"):
            self._local.line = _Line(self.url)
        line = self._local.line
        assert isinstance(line, _Line)
        line.hang_up_if_dropped()
        return line


def typed(text: str) -> str:
    """Make a typed text harmless: Rasa takes a leading slash for a command.

    `/restart` → `restart`, `/ /restart` → `restart`, `and/or` → `and/or`
    """
    return _COMMAND.sub("", text)


def read_items(answer: Any) -> tuple[Item, ...]:
    """Check an answer against the contract. Raises RasaUnavailable."""
    if not isinstance(answer, list) or not all(isinstance(each, dict) for each in answer):
        raise RasaUnavailable(Failure.GARBAGE)
    items = tuple(item for each in answer for item in _read_item(each))
    if not items:
        raise RasaUnavailable(Failure.EMPTY)
    return items


def _read_item(raw: dict[str, Any]) -> Iterator[Item]:
    text = raw.get("text")
    if isinstance(text, str) and text.strip():
        yield TextItem(text.strip(), tuple(_read_buttons(raw.get("buttons"))))
    if "custom" in raw:
        yield _read_custom(raw["custom"])


def _read_buttons(raw: Any) -> Iterator[Button]:
    buttons = raw if isinstance(raw, list) else []
    for button in (each for each in buttons if isinstance(each, dict)):
        title, payload = button.get("title"), button.get("payload")
        if isinstance(title, str) and isinstance(payload, str) and title and payload:
            yield Button(title, payload)


def _read_custom(raw: Any) -> Item:
    kind = raw.get("kind") if isinstance(raw, dict) else None
    if kind == "passages":
        return PassagesItem()
    if kind == "choices":
        return ChoicesItem()
    if kind == "form" and raw.get("form") == "contact":
        return FormItem("contact", _topic(raw))
    if kind == "handoff" and raw.get("reason") in _HANDOFF_REASONS:
        return HandoffItem(raw["reason"], _topic(raw))
    raise RasaUnavailable(Failure.UNKNOWN_KIND)


def _topic(raw: dict[str, Any]) -> str:
    """A topic we do not know is no reason to keep a patient from a person."""
    topic = raw.get("topic")
    return topic if isinstance(topic, str) and topic in TOPICS else "general"


def _up_to(limit: int, answer: HTTPResponse) -> bytes:
    """An answer larger than any honest one is not read to its end."""
    content = answer.read(limit + 1)
    if len(content) > limit:
        raise ValueError("the answer is too large")
    return content


# The deadline -----------------------------------------------------------------------------------
# A socket's timeout is for each read: a peer that sends a byte a second never meets it. So the
# socket itself looks at the clock before every read. http.client alone, because half a millisecond
# of each turn went into the layers of requests.


class _Clock(threading.local):
    ends_at: float = float("inf")


_clock = _Clock()


@contextlib.contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    _clock.ends_at = time.monotonic() + seconds
    try:
        yield
    finally:
        _clock.ends_at = float("inf")


class _DeadlineSocket(socket.socket):
    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        left_s = _clock.ends_at - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("the deadline has passed")
        self.settimeout(left_s if left_s < 3600 else None)
        return super().recv_into(*args, **kwargs)


class _Line(HTTPConnection):
    """A kept-alive connection; no proxy, no .netrc: Rasa is on this machine."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        super().__init__(place.hostname or "", place.port)
        self.prefix = place.path

    def connect(self) -> None:
        self.timeout = max(0.001, min(3600.0, _clock.ends_at - time.monotonic()))
        super().connect()
        plain: socket.socket = self.sock
        self.sock = _DeadlineSocket(plain.family, plain.type, plain.proto, fileno=plain.detach())
        self.sock.settimeout(self.timeout)

    def __del__(self) -> None:
        self.close()  # with the thread it belonged to

    def hang_up_if_dropped(self) -> None:
        """Rasa closes what was idle for some seconds."""
        if self.sock is None:
            return
        # Not select(): with a thousand streams open our numbers are above its 1,024.
        heard = select.poll()
        heard.register(self.sock, select.POLLIN)
        if heard.poll(0):
            self.close()
