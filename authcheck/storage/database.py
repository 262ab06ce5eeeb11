"""Sessions and migrations.

Sessions are synchronous. `reading()` never takes the write lock; `writing()` takes it at once (SQLite: BEGIN
IMMEDIATE, because a plain BEGIN that upgrades later fails under concurrency) and commits when the block ends.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Self, TypeVarTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from authcheck.config import Settings
from authcheck.errors import StorageFailed, Unavailable
from authcheck.storage.dialects import WRITES, make_engine, take_upgrade_lock, translated_errors
from authcheck.storage.identity import Identity
from authcheck.storage.revisions import head, refuse_newer, revision_of

__all__ = ["SETTINGS", "Database", "head", "make_engine", "stream_rows", "translated_errors"]
SETTINGS = "authcheck_settings"  # key in the info of a session
Guard = Callable[[Session], None]
GUARD: ContextVar[Guard | None] = ContextVar("authcheck_guard", default=None)
"""Called at the begin of each transaction that writes. Raises an error when the caller has lost the right."""

Columns = TypeVarTuple("Columns")


class Database:
    """An engine and the two ways to get a session."""

    def __init__(
        self, engine: sa.Engine, settings: Settings | None = None, info: Mapping[str, object] | None = None
    ) -> None:
        self.engine = engine
        self._writers = engine.execution_options(**{WRITES: True})
        self._info = {SETTINGS: settings, **(info or {})}
        self._identity: Identity | None = None

    @property
    def is_embedded(self) -> bool:
        """Return whether the database is a file that this process reads itself, not a server."""
        return self.engine.dialect.name == "sqlite"

    @classmethod
    def open(cls, settings: Settings, info: Mapping[str, object] | None = None) -> Self:
        """Connect. Create and upgrade an embedded database. Any other database must be at head already.

        Every session has `info`: what rooms above have to say to rooms below.

        From then on, every transaction raises Unavailable (`database.replaced`) if it would use another
        database. Raises StorageFailed, DatabaseBusy, BadSetting (a URL that does not parse) or Unavailable
        (`database.*`).
        """
        if settings.database_url is None:
            _make_folder(settings.data_dir)
        database = cls(make_engine(settings.url), settings, info)
        try:
            database._make_current()
            with translated_errors():
                database._identity = Identity(database.engine)
        except BaseException:
            database.dispose()
            raise
        return database

    def _make_current(self) -> None:
        with translated_errors():
            revision = self.revision()
        if revision == head():
            return
        if self.is_embedded:
            self.upgrade()
            return
        refuse_newer(revision)
        raise Unavailable(
            f"The database is at revision {revision}, but this release needs {head()}. "
            "Run `authcheck db upgrade`.",
            code="database.not_upgraded",
            revision=revision or "",
            head=head(),
        )

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Open a session for queries. Nothing is committed."""
        with (
            translated_errors(),
            Session(self.engine, expire_on_commit=False, info=self._info) as session,
        ):
            yield session

    @contextmanager
    def glancing(self) -> Iterator[Session]:
        """Open a session for the few queries of a page that need no common moment.

        Each query is a transaction of its own. PostgreSQL is spared two of four messages for one query.
        """
        engine = self.engine
        if engine.dialect.name == "postgresql":
            engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        with translated_errors(), Session(engine, expire_on_commit=False, info=self._info) as session:
            yield session

    @contextmanager
    def reading_rows(self) -> Iterator[sa.Connection]:
        """Open a connection without the ORM, which would cost more than the answers of frequent queries."""
        with translated_errors(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Session]:
        """Open a session for queries that all see the database as it was at one moment."""
        engine = self.engine
        if engine.dialect.name == "postgresql":  # SQLite's transactions always do so
            engine = engine.execution_options(isolation_level="REPEATABLE READ")
        with translated_errors(), Session(engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Open a session with the write lock. It commits at the end, and rolls back on any exception."""
        with (
            translated_errors(),
            Session(self._writers, expire_on_commit=False, info=self._info) as session,
            session.begin(),
        ):
            if guard := GUARD.get():
                guard(session)
            yield session
            self._check_file()
        self._check_file()  # a commit to a file that was deleted at that moment is lost

    def _check_file(self) -> None:
        if self._identity is not None:
            self._identity.check_file()

    def revision(self) -> str | None:
        """Return the migration that the database is at, None for an empty database."""
        with self.engine.connect() as connection:
            return revision_of(connection)

    def upgrade(self, revision: str = "head") -> None:
        """Run migrations in one transaction.

        A second process waits for the first, and then finds nothing to do.

        Raises Unavailable (`database.newer`) for a database that a later release has migrated.
        """
        from authcheck.storage.upgrading import run_migrations  # noqa: PLC0415 - Alembic takes .2 s to load

        with translated_errors(), self._writers.begin() as connection:
            take_upgrade_lock(connection)
            refuse_newer(revision_of(connection))
            run_migrations(connection, revision)

    def dispose(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageFailed(
            f"The data folder {folder} cannot be made: {error.strerror}.",
            code="storage.read_only",
            path=str(folder),
        ) from error


def stream_rows(
    session: Session, statement: sa.Select[*Columns], batch: int = 20_000
) -> Generator[list[sa.Row[*Columns]], None, None]:
    """Run a large query in batches without holding all of it in memory."""
    # Without the ORM, whose bookkeeping for a row takes more time than the row itself.
    with session.connection().execute(statement, execution_options={"yield_per": batch}) as result:
        for partition in result.partitions():
            yield list(partition)
