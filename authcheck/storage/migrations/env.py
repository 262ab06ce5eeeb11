"""Alembic's entry point. Migrations run on the caller's connection, within its transaction."""

from alembic import context

from authcheck.storage.entity import Entity

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Entity.metadata, render_as_batch=True)
context.run_migrations()
