"""From a message straight to a worker: who is free is given the turn, past the queue.

Rule: a worker is reserved first, and the turn is leased in the message's own transaction. The
worker searches while that goes to the disk, and does nothing anybody could notice before it is
there. Where nobody is free the turn waits in the queue, which is the truth: a turn that was leased
and not handed over is taken up when its lease has run out.
"""

from __future__ import annotations

import os
import socket
import threading
import uuid
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from web.chat.leases import Work


MOST_RINGS = 16  # above the number of workers: who finds a turn looks again
STORED_WITHIN_S = 8.0  # less than a lease


@dataclass(frozen=True)
class Given:
    """A turn handed over while its transaction was still open."""

    work: Work
    stored: Future[bool] = field(default_factory=Future)

    def is_stored(self) -> bool:
        """Wait for the end of the transaction; tell whether the turn is on the disk."""
        try:
            return self.stored.result(STORED_WITHIN_S)
        except TimeoutError:
            return False


class Chance:
    """Of handing a turn over at once."""

    def __init__(self, workers: FreeWorkers, is_good: bool) -> None:
        self.is_good = is_good
        self.given: Given | None = None
        self._workers = workers

    def give(self, work: Work) -> None:
        assert self.is_good and self.given is None
        self.given = Given(work)
        self._workers.hand_over(self.given)


class FreeWorkers:
    """The workers of one process that wait for something to do."""

    def __init__(self) -> None:
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._changed = threading.Condition()
        self._waiting = 0
        self._reserved = 0
        self._rings = 0
        self._given: deque[Given] = deque()
        self._is_closed = False

    @contextmanager
    def one(self) -> Iterator[Chance]:
        """Keep a worker, where one is free, who may be given a turn that the block stores."""
        chance, is_stored = Chance(self, self._reserve()), False
        try:
            yield chance
            is_stored = True
        finally:
            if chance.given is not None:
                chance.given.stored.set_result(is_stored)
            elif chance.is_good:
                self._let_go()

    def hand_over(self, given: Given) -> None:
        with self._changed:
            self._given.append(given)
            self._changed.notify()

    def _reserve(self) -> bool:
        with self._changed:
            if self._is_closed or self._waiting - self._reserved - self._rings <= 0:
                return False
            self._reserved += 1
            return True

    def _let_go(self) -> None:
        with self._changed:
            self._reserved -= 1
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

    def wait(self, timeout_s: float) -> Given | None:
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
