"""Keep which privacy note a patient agreed to, and when.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("conversation", sa.Column("privacy_version", sa.String(length=40), nullable=True))
    op.add_column(
        "conversation", sa.Column("privacy_agreed_at", sa.DateTime(timezone=True), nullable=True)
    )


def downgrade() -> None:
    with op.batch_alter_table("conversation") as batch_op:
        batch_op.drop_column("privacy_agreed_at")
        batch_op.drop_column("privacy_version")
