"""Waking those who watch, and writing server-sent events.

Rule: a wake-up carries topics, never rows: whoever is woken reads the log from the last row it has,
so a lost or a late wake-up loses nothing. No database session is open while a stream waits.
"""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

HEARTBEAT_S = 15.0
HEARTBEAT = b": still here\n\n"
TYPING_S = 6.0
LOOKING_S = 35.0  # a console says so every 15 s
LOOKING = "looks:"


class TooManyStreams(Exception):
    """The cap is reached; the same log can be long-polled."""


class Subscription:
    """Topics that came up since they were last taken. Ends itself with `close()`."""

    def __init__(self, hub: Hub, topics: frozenset[str]) -> None:
        self.topics = topics
        self._hub = hub
        self._pending: set[str] = set()
        self._ready = threading.Condition(threading.Lock())

    def wait(self, timeout_s: float) -> set[str]:
        """Return the topics that came up, at once if some did already; empty after timeout_s."""
        with self._ready:
            if not self._pending and not self._hub.is_closed:
                self._ready.wait(timeout_s)
            taken, self._pending = self._pending, set()
            return taken

    def tell(self, topic: str) -> None:
        with self._ready:
            self._pending.add(topic)
            self._ready.notify()

    def close(self) -> None:
        self._hub.forget(self)

    def __enter__(self) -> Subscription:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


class Hub:
    """Who listens to which topic. Topics: a conversation's id, "console", "turns"."""

    def __init__(self) -> None:
        self.is_closed = False
        self._lock = threading.Lock()
        self._listeners: defaultdict[str, set[Subscription]] = defaultdict(set)

    def subscribe(self, topics: Iterable[str]) -> Subscription:
        return self.add(Subscription(self, frozenset(topics)))

    def add(self, subscription: Subscription) -> Subscription:
        with self._lock:
            for topic in subscription.topics:
                self._listeners[topic].add(subscription)
        return subscription

    def publish(self, topics: Iterable[str]) -> None:
        for topic in topics:
            with self._lock:
                listeners = tuple(self._listeners.get(topic, ()))
            for listener in listeners:
                listener.tell(topic)

    def topics(self) -> list[str]:
        """Return every topic that somebody listens to."""
        with self._lock:
            return list(self._listeners)

    def forget(self, subscription: Subscription) -> None:
        with self._lock:
            for topic in subscription.topics:
                self._listeners[topic].discard(subscription)
                if not self._listeners[topic]:
                    del self._listeners[topic]

    def close(self) -> None:
        """End every wait: the process is stopping."""
        self.is_closed = True
        with self._lock:
            everybody = {each for listeners in self._listeners.values() for each in listeners}
        for subscription in everybody:
            subscription.tell("closed")


class Cap:
    """Counts what is open at one moment, up to a limit."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.open = 0
        self._lock = threading.Lock()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Raises TooManyStreams."""
        self.take()
        try:
            yield
        finally:
            self.give_back()

    def take(self) -> None:
        with self._lock:
            if self.open >= self.limit:
                raise TooManyStreams(f"{self.open} are open")
            self.open += 1

    def give_back(self) -> None:
        with self._lock:
            self.open -= 1


class Typing:
    """Who is typing in which conversation, in memory only; what is typed never gets here."""

    def __init__(self, hub: Hub, clock: Callable[[], float] = time.monotonic) -> None:
        self._hub = hub
        self._clock = clock
        self._until: dict[tuple[str, str], float] = {}
        self.on_change: Callable[[str, str, bool], None] = lambda conversation, who, is_typing: None

    def mark(self, conversation_id: str, who: str) -> None:
        """who: "patient", "agent", or LOOKING and who of the staff has it open."""
        self.heard(conversation_id, who, True)
        self.on_change(conversation_id, who, True)

    def clear(self, conversation_id: str, who: str) -> None:
        if (conversation_id, who) in self._until:
            self.heard(conversation_id, who, False)
            self.on_change(conversation_id, who, False)

    def heard(self, conversation_id: str, who: str, is_typing: bool) -> None:
        """Take it from this host or from another."""
        was_typing = self.is_typing(conversation_id, who)
        if is_typing:
            holds_s = LOOKING_S if who.startswith(LOOKING) else TYPING_S
            self._until[conversation_id, who] = self._clock() + holds_s
        else:
            self._until.pop((conversation_id, who), None)
        if was_typing != is_typing:
            self._hub.publish([conversation_id])

    def is_typing(self, conversation_id: str, who: str) -> bool:
        return self._until.get((conversation_id, who), 0.0) > self._clock()

    def lookers(self, conversation_id: str) -> set[int]:
        """Return the staff who have this conversation open."""
        now = self._clock()
        return {
            int(who.removeprefix(LOOKING))
            for (place, who), until in list(self._until.items())
            if place == conversation_id and who.startswith(LOOKING) and until > now
        }

    def left_s(self, conversation_id: str) -> float | None:
        """Return how long until somebody's typing runs out; None when nobody types."""
        ends = (self._until.get((conversation_id, who), 0.0) for who in ("patient", "agent"))
        left = [end - self._clock() for end in ends if end > self._clock()]
        return min(left) if left else None

    def sweep(self) -> None:
        """Forget what ran out; who looks along is told that somebody no longer does."""
        now = self._clock()
        for key, until in list(self._until.items()):
            if until <= now:
                self._until.pop(key, None)
                if key[1].startswith(LOOKING):
                    self._hub.publish([key[0]])


class Seen:
    """When each patient's stream or poll was last there, in memory until a sweep writes it down."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at: dict[str, datetime] = {}

    def mark(self, conversation_id: str, at: datetime) -> None:
        with self._lock:
            self._at[conversation_id] = at

    def take(self) -> dict[str, datetime]:
        with self._lock:
            taken, self._at = self._at, {}
            return taken


class Remembered:
    """One answer, asked for again only after `seconds`: for what is the same for everybody."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._kept: tuple[float, bool] = (float("-inf"), False)

    def get(self, ask: Callable[[], bool]) -> bool:
        asked_at, answer = self._kept
        if self._clock() - asked_at > self._seconds:
            answer = ask()
            self._kept = (self._clock(), answer)
        return answer


def sse(event: str, data: dict[str, Any], event_id: int | str | None = None) -> bytes:
    lines = [f"event: {event}"]
    if event_id is not None:
        lines.append(f"id: {event_id}")
    # ensure_ascii: a line separator such as U+2028 inside the data must not end the line.
    lines.append(f"data: {json.dumps(data, ensure_ascii=True, separators=(',', ':'))}")
    return ("\n".join(lines) + "\n\n").encode()
