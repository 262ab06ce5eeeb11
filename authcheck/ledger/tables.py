"""Rows of the ledger: entries, tiles, checkpoints, public addresses, and anchorings in a chain."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from authcheck.storage.entity import Entity


class Entry(Entity):
    """One fact in the ledger. Triggers prevent that an entry is changed or deleted.

    `number` is the entry's position in the log, from 0. `body` is the canonical JSON that is hashed. `tx_id`
    is the leaf hash, SHA-256(0x00 || body), in hexadecimal. `type` and `at` are copies of these fields of the
    body. `subject` is the id of the row that the entry is about.
    """

    __tablename__ = "entries"
    __table_args__ = (Index(None, "subject", "number"),)

    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    tx_id: Mapped[str] = mapped_column(String(64), unique=True)
    type: Mapped[str] = mapped_column(String(30))
    subject: Mapped[str] = mapped_column(String(300))
    at: Mapped[datetime]
    body: Mapped[bytes]


class Tile(Entity):
    """At most 256 hashes of one level of the tree, 32 bytes each.

    A partial tile is a prefix of the full tile.
    """

    __tablename__ = "tiles"

    level: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hashes: Mapped[bytes]


class LedgerHead(Entity):
    """The number of entries, in the table's only row.

    The lock on this row puts writers in order. A transaction takes this lock after all other locks.
    """

    __tablename__ = "ledger_head"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    size: Mapped[int] = mapped_column(BigInteger)


class SignedCheckpoint(Entity):
    """A checkpoint that was signed and published.

    `note` is the checkpoint's text with all signatures and cosignatures so far.
    """

    __tablename__ = "checkpoints"

    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    root: Mapped[str] = mapped_column(String(64))
    note: Mapped[str] = mapped_column(Text)
    signed_at: Mapped[datetime]


class Address(Entity):
    """A public address of this installation. The row with the highest number is the current address.

    `url` has no slash at its end. `origin` is the name of the ledger while the address is current: a move
    keeps it. `entry_number` is the entry of the move. It is None for the first address, and for addresses
    that were in use before addresses were recorded.
    """

    __tablename__ = "addresses"

    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    url: Mapped[str] = mapped_column(String(300))
    origin: Mapped[str] = mapped_column(String(310))
    since: Mapped[datetime]
    entry_number: Mapped[int | None] = mapped_column(BigInteger)


class Anchoring(Entity):
    """The anchoring of a checkpoint in a chain. The signed raw transaction is stored before it is sent.

    `state` is signed, sent, mined, confirmed, orphaned or failed. This table allocates the nonces: each
    transaction has its own `nonce`.
    """

    __tablename__ = "anchorings"
    __table_args__ = (UniqueConstraint("chain", "sender", "nonce"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    chain: Mapped[str] = mapped_column(String(60))
    sender: Mapped[str] = mapped_column(String(60))
    nonce: Mapped[int] = mapped_column(BigInteger)
    previous_size: Mapped[int] = mapped_column(BigInteger)
    size: Mapped[int] = mapped_column(BigInteger)
    root: Mapped[str] = mapped_column(String(64))
    transaction_hash: Mapped[str] = mapped_column(String(80), unique=True)
    raw_transaction: Mapped[bytes]
    state: Mapped[str] = mapped_column(String(10), index=True)
    block_number: Mapped[int | None] = mapped_column(BigInteger)
    block_hash: Mapped[str | None] = mapped_column(String(80))
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
