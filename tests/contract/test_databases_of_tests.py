"""A database that the tests use again on PostgreSQL is as new: the rows of one test never reach another."""

from pathlib import Path

import pytest
from databases_made import Databases, EmbeddedDatabases

from authcheck.storage.database import make_engine

pytestmark = pytest.mark.postgresql


def run(url: str, *statements: str) -> list[object]:
    """Run statements in one transaction. Return the first column of the last one's rows."""
    engine = make_engine(url)
    with engine.begin() as connection:
        results = [connection.exec_driver_sql(statement) for statement in statements]
        rows = list(results[-1].scalars()) if results[-1].returns_rows else []
    engine.dispose()
    return rows


def everything(url: str) -> list[object]:
    """Return the number of rows of each table, and the state of each sequence."""
    tables = run(
        url, "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    counts = [run(url, f'SELECT count(*) FROM "{table}"')[0] for table in sorted(map(str, tables))]  # noqa: S608 - our own tables
    return counts + run(
        url, "SELECT concat_ws(' ', sequencename, last_value) FROM pg_sequences ORDER BY sequencename"
    )


@pytest.fixture
def server(databases: Databases | EmbeddedDatabases) -> Databases:
    """Return the databases of a server."""
    if isinstance(databases, EmbeddedDatabases):
        pytest.skip("each test has a file of its own")
    return databases


def test_rows_and_sequences_of_a_test_are_gone(server: Databases, tmp_path: Path) -> None:
    """What a test adds, changes and deletes is as before in the next test."""
    url = server.take(tmp_path)
    before = everything(url)
    sequences = run(url, "SELECT sequencename FROM pg_sequences WHERE schemaname = 'public'")
    run(
        url,
        "SET LOCAL session_replication_role = replica",
        "DELETE FROM alembic_version",
        *(f"SELECT nextval('\"{name}\"')" for name in sequences),
        *(f"SELECT nextval('\"{name}\"')" for name in sequences),
    )
    assert everything(url) != before
    server.give_back(url)
    again = server.take(tmp_path)
    assert again == url
    assert everything(again) == before
    server.give_back(again)


@pytest.mark.parametrize(
    "change",
    [
        "ALTER TABLE organisations ADD COLUMN odd integer",
        "CREATE TABLE odd (id integer)",
        "CREATE FUNCTION odd() RETURNS integer LANGUAGE sql AS 'SELECT 1'",
        "ALTER TABLE organisations DISABLE TRIGGER ALL",
        "REVOKE SELECT ON organisations FROM CURRENT_USER",
        "CREATE SCHEMA odd",
        "DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || ' SET default_transaction_read_only = on'; END $$",
        "DO $$ BEGIN EXECUTE 'ALTER DATABASE ' || current_database() || ' CONNECTION LIMIT 1'; END $$",
        "DROP TABLE alembic_version",
    ],
)
def test_attack_a_database_of_another_shape_is_not_used_again(
    server: Databases, tmp_path: Path, change: str
) -> None:
    """A changed table, function, trigger, permission, schema or setting would reach the next test."""
    url = server.take(tmp_path)
    run(url, change)
    server.give_back(url)
    assert server.take(tmp_path) != url
