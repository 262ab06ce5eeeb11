"""Tables of signing keys, batches, certificates and status lists."""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from authcheck.licences.tables import Licence
from authcheck.members.tables import Organisation
from authcheck.registry.tables import Design
from authcheck.storage.entity import Entity


class SigningKey(Entity):
    """A key that an organisation signs certificates with.

    The key is valid for entries from `added_at_entry` on. Once revoked, it is valid only for entries below
    `revoked_at_entry`. `public_key` is the raw Ed25519 key. `secret` is the encrypted private key, None if
    the brand keeps it. `kid` is `did:web:HOST:HANDLE#NAME`.
    """

    __tablename__ = "signing_keys"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey(Organisation.id), index=True)
    kid: Mapped[str] = mapped_column(String(300), unique=True)
    public_key: Mapped[bytes]
    secret: Mapped[bytes | None]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]
    added_at_entry: Mapped[int] = mapped_column(BigInteger)
    revoked_at_entry: Mapped[int | None] = mapped_column(BigInteger)

    organisation: Mapped["Organisation"] = relationship(lazy="raise")


class Batch(Entity):
    """Certificates issued in one request: units of one product (GTIN and lot) that carry one design.

    `request_sha256` is the hash of the order under `request_key`, so that a repeated request issues only
    once. `licence_id` is the licence version that a licensee issues under, None for the design's owner.
    `address` is the public address that the certificates name as issuer and for their status lists.
    """

    __tablename__ = "batches"
    __table_args__ = (
        UniqueConstraint("organisation_id", "request_key"),
        Index(None, "organisation_id", "id"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey(Organisation.id))
    design_id: Mapped[str] = mapped_column(ForeignKey(Design.id), index=True)
    request_key: Mapped[str] = mapped_column(String(200))
    request_sha256: Mapped[str] = mapped_column(String(64))
    gtin: Mapped[str] = mapped_column(String(14))
    lot: Mapped[str] = mapped_column(String(20))
    product: Mapped[str] = mapped_column(String(200))
    count: Mapped[int]
    licence_id: Mapped[str | None] = mapped_column(ForeignKey(Licence.id), index=True)
    # Never null: older rows were filled in, but SQLite adds no NOT NULL column to a table with rows.
    address: Mapped[str] = mapped_column(String(300), nullable=True)
    created_at: Mapped[datetime]

    organisation: Mapped["Organisation"] = relationship(lazy="raise")
    design: Mapped["Design"] = relationship(lazy="raise")


class Certificate(Entity):
    """The issuer's statement that it made one unit.

    The label shows `code`, which is the serial number by default. `jws` is the vc+jwt, None until a brand
    that keeps its own key has signed. `jws_sha256` is its hash in the ledger entry `entry_number`.
    `status_index` is its place in the issuer's status lists. `state` is unsigned, active or revoked.
    `sealed_pin` is the encrypted scratch-off PIN, None without a PIN. It is kept so that labels can be
    printed again.
    """

    __tablename__ = "certificates"
    __table_args__ = (
        UniqueConstraint("organisation_id", "status_index"),
        UniqueConstraint("gtin", "lot", "serial"),
        Index(None, "batch_id", "number_in_batch"),
        Index(None, "batch_id", "state"),
        Index(None, "organisation_id", "revoked_entry_number"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    code: Mapped[str] = mapped_column(String(20), unique=True)
    batch_id: Mapped[str] = mapped_column(ForeignKey("batches.id"))
    number_in_batch: Mapped[int]
    organisation_id: Mapped[str] = mapped_column(ForeignKey(Organisation.id))
    design_id: Mapped[str] = mapped_column(ForeignKey(Design.id))
    gtin: Mapped[str] = mapped_column(String(14))
    lot: Mapped[str] = mapped_column(String(20))
    serial: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(10))
    issued_at: Mapped[datetime]
    jws: Mapped[str | None] = mapped_column(Text)
    jws_sha256: Mapped[str | None] = mapped_column(String(64))
    entry_number: Mapped[int | None] = mapped_column(BigInteger, index=True)
    status_index: Mapped[int]
    sealed_pin: Mapped[bytes | None]
    revoked_at: Mapped[datetime | None]
    revocation_reason: Mapped[str | None] = mapped_column(String(40))
    revoked_entry_number: Mapped[int | None] = mapped_column(BigInteger)

    batch: Mapped["Batch"] = relationship(lazy="raise")
    organisation: Mapped["Organisation"] = relationship(lazy="raise")
    design: Mapped["Design"] = relationship(lazy="raise")


class StatusList(Entity):
    """A published, signed version of an issuer's list of revoked certificates.

    The newest version per `number` is in force. A list has 131,072 places. `number` is the `status_index` of
    its certificates divided by 131,072, rounded down.
    """

    __tablename__ = "status_lists"
    __table_args__ = (Index(None, "organisation_id", "number", "entry_number"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey(Organisation.id))
    number: Mapped[int]
    jws: Mapped[str] = mapped_column(Text)
    jws_sha256: Mapped[str] = mapped_column(String(64))
    entry_number: Mapped[int] = mapped_column(BigInteger)
    published_at: Mapped[datetime]


class PlannedRevocation(Entity):
    """A revocation that a person asked for, which the service carries out at `due_at` unless it is undone.

    It ends the active units `first` to `last` of a batch, `count` when the person confirmed it. Without
    `last`, to the end of the batch. `state` is waiting, undone, done or refused, then `code` is the code of
    the refusal.
    """

    __tablename__ = "planned_revocations"
    __table_args__ = (Index(None, "organisation_id", "batch_id"), Index(None, "state", "due_at"))

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey(Organisation.id))
    batch_id: Mapped[str] = mapped_column(ForeignKey("batches.id"))
    first: Mapped[int]
    last: Mapped[int | None]
    reason: Mapped[str] = mapped_column(String(20))
    count: Mapped[int]
    asked_by: Mapped[str] = mapped_column(String(64))
    asked_at: Mapped[datetime]
    due_at: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(10))
    code: Mapped[str] = mapped_column(String(60))


class ProductPage(Entity):
    """The text about a product (GTIN) that an issuer shows to buyers with each label."""

    __tablename__ = "product_pages"

    organisation_id: Mapped[str] = mapped_column(ForeignKey(Organisation.id), primary_key=True)
    gtin: Mapped[str] = mapped_column(String(14), primary_key=True)
    text: Mapped[str] = mapped_column(String(1_000))
    said_at: Mapped[datetime]


class ProductPicture(Entity):
    """A picture of a product for buyers: a small JPEG. `sha256` is its hash."""

    __tablename__ = "product_pictures"
    __table_args__ = (UniqueConstraint("organisation_id", "gtin", "sha256"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey(Organisation.id))
    gtin: Mapped[str] = mapped_column(String(14))
    sha256: Mapped[str] = mapped_column(String(64))
    data: Mapped[bytes]
