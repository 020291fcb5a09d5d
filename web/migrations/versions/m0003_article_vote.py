"""Keep what readers say of an article.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "article_vote",
        sa.Column("form_hash", sa.String(length=64), nullable=False),
        sa.Column("article_id", sa.String(length=300), nullable=False),
        sa.Column("revision", sa.String(length=16), nullable=False),
        sa.Column("helpful", sa.Boolean(), nullable=False),
        sa.Column("comment", sa.String(length=500), nullable=True),
        sa.Column("voted_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("form_hash", name="pk_article_vote"),
    )
    op.create_index("ix_article_vote_voted_on", "article_vote", ["voted_on", "article_id"])


def downgrade() -> None:
    op.drop_index("ix_article_vote_voted_on", "article_vote")
    op.drop_table("article_vote")
