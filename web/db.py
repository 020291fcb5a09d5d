"""The database: one engine, and `transaction()` around one act.

Rule: writes happen inside `transaction()`, which holds the write lock from its first line, is
short, and is never open during a call to Rasa or to the encoder. `reading()` never waits for a
writer. Whoever changes what a screen shows says so with `wake()`; it is told after the commit,
never before, so a reader that was woken always finds the rows.

SQLite is the embedded default: WAL, so that readers and the writer do not wait for each other, and
synchronous=FULL, so that what was acknowledged survives a power cut. PostgreSQL is for more than
one machine: rows are locked there, not the whole database, so what must happen one at a time says
`alone()`.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, DateTime, Dialect, Engine, MetaData, create_engine, event, text
from sqlalchemy.engine import URL, ExceptionContext, make_url
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeDecorator

from web.privacy.keys import Keys
from web.privacy.sealing import use_keys

# A patient with a danger card to be shown waits at most this long for a locked database.
BUSY_TIMEOUT_S = 3.0
WIPE_TIMEOUT_MS = 200
WAKE = "wake"
# Of one process. The server's max_connections has to be 35 for each host, and some to spare.
POSTGRESQL_POOL = {"pool_size": 15, "max_overflow": 15, "pool_timeout": 5}
# A host that was cut off must not hold a patient's row: the server lets go of it this soon.
POSTGRESQL_LIMITS = {
    "lock_timeout": "3s",
    "idle_in_transaction_session_timeout": "8s",
    "tcp_keepalives_idle": "3",
    "tcp_keepalives_interval": "2",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "8s",
}
CONNECT_WITHIN_S = 3

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware time, always UTC; SQLite keeps no zone, so it is put back when read."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone was about to be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class DatabaseBusy(Exception):
    """The write lock did not come free in time; nothing was written. Try again."""


class Database:
    """The engine and its two ways in.

    url: an SQLAlchemy URL, e.g. `sqlite:////srv/var/clinic.sqlite3`.
    on_commit: called after each commit with the topics that `wake()` collected.
    keys: seal and open people's words; without them rows that hold some can be neither written nor
    looked into.
    """

    def __init__(
        self,
        url: str,
        on_commit: Callable[[frozenset[str]], None] = lambda topics: None,
        keys: Keys | None = None,
    ) -> None:
        self.url = url
        self.on_commit = on_commit
        self.keys = keys
        self.copies: Path | None = None  # the folder for a copy before an upgrade
        self.has_traces = False
        self.is_sqlite = make_url(url).get_backend_name() == "sqlite"
        self.engine = _sqlite_engine(url) if self.is_sqlite else _postgresql_engine(url)
        # SQLite reads one moment in any transaction.
        self._one_moment: dict[str, Any] = (
            {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        )
        use_keys(self.engine, keys)
        # SQLite's own waiting sleeps up to 100 ms between tries and is not fair; our threads queue
        # here instead, and only other processes are met by its busy timeout.
        self._writer = threading.Lock() if self.is_sqlite else None

    @contextmanager
    def transaction(self, *, durable: bool = True) -> Iterator[Session]:
        """Commit when the block ends, roll back when it raises; then tell whom `wake()` named.

        durable=False: the commit does not wait for the disk. For leases and signs of life, which
        a power cut may take and which are then made again; the file stays consistent.
        Raises DatabaseBusy.
        """
        with self._write_lock(), self._connect_for_writing(durable) as connection:
            with Session(connection, expire_on_commit=False) as session:
                with session.begin():
                    yield session
                topics = frozenset(session.info.get(WAKE, ()))
        if topics:
            self.on_commit(topics)

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """A view of the database at one moment; nothing written in it is kept."""
        with (
            self.engine.connect().execution_options(**self._one_moment) as connection,
            Session(connection, expire_on_commit=False) as session,
        ):
            yield session

    def wipe_traces(self) -> bool:
        """Take what was deleted out of SQLite's write-ahead log as well.

        The main file is overwritten with zeros by secure_delete; the log is cut to nothing here.
        Returns False when somebody is reading or the disk is full: `has_traces` stays true, and
        the sweep tries again.
        """
        self.has_traces = self.is_sqlite
        if not self.is_sqlite:
            return True
        with suppress(DatabaseBusy, OperationalError, sqlite3.OperationalError):  # a full disk
            with self._write_lock(), self.engine.connect() as connection:
                raw = connection.connection.driver_connection
                assert raw is not None
                # Who writes waits for this, so it waits for who reads only shortly.
                raw.execute(f"pragma busy_timeout={WIPE_TIMEOUT_MS}")
                try:
                    busy, _, _ = raw.execute("pragma wal_checkpoint(truncate)").fetchone()
                finally:
                    raw.execute(f"pragma busy_timeout={int(BUSY_TIMEOUT_S * 1000)}")
                self.has_traces = bool(busy)
        return not self.has_traces

    def dispose(self) -> None:
        self.engine.dispose()

    @contextmanager
    def _write_lock(self) -> Iterator[None]:
        if self._writer is None:
            yield
            return
        if not self._writer.acquire(timeout=BUSY_TIMEOUT_S):
            raise DatabaseBusy("another thread held the write lock too long")
        try:
            yield
        finally:
            self._writer.release()

    def _connect_for_writing(self, durable: bool) -> Connection:
        connection = self.engine.connect()
        try:
            options = {"clinic_write": True, "clinic_durable": durable}
            return connection.execution_options(**options)
        except BaseException:
            connection.close()
            raise


def wake(session: Session, *topics: str) -> None:
    """Tell these topics after the commit: a conversation's id, "console", "turns"."""
    session.info.setdefault(WAKE, set()).update(topics)


