"""Flow: several processes and threads use one database at once."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import make
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import StatementError

from authcheck.config import Settings
from authcheck.errors import Conflict
from authcheck.members import organisations
from authcheck.members.tables import Organisation
from authcheck.storage.database import Database, head
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql

PROCESSES, ROUNDS = 2, 4
OPEN_TOGETHER = """
import sys, time
from pathlib import Path
from authcheck.config import Settings
from authcheck.storage.database import Database, make_engine
barrier, me, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
ends_at = time.monotonic() + 60
for number, place in enumerate(sys.argv[4:]):
    (barrier / f"{number}-{me}").touch()
    while len(list(barrier.glob(f"{number}-*"))) < count:
        assert time.monotonic() < ends_at, "the others never came"
        time.sleep(0.002)
    if place.startswith("postgresql"):
        database = Database(make_engine(place))
        database.upgrade()
    else:
        database = Database.open(Settings(data_dir=place))
    assert database.revision(), place
    database.dispose()
"""


def add(database: Database, handle: str) -> None:
    """Write once, in a transaction of its own."""
    with database.writing() as session:
        session.execute(sa.text("UPDATE registry_clock SET tick = tick + 1"))
        organisations.ensure_brand(session, handle, make.NOW)


@pytest.mark.slow
def test_processes_that_start_on_an_empty_place_at_once_all_succeed(
    settings: Settings, tmp_path: Path
) -> None:
    """The first process migrates. The second process waits and finds the database migrated."""
    places = [
        make.empty_database(settings) if settings.database_url else str(tmp_path / f"fresh-{number}")
        for number in range(ROUNDS)
    ]
    barrier = tmp_path / "barrier"
    barrier.mkdir()
    started = [
        subprocess.Popen(  # noqa: S603 - our own interpreter
            [sys.executable, "-c", OPEN_TOGETHER, str(barrier), str(me), str(PROCESSES), *places],
            stderr=subprocess.PIPE,
            text=True,
        )
        for me in range(PROCESSES)
    ]
    ends = [(process.communicate(timeout=120)[1], process.returncode) for process in started]
    assert ends == [("", 0)] * PROCESSES
    if settings.database_url is None:
        for place in places:
            database = Database.open(Settings(data_dir=Path(place)))
            assert database.revision() == head()
            database.dispose()


@pytest.mark.slow
def test_racing_writers_all_land(workspace: Workspace) -> None:
    """Eight threads write 25 times each. No write is lost or refused."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: add(workspace.database, f"brand-{number}"), range(200)))
    with workspace.database.reading() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Organisation)) == 200
        assert session.scalar(sa.text("SELECT tick FROM registry_clock")) == 200


def test_a_reader_does_not_wait_for_a_writer(workspace: Workspace) -> None:
    """During a write, readers see the state from before the write."""
    add(workspace.database, "first")
    with workspace.database.writing() as writer:
        organisations.ensure_brand(writer, "second", make.NOW)
        with workspace.database.reading() as reader:
            assert [row.handle for row in organisations.list_organisations(reader)] == ["first"]
    with workspace.database.reading() as reader:
        assert len(organisations.list_organisations(reader)) == 2


def test_a_write_that_fails_leaves_nothing(workspace: Workspace) -> None:
    """An exception inside the block rolls back all its writes."""
    with suppress(RuntimeError), workspace.database.writing() as session:
        organisations.ensure_brand(session, "first", make.NOW)
        raise RuntimeError
    with workspace.database.reading() as session:
        assert organisations.list_organisations(session) == []


def test_an_organisation_made_meanwhile_is_found(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two transactions create the same brand at once. The second gets the brand of the first."""
    add(workspace.database, "acme")
    looks = iter([None, None])
    find = organisations.find_organisation
    monkeypatch.setattr(
        organisations, "find_organisation", lambda session, handle: next(looks, find(session, handle))
    )
    with workspace.database.writing() as session:
        assert organisations.ensure_brand(session, "acme", make.NOW).handle == "acme"
    looks = iter([None])
    with pytest.raises(Conflict) as caught, workspace.database.writing() as session:
        organisations.create_organisation(session, handle="acme", name="Acme", roles=["brand"], now=make.NOW)
    assert caught.value.code == "organisation.exists"


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=8)), timezone(timedelta(hours=-9.5))])
def test_times_come_back_aware_in_utc(workspace: Workspace, zone: timezone) -> None:
    """A stored time returns as the same moment in UTC, to the microsecond."""
    moment = datetime(2026, 3, 1, 23, 59, 59, 999_999, tzinfo=zone)
    with workspace.database.writing() as session:
        organisations.ensure_brand(session, "acme", moment)
    with workspace.database.reading() as session:
        stored = organisations.get_organisation(session, "acme").created_at
    assert stored == moment
    assert stored.utcoffset() == timedelta(0)


def test_a_time_without_a_zone_is_refused(workspace: Workspace) -> None:
    """A time without a zone is refused, because another machine would read another moment."""
    naive = datetime(2026, 1, 1)  # noqa: DTZ001 - the very mistake
    row = Organisation(id="org_1", handle="acme", name="Acme", roles=["brand"], created_at=naive)
    with workspace.database.writing() as session:
        session.add(row)
        with pytest.raises(StatementError, match="without a zone"):
            session.flush()
        session.rollback()


def test_a_glance_begins_no_transaction_on_postgresql(settings: Settings) -> None:
    """A page that only looks sends its query alone. Elsewhere it reads as every other session does."""
    workspace = Workspace.open(settings)
    with workspace.database.glancing() as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Organisation)) == 0
        if settings.database_url:
            driver = session.connection().connection.driver_connection
            assert driver is not None
            assert driver.info.transaction_status.name == "IDLE"
    workspace.database.dispose()
