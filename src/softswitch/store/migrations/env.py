"""Alembic's entry: runs inside the transaction of the connection that `softswitch.store.migrate` hands over."""

from __future__ import annotations

from alembic import context

from softswitch.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
