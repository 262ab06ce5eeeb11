"""Flow: an operator upgrades an installation from before addresses were recorded."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import make
import pytest
import sqlalchemy as sa
from sqlalchemy import select

from authcheck.certificates.tables import Batch
from authcheck.config import Settings
from authcheck.ledger.tables import Address
from authcheck.storage.database import Database, make_engine

pytestmark = pytest.mark.postgresql

OLD, NEW = "http://127.0.0.1:8000", "https://authcheck.example"
HOURS = [make.NOW + timedelta(hours=hour) for hour in range(4)]


@pytest.fixture
def old(settings: Settings) -> Iterator[Database]:
    """A database at revision 0004 with one brand and its design."""
    database = Database(make_engine(make.empty_database(settings)))
    database.upgrade("0004")
    insert(
        database,
        "organisations",
        id="org_1",
        handle="acme",
        name="Acme",
        roles=["brand"],
        created_at=HOURS[0],
    )
    insert(
        database, "designs", id="dsn_1", owner_id="org_1", reference="R", title="T", kind="logo",
        state="registered", version=1, public_preview=False, registered_at=HOURS[0], registered_tick=1,
    )  # fmt: skip
    yield database
    database.dispose()


def insert(database: Database, table: str, **values: Any) -> None:
    """Insert a row into a table as it was at that revision."""
    with database.engine.begin() as connection:
        found = sa.Table(table, sa.MetaData(), autoload_with=connection)
        connection.execute(found.insert().values(**values))


def key(database: Database, number: int, did: str) -> None:
    """Add a key of acme that was named under this address."""
    insert(
        database, "signing_keys", id=f"sgk_{number}", organisation_id="org_1", kid=f"{did}:brands:acme#key-{number}",
        public_key=b"k", created_at=HOURS[number], added_at_entry=number,
    )  # fmt: skip


def checkpoint(database: Database, size: int, origin: str) -> None:
    """Add a signed checkpoint."""
    insert(database, "checkpoints", size=size, root="0" * 64, note=f"{origin}\n{size}\n", signed_at=HOURS[0])


def batch(database: Database, number: int, url: str | None) -> None:
    """Add a batch with one certificate, which names its list at `url`. None: the brand has not signed it."""
    insert(
        database, "batches", id=f"bat_{number}", organisation_id="org_1", design_id="dsn_1", request_key=str(number),
        request_sha256="0", gtin="1", lot="L", product="P", count=1, created_at=HOURS[0],
    )  # fmt: skip
    claims = {"credentialStatus": {"statusListCredential": f"{url}/v1/status-lists/acme/0"}}
    payload = urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    insert(
        database, "certificates", id=f"crt_{number}", code=str(number), batch_id=f"bat_{number}", number_in_batch=1,
        organisation_id="org_1", design_id="dsn_1", gtin="1", lot="L", serial=str(number), state="active",
        issued_at=HOURS[0], jws=f"e.{payload}.s" if url else None, status_index=number,
    )  # fmt: skip
    if url:
        insert(
            database, "entries", number=number, tx_id=str(number), type="statuslist.publish",
            subject=f"{url}/v1/status-lists/acme/0", at=HOURS[0], body=b"{}",
        )  # fmt: skip


def upgraded(database: Database) -> tuple[list[tuple[str, str]], list[str]]:
    """Upgrade. Return the recorded addresses with the ledger's name, and the address of each batch."""
    database.upgrade()
    with database.reading() as session:
        rows = session.execute(select(Address.url, Address.origin).order_by(Address.number))
        batches = session.scalars(select(Batch.address).order_by(Batch.id))
        return [(url, origin) for url, origin in rows], list(batches)


def test_nothing_is_recorded_before_the_first_key(old: Database) -> None:
    """An installation without keys may still choose its address, whatever name its checkpoints have."""
    checkpoint(old, 0, "127.0.0.1:8000/ledger")
    assert upgraded(old) == ([], [])


def test_the_address_of_certificates_is_recorded(old: Database) -> None:
    """The status lists tell the address with its scheme. Unsigned batches get the current address."""
    key(old, 1, "did:web:authcheck.example")
    checkpoint(old, 2, "authcheck.example/ledger")
    batch(old, 2, "http://authcheck.example")
    batch(old, 3, None)
    url = "http://authcheck.example"
    assert upgraded(old) == ([(url, "authcheck.example/ledger")], [url, url])


@pytest.mark.parametrize(
    ("did", "url"),
    [
        ("did:web:127.0.0.1%3A8000", OLD),
        ("did:web:localhost%3A9000", "http://localhost:9000"),
        ("did:web:authcheck.example", NEW),
        ("did:web:shop.example:auth", "https://shop.example/auth"),
        ("did:web:%5B%3A%3A1%5D%3A8000", "http://[::1]:8000"),
    ],
)
def test_a_key_without_certificates_tells_the_address(old: Database, did: str, url: str) -> None:
    """The scheme is http on this computer, and https everywhere else."""
    key(old, 1, did)
    assert upgraded(old) == ([(url, url.partition("://")[2] + "/ledger")], [])


def test_a_trial_and_then_the_real_address(old: Database) -> None:
    """All addresses that keys name are recorded, the last one as current. The ledger has its name if it signed so."""
    key(old, 1, "did:web:127.0.0.1%3A8000")
    key(old, 2, "did:web:authcheck.example")
    batch(old, 2, OLD)
    batch(old, 3, NEW)
    checkpoint(old, 4, "authcheck.example/ledger")
    checkpoint(old, 5, "127.0.0.1:8000/ledger")  # by a shell without the variable
    name = "authcheck.example/ledger"
    assert upgraded(old) == ([(OLD, name), (NEW, name)], [OLD, NEW])


def test_units_of_a_shell_without_the_variable_keep_their_wrong_address(old: Database) -> None:
    """No key names that address, so it is not recorded, and the audit can name the units."""
    key(old, 1, "did:web:authcheck.example")
    batch(old, 2, NEW)
    batch(old, 3, OLD)
    assert upgraded(old) == ([(NEW, "authcheck.example/ledger")], [NEW, OLD])
