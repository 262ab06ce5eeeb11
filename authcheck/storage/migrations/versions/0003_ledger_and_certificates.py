"""The ledger, certificates, and what is anchored of it. What was registered before gets its entries now."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import rfc8785
import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

UNCHANGING = ("entries",)  # rows that are never changed or deleted
IMAGES_PER_ENTRY = 20
TILE_HASHES = 256


class Draft(NamedTuple):
    """An entry to be written: its type, the id of its subject, what it says, and when the thing happened."""

    type: str
    subject: str
    fields: dict[str, Any]
    since: datetime | None


TYPES: dict[str, Any] = {
    "roles": sa.JSON(),
    "public_preview": sa.Boolean(),
    "created_at": sa.DateTime(timezone=True),
    "noticed_at": sa.DateTime(timezone=True),
    "registered_at": sa.DateTime(timezone=True),
    "retired_at": sa.DateTime(timezone=True),
}


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.create_table(
        "anchorings",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("chain", sa.String(length=60), nullable=False),
        sa.Column("sender", sa.String(length=60), nullable=False),
        sa.Column("nonce", sa.BigInteger(), nullable=False),
        sa.Column("previous_size", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.String(length=64), nullable=False),
        sa.Column("transaction_hash", sa.String(length=80), nullable=False),
        sa.Column("raw_transaction", sa.LargeBinary(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("block_number", sa.BigInteger(), nullable=True),
        sa.Column("block_hash", sa.String(length=80), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_anchorings"),
        sa.UniqueConstraint("chain", "sender", "nonce", name="uq_anchorings_chain_sender_nonce"),
        sa.UniqueConstraint("transaction_hash", name="uq_anchorings_transaction_hash"),
    )
    op.create_index("ix_anchorings_state", "anchorings", ["state"], unique=False)
    op.create_table(
        "checkpoints",
        sa.Column("size", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("root", sa.String(length=64), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("size", name="pk_checkpoints"),
    )
    op.create_table(
        "entries",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("tx_id", sa.String(length=64), nullable=False),
        sa.Column("type", sa.String(length=30), nullable=False),
        sa.Column("subject", sa.String(length=300), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_entries"),
        sa.UniqueConstraint("tx_id", name="uq_entries_tx_id"),
    )
    op.create_index("ix_entries_subject_number", "entries", ["subject", "number"], unique=False)
    op.create_table(
        "ledger_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_head"),
    )
    op.create_table(
        "tiles",
        sa.Column("level", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "number", name="pk_tiles"),
    )
    op.create_table(
        "signing_keys",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("organisation_id", sa.String(length=40), nullable=False),
        sa.Column("kid", sa.String(length=300), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("secret", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("added_at_entry", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at_entry", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name="fk_signing_keys_organisation_id_organisations"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_signing_keys"),
        sa.UniqueConstraint("kid", name="uq_signing_keys_kid"),
    )
    op.create_index("ix_signing_keys_organisation_id", "signing_keys", ["organisation_id"], unique=False)
    op.create_table(
        "batches",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("organisation_id", sa.String(length=40), nullable=False),
        sa.Column("design_id", sa.String(length=40), nullable=False),
        sa.Column("request_key", sa.String(length=200), nullable=False),
        sa.Column("request_sha256", sa.String(length=64), nullable=False),
        sa.Column("gtin", sa.String(length=14), nullable=False),
        sa.Column("lot", sa.String(length=20), nullable=False),
        sa.Column("product", sa.String(length=200), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["design_id"], ["designs.id"], name="fk_batches_design_id_designs"),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name="fk_batches_organisation_id_organisations"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_batches"),
        sa.UniqueConstraint("organisation_id", "request_key", name="uq_batches_organisation_id_request_key"),
    )
    op.create_index("ix_batches_design_id", "batches", ["design_id"], unique=False)
    op.create_table(
        "certificates",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("batch_id", sa.String(length=40), nullable=False),
        sa.Column("number_in_batch", sa.Integer(), nullable=False),
        sa.Column("organisation_id", sa.String(length=40), nullable=False),
        sa.Column("design_id", sa.String(length=40), nullable=False),
        sa.Column("gtin", sa.String(length=14), nullable=False),
        sa.Column("lot", sa.String(length=20), nullable=False),
        sa.Column("serial", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("jws", sa.Text(), nullable=True),
        sa.Column("jws_sha256", sa.String(length=64), nullable=True),
        sa.Column("entry_number", sa.BigInteger(), nullable=True),
        sa.Column("status_index", sa.Integer(), nullable=False),
        sa.Column("sealed_pin", sa.LargeBinary(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revocation_reason", sa.String(length=40), nullable=True),
        sa.Column("revoked_entry_number", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name="fk_certificates_batch_id_batches"),
        sa.ForeignKeyConstraint(["design_id"], ["designs.id"], name="fk_certificates_design_id_designs"),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name="fk_certificates_organisation_id_organisations"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_certificates"),
        sa.UniqueConstraint("code", name="uq_certificates_code"),
        sa.UniqueConstraint("gtin", "lot", "serial", name="uq_certificates_gtin_lot_serial"),
        sa.UniqueConstraint(
            "organisation_id", "status_index", name="uq_certificates_organisation_id_status_index"
        ),
    )
    op.create_index(
        ("ix_certificates_batch_id_number_in_batch"),
        "certificates",
        ["batch_id", "number_in_batch"],
        unique=False,
    )
    op.create_index("ix_certificates_entry_number", "certificates", ["entry_number"], unique=False)
    op.create_index(
        "ix_certificates_organisation_id_revoked_entry_number",
        "certificates",
        ["organisation_id", "revoked_entry_number"],
        unique=False,
    )
    op.create_table(
        "status_lists",
        sa.Column("id", sa.String(length=40), nullable=False),
        sa.Column("organisation_id", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("jws", sa.Text(), nullable=False),
        sa.Column("jws_sha256", sa.String(length=64), nullable=False),
        sa.Column("entry_number", sa.BigInteger(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisations.id"], name="fk_status_lists_organisation_id_organisations"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_status_lists"),
    )
    op.create_index(
        "ix_status_lists_organisation_id_number_entry_number",
        "status_lists",
        ["organisation_id", "number", "entry_number"],
        unique=False,
    )

    head = sa.table("ledger_head", sa.column("id", sa.Integer), sa.column("size", sa.BigInteger))
    op.execute(head.insert().values(id=1, size=_backfill()))
    for table in UNCHANGING:
        for change in ("UPDATE", "DELETE"):
            _forbid(table, change)


def _backfill() -> int:
    """Write an entry for everything that is registered already. Returns the number of entries.

    The functions below are copies of what the library did at this revision, so that the history they write
    never changes.
    """
    now = datetime.now(UTC)
    rows = []
    for number, draft in enumerate([*_organisations(), *_designs()]):
        said = {"at": _time(now), "id": draft.subject, "t": draft.type, "v": 1, **draft.fields}
        if draft.since is not None:
            said["since"] = _time(draft.since)
        body = rfc8785.dumps(said)
        tx_id = hashlib.sha256(b"\x00" + body).hexdigest()
        rows.append((number, tx_id, draft.type, draft.subject, body, now))
    names = ("number", "tx_id", "type", "subject", "body")
    entries = sa.table("entries", *map(sa.column, names), sa.column("at", sa.DateTime(timezone=True)))
    if rows:
        op.bulk_insert(entries, [dict(zip((*names, "at"), row, strict=True)) for row in rows])
        op.bulk_insert(
            sa.table("tiles", *map(sa.column, ("level", "number", "hashes"))),
            list(_tiles([bytes.fromhex(row[1]) for row in rows])),
        )
    return len(rows)


def _organisations() -> Iterator[Draft]:
    for row in _rows("organisations", "id", "id", "handle", "name", "roles", "created_at"):
        said = {"h": _digest({"name": row.name}), "handle": row.handle, "roles": row.roles}
        yield Draft("org.approve", row.id, said, row.created_at)


def _designs() -> Iterator[Draft]:
    """The designs with all pictures they ever had, then what became of them."""
    ever: dict[str, dict[str, None]] = {}
    live: dict[str, set[str]] = {}
    disputes: dict[str, list[Any]] = {}
    for view in _rows("views", "number", "design_id", "picture_sha256", "removed_tick"):
        ever.setdefault(view.design_id, {})[view.picture_sha256] = None
        if view.removed_tick is None:
            live.setdefault(view.design_id, set()).add(view.picture_sha256)
    for dispute in _rows("disputes", "id", "id", "design_id", "other_design_id", "score", "noticed_at"):
        disputes.setdefault(dispute.design_id, []).append(dispute)
    words = ("id", "owner_id", "reference", "title", "kind", "state", "version", "public_preview")
    for row in _rows("designs", "id", *words, "registered_at", "retired_at"):
        yield from _registered(row, list(ever[row.id]))
        for dispute in disputes.get(row.id, []):
            said = {"dispute": dispute.id, "other": dispute.other_design_id, "score": dispute.score}
            yield Draft("design.dispute", row.id, said, dispute.noticed_at)
        if row.retired_at is not None:
            yield Draft("design.retire", row.id, {"version": row.version}, row.retired_at)
            continue
        for picture in ever[row.id]:
            if picture not in live[row.id]:
                yield Draft("design.view_remove", row.id, {"images": [picture], "version": row.version}, None)


def _registered(row: Any, pictures: Sequence[str]) -> Iterator[Draft]:
    words = {name: getattr(row, name) for name in ("kind", "public_preview", "reference", "title")}
    groups = [
        pictures[start : start + IMAGES_PER_ENTRY] for start in range(0, len(pictures), IMAGES_PER_ENTRY)
    ]
    said = {"h": _digest(words), "images": groups[0], "owner": row.owner_id, "version": row.version}
    yield Draft("design.register", row.id, said, row.registered_at)
    for group in groups[1:]:
        yield Draft("design.view_add", row.id, {"images": group, "version": row.version}, row.registered_at)


def _rows(table: str, order: str, *names: str) -> list[Any]:
    columns = [sa.column(name, TYPES.get(name)) for name in names]
    return list(
        op.get_bind().execute(sa.select(*columns).select_from(sa.table(table)).order_by(sa.column(order)))
    )


def _time(at: datetime) -> str:
    """RFC 3339 in UTC with microseconds. SQLite gives its times, which are UTC, without a zone."""
    aware = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return aware.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def _digest(words: Mapping[str, Any]) -> str:
    return "sha256:" + hashlib.sha256(rfc8785.dumps(dict(words))).hexdigest()


def _tiles(hashes: Sequence[bytes]) -> Iterator[dict[str, Any]]:
    """The tiles of a tree over these leaf hashes (C2SP tlog-tiles): rows of 256 hashes, level by level."""
    level = 0
    while hashes:
        tiles = [hashes[start : start + TILE_HASHES] for start in range(0, len(hashes), TILE_HASHES)]
        for number, tile in enumerate(tiles):
            yield {"level": level, "number": number, "hashes": b"".join(tile)}
        hashes = [_root(tile) for tile in tiles if len(tile) == TILE_HASHES]
        level += 1


def _root(hashes: Sequence[bytes]) -> bytes:
    """The root over a full tile (RFC 6962 s2.1)."""
    while len(hashes) > 1:
        pairs = zip(hashes[::2], hashes[1::2], strict=True)
        hashes = [hashlib.sha256(b"\x01" + left + right).digest() for left, right in pairs]
    return hashes[0]


def _forbid(table: str, change: str) -> None:
    """Let the database itself refuse: whoever means to rewrite history has to drop a trigger first."""
    name, words = f"{table}_no_{change.lower()}", f"{table} are never changed"
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{words}'; END $$"
        )
        op.execute(f"CREATE TRIGGER {name} BEFORE {change} ON {table} FOR EACH ROW EXECUTE FUNCTION {name}()")
    else:
        op.execute(
            f"CREATE TRIGGER {name} BEFORE {change} ON {table} BEGIN SELECT RAISE(ABORT, '{words}'); END"
        )
