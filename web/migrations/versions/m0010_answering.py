"""Keep notes, canned replies, and what agents say of suggested passages.

Revision ID: 0010
Revises: 0009
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "unhelpful_suggestion",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("handoff_id", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("article_id", sa.String(length=300), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        _to("unhelpful_suggestion", "handoff_id", "handoff.id", ondelete="cascade"),
        _to("unhelpful_suggestion", "staff_id", "staff.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unhelpful_suggestion")),
        sa.UniqueConstraint(
            "handoff_id", "n", "article_id", name=op.f("uq_unhelpful_suggestion_handoff_id")
        ),
    )
    op.create_index("ix_unhelpful_suggestion_at", "unhelpful_suggestion", ["at"])
    op.create_table(
        "canned_reply",
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("lang", sa.String(length=8), nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.Column("changed_by_id", sa.Integer(), nullable=True),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        _to("canned_reply", "changed_by_id", "staff.id"),
        sa.PrimaryKeyConstraint("key", "lang", name=op.f("pk_canned_reply")),
    )
    op.create_table(
        "staff_note",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("conversation_id", sa.String(length=40), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        _to("staff_note", "conversation_id", "conversation.id", ondelete="cascade"),
        _to("staff_note", "staff_id", "staff.id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_note")),
    )
    op.create_index("ix_staff_note_conversation_id", "staff_note", ["conversation_id"])
    op.create_table(
        "note_mention",
        sa.Column("note_id", sa.String(length=40), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("read_at", MOMENT, nullable=True),
        _to("note_mention", "note_id", "staff_note.id", ondelete="cascade"),
        _to("note_mention", "staff_id", "staff.id"),
        sa.PrimaryKeyConstraint("note_id", "staff_id", name=op.f("pk_note_mention")),
    )
    op.create_index("ix_note_mention_staff_id", "note_mention", ["staff_id", "read_at"])


def _to(
    table: str, column: str, target: str, ondelete: str | None = None
) -> sa.ForeignKeyConstraint:
    name = op.f(f"fk_{table}_{column}")
    return sa.ForeignKeyConstraint([column], [target], name=name, ondelete=ondelete)


def downgrade() -> None:
    for table in ("note_mention", "staff_note", "canned_reply", "unhelpful_suggestion"):
        op.drop_table(table)
