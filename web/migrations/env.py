"""Alembic's entry. It runs on the connection that `web.migrations` passes in, on no other."""

from alembic import context

from web import models
from web.db import Base

assert models  # importing them fills the metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite changes a table by copying it
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
