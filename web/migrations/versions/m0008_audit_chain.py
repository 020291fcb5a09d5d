"""Chain the audit entries by their digests.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

ENTRIES = sa.table(
    "audit_entry",
    sa.column("id", sa.Integer()),
    sa.column("at", sa.DateTime(timezone=True)),
    sa.column("staff_id", sa.Integer()),
    sa.column("act", sa.String()),
    sa.column("subject", sa.String()),
    sa.column("digest", sa.String()),
)


def upgrade() -> None:
    digest = sa.Column("digest", sa.String(length=64), nullable=False, server_default="")
    op.add_column("audit_entry", digest)
    connection = op.get_bind()
    before = ""
    for row in connection.execute(sa.select(ENTRIES).order_by(ENTRIES.c.id)).all():
        at = (row.at if row.at.tzinfo else row.at.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
        said = json.dumps([before, at, row.staff_id, row.act, row.subject])
        before = hashlib.sha256(said.encode()).hexdigest()
        of_row = sa.update(ENTRIES).where(ENTRIES.c.id == row.id)
        connection.execute(of_row.values(digest=before))


def downgrade() -> None:
    op.drop_column("audit_entry", "digest")
