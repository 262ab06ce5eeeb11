"""The differences between SQLite and PostgreSQL: options of connections, and the meaning of errors."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError

from authcheck.errors import AuthcheckError, BadSetting, DatabaseBusy, Rejected, StorageFailed, Unavailable

BUSY_TIMEOUT_S = 10.0
CONNECT_TIMEOUT_S = 10
WRITES = "authcheck_writes"  # execution option of connections that take the write lock
UPGRADE_LOCK = 0x61757468  # PostgreSQL's advisory lock for migrations

MEANING = {  # SQLite: primary result codes; PostgreSQL: SQLSTATE
    sqlite3.SQLITE_BUSY: "database.busy",
    sqlite3.SQLITE_LOCKED: "database.busy",
    "55P03": "database.busy",  # lock not available in time
    "40001": "database.busy",  # serialization failure
    "40P01": "database.busy",  # deadlock
    sqlite3.SQLITE_READONLY: "storage.read_only",
    sqlite3.SQLITE_CANTOPEN: "storage.read_only",
    "25006": "storage.read_only",
    sqlite3.SQLITE_FULL: "storage.full",
    "53100": "storage.full",
    sqlite3.SQLITE_IOERR: "storage.failed",
    "58030": "storage.failed",
    sqlite3.SQLITE_NOTADB: "database.damaged",
    sqlite3.SQLITE_CORRUPT: "database.damaged",
    "XX001": "database.damaged",
    "XX002": "database.damaged",
}
CODE_OF_WORDS = {  # for errors to which a driver gives no code
    "database is locked": "database.busy",
    "readonly database": "storage.read_only",
    "unable to open database": "storage.read_only",
    "database or disk is full": "storage.full",
    "not a database": "database.damaged",
}
SENTENCES = {
    "storage.read_only": "The database cannot be written: the folder or file is read-only.",
    "storage.full": "The disk is full: nothing was stored.",
    "storage.failed": "The database could not be read from or written to the disk.",
    "database.damaged": "The database file is damaged or not a database.",
}


def make_engine(url: str) -> sa.Engine:
    """Return an engine with our options. Raises BadSetting for a URL that does not parse or has no driver."""
    try:
        parsed = sa.make_url(url)
        kind = parsed.get_backend_name()
        if kind == "sqlite" and parsed.database not in {None, "", ":memory:"}:
            engine = sa.create_engine(parsed, connect_args={"timeout": BUSY_TIMEOUT_S})
            event.listen(engine, "connect", _sqlite_connect)
            event.listen(engine, "begin", _sqlite_begin)
            return engine
        if kind == "postgresql":
            patience = {} if "connect_timeout" in parsed.query else {"connect_timeout": CONNECT_TIMEOUT_S}
            engine = sa.create_engine(parsed, pool_pre_ping=True, connect_args=patience)
            event.listen(engine, "connect", _postgresql_connect)
            return engine
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ImportError, ValueError):
        pass  # the messages of these errors may quote the password, so we do not pass them on
    raise BadSetting(
        "AUTHCHECK_DATABASE_URL is not a URL of a database we can use: sqlite:///FILE or "
        "postgresql+psycopg://USER:PASSWORD@HOST/NAME.",
        name="AUTHCHECK_DATABASE_URL",
    )


def take_upgrade_lock(connection: sa.Connection) -> None:
    """Wait until no other process migrates this database. On SQLite, writers wait for each other anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(UPGRADE_LOCK)))


@contextmanager
def translated_errors() -> Iterator[None]:
    """Translate drivers' errors: locked, full, read-only, damaged, unreachable, text we cannot store."""
    try:
        yield
    except DBAPIError as error:
        translated = _translate(error)
        if translated is None:
            raise
        raise translated from error
    except UnicodeEncodeError as error:  # a lone surrogate, before it reaches the database
        raise _unstorable_error() from error


def _translate(error: DBAPIError) -> AuthcheckError | None:
    code = _find_code(error.orig)
    if code == "database.busy":
        return DatabaseBusy()
    if code is not None:
        family = StorageFailed if code.startswith("storage.") else Unavailable
        return family(SENTENCES[code], code=code)
    return None if isinstance(error.orig, sqlite3.Error) else _translate_postgresql(error)


def _find_code(native: BaseException | None) -> str | None:
    state = getattr(native, "sqlstate", None) or getattr(native, "sqlite_errorcode", 0) & 0xFF
    if state:
        return MEANING.get(state)
    return next((code for words, code in CODE_OF_WORDS.items() if words in str(native)), None)


def _translate_postgresql(error: DBAPIError) -> AuthcheckError | None:
    if isinstance(error, sa.exc.DataError):  # also a NUL character, which PostgreSQL does not store
        return _unstorable_error()
    if isinstance(error, ProgrammingError) and error.statement is None:
        return BadSetting(
            "AUTHCHECK_DATABASE_URL has an option that the driver does not know.",
            name="AUTHCHECK_DATABASE_URL",
        )
    if isinstance(error, OperationalError) or error.connection_invalidated:
        return Unavailable("The database cannot be reached.", code="database.unreachable")
    return None


def _unstorable_error() -> Rejected:
    return Rejected("A text is too long, or has characters that we cannot store.", code="text.unstorable")


def _sqlite_connect(connection: sqlite3.Connection, _record: object) -> None:
    # SQLAlchemy begins transactions, not the driver.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={int(BUSY_TIMEOUT_S * 1000)}")
    _enter_wal(cursor)
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.close()


def _enter_wal(cursor: sqlite3.Cursor) -> None:
    """Switch to write-ahead logging.

    SQLite's busy timeout does not cover two processes that switch at once.
    """
    ends_at = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > ends_at:
                raise
            time.sleep(0.01)
        else:
            return


def _sqlite_begin(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgresql_connect(connection: Any, _record: object) -> None:
    """Wait for locks as long as on SQLite. Set it outside a transaction, because a rollback would undo it."""
    connection.autocommit = True
    connection.execute(f"SET lock_timeout = {int(BUSY_TIMEOUT_S * 1000)}")
    connection.autocommit = False
