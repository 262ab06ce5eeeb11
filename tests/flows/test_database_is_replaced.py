"""Flow: somebody deletes or replaces the database under a serving process. Nothing acknowledged is lost."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import make
import pytest
import sqlalchemy as sa
import units_made
from sqlalchemy import event
from starlette.testclient import TestClient

from api.app import create_app
from authcheck.certificates.tables import Batch
from authcheck.config import Settings
from authcheck.errors import Unavailable
from authcheck.storage.database import Database
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql


class Shop:
    """A brand that orders over HTTP, and remembers what was acknowledged."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        self.work: Workspace = client.app.state.workspace  # type: ignore[attr-defined]
        self.design_id = units_made.brand_with_key(self.work)
        token = make.key(self.work, "certificates:issue")
        self.headers = {"Authorization": f"Bearer {token}"}
        self.acknowledged: list[str] = []
        self.orders = 0

    def order(self) -> Any:
        """Order two units, and remember the batch if the answer is 201."""
        self.orders += 1
        body = {
            "design": self.design_id, "gtin": units_made.GTIN, "lot": "L", "product": "Kite", "count": 2,
        }  # fmt: skip
        answer = self.client.post(
            "/v1/batches", json=body, headers={**self.headers, "Idempotency-Key": f"o{self.orders}"}
        )
        if answer.status_code == 201:
            self.acknowledged.append(answer.json()["id"])
        return answer

    def refuses_everything(self) -> None:
        """Assert that writes, reads and the readiness probe answer 503 and name the reason."""
        for answer in (self.order(), self.client.get("/v1/batches", headers=self.headers)):
            assert (answer.status_code, answer.json()["code"]) == (503, "database.replaced")
        ready = self.client.get("/readyz")
        assert (ready.status_code, ready.json()["checks"]["database"]) == (503, "database.replaced")


@contextmanager
def serving(settings: Settings) -> Iterator[Shop]:
    """Serve a workspace to a brand that has ordered once."""
    with TestClient(create_app(settings)) as client:
        shop = Shop(client)
        assert shop.order().status_code == 201
        yield shop


def batches(settings: Settings) -> set[str]:
    """The batches in the database, read by a process that has just started."""
    database = Database.open(settings)
    with database.reading() as session:
        found = set(session.scalars(sa.select(Batch.id)))
    database.dispose()
    return found


def files_of(settings: Settings) -> list[Path]:
    """The database file and SQLite's files beside it."""
    return sorted(settings.data_dir.glob("authcheck.db*"))


def delete(settings: Settings) -> None:
    """Delete the database."""
    for file in files_of(settings):
        file.unlink()


def put_another(settings: Settings, tmp_path: Path) -> None:
    """Move the database of another installation into its place."""
    other = Settings(data_dir=tmp_path / "other")
    Database.open(other).dispose()
    delete(settings)
    (other.data_dir / "authcheck.db").rename(settings.data_dir / "authcheck.db")


def start_another(settings: Settings, _tmp_path: Path) -> None:
    """Delete the database, and let another process make a new one."""
    delete(settings)
    Database.open(settings).dispose()


def put_backup(settings: Settings, tmp_path: Path) -> None:
    """Replace the database by its own backup."""
    database = sa.create_engine(settings.url)
    with database.connect() as connection:
        connection.exec_driver_sql(f"VACUUM INTO '{tmp_path / 'backup.db'}'")
    database.dispose()
    delete(settings)
    shutil.move(tmp_path / "backup.db", settings.data_dir / "authcheck.db")


DISASTERS: dict[str, Callable[[Settings, Path], None]] = {
    "deleted": lambda settings, _: delete(settings),
    "another installation": put_another,
    "made again": start_another,
    "its own backup": put_backup,
}


