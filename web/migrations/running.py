"""Alembic at work: a copy of the database first, then one migration after the other."""

from __future__ import annotations

from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from sqlalchemy.engine import make_url

from web.backup import DUMP, BackupFailed, copy_database, dump_database
from web.db import Database
from web.migrations import FOLDER, newest

logger = structlog.get_logger()


def upgrade(database: Database, to: str) -> None:
    _keep_copy(database)
    with database.engine.begin() as connection:
        if not database.is_sqlite:  # of hosts that start together, one does it
            connection.exec_driver_sql("set local lock_timeout to 0")
            connection.exec_driver_sql(
                "select pg_advisory_xact_lock(hashtext('front desk schema'))"
            )
        command.upgrade(_config(connection), to)


def downgrade(database: Database, to: str) -> None:
    with database.engine.begin() as connection:
        command.downgrade(_config(connection), to)


def _keep_copy(database: Database) -> None:
    with database.engine.connect() as connection:
        before = MigrationContext.configure(connection).get_current_revision()
    if before in (None, newest()):
        return
    copy = _copy(database, f"before-{newest()}")
    logger.info("database.upgrade", before=before, to=newest(), copy=str(copy))


def _copy(database: Database, mark: str) -> Path | None:
    """Return where the copy is: None where PostgreSQL's programs are not here to make one."""
    if database.is_sqlite:
        file = Path(make_url(database.url).database or "")
        copy = file.with_name(f"{file.name}.{mark}")
        if not copy.exists():  # an upgrade that failed half way is tried again
            copy_database(file, copy)
            copy.chmod(0o600)
        return copy
    if database.copies is None:
        return None
    copy = database.copies / f"{DUMP}.{mark}"
    try:
        if not copy.exists():
            dump_database(database.url, copy)
    except BackupFailed as error:
        logger.warning("database.not_copied", mend=str(error))
        return None
    return copy


def _config(connection: object) -> Config:
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config
