"""Databases at head, each for one test: files of SQLite, or on a PostgreSQL server that the tests start."""

import itertools
import shutil
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from make import confirm_address

from authcheck.config import Settings
from authcheck.storage.database import Database, make_engine

HEAD = "template_head"
TERMINATE = sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")
SHAPE = """
SELECT md5(string_agg(part, ' ' ORDER BY part)) FROM (
    SELECT concat_ws(' ', 'class', oid, xmin) FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT concat_ws(' ', 'column', attrelid, attname, a.xmin)
        FROM pg_attribute a JOIN pg_class c ON c.oid = attrelid WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT concat_ws(' ', 'constraint', oid, xmin) FROM pg_constraint
    UNION ALL SELECT concat_ws(' ', 'trigger', oid, xmin) FROM pg_trigger
    UNION ALL SELECT concat_ws(' ', 'function', oid, xmin) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT concat_ws(' ', 'schema', oid, xmin) FROM pg_namespace WHERE NOT starts_with(nspname, 'pg_')
    UNION ALL SELECT concat_ws(' ', 'extension', oid, xmin) FROM pg_extension
    UNION ALL SELECT concat_ws(' ', 'database', oid, xmin) FROM pg_database WHERE datname = current_database()
    UNION ALL SELECT concat_ws(' ', 'setting', setdatabase, xmin) FROM pg_db_role_setting
) AS parts (part)
"""


class EmbeddedDatabases:
    """SQLite files. `folder` keeps the file that is copied."""

    def __init__(self, folder: Path) -> None:
        template = Settings(data_dir=folder)
        self._file = template.data_dir / "authcheck.db"
        database = Database.open(template)
        confirm_address(database)
        database.dispose()

    def take(self, data_dir: Path) -> None:
        """Put a database at head into a data folder."""
        data_dir.mkdir(parents=True, exist_ok=True)
        shutil.copy(self._file, data_dir / self._file.name)

    def give_back(self, _url: str | None) -> None:
        """Leave the file: pytest removes it with its folder."""


class Databases:
    """Databases of the server at `uri`. `admin` commits each statement.

    To create a database takes half a second, to empty one of 70 tables a fiftieth. So a database is used again,
    unless a test has changed more than rows in it.
    """

    def __init__(self, uri: sa.URL, admin: sa.Engine) -> None:
        self._uri, self._admin = uri, admin
        self._numbers = itertools.count()
        self._shapes: dict[str, str] = {}
        self._free: list[str] = []
        self._execute(f"CREATE DATABASE {HEAD}")
        template = Database(make_engine(self.url(HEAD)))
        template.upgrade()
        confirm_address(template)
        self._kept = _Rows(template.engine)
        template.dispose()

    def url(self, name: str) -> str:
        """Return the URL of a database."""
        return self._uri.set(database=name).render_as_string(hide_password=False)

    def take(self, _data_dir: Path) -> str:
        """Return the URL of a database at head."""
        name = self._free.pop() if self._free else self._create()
        return self.url(name)

    def give_back(self, url: str | None) -> None:
        """Make a database as it was, or drop it if that cannot be."""
        name = str(sa.make_url(str(url)).database)
        with self._admin.connect() as connection:
            connection.execute(TERMINATE, {"name": name})
        if self._shape(name) == self._shapes.get(name):
            self._restore(name)
            self._free.append(name)
        else:
            self._execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _create(self) -> str:
        name = f"test_{next(self._numbers)}"
        # The default strategy writes each page of the copy into the log first: three times the work.
        self._execute(f"CREATE DATABASE {name} TEMPLATE {HEAD} STRATEGY FILE_COPY")
        self._shapes[name] = str(self._shape(name))
        return name

    def _shape(self, name: str) -> str | None:
        """Return a hash of all but the rows, None for a database that is gone or refuses."""
        engine = sa.create_engine(self.url(name), poolclass=sa.NullPool)
        try:
            with engine.connect() as connection:
                return str(connection.exec_driver_sql(SHAPE).scalar_one())
        except sa.exc.OperationalError:
            return None

    def _restore(self, name: str) -> None:
        engine = sa.create_engine(self.url(name), poolclass=sa.NullPool)
        with engine.begin() as connection:
            connection.exec_driver_sql(
                "SET LOCAL session_replication_role = replica"
            )  # no triggers, no order
            self._kept.restore(connection)

    def _execute(self, statement: str) -> None:
        with self._admin.connect() as connection:
            connection.exec_driver_sql(statement)


class _Rows:
    """The rows and the sequences of a database, which others of its shape can get."""

    def __init__(self, engine: sa.Engine) -> None:
        with engine.connect() as connection:
            self._tables = [
                f'"{name}"'
                for name in connection.exec_driver_sql(
                    "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
                ).scalars()
            ]
            copies = {table: _copy_out(connection, table) for table in self._tables}
            self._copies = {table: copy for table, copy in copies.items() if copy}
            self._sequences = connection.exec_driver_sql(
                "SELECT quote_ident(sequencename), coalesce(last_value, start_value), last_value IS NOT NULL"
                " FROM pg_sequences WHERE schemaname = 'public'"
            ).all()

    def restore(self, connection: sa.Connection) -> None:
        """Replace all rows. Triggers and constraints must be off."""
        deletes = (f"DELETE FROM {table}" for table in self._tables)  # noqa: S608 - names of our own tables
        connection.exec_driver_sql("; ".join(deletes))
        for table, copy in self._copies.items():
            with _cursor(connection).copy(f"COPY {table} FROM STDIN") as file:
                file.write(copy)
        values = ", ".join(f"setval('{name}', {value}, {used})" for name, value, used in self._sequences)
        connection.exec_driver_sql(f"SELECT {values}")


def _copy_out(connection: sa.Connection, table: str) -> bytes:
    with _cursor(connection).copy(f"COPY {table} TO STDOUT") as file:
        return b"".join(file)


def _cursor(connection: sa.Connection) -> Any:
    return connection.connection.cursor()
