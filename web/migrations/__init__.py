"""Bring a database to the newest schema.

Rule: one change per migration, reversible, never edited once merged. Its file is named after its
revision, so that a start which finds nothing to do need not load Alembic and every migration.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import inspect, text

from web.db import Database

FOLDER = Path(__file__).resolve().parent
NEWEST = "head"


def upgrade(database: Database, to: str = NEWEST) -> None:
    """Run what is missing; nothing happens to a database that is up to date.

    A copy of what it held before is left beside an SQLite database, or in `database.copies`.
    """
    if to == NEWEST and is_newest(database):
        return
    from web.migrations import running

    running.upgrade(database, to)


def downgrade(database: Database, to: str) -> None:
    from web.migrations import running

    running.downgrade(database, to)


def is_newest(database: Database) -> bool:
    with database.engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return False
        found = connection.scalars(text("select version_num from alembic_version")).all()
    return found == [newest()]


def newest() -> str:
    return max(path.stem[1:5] for path in FOLDER.glob("versions/m*.py"))
