"""Keep hard chats for the day, breaks, and check-ins.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "hard_chat",
        sa.Column("handoff_id", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("answered_at", MOMENT, nullable=True),
        sa.ForeignKeyConstraint(
            ["handoff_id"],
            ["handoff.id"],
            name=op.f("fk_hard_chat_handoff_id"),
            ondelete="cascade",
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_hard_chat_staff_id")),
        sa.PrimaryKeyConstraint("handoff_id", name=op.f("pk_hard_chat")),
    )
    op.create_index("ix_hard_chat_at", "hard_chat", ["at"])
    op.create_table(
        "check_in",
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("week_of", sa.Date(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_check_in_staff_id")),
        sa.PrimaryKeyConstraint("staff_id", "week_of", name=op.f("pk_check_in")),
    )
    op.add_column("staff", sa.Column("break_until", MOMENT, nullable=True))


def downgrade() -> None:
    # Not by a batch: that makes the table anew, which SQLite refuses while rows point at it.
    op.drop_column("staff", "break_until")
    op.drop_table("check_in")
    op.drop_table("hard_chat")
