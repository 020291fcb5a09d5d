"""Keep the revisions of articles, what staff say of them, and what is typed but not saved.

Revision ID: 0009
Revises: 0008
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
STATES = ("draft", "in_review", "scheduled", "published", "withdrawn", "replaced", "discarded")
ORIGINS = ("editor", "outside", "restored", "imported")
OPEN = sa.text("state in ('draft', 'in_review', 'scheduled')")


def upgrade() -> None:
    op.create_table(
        "revision",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("article_id", sa.String(length=300), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("state", _enum("revisionstate", STATES), nullable=False),
        sa.Column("origin", _enum("origin", ORIGINS), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("base_digest", sa.String(length=64), nullable=False),
        sa.Column("is_substance", sa.Boolean(), nullable=False),
        sa.Column("source_number", sa.Integer(), nullable=True),
        sa.Column("publish_on", sa.Date(), nullable=True),
        sa.Column("author_id", sa.Integer(), nullable=True),
        sa.Column("approver_id", sa.Integer(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("decided_at", MOMENT, nullable=True),
        *(_staff("revision", name) for name in ("author_id", "approver_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revision")),
        sa.UniqueConstraint("article_id", "number", name=op.f("uq_revision_article_id")),
    )
    op.create_index("ix_revision_state", "revision", ["state", "publish_on"])
    op.create_index(
        "uq_revision_open",
        "revision",
        ["article_id"],
        unique=True,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    op.create_table(
        "review_comment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("article_id", sa.String(length=300), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        _staff("review_comment", "staff_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_comment")),
    )
    op.create_index("ix_review_comment_article_id", "review_comment", ["article_id"])
    op.create_table(
        "autosave",
        sa.Column("staff_id", sa.Integer(), nullable=False),
        sa.Column("article_id", sa.String(length=300), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("saved_at", MOMENT, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        _staff("autosave", "staff_id"),
        sa.PrimaryKeyConstraint("staff_id", "article_id", name=op.f("pk_autosave")),
    )
    op.create_index("ix_autosave_saved_at", "autosave", ["saved_at"])


def _enum(name: str, values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=20)


def _staff(table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], ["staff.id"], name=op.f(f"fk_{table}_{column}"))


def downgrade() -> None:
    op.drop_table("autosave")
    op.drop_table("review_comment")
    op.drop_table("revision")
