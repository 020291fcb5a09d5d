"""Keep who practised what, and tell practice from patients.

Revision ID: 0015
Revises: 0014
"""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    for table in ("conversation", "handoff"):
        op.add_column(
            table,
            sa.Column("practice", sa.Boolean(), nullable=False, server_default=sa.false()),
        )
    op.create_table(
        "practice_run",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("scene", sa.String(length=40), nullable=False),
        sa.Column("conversation_id", sa.String(length=40), nullable=True),
        sa.Column("beat", sa.String(length=40), nullable=False),
        sa.Column("beat_at", MOMENT, nullable=False),
        sa.Column("beat_n", sa.Integer(), nullable=False),
        sa.Column("seen", sa.JSON(), nullable=False),
        sa.Column("began_at", MOMENT, nullable=False),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversation.id"],
            name=op.f("fk_practice_run_conversation_id"),
            ondelete="set null",
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_practice_run_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_practice_run")),
    )
    op.create_index("ix_practice_run_staff_id", "practice_run", ["staff_id"])
    op.create_index("ix_practice_run_conversation_id", "practice_run", ["conversation_id"])


def downgrade() -> None:
    op.drop_table("practice_run")
    for table in ("conversation", "handoff"):
        # Not by a batch: the table made anew would take with it what hangs on its rows.
        op.drop_column(table, "practice")
