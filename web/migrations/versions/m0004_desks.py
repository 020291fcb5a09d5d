"""Keep which desk a conversation is for, which staff work there, and what was opened and read.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("conversation", sa.Column("desk", sa.String(length=40), nullable=True))
    op.add_column("handoff", sa.Column("desk", sa.String(length=40), nullable=True))
    op.add_column("handoff", sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("handoff", sa.Column("read_n", sa.Integer(), nullable=False, server_default="0"))
    op.create_index("ix_handoff_closed_at", "handoff", ["closed_at"])
    op.add_column("staff", sa.Column("languages", sa.String(length=40), nullable=True))
    op.create_table(
        "staff_desk",
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("desk", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"],
            ["staff.id"],
            name=op.f("fk_staff_desk_staff_id"),
            ondelete="cascade",
        ),
        sa.PrimaryKeyConstraint("staff_id", "desk", name=op.f("pk_staff_desk")),
    )


def downgrade() -> None:
    op.drop_table("staff_desk")
    with op.batch_alter_table("staff") as batch_op:
        batch_op.drop_column("languages")
    op.drop_index("ix_handoff_closed_at", "handoff")
    with op.batch_alter_table("handoff") as batch_op:
        for name in ("read_n", "opened_at", "desk"):
            batch_op.drop_column(name)
    with op.batch_alter_table("conversation") as batch_op:
        batch_op.drop_column("desk")
