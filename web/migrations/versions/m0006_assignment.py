"""Keep offers, transfers, promised calls and how often staff were told of a danger.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)
STATES = ("asked", "accepted", "declined", "withdrawn")
STATE = sa.Enum(*STATES, name="transferstate", native_enum=False, create_constraint=True, length=20)
COLUMNS = ("urgent_at", "alarm", "offered_at", "passed_by", "offer_rounds", "callback_at")


def upgrade() -> None:
    with op.batch_alter_table("handoff") as batch_op:
        batch_op.add_column(sa.Column("urgent_at", MOMENT, nullable=True))
        batch_op.add_column(sa.Column("alarm", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("offered_at", MOMENT, nullable=True))
        batch_op.add_column(sa.Column("passed_by", sa.JSON(), nullable=True))
        batch_op.add_column(
            sa.Column("offer_rounds", sa.Integer(), nullable=False, server_default="0")
        )
        batch_op.add_column(sa.Column("callback_at", MOMENT, nullable=True))
        batch_op.add_column(sa.Column("offered_to_id", sa.Integer(), nullable=True))
        batch_op.create_foreign_key(
            op.f("fk_handoff_offered_to_id"), "staff", ["offered_to_id"], ["id"]
        )
    op.create_index("ix_handoff_callback_at", "handoff", ["callback_at"])
    op.create_table(
        "transfer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("handoff_id", sa.Integer(), nullable=False),
        sa.Column("state", STATE, nullable=False),
        sa.Column("from_id", sa.Integer(), nullable=False),
        sa.Column("to_id", sa.Integer(), nullable=True),
        sa.Column("to_desk", sa.String(length=40), nullable=True),
        sa.Column("note", sa.String(length=1000), nullable=False),
        sa.Column("asked_at", MOMENT, nullable=False),
        sa.Column("answered_at", MOMENT, nullable=True),
        sa.Column("answered_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["handoff_id"],
            ["handoff.id"],
            name=op.f("fk_transfer_handoff_id"),
            ondelete="cascade",
        ),
        *(
            sa.ForeignKeyConstraint([name], ["staff.id"], name=op.f(f"fk_transfer_{name}"))
            for name in ("from_id", "to_id", "answered_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transfer")),
    )
    op.create_index("ix_transfer_handoff_id", "transfer", ["handoff_id"])
    op.create_index(
        "uq_transfer_asked",
        "transfer",
        ["handoff_id"],
        unique=True,
        sqlite_where=sa.text("state = 'asked'"),
        postgresql_where=sa.text("state = 'asked'"),
    )


def downgrade() -> None:
    op.drop_table("transfer")
    op.drop_index("ix_handoff_callback_at", "handoff")
    with op.batch_alter_table("handoff") as batch_op:
        batch_op.drop_constraint(op.f("fk_handoff_offered_to_id"), type_="foreignkey")
        batch_op.drop_column("offered_to_id")
        for name in COLUMNS:
            batch_op.drop_column(name)
