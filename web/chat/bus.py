"""Waking those who watch on other hosts: PostgreSQL's LISTEN/NOTIFY, ids only.

Rule: what is sent after a commit are topics and who types where, never words. A notification that
is lost, with its host or its link, loses nothing: whoever listens again looks at everything it
watches. It is not sent inside the transaction, where it would let one commit at a time through.
"""

from __future__ import annotations

import json
import queue
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

import structlog

from web.chat.stream import Hub, Typing
from web.db import postgresql_url

if TYPE_CHECKING:  # a host with SQLite need not load it
    import psycopg

CHANNEL = "front_desk"
MAX_TOPICS = 100  # a notification holds 8,000 bytes at most
LOOK_S = 1.0
PAUSE_S = 1.0

logger = structlog.get_logger()


class Bus:
    """One host's link to the others. Two threads: one sends what came up, one listens."""

    def __init__(self, url: str, hub: Hub, typing: Typing) -> None:
        place = postgresql_url(url)
        names = place.translate_connect_args(username="user", database="dbname")
        self._place: dict[str, Any] = {**names, **place.query}
        self._hub = hub
        self._typing = typing
        self._name = secrets.token_hex(8)
        self._outbox: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self.is_listening = threading.Event()
        self._threads = [
            threading.Thread(target=self._keep, args=(work,), name=f"bus-{name}", daemon=True)
            for name, work in (("send", self._send), ("listen", self._listen))
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(timeout=LOOK_S + 1)

    def tell(self, topics: Iterable[str]) -> None:
        """Wake the other hosts; returns at once."""
        self._outbox.put({"topics": list(topics)})

    def tell_typing(self, conversation_id: str, who: str, is_typing: bool) -> None:
        self._outbox.put({"typing": [conversation_id, who, is_typing]})

    # Threads -------------------------------------------------------------------------------------

    def _keep(self, work: Callable[[psycopg.Connection[Any]], None]) -> None:
        """Do the work on a connection of its own, again and again while there is none."""
        import psycopg

        while not self._stopping.is_set():
            try:
                with psycopg.connect(**self._place, autocommit=True) as connection:
                    work(connection)
            except psycopg.Error as error:
                logger.warning("bus.lost", error=type(error).__name__)
                self._stopping.wait(PAUSE_S)

    def _send(self, connection: psycopg.Connection[Any]) -> None:
        while not self._stopping.is_set():
            for message in self._what_came_up():
                text = json.dumps({"from": self._name, **message})
                connection.execute("select pg_notify(%s, %s)", (CHANNEL, text))

    def _what_came_up(self) -> Iterator[dict[str, Any]]:
        """Wait for something and yield it together with all that is there by then."""
        try:
            waiting = [self._outbox.get(timeout=LOOK_S)]
        except queue.Empty:
            return
        while not self._outbox.empty():
            waiting.append(self._outbox.get_nowait())
        topics = sorted({topic for each in waiting for topic in each.get("topics", ())})
        for start in range(0, len(topics), MAX_TOPICS):
            yield {"topics": topics[start : start + MAX_TOPICS]}
        yield from (each for each in waiting if "typing" in each)

    def _listen(self, connection: psycopg.Connection[Any]) -> None:
        try:
            connection.execute(f"listen {CHANNEL}")
            self.is_listening.set()
            self._hub.publish(self._hub.topics())  # for what was missed meanwhile
            while not self._stopping.is_set():
                for heard in connection.notifies(timeout=LOOK_S):
                    self._hear(json.loads(heard.payload))
        finally:
            self.is_listening.clear()

    def _hear(self, message: dict[str, Any]) -> None:
        if message["from"] == self._name:
            return
        self._hub.publish(message.get("topics", ()))
        if "typing" in message:
            self._typing.heard(*message["typing"])
