"""Flow: a full, locked, damaged, read-only, missing, newer or misnamed database gets its own clear error."""

import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import make
import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from authcheck.certificates import batches
from authcheck.checks import records
from authcheck.config import Settings
from authcheck.errors import BadSetting, DatabaseBusy, NotFound, Rejected, StorageFailed, Unavailable
from authcheck.licences import grants
from authcheck.listings import imports, judging
from authcheck.members import organisations
from authcheck.members.tables import Organisation
from authcheck.registry import designs, reports
from authcheck.storage import dialects
from authcheck.storage.database import Database, head, make_engine
from authcheck.storefronts import shops
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql

SECRET = "hunter2-secret"  # noqa: S105 - invented here
HOLD = """
import sys
import sqlalchemy as sa
from authcheck.storage.database import Database, make_engine
database = Database(make_engine(sys.argv[1]))
with database.writing() as session:
    session.execute(sa.text("UPDATE registry_clock SET tick = tick + 1"))
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_by_another_process(url: str) -> Iterator[None]:
    """Hold the write lock in another process while the block runs."""
    with subprocess.Popen(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", HOLD, url], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stdin
        assert process.stdout.readline() == b"held\n"
        yield
        process.stdin.close()
        assert process.wait() == 0


def tick(database: Database) -> None:
    """Advance the clock, as every registration does."""
    with database.writing() as session:
        session.execute(sa.text("UPDATE registry_clock SET tick = tick + 1"))


def open_code(data_dir: Path, url: str | None = None) -> str:
    """The code with which opening the database fails."""
    with pytest.raises((StorageFailed, Unavailable)) as caught:
        Database.open(Settings(data_dir=data_dir, database_url=url))
    return caught.value.code


def said(error: BaseException) -> str:
    """The text that a log would hold of an error and its causes."""
    return "".join(traceback.format_exception(error))


def test_a_data_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """A file in the place of the folder or of its parent stops the start, even for root."""
    (tmp_path / "file").write_text("in the way")
    assert open_code(tmp_path / "file") == "storage.read_only"
    assert open_code(tmp_path / "file" / "state") == "storage.read_only"


def test_a_database_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    """A folder in the place of the file, and a missing folder, are errors."""
    (tmp_path / "authcheck.db").mkdir()
    assert open_code(tmp_path) == "storage.read_only"
    assert open_code(tmp_path, f"sqlite:///{tmp_path}/nowhere/authcheck.db") == "storage.read_only"


def test_a_read_only_database_can_be_read_and_not_written(tmp_path: Path) -> None:
    """A read-only database can be read. A write fails with its own error."""
    Database.open(Settings(data_dir=tmp_path)).dispose()
    url = f"sqlite:///file:{tmp_path}/authcheck.db?mode=ro&uri=true"
    database = Database.open(Settings(data_dir=tmp_path, database_url=url))
    with database.reading() as session:
        assert organisations.list_organisations(session) == []
    with pytest.raises(StorageFailed) as caught:
        tick(database)
    assert caught.value.code == "storage.read_only"
    database.dispose()


@pytest.mark.parametrize("name", ["a?b", "a%20b", "a#b", "a&mode=ro", "50%", "包 a'b"])
def test_a_data_folder_may_have_any_name(tmp_path: Path, name: str) -> None:
    """Characters with a meaning in a URL have no meaning in a folder's name."""
    database = Database.open(Settings(data_dir=tmp_path / name))
    assert (tmp_path / name / "authcheck.db").stat().st_size > 0
    assert [path.name for path in tmp_path.iterdir()] == [name]
    database.dispose()


def test_a_full_disk_stores_nothing_of_the_transaction(tmp_path: Path) -> None:
    """When the disk fills up halfway, the transaction is rolled back, and reads still work."""
    database = Database.open(Settings(data_dir=tmp_path))

    def fill() -> None:
        with database.writing() as session:
            pages = session.scalar(sa.text("PRAGMA page_count"))
            session.execute(sa.text(f"PRAGMA max_page_count = {pages + 4}"))
            for number in range(200):
                roles = ["brand"] * 100
                session.add(
                    Organisation(
                        id=f"org_{number}", handle=f"b{number}", name="B", roles=roles, created_at=make.NOW
                    )
                )
                session.flush()

    with pytest.raises(StorageFailed) as caught:
        fill()
    assert caught.value.code == "storage.full"
    with database.reading() as session:
        assert organisations.list_organisations(session) == []
    database.dispose()


@pytest.mark.slow
def test_a_database_locked_by_another_process_is_busy(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that waits too long fails with "try again".

    Reads work meanwhile, and writes work afterwards.
    """
    monkeypatch.setattr(dialects, "BUSY_TIMEOUT_S", 0.05)
    database = Database.open(settings)
    url = settings.database_url or f"sqlite:///{settings.data_dir}/authcheck.db"
    with held_by_another_process(url):
        with pytest.raises(DatabaseBusy):
            tick(database)
        with database.reading() as session:
            assert session.scalar(sa.text("SELECT tick FROM registry_clock")) == 0
    tick(database)
    with database.reading() as session:
        assert session.scalar(sa.text("SELECT tick FROM registry_clock")) == 2
    database.dispose()


def test_a_file_that_is_no_database_is_damaged(tmp_path: Path) -> None:
    """A file of garbage in the database's place is not overwritten."""
    garbage = b"this is not a database, and it is long enough to have a header" * 100
    (tmp_path / "authcheck.db").write_bytes(garbage)
    assert open_code(tmp_path) == "database.damaged"
    assert (tmp_path / "authcheck.db").read_bytes() == garbage


def test_a_database_with_damaged_pages_is_damaged(tmp_path: Path) -> None:
    """A database with a good header and bad pages is damaged."""
    Database.open(Settings(data_dir=tmp_path)).dispose()
    file = tmp_path / "authcheck.db"
    content = file.read_bytes()
    file.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))
    assert open_code(tmp_path) == "database.damaged"


