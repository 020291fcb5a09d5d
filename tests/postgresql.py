"""The same tests on PostgreSQL: a database of its own for each `var` folder.

Rule: without CLINIC_TEST_POSTGRESQL, the URL of a server that may be littered, everything is on
SQLite. `./clinic test --only postgresql` starts one and sets it.
"""

from __future__ import annotations

import os
import uuid
from functools import cache
from pathlib import Path

import psycopg
from sqlalchemy import create_engine
from sqlalchemy.engine import make_url

from web.db import Base, Database
from web.migrations import upgrade

SERVER = os.environ.get("CLINIC_TEST_POSTGRESQL", "")

_made: dict[Path, str] = {}
_free: list[str] = []  # emptied ones: to make a new one takes half a second


def url_for(var: Path) -> str | None:
    """Return the URL of this folder's database, made when first asked for; None on SQLite."""
    if not SERVER:
        return None
    if var not in _made:
        _made[var] = _free.pop() if _free else _new(template=_migrated())
    return _url(_made[var])


def environment(var: Path) -> dict[str, str]:
    """Return what a command needs to work on this folder and its database."""
    url = url_for(var)
    return {"CLINIC_VAR": str(var), **({"CLINIC_DATABASE_URL": url} if url else {})}


def empty() -> str:
    """Return the URL of a database without tables."""
    return _url(_new(template="template0"))


def stored(url: str) -> bytes:
    """Return all that every row of a database holds."""
    engine = create_engine(url)
    with engine.connect() as connection:
        held = [
            str(value).encode() if not isinstance(value, bytes) else value
            for table in Base.metadata.sorted_tables
            for row in connection.exec_driver_sql(f'select * from "{table.name}"')
            for value in row
        ]
    engine.dispose()
    return b"\n".join(held)


def drop(var: Path) -> None:
    if var not in _made:
        return
    try:
        _clear(_made[var])
    except psycopg.Error:  # somebody left a transaction open, or tables of another version
        lose(var)
    else:
        _free.append(_made.pop(var))


def lose(var: Path) -> None:
    """Take the database away, whoever uses it."""
    _run(f'drop database "{_made.pop(var)}" with (force)')


def _clear(name: str) -> None:
    """Take out every row, and let the numbers begin anew; to truncate takes twice as long."""
    deletes = [f'delete from "{table.name}"' for table in reversed(Base.metadata.sorted_tables)]
    restart = "select setval(oid::regclass, 1, false) from pg_class where relkind = 'S'"
    _run("; ".join([*deletes, restart]), name)


@cache
def _migrated() -> str:
    name = _new(template="template0")
    database = Database(_url(name))
    upgrade(database)
    database.dispose()
    return name


def _new(template: str) -> str:
    name = f"test_{uuid.uuid4().hex[:12]}"
    _run(f'create database "{name}" template "{template}"')
    return name


def _url(name: str) -> str:
    return make_url(SERVER).set(database=name).render_as_string(hide_password=False)


def _run(statements: str, name: str | None = None) -> None:
    """Run them as one act, in the server's own database where none is named."""
    url = make_url(_url(name) if name else SERVER).set(drivername="postgresql")
    where = url.render_as_string(hide_password=False)
    with psycopg.connect(where, autocommit=True, options="-c lock_timeout=1s") as connection:
        connection.execute(statements)
