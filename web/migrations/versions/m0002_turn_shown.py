"""Keep what each turn showed the patient, and find conversations by the day they began.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("turn", sa.Column("shown", sa.String(length=10), nullable=True))
    op.create_index("ix_conversation_created_at", "conversation", ["created_at"])


def downgrade() -> None:
    op.drop_index("ix_conversation_created_at", "conversation")
    with op.batch_alter_table("turn") as batch_op:
        batch_op.drop_column("shown")
