"""Flow: an operator upgrades a database of any age to this release."""

import json
import re
from collections.abc import Iterator
from decimal import Decimal

import make
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from authcheck.cases.notice_tables import Hit
from authcheck.config import Settings
from authcheck.listings.tables import Listing
from authcheck.storage.database import Database, head, make_engine
from authcheck.storage.entity import Entity
from authcheck.storage.revisions import revisions
from authcheck.storage.upgrading import alembic_config
from authcheck.terminal.app import COMMANDS, load_command

pytestmark = pytest.mark.postgresql

for command in COMMANDS:  # so that the rows of every package are in Entity.metadata
    load_command(command)
SCRIPTS = ScriptDirectory.from_config(alembic_config())
REVISIONS = [script.revision for script in SCRIPTS.walk_revisions()]


@pytest.fixture
def empty(settings: Settings) -> Iterator[Database]:
    """An empty database."""
    database = Database(make_engine(make.empty_database(settings)))
    yield database
    database.dispose()


def differences(database: Database) -> list[object]:
    """The changes that autogenerate would still make to reach the entities."""
    with database.engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), Entity.metadata))


def test_there_is_one_line_of_migrations() -> None:
    """There is one head and one start, and each revision has a sentence about itself."""
    assert SCRIPTS.get_heads() == [head()]
    assert len(SCRIPTS.get_bases()) == 1
    assert list(revisions()) == REVISIONS[::-1]
    assert all(re.search(r"\w", script.doc) for script in SCRIPTS.walk_revisions())


def test_an_empty_database_reaches_the_entities(empty: Database) -> None:
    """The migrations make exactly the tables of the code: columns, types, indexes, constraints."""
    assert empty.revision() is None
    empty.upgrade()
    assert empty.revision() == head()
    assert differences(empty) == []


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_database_of_every_earlier_release_reaches_the_entities(empty: Database, revision: str) -> None:
    """Upgrading from every revision ends at the same tables."""
    empty.upgrade(revision)
    assert empty.revision() == revision
    empty.upgrade()
    assert empty.revision() == head()
    assert differences(empty) == []


@pytest.mark.slow
def test_upgrading_twice_changes_nothing(empty: Database) -> None:
    """A second upgrade changes nothing, and stored rows stay."""
    empty.upgrade()
    with empty.writing() as session:
        session.execute(sa.text("UPDATE registry_clock SET tick = 41"))
    empty.upgrade()
    with empty.reading() as session:
        assert session.scalars(sa.text("SELECT tick FROM registry_clock")).all() == [41]


def test_prices_of_earlier_releases_can_be_compared(empty: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The upgrade reads amount and currency from the stored texts, over several steps. It skips odd texts."""
    monkeypatch.setattr(SCRIPTS.get_revision("0009").module, "ROWS_AT_ONCE", 2)
    empty.upgrade("0008")
    prices = {"a": "19.90 EUR", "b": None, "c": "1000 JPY", "d": "cheap", "e": "999999999999.9999 USD"}
    insert = sa.text(
        "INSERT INTO listings (id, reference, seller, channel, territory, goods, price, listed_on, handed_in_at, "
        "decided_at, policy, verdict, reasons, evidence) VALUES (:id, :id, 's', 'm', 'DE', '[]', :price, "
        "'2026-11-23', '2026-11-23 00:00:00', '2026-11-23 00:00:00', 'listing-1', 'none', '[]', '{}')"
    )
    with empty.writing() as session:
        session.execute(insert, [{"id": key, "price": price} for key, price in prices.items()])
    empty.upgrade()
    amount = Listing.price_amount
    with empty.reading() as session:
        rows = session.execute(sa.select(Listing.id, amount, Listing.currency).order_by(Listing.id)).all()
        dear = session.scalars(sa.select(Listing.id).where(amount > Decimal("19.89")).order_by(amount)).all()
    assert [(row[0], row[1] and round(row[1], 2), row[2]) for row in rows] == [
        ("a", Decimal("19.90"), "EUR"), ("b", None, None), ("c", Decimal(1000), "JPY"), ("d", None, None),
        ("e", Decimal(10**12), "USD"),
    ]  # fmt: skip
    assert dear == ["a", "c", "e"]


def test_hits_of_earlier_releases_are_noted(empty: Database) -> None:
    """The upgrade notes the design of the verdict, of listings that a marketplace or the owner handed in."""
    empty.upgrade("0011")
    shows, empty_evidence = '{"designs": [{"design_id": "d"}]}', '{"designs": []}'
    listings = [
        ("lst_a", "market", "unlicensed_use", shows), ("lst_b", "brand", "licensed", shows),
        ("lst_c", "other", "unlicensed_use", shows), ("lst_d", None, "unlicensed_use", shows),
        ("lst_e", "market", "none", shows), ("lst_f", "market", "certificate_invalid", empty_evidence),
    ]  # fmt: skip
    with empty.writing() as session:
        for name, role in (("market", "marketplace"), ("brand", "brand"), ("other", "brand")):
            session.execute(
                sa.text(
                    "INSERT INTO organisations (id, handle, name, roles, created_at) VALUES (:name, :name, :name,"
                    " :roles, '2026-11-23 00:00:00')"
                ),
                {"name": name, "roles": json.dumps([role])},
            )
        session.execute(
            sa.text(
                "INSERT INTO designs (id, owner_id, reference, title, kind, state, public_preview, registered_at,"
                " registered_tick, version) VALUES ('d', 'brand', 'r', 't', 'other', 'registered', FALSE,"
                " '2026-11-23 00:00:00', 1, 1)"
            )
        )
        insert = sa.text(
            "INSERT INTO listings (id, organisation_id, reference, seller, channel, territory, goods, listed_on,"
            " handed_in_at, decided_at, policy, verdict, reasons, evidence, design_id) VALUES (:id, :by, :id, 's',"
            " 'm', 'DE', '[]', '2026-11-23', '2026-11-23 00:00:00', '2026-11-23 00:00:00', 'listing-1', :verdict,"
            " '[]', :evidence, 'd')"
        )
        names = ("id", "by", "verdict", "evidence")
        session.execute(insert, [dict(zip(names, row, strict=True)) for row in listings])
    empty.upgrade()
    with empty.reading() as session:
        rows = session.execute(
            sa.select(Hit.id, Hit.listing_id, Hit.owner_id, Hit.grouped_by).order_by(Hit.id)
        ).all()
    assert rows == [("hit_a", "lst_a", "brand", "lst_a"), ("hit_b", "lst_b", "brand", "lst_b")]


def test_a_migration_that_fails_leaves_the_database_as_it_was(
    empty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed migration removes the tables that it made, and the next attempt succeeds."""

    def fail(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("power cut")

    with monkeypatch.context() as patch:
        patch.setattr("alembic.runtime.migration.HeadMaintainer.update_to_step", fail)
        with pytest.raises(RuntimeError):
            empty.upgrade()
    assert sa.inspect(empty.engine).get_table_names() == []
    empty.upgrade()
    assert differences(empty) == []
