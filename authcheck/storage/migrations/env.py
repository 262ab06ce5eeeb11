"""Alembic's entry: runs on the connection that authcheck.storage.database hands over, in that connection's transaction."""

from alembic import context

from authcheck.storage.entity import Entity

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Entity.metadata, render_as_batch=True)
context.run_migrations()
