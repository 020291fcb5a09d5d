"""Keep which unanswered questions an editor took up, and with which article.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

STATES = ("begun", "closed", "dismissed")


def upgrade() -> None:
    op.create_table(
        "gap",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("state", _states(), nullable=False),
        sa.Column("article_id", sa.String(length=300), nullable=False),
        sa.Column("begun_by_id", sa.Integer(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["begun_by_id"], ["staff.id"], name=op.f("fk_gap_begun_by_id_staff")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gap")),
    )
    op.create_index(op.f("ix_gap_state"), "gap", ["state"])
    op.create_table(
        "gap_question",
        sa.Column("gap_id", sa.Integer(), nullable=False),
        sa.Column("conversation_id", sa.String(length=40), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["gap_id"], ["gap.id"], name=op.f("fk_gap_question_gap_id_gap"), ondelete="cascade"
        ),
        sa.ForeignKeyConstraint(
            ["conversation_id"],
            ["conversation.id"],
            name=op.f("fk_gap_question_conversation_id_conversation"),
            ondelete="cascade",
        ),
        sa.PrimaryKeyConstraint("gap_id", "conversation_id", "n", name=op.f("pk_gap_question")),
    )
    op.create_index("ix_gap_question_conversation_id", "gap_question", ["conversation_id", "n"])


def downgrade() -> None:
    op.drop_table("gap_question")
    op.drop_table("gap")


def _states() -> sa.Enum:
    return sa.Enum(*STATES, name="gapstate", native_enum=False, create_constraint=True, length=20)
