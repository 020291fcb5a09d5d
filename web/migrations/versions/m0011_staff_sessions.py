"""Keep staff's sessions, seal their second factor, and let agents set a conversation aside.

Revision ID: 0011
Revises: 0010
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    # Nobody could have set one up before: there were no pages for it.
    op.drop_column("staff", "tf_totp_secret")
    op.drop_column("staff", "mf_recovery_codes")
    op.add_column("staff", sa.Column("sealed", sa.LargeBinary(), nullable=True))
    op.add_column("handoff", sa.Column("snoozed_at", MOMENT, nullable=True))
    op.add_column("handoff", sa.Column("snoozed_until", MOMENT, nullable=True))
    op.create_table(
        "staff_session",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("browser", sa.String(length=60), nullable=False),
        sa.Column("began_at", MOMENT, nullable=False),
        sa.Column("active_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"],
            ["staff.id"],
            name=op.f("fk_staff_session_staff_id"),
            ondelete="cascade",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_session")),
        sa.UniqueConstraint("key", name=op.f("uq_staff_session_key")),
    )
    op.create_index("ix_staff_session_staff_id", "staff_session", ["staff_id"])


def downgrade() -> None:
    op.drop_table("staff_session")
    op.drop_column("handoff", "snoozed_until")
    op.drop_column("handoff", "snoozed_at")
    op.drop_column("staff", "sealed")
    op.add_column("staff", sa.Column("mf_recovery_codes", sa.JSON(), nullable=True))
    op.add_column("staff", sa.Column("tf_totp_secret", sa.String(length=255), nullable=True))
