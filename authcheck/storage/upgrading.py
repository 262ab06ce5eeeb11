"""Alembic, which brings a database from one release to the next.

Loading Alembic takes .2 s: only an upgrade does.
"""

import alembic.command
import sqlalchemy as sa
from alembic.config import Config

from authcheck.storage.revisions import MIGRATIONS


def run_migrations(connection: sa.Connection, revision: str) -> None:
    """Bring the database to `revision` ("0003", or "head") within the open transaction."""
    config = alembic_config()
    config.attributes["connection"] = connection
    alembic.command.upgrade(config, revision)


def alembic_config() -> Config:
    """Return Alembic's configuration, without an ini file."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
