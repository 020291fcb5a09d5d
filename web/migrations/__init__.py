"""Bring a database to the newest schema.

Rule: one change per migration, reversible, never edited once merged.
"""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

from web.db import Database

FOLDER = Path(__file__).resolve().parent


def upgrade(database: Database, to: str = "head") -> None:
    """Run what is missing; nothing happens to a database that is up to date."""
    with database.engine.begin() as connection:
        command.upgrade(_config(connection), to)


def downgrade(database: Database, to: str) -> None:
    with database.engine.begin() as connection:
        command.downgrade(_config(connection), to)


def _config(connection: object) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