def test_a_database_of_a_later_release_is_left_alone(settings: Settings) -> None:
    """Opening and upgrading refuse an unknown revision and change nothing."""
    database = Database.open(settings)
    with database.writing() as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Unavailable) as caught:
        Database.open(settings)
    assert caught.value.code == "database.newer"
    assert caught.value.params == {"revision": "9999", "head": head()}
    with pytest.raises(Unavailable) as caught:
        database.upgrade()
    assert caught.value.code == "database.newer"
    assert database.revision() == "9999"
    database.dispose()


def test_a_server_not_upgraded_yet_says_which_command_does_it(settings: Settings) -> None:
    """Opening a database that others may use never migrates it."""
    if settings.database_url is None:
        pytest.skip("an embedded database is upgraded when it is opened")
    url = make.empty_database(settings)
    with pytest.raises(Unavailable, match="authcheck db upgrade") as caught:
        Database.open(Settings(database_url=url))
    assert caught.value.code == "database.not_upgraded"
    database = Database(make_engine(url))
    database.upgrade()
    Database.open(Settings(database_url=url)).dispose()
    database.dispose()


@pytest.mark.parametrize("options", ["", "?connect_timeout=1"])
def test_a_server_that_does_not_answer_is_unreachable(options: str) -> None:
    """When no server listens, the error says so and never shows the password."""
    url = f"postgresql+psycopg://app:{SECRET}@127.0.0.1:1/authcheck{options}"
    with pytest.raises(Unavailable) as caught:
        Database.open(Settings(database_url=url))
    assert caught.value.code == "database.unreachable"
    assert SECRET not in said(caught.value)


def test_a_database_that_the_server_does_not_have_is_unreachable(settings: Settings) -> None:
    """A server that answers without having the database gives its own error."""
    if settings.database_url is None:
        pytest.skip("needs a server")
    url = sa.make_url(settings.database_url).set(database="nowhere").render_as_string(hide_password=False)
    with pytest.raises(Unavailable) as caught:
        Database.open(Settings(database_url=url))
    assert caught.value.code == "database.unreachable"


@pytest.mark.parametrize(
    "url",
    [
        f"nonsense {SECRET}",
        f"postgresql+psycopg://app:{SECRET}@host:port/name",
        f"postgresql+nodriver://app:{SECRET}@host/name",
        f"postgresql+pg8000://app:{SECRET}@host/name",
        f"mysql+pymysql://app:{SECRET}@host/name",
        f"mongodb://app:{SECRET}@host/name",
        f"postgresql+psycopg://app:{SECRET}@127.0.0.1:1/name?colour=blue",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite+aiosqlite:///x.db",
    ],
)
def test_a_url_we_cannot_use_is_a_bad_setting(url: str) -> None:
    """The error names the variable, not its value.

    Bad URLs: not parsable, another database, no driver, in memory.
    """
    with pytest.raises(BadSetting) as caught:
        Database.open(Settings(database_url=url))
    assert caught.value.params["name"] == "AUTHCHECK_DATABASE_URL"
    assert SECRET not in said(caught.value)


def test_text_that_cannot_be_stored_is_the_callers_fault(workspace: Workspace) -> None:
    """Half a surrogate pair, and NUL where the database refuses it, are refused with a code."""
    texts = ["\ud800"] if workspace.settings.database_url is None else ["\ud800", "a\0b"]
    for text in texts:
        with pytest.raises(Rejected) as caught, workspace.database.reading() as session:
            organisations.list_organisations(session, after=text)
        assert caught.value.code == "text.unstorable"


@pytest.mark.parametrize(
    "look",
    [
        designs.get_design,
        lambda session, name: designs.find_design(session, name, name),
        lambda session, name: reports.get_report(session, name, organisation_id="org_x"),
        batches.get_batch,
        grants.get_licence,
        shops.get_storefront,
        judging.get_listing,
        imports.get_import,
        records.get_check,
        organisations.get_organisation,
    ],
    ids=["design", "reference", "report", "batch", "licence", "shop", "listing", "import", "check", "organisation"],
)  # fmt: skip
def test_a_name_with_nul_is_not_found(workspace: Workspace, look: Callable[[Session, str], object]) -> None:
    """An id with a NUL is an unknown id on every database, even where PostgreSQL refuses to search for it."""
    with pytest.raises(NotFound), workspace.database.reading() as session:
        look(session, "a\0b")


def test_a_mistake_of_ours_is_not_blamed_on_the_server(workspace: Workspace) -> None:
    """A query for a missing table is our bug. The error is not changed into another."""
    with pytest.raises(sa.exc.DBAPIError, match="nowhere"), workspace.database.reading() as session:
        session.execute(sa.text("SELECT 1 FROM nowhere"))
