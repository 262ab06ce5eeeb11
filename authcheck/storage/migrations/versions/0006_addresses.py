"""Public addresses that last. What keys, certificates and the ledger name already is recorded now."""

import base64
import json
from datetime import datetime
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

LISTS = "/v1/status-lists/"
BRANDS = ":brands:"


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.create_table(
        "addresses",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("url", sa.String(length=300), nullable=False),
        sa.Column("origin", sa.String(length=310), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("entry_number", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("number", name="pk_addresses"),
    )
    current = _record_addresses()
    op.add_column("batches", sa.Column("address", sa.String(length=300), nullable=True))
    if current is not None:
        _fill_batches(current)


def _record_addresses() -> str | None:
    """Record each address that a key names, in the order of the keys. Return the address of the last key."""
    names: dict[str, datetime] = {}
    for key in _rows("SELECT kid, created_at FROM signing_keys ORDER BY added_at_entry", created_at=True):
        did = key.kid.partition(BRANDS)[0]
        at = names.pop(did, key.created_at)  # an address that returned counts from its first key, but last
        names[did] = at
    urls = _urls_of_lists()
    rows: list[dict[str, Any]] = []
    for number, (did, since) in enumerate(names.items()):
        url = urls.get(did) or _guess_url(did)
        rows.append({"number": number, "url": url, "since": since, "entry_number": None})
    if not rows:
        return None
    current = str(rows[-1]["url"])
    addresses = sa.table(
        "addresses",
        *map(sa.column, ("number", "url", "origin", "entry_number")),
        sa.column("since", sa.DateTime(timezone=True)),
    )
    origin = _origin_of(current)
    op.bulk_insert(addresses, [{**row, "origin": origin} for row in rows])
    return current


def _urls_of_lists() -> dict[str, str]:
    """Return the addresses of published status lists by their DID. A DID does not tell http from https."""
    urls = {}
    published = "SELECT subject FROM entries WHERE type = 'statuslist.publish' ORDER BY number"
    for entry in _rows(published):
        url = entry.subject.partition(LISTS)[0]
        urls[_did_of(url)] = url
    return urls


def _did_of(url: str) -> str:
    parts = urlsplit(url)
    segments = [segment for segment in parts.path.split("/") if segment]
    return ":".join(["did:web", quote(parts.netloc, safe=""), *segments])


def _guess_url(did: str) -> str:
    """Return the address of a DID without status lists: http on this computer, https everywhere else."""
    host, *segments = did.removeprefix("did:web:").split(":")
    netloc = unquote(host)
    name = urlsplit(f"//{netloc}").hostname or ""
    try:
        is_local = not ip_address(name).is_global
    except ValueError:
        is_local = name == "localhost"
    return "/".join([f"{'http' if is_local else 'https'}://{netloc}", *segments])


def _origin_of(url: str) -> str:
    """Return the ledger's name: of this address if a checkpoint has it, else of the newest checkpoint."""
    own = url.partition("://")[2] + "/ledger"
    names = [row.note.partition("\n")[0] for row in _rows("SELECT note FROM checkpoints ORDER BY size DESC")]
    return own if own in names or not names else names[0]


def _fill_batches(current: str) -> None:
    """Fill in the address that a batch's certificates name, else the current address."""
    batches = sa.table("batches", sa.column("id"), sa.column("address"))
    one_of_each = (
        "SELECT batch_id, jws FROM certificates WHERE id IN "
        "(SELECT min(id) FROM certificates WHERE jws IS NOT NULL GROUP BY batch_id)"
    )
    op.execute(batches.update().values(address=current))
    for row in _rows(one_of_each):
        op.execute(batches.update().where(batches.c.id == row.batch_id).values(address=_address_in(row.jws)))


def _address_in(jws: str) -> str:
    payload = jws.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return str(claims["credentialStatus"]["statusListCredential"]).partition(LISTS)[0]


def _rows(query: str, *, created_at: bool = False) -> list[Any]:
    statement: Any = sa.text(query)
    if created_at:
        statement = statement.columns(kid=sa.String(), created_at=sa.DateTime(timezone=True))
    return list(op.get_bind().execute(statement))
