"""How often somebody may do something, counted over a moving window.

Rule: on several hosts all of them count together, in their database, under a digest of whom it is
about. While it does not answer each host counts alone: a limit never keeps a patient from being
heard because a counter is gone. Hosts take some at a time where much is allowed, so that most
requests ask nobody; a window may then hold one such share too many for each host.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from web.db import Database, DatabaseBusy

Result = TypeVar("Result")

# From this many on, a host takes a share of the limit at once.
SHARED_OUT_FROM = 100
SHARES = 20
# How long a host counts alone before it asks a database again that did not answer.
ALONE_S = 5.0
SWEEP_EVERY = 1000

logger = structlog.get_logger()


@dataclass(frozen=True)
class Limit:
    most: int
    within_s: float

    @property
    def share(self) -> int:
        """Return how many a host takes at once."""
        return self.most // SHARES if self.most >= SHARED_OUT_FROM else 1

    @property
    def shares(self) -> int:
        return self.most // self.share


class Counts(Protocol):
    @property
    def alone(self) -> OwnCounts:
        """Return those that ask nobody."""

    def take(self, key: str, limit: Limit) -> float | None:
        """Count one act. Returns None when it may happen, else the seconds to wait."""

    def look(self, key: str, limit: Limit) -> float | None:
        """Tell as `take` does, and count nothing."""

    def forget(self, key: str) -> None: ...


class OwnCounts:
    """In memory. A restart forgets them; a clock that is set back does not matter."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._times: dict[str, deque[float]] = {}
        self._until: dict[str, float] = {}
        self._taken = 0

    @property
    def alone(self) -> OwnCounts:
        return self

    def take(self, key: str, limit: Limit) -> float | None:
        with self._lock:
            self._sweep()
            wait_s = self._wait_s(key, limit)
            if wait_s is None:
                now = self._clock()
                self._times.setdefault(key, deque()).append(now)
                self._until[key] = now + limit.within_s
            return wait_s

    def look(self, key: str, limit: Limit) -> float | None:
        with self._lock:
            return self._wait_s(key, limit)

    def forget(self, key: str) -> None:
        with self._lock:
            self._times.pop(key, None)
            self._until.pop(key, None)

    def _wait_s(self, key: str, limit: Limit) -> float | None:
        times, now = self._times.get(key, deque()), self._clock()
        while times and times[0] <= now - limit.within_s:
            times.popleft()
        return None if len(times) < limit.most else times[-limit.most] + limit.within_s - now

    def _sweep(self) -> None:
        self._taken += 1
        if self._taken % SWEEP_EVERY == 0:
            now = self._clock()
            for key in [key for key, until in self._until.items() if until < now]:
                del self._times[key], self._until[key]


class SharedCounts:
    """In PostgreSQL, by its clock. One statement takes a share, or none: hosts cannot overtake."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._lock = threading.Lock()
        self.alone = OwnCounts(clock)
        self._ask_at = float("-inf")
        self._in_hand: dict[str, tuple[int, float]] = {}  # taken and not used yet; until when

    def take(self, key: str, limit: Limit) -> float | None:
        if self._use_own(key):
            return None
        return self._or_alone(
            lambda: self._take_share(key, limit), lambda: self.alone.take(key, limit)
        )

    def look(self, key: str, limit: Limit) -> float | None:
        return self._or_alone(lambda: self._wait_s(key, limit), lambda: self.alone.look(key, limit))

    def forget(self, key: str) -> None:
        with self._lock:
            self._in_hand.pop(key, None)
        self.alone.forget(key)
        self._or_alone(lambda: self._delete(key), lambda: None)

    def _use_own(self, key: str) -> bool:
        with self._lock:
            left, until = self._in_hand.get(key, (0, 0.0))
            if left and self._clock() < until:
                self._in_hand[key] = (left - 1, until)
                return True
            self._in_hand.pop(key, None)
            return False

    def _take_share(self, key: str, limit: Limit) -> float | None:
        values = {"key": key, "shares": limit.shares, "within": limit.within_s}
        with self._database.transaction(durable=False) as session:
            is_taken = session.scalar(TAKE, values)
        if not is_taken:
            return self._wait_s(key, limit) or 1.0
        if limit.share > 1:
            with self._lock:
                self._in_hand[key] = (limit.share - 1, self._clock() + limit.within_s)
        return None

    def _wait_s(self, key: str, limit: Limit) -> float | None:
        with self._database.reading() as session:
            ages = session.scalars(AGES, {"key": key, "within": limit.within_s}).all()
        if len(ages) < limit.shares:
            return None
        return limit.within_s - float(ages[limit.shares - 1])

    def _delete(self, key: str) -> None:
        with self._database.transaction(durable=False) as session:
            session.execute(text("delete from rate_count where key = :key"), {"key": key})

    def _or_alone(self, ask: Callable[[], Result], alone: Callable[[], Result]) -> Result:
        if self._clock() < self._ask_at:
            return alone()
        try:
            return ask()
        except (SQLAlchemyError, DatabaseBusy) as error:
            self._ask_at = self._clock() + ALONE_S
            logger.warning("limits.alone", error=type(error).__name__)
            return alone()


# Seconds since 1970 by the server's clock. What lies further ahead than a window was counted before
# that clock was set back.
_NOW = "extract(epoch from clock_timestamp())::float8"
_FRESH = f"t > {_NOW} - :within and t < {_NOW} + :within"

TAKE = text(
    f"""
    insert into rate_count (key, times, until_at)
    values (:key, array[{_NOW}], now() + :within * interval '1 second')
    on conflict (key) do update
    set times = array(select t from unnest(rate_count.times) as t where {_FRESH})
            || excluded.times,
        until_at = excluded.until_at
    where (select count(*) from unnest(rate_count.times) as t where {_FRESH}) < :shares
    returning 1
    """
)

AGES = text(  # youngest first
    f"""
    select {_NOW} - t from rate_count, unnest(times) as t
    where key = :key and {_FRESH}
    order by t desc
    """
)


def forget_old(database: Database) -> None:
    """Remove what no window holds any more."""
    if not database.is_sqlite:
        with database.transaction(durable=False) as session:
            session.execute(text("delete from rate_count where until_at < now()"))
