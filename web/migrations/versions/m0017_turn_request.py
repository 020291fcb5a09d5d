"""Keep which request brought the message of a turn, for the logs.

Revision ID: 0017
Revises: 0016
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("turn", sa.Column("request_id", sa.String(length=64), nullable=True))


def downgrade() -> None:
    # Not by copying the table, as a batch does: the copy would lose the checks of the states.
    op.drop_column("turn", "request_id")
