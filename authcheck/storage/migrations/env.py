"""Alembic's entry: runs on the connection that authcheck.database hands over, in that connection's transaction."""

from alembic import context

from authcheck.tables import Entity

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Entity.metadata, render_as_batch=True)
context.run_migrations()
