"""The identity of the database that this process opened, checked again at every transaction.

A process keeps its connections to a database file that somebody has deleted or replaced. It would go on to
acknowledge writes that nobody can find afterwards. The inode reveals another file, and a token in the
database reveals other content.
"""

import contextlib
import os
import sqlite3
import time
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from authcheck.errors import Unavailable
from authcheck.storage.dialects import WRITES

TOKEN = "SELECT registry_id FROM registry_clock"  # noqa: S105 - random when the database is made, no secret
NO_TABLE = {"no such table", "does not exist"}  # how SQLite and PostgreSQL say it
READS_CHECKED_EVERY_S = 1.0  # on a server, where the token costs a round trip


class Identity:
    """The inode of the database file, None for a server, and the token in the database."""

    def __init__(self, engine: sa.Engine) -> None:
        """Take the identity of the database as it is now, and check it at every later transaction."""
        name = engine.url.database or ""
        is_file = engine.dialect.name == "sqlite" and not name.startswith("file:")
        self._file = Path(name).absolute() if is_file else None
        self._is_server = engine.dialect.name != "sqlite"
        with engine.connect() as connection:
            self._token = connection.exec_driver_sql(TOKEN).scalar_one()
        self._inode = self._read_inode()
        self._checked_at_s = 0.0
        event.listen(engine, "do_connect", self._before_connect)
        event.listen(engine, "begin", self._at_begin)

    def check_file(self) -> None:
        """Raise Unavailable (`database.replaced`) if the database file was deleted or replaced."""
        if self._file is not None and self._read_inode() != self._inode:
            raise _replaced_error()

    def _read_inode(self) -> tuple[int, int] | None:
        if self._file is None:
            return None
        try:
            status = os.stat(self._file)  # noqa: PTH116 - at every transaction, and half as fast by Path
        except OSError:
            return None
        return status.st_dev, status.st_ino

    def _before_connect(self, *_arguments: object) -> None:
        self._checked_at_s = 0.0  # a server may have another database by this name now
        self.check_file()  # SQLite would make an empty file in the place of a deleted one

    def _at_begin(self, connection: sa.Connection) -> None:
        self.check_file()
        now_s = time.monotonic()
        is_recent = self._is_server and now_s - self._checked_at_s < READS_CHECKED_EVERY_S
        if is_recent and not connection.get_execution_options().get(WRITES, False):
            return
        if _read_token(connection) != self._token:
            raise _replaced_error()
        self._checked_at_s = now_s


def _read_token(connection: sa.Connection) -> object:
    if connection.dialect.name == "sqlite":
        with contextlib.suppress(sqlite3.Error):  # SQLAlchemy says it in its own words below
            # By the driver itself, in a tenth of the time: buyers send millions of look-ups.
            driver = connection.connection.driver_connection
            row = driver.execute(TOKEN).fetchone() if driver else None
            return row[0] if row else None
    try:
        return connection.exec_driver_sql(TOKEN).scalar()
    except DBAPIError as error:
        if any(words in str(error.orig) for words in NO_TABLE):
            return None
        raise


def _replaced_error() -> Unavailable:
    return Unavailable(
        "The database was deleted or replaced while the service was running. Nothing was read or written. "
        "Stop the service, put the right database back, then start the service again.",
        code="database.replaced",
    )