@pytest.mark.parametrize("disaster", DISASTERS)
def test_a_database_file_that_is_not_there_takes_no_order(
    settings: Settings, tmp_path: Path, disaster: str
) -> None:
    """Six orders after the disaster are refused, and no empty database takes the place of the lost one."""
    if settings.database_url is not None:
        pytest.skip("a server has no file")
    with serving(settings) as shop:
        DISASTERS[disaster](settings, tmp_path)
        left = files_of(settings)
        for _ in range(6):
            shop.refuses_everything()
        assert [file.name for file in left if file.suffix == ".db"] == [
            file.name for file in files_of(settings) if file.suffix == ".db"
        ]
        assert len(shop.acknowledged) == 1


def test_what_was_acknowledged_is_there_when_the_file_returns(settings: Settings, tmp_path: Path) -> None:
    """The operator moves the file back. The service goes on by itself, and every answer of 201 was true."""
    if settings.database_url is not None:
        pytest.skip("a server has no file")
    with serving(settings) as shop:
        away = tmp_path / "away"
        away.mkdir()
        moved = [(file, file.rename(away / file.name)) for file in files_of(settings)]
        shop.refuses_everything()
        for before, now in moved:
            now.rename(before)
        assert shop.order().status_code == 201
        acknowledged = shop.acknowledged
    assert batches(settings) == set(acknowledged)
    assert len(acknowledged) == 2


def test_other_content_in_the_same_database_is_noticed(settings: Settings) -> None:
    """A dump of another installation, restored into this database, takes no order."""
    with serving(settings) as shop:
        other = sa.create_engine(shop.work.database.engine.url)
        with other.begin() as connection:
            connection.exec_driver_sql("UPDATE registry_clock SET registry_id = 'reg_other'")
        assert shop.order().json()["code"] == "database.replaced"
        shop.work.database._identity._checked_at_s = 0.0  # type: ignore[union-attr] - a second later
        shop.refuses_everything()
        with other.begin() as connection:
            connection.exec_driver_sql("DROP TABLE registry_clock")
        shop.refuses_everything()
        other.dispose()


@pytest.mark.parametrize("moment", ["before_commit", "after_commit"])
def test_a_commit_to_a_file_that_vanishes_meanwhile_is_not_acknowledged(
    settings: Settings, moment: str
) -> None:
    """The file is deleted between the beginning of a transaction and its commit, or right after the commit."""
    if settings.database_url is not None:
        pytest.skip("a server has no file")
    database = Database.open(settings)

    def write_and_delete() -> None:
        with database.writing() as session:
            session.execute(sa.text("UPDATE registry_clock SET tick = tick + 1"))
            event.listen(session, moment, lambda _: delete(settings))

    with pytest.raises(Unavailable) as refused:
        write_and_delete()
    assert refused.value.code == "database.replaced"
    database.dispose()


def test_what_was_refused_is_not_there_when_the_file_returns(settings: Settings, tmp_path: Path) -> None:
    """The file is moved away within a transaction, and back afterwards: the refused change is not in it."""
    if settings.database_url is not None:
        pytest.skip("a server has no file")
    database = Database.open(settings)
    away: list[tuple[Path, Path]] = []

    def write_and_move() -> None:
        with database.writing() as session:
            session.execute(sa.text("UPDATE registry_clock SET tick = 99"))
            away.extend((file, file.rename(tmp_path / file.name)) for file in files_of(settings))

    with pytest.raises(Unavailable):
        write_and_move()
    for before, now in away:
        now.rename(before)
    with database.reading() as session:
        assert session.scalar(sa.text("SELECT tick FROM registry_clock")) == 0
    database.dispose()


def test_a_server_s_database_that_was_made_again_is_noticed(settings: Settings) -> None:
    """The database is dropped, and another of the same name is made. Connections to the old one are gone."""
    if settings.database_url is None:
        pytest.skip("needs a server")
    with serving(settings) as shop:
        url = sa.make_url(settings.database_url)
        admin = sa.create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.exec_driver_sql(f"DROP DATABASE {url.database} WITH (FORCE)")
            connection.exec_driver_sql(f"CREATE DATABASE {url.database}")
        admin.dispose()
        shop.refuses_everything()