def alone(session: Session, act: str, *, wait: bool = True) -> bool:
    """Let nobody else do `act` until this transaction ends. Returns whether it is ours.

    On SQLite whoever writes is alone already. wait: else False at once while another host does it.
    """
    if session.get_bind().dialect.name == "sqlite":
        return True
    if not wait:
        lock = text("select pg_try_advisory_xact_lock(hashtext(:act))")
        return bool(session.scalar(lock, {"act": f"front desk {act}"}))
    session.execute(
        text("select pg_advisory_xact_lock(hashtext(:act))"), {"act": f"front desk {act}"}
    )
    return True


def locks_rows(session: Session) -> bool:
    """Tell whether a row's lock is waited for: what was looked up before it may be old by then."""
    return session.get_bind().dialect.name != "sqlite"


def postgresql_url(url: str) -> URL:
    """Return the URL with our driver and with limits for a server or a link that is gone."""
    made = make_url(url).set(drivername="postgresql+psycopg")
    limits = " ".join(f"-c {name}={value}" for name, value in POSTGRESQL_LIMITS.items())
    link = {"connect_timeout": str(CONNECT_WITHIN_S), "keepalives_idle": "3"}
    link |= {"keepalives_interval": "2", "keepalives_count": "3", "tcp_user_timeout": "8000"}
    return made.update_query_dict({**link, **made.query, "options": limits})


def _postgresql_engine(url: str) -> Engine:
    engine = create_engine(
        postgresql_url(url),
        pool_pre_ping=True,
        hide_parameters=True,  # an error's text would hold what a patient wrote
        **POSTGRESQL_POOL,
    )

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if options.get("clinic_write") and not options.get("clinic_durable", True):
            connection.exec_driver_sql("set local synchronous_commit to off")

    @event.listens_for(engine, "handle_error")
    def say_less(context: ExceptionContext) -> None:
        # Below what is wrong the server repeats the row.
        for error in (context.original_exception, context.sqlalchemy_exception):
            if error is not None:
                error.args = tuple(str(each).split("\nDETAIL:")[0] for each in error.args)

    return engine


def _sqlite_engine(url: str) -> Engine:
    engine = create_engine(
        url,
        connect_args={"timeout": BUSY_TIMEOUT_S, "check_same_thread": False},
        hide_parameters=True,  # an error's text would hold what a patient wrote
        pool_size=20,
        max_overflow=40,
        pool_timeout=5,
    )

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves: see below
        connection.execute("pragma journal_mode=wal")
        connection.execute("pragma synchronous=full")
        connection.execute("pragma foreign_keys=on")
        connection.execute("pragma secure_delete=on")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        options = connection.get_execution_options()
        if not options.get("clinic_write"):
            connection.exec_driver_sql("begin")
            return
        level = "full" if options.get("clinic_durable", True) else "normal"
        connection.exec_driver_sql(f"pragma synchronous={level}")
        # A deferred transaction that turns to writing fails at once when another writer is ahead of
        # it; an immediate one waits for its turn.
        connection.exec_driver_sql("begin immediate")

    return engine


def utc_now() -> datetime:
    return datetime.now(UTC)
