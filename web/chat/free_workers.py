"""From a message straight to a worker: who is free is given the turn, past the queue.

Rule: a worker is reserved first, the turn is leased in the message's own transaction, and handed
over when that is on the disk. Where nobody is free the turn waits in the queue, which is the truth:
a turn that was leased and not handed over is taken up when its lease has run out.
"""

from __future__ import annotations

import os
import socket
import threading
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from web.chat.leases import Work


MOST_RINGS = 16  # above the number of workers: who finds a turn looks again


@dataclass
class Chance:
    """Of handing a turn over at once: `work` is, when it was set."""

    is_good: bool
    work: Work | None = None


class FreeWorkers:
    """The workers of one process that wait for something to do."""

    def __init__(self) -> None:
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._changed = threading.Condition()
        self._waiting = 0
        self._reserved = 0
        self._rings = 0
        self._given: deque[Work] = deque()
        self._is_closed = False

    @contextmanager
    def one(self) -> Iterator[Chance]:
        """Keep a worker, where one is free, until the block ends; then hand over what it left."""
        chance = Chance(self._reserve())
        given = None
        try:
            yield chance
            given = chance.work
        finally:
            if chance.is_good:
                self._end_reservation(given)

    def _reserve(self) -> bool:
        with self._changed:
            if self._is_closed or self._waiting - self._reserved - self._rings <= 0:
                return False
            self._reserved += 1
            return True

    def _end_reservation(self, given: Work | None) -> None:
        with self._changed:
            if given is None:
                self._reserved -= 1
            else:
                self._given.append(given)
            self._changed.notify()

    def ring(self) -> None:
        """Let one worker look into the queue."""
        with self._changed:
            self._rings = min(self._rings + 1, MOST_RINGS)
            self._changed.notify()

    def close(self) -> None:
        """Let all workers go; what was given to them is still done."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()

    def wait(self, timeout_s: float) -> Work | None:
        """Wait, as a free worker, for a turn or a ring; None means to look into the queue."""
        with self._changed:
            self._waiting += 1
            try:
                self._changed.wait_for(self._is_called, timeout_s)
                if self._given:
                    self._reserved -= 1
                    return self._given.popleft()
                self._rings = max(0, self._rings - 1)
                return None
            finally:
                self._waiting -= 1

    def _is_called(self) -> bool:
        # Who is reserved does not leave for a ring: the turn is on its way.
        rung = self._rings > 0 and self._waiting > self._reserved
        return bool(self._given) or rung or self._is_closed
