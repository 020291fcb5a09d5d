"""Seal what people wrote, and keep which keys sealed it.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import sqlalchemy as sa
import structlog
from alembic import op

from web.privacy.sealing import Letter, Sealed

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

BATCH = 500
logger = structlog.get_logger()

# table → the columns that hold words, and how a row's place is written
OLD: dict[str, dict[str, sa.types.TypeEngine[Any]]] = {
    "conversation": {"page_url": sa.String(500), "rating_comment": sa.String(1000)},
    "message": {"text": sa.String(), "payload": sa.JSON()},
    "handoff": {"contact": sa.JSON()},
    "transfer": {"note": sa.String(1000)},
    "article_vote": {"comment": sa.String(500)},
}
PLACES: dict[str, Callable[[Any], str]] = {
    "conversation": lambda row: f"conversation {row.id}",
    "message": lambda row: f"message {row.conversation_id} {row.n}",
    "handoff": lambda row: f"handoff {row.conversation_id}",
    "transfer": lambda row: f"transfer {row.handoff_id}",
    "article_vote": lambda row: f"article_vote {row.form_hash}",
}
KEYS = dict.fromkeys(OLD, "id") | {"article_vote": "form_hash"}
# column → what it holds without words, as the database writes it
EMPTY = {"text": "", "payload": "{}", "note": ""}


def upgrade() -> None:
    op.create_table(
        "sealing_key",
        sa.Column("id", sa.String(length=8), nullable=False),
        sa.Column("proof", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sealing_key")),
    )
    for name, columns in OLD.items():
        op.add_column(name, sa.Column("sealed", sa.LargeBinary(), nullable=True))
        _convert(name, _sealed)
        # Not by copying the table, as a batch does: the copy would lose the checks of the states.
        for column in columns:
            op.drop_column(name, column)


def downgrade() -> None:
    for name, columns in OLD.items():
        for column, kind in columns.items():
            empty = EMPTY.get(column)
            added = sa.Column(column, kind, nullable=empty is None, server_default=empty)
            op.add_column(name, added)
        _convert(name, _opened)
        op.drop_column(name, "sealed")
    op.drop_table("sealing_key")


def _sealed(name: str, row: Any) -> dict[str, Any]:
    words = {column: getattr(row, column) for column in OLD[name]}
    kept = {column: value for column, value in words.items() if value not in (None, "", {})}
    return {"sealed": Letter(PLACES[name](row), kept) if kept else None}


def _opened(name: str, row: Any) -> dict[str, Any]:
    words = row.sealed.open(PLACES[name](row)) if row.sealed is not None else {}
    empty = {"text": "", "payload": {}, "note": ""}
    return {column: words.get(column, empty.get(column)) for column in OLD[name]}


def _convert(name: str, change: Callable[[str, Any], dict[str, Any]]) -> None:
    """Write each row's new columns, some hundred rows at a time, and say how far it is."""
    connection = op.get_bind()
    table = _table(name)
    key = table.c[KEYS[name]]
    total = connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
    done = 0
    for rows in _batches(connection, table, key):
        for row in rows:
            of_row = table.update().where(key == row._mapping[key])
            connection.execute(of_row.values(change(name, row)))
        done += len(rows)
        logger.info("database.sealing", table=name, rows=done, of=total)


def _batches(connection: sa.Connection, table: sa.Table, key: Any) -> Iterator[list[Any]]:
    query = sa.select(table).order_by(key).limit(BATCH)
    rows = list(connection.execute(query))
    while rows:
        yield rows
        rows = list(connection.execute(query.where(key > rows[-1]._mapping[key])))


def _table(name: str) -> sa.Table:
    """Return the table with the columns this needs, the old ones and the new one."""
    places = {
        "message": ["conversation_id", "n"],
        "handoff": ["conversation_id"],
        "transfer": ["handoff_id"],
    }
    plain = [KEYS[name], *places.get(name, [])]
    kinds = {
        "id": sa.String() if name == "conversation" else sa.Integer(),
        "n": sa.Integer(),
        "handoff_id": sa.Integer(),
    }
    return sa.Table(
        name,
        sa.MetaData(),
        *(sa.Column(column, kinds.get(column, sa.String())) for column in plain),
        *(sa.Column(column, kind) for column, kind in OLD[name].items()),
        sa.Column("sealed", Sealed()),
    )
