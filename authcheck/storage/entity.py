"""Every stored thing on one page: the SQLAlchemy classes are the entities.

Times are aware UTC. Nothing is deleted: a retired design, a removed view and a revoked key keep their rows, so that a
check made earlier can be replayed against the registry as it stood.
"""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in Python; SQLite keeps it without a zone, PostgreSQL with one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Refuse naive times at the door."""
        if value is None:
            return None
        if value.tzinfo is None:
            message = "a time without a zone cannot be stored"
            raise ValueError(message)
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - as above
        """Give SQLite's naive times their zone back."""
        if value is None or value.tzinfo is not None:
            return value
        return value.replace(tzinfo=UTC)


class Entity(DeclarativeBase):
    """Base of all entities: constraint names, column types."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads a plain dict
        datetime: UtcDateTime(),
        dict[str, Any]: JSON(),
        list[Any]: JSON(),
        list[str]: JSON(),
        bytes: LargeBinary(),
    }


Number = BigInteger().with_variant(Integer(), "sqlite")  # SQLite numbers rows by itself only for INTEGER


class Organisation(Entity):
    """A member. `handle` is its short public name (`acme`), unique; `roles` are brand, licensee, marketplace, agent."""

    __tablename__ = "organisations"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    handle: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    roles: Mapped[list[str]]
    created_at: Mapped[datetime]


class ApiKey(Entity):
    """Who acts for an organisation by machine. Only the SHA-256 of the secret is kept."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"), index=True)
    label: Mapped[str] = mapped_column(String(200))
    secret_sha256: Mapped[str] = mapped_column(String(64))
    scopes: Mapped[list[str]]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]

    organisation: Mapped["Organisation"] = relationship(lazy="raise")


class Design(Entity):
    """A registered work. `state` is registered, disputed or retired; `reference` is the owner's own id for it.

    `collection` is the owner's name for designs that are licensed together.
    """

    __tablename__ = "designs"
    __table_args__ = (UniqueConstraint("owner_id", "reference"), Index(None, "owner_id", "collection"))

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    reference: Mapped[str] = mapped_column(String(200))
    title: Mapped[str] = mapped_column(String(300))
    kind: Mapped[str] = mapped_column(String(20))
    collection: Mapped[str | None] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(20))
    public_preview: Mapped[bool]
    registered_at: Mapped[datetime]
    registered_tick: Mapped[int] = mapped_column(BigInteger)
    retired_at: Mapped[datetime | None]
    version: Mapped[int] = mapped_column(Integer)

    owner: Mapped["Organisation"] = relationship(lazy="raise")
    views: Mapped[list["View"]] = relationship(lazy="raise", order_by="View.number", back_populates="design")
    disputes: Mapped[list["Dispute"]] = relationship(
        lazy="raise", order_by="Dispute.id", foreign_keys="Dispute.design_id"
    )

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - SQLAlchemy reads a plain dict


class View(Entity):
    """One picture of a design and its fingerprint.

    It takes part in checks from registry tick `added_tick` up to, not including, `removed_tick`.
    """

    __tablename__ = "views"
    __table_args__ = (
        Index(None, "design_id", "picture_sha256"),
        Index(None, "added_tick"),
        Index(None, "removed_tick"),
    )

    number: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    design_id: Mapped[str] = mapped_column(ForeignKey("designs.id"))
    picture_sha256: Mapped[str] = mapped_column(String(64), index=True)
    picture_format: Mapped[str] = mapped_column(String(10))
    width_px: Mapped[int]
    height_px: Mapped[int]
    scheme: Mapped[str] = mapped_column(String(20))
    fingerprint: Mapped[bytes]
    added_at: Mapped[datetime]
    added_tick: Mapped[int] = mapped_column(BigInteger)
    removed_tick: Mapped[int | None] = mapped_column(BigInteger)

    design: Mapped["Design"] = relationship(lazy="raise", back_populates="views")
    local: Mapped["ViewFeatures | None"] = relationship(lazy="raise", back_populates="view")


class ViewFeatures(Entity):
    """What the local stages keep of a view, apart from it because it is large.

    `record` holds the local features (`Features.to_bytes`) of scheme `scheme`. `mask` is the foreground mask in force
    as a PNG of one bit a pixel, None where the whole picture counts; `mask_source` is automatic, uploaded or None.
    `findability` is how findable the design is by its parts (`Findability.to_json`). `thumbnail` is a small copy to compare
    pixels with (`local.thumbnail`), transparent where the mask hides it.
    """

    __tablename__ = "view_features"

    view_number: Mapped[int] = mapped_column(
        ForeignKey("views.number"), primary_key=True, autoincrement=False
    )
    scheme: Mapped[str] = mapped_column(String(20), index=True)
    record: Mapped[bytes]
    thumbnail: Mapped[bytes]
    mask: Mapped[bytes | None]
    mask_source: Mapped[str | None] = mapped_column(String(20))
    findability: Mapped[dict[str, Any]]

    view: Mapped["View"] = relationship(lazy="raise", back_populates="local")


class ViewEmbedding(Entity):
    """A view as one vector by the neural model of name `model`; only where the operator has set one.

    `vector` is float16, of length 1. It takes part in checks from registry tick `added_tick` on, as long as its view.
    """

    __tablename__ = "view_embeddings"
    __table_args__ = (Index(None, "model", "added_tick"),)

    view_number: Mapped[int] = mapped_column(
        ForeignKey("views.number"), primary_key=True, autoincrement=False
    )
    model: Mapped[str] = mapped_column(String(40), primary_key=True)
    vector: Mapped[bytes]
    added_tick: Mapped[int] = mapped_column(BigInteger)

    view: Mapped["View"] = relationship(lazy="raise")


class NegativePicture(Entity):
    """A picture whose content never is evidence for a design: a backdrop, a packshot ground, a marketplace's frame.

    `owner_id` is None for everybody's designs, else it counts for that owner's designs only. It takes part in checks
    from registry tick `added_tick` up to, not including, `removed_tick`.
    """

    __tablename__ = "negative_pictures"
    __table_args__ = (Index(None, "added_tick"), Index(None, "removed_tick"))

    number: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=True)
    owner_id: Mapped[str | None] = mapped_column(ForeignKey("organisations.id"))
    label: Mapped[str] = mapped_column(String(200))
    picture_sha256: Mapped[str] = mapped_column(String(64), index=True)
    scheme: Mapped[str] = mapped_column(String(20))
    record: Mapped[bytes]
    added_at: Mapped[datetime]
    added_tick: Mapped[int] = mapped_column(BigInteger)
    removed_tick: Mapped[int | None] = mapped_column(BigInteger)


class Dispute(Entity):
    """A design came near one of another owner's when it was registered; both keep their times.

    It counts in checks from registry tick `noticed_tick` on.
    """

    __tablename__ = "disputes"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    design_id: Mapped[str] = mapped_column(ForeignKey("designs.id"), index=True)
    other_design_id: Mapped[str] = mapped_column(ForeignKey("designs.id"), index=True)
    score: Mapped[float]
    reasons: Mapped[list[Any]]
    noticed_at: Mapped[datetime]
    noticed_tick: Mapped[int] = mapped_column(BigInteger)

    other: Mapped["Design"] = relationship(lazy="raise", foreign_keys=[other_design_id])


class RegistryClock(Entity):
    """One row that counts changes of the registry. Its row lock makes ticks become visible in their order.

    `registry_id` tells one registry from all others, so that no index is filled from another one's files.
    """

    __tablename__ = "registry_clock"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    tick: Mapped[int] = mapped_column(BigInteger)
    registry_id: Mapped[str] = mapped_column(String(40))


class Check(Entity):
    """One question asked and its answer, with all that is needed to ask it again.

    `organisation_id` is None for an anonymous check. `fingerprint` is that of the submitted picture; of the picture itself
    at most a working copy is kept for a time (authcheck/submissions.py). `looks` is what the local stages measured:
    view_number, numbers (`local.score.NUMBERS`) and alignment of each view they looked at closely. `tick` is the state of
    the registry that was searched. `findings` are all designs seen in the picture, the answer's first: design_id, view_number, verdict, score, method, reasons, and alignment (`Alignment.to_json`) or null.
    """

    __tablename__ = "checks"
    __table_args__ = (Index(None, "organisation_id", "id"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organisation_id: Mapped[str | None] = mapped_column(ForeignKey("organisations.id"))
    asked_at: Mapped[datetime]
    source: Mapped[str] = mapped_column(String(10))
    picture_name: Mapped[str] = mapped_column(String(1000))
    picture_sha256: Mapped[str] = mapped_column(String(64), index=True)
    scheme: Mapped[str] = mapped_column(String(20))
    fingerprint: Mapped[bytes]
    notes: Mapped[list[str]]
    policy: Mapped[str] = mapped_column(String(40))
    tick: Mapped[int] = mapped_column(BigInteger)
    verdict: Mapped[str] = mapped_column(String(20))
    score: Mapped[float]
    method: Mapped[str | None] = mapped_column(String(20))
    design_id: Mapped[str | None] = mapped_column(ForeignKey("designs.id"), index=True)
    view_number: Mapped[int | None] = mapped_column(ForeignKey("views.number"))
    reasons: Mapped[list[Any]]
    looks: Mapped[list[Any]]
    findings: Mapped[list[Any]]

    design: Mapped["Design | None"] = relationship(lazy="raise")


class Import(Entity):
    """A bulk import and its report, a row per file."""

    __tablename__ = "imports"
    __table_args__ = (Index(None, "organisation_id", "id"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    created_at: Mapped[datetime]
    dry_run: Mapped[bool]
    counts: Mapped[dict[str, Any]]
    rows: Mapped[list[Any]]


class Entry(Entity):
    """One fact in the ledger, never changed or deleted (triggers see to it). `number` is its place in the log, from 0.

    `tx_id` is the leaf hash, SHA-256(0x00 || body), in hexadecimal; `body` the canonical JSON that is hashed, `type` and
    `at` what it says of itself. `subject` is the id of the row it is about.
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
    """At most 256 hashes of one level of the tree, 32 bytes each: a partial tile is a prefix of the full one."""

    __tablename__ = "tiles"

    level: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    hashes: Mapped[bytes]


class LedgerHead(Entity):
    """One row: how many entries there are. Its row lock puts writers in their order; taken last of all locks."""

    __tablename__ = "ledger_head"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    size: Mapped[int] = mapped_column(BigInteger)


class SignedCheckpoint(Entity):
    """A checkpoint that was signed and published; `note` is its text with all signatures and cosignatures so far."""

    __tablename__ = "checkpoints"

    size: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    root: Mapped[str] = mapped_column(String(64))
    note: Mapped[str] = mapped_column(Text)
    signed_at: Mapped[datetime]


class SigningKey(Entity):
    """A key an organisation signs certificates with.

    It counts for entries numbered `added_at_entry` and above, once revoked only below `revoked_at_entry`. `public_key` is the raw Ed25519 key; `secret` the private one encrypted, None where the brand keeps it. `kid` is
    `did:web:HOST:HANDLE#NAME`.
    """

    __tablename__ = "signing_keys"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"), index=True)
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

    `request_sha256` says what was asked for under `request_key`, so that the same request twice issues once. `licence_id`
    is the licence version under which somebody else than the owner issues.
    """

    __tablename__ = "batches"
    __table_args__ = (UniqueConstraint("organisation_id", "request_key"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    design_id: Mapped[str] = mapped_column(ForeignKey("designs.id"), index=True)
    request_key: Mapped[str] = mapped_column(String(200))
    request_sha256: Mapped[str] = mapped_column(String(64))
    gtin: Mapped[str] = mapped_column(String(14))
    lot: Mapped[str] = mapped_column(String(20))
    product: Mapped[str] = mapped_column(String(200))
    count: Mapped[int]
    licence_id: Mapped[str | None] = mapped_column(ForeignKey("licences.id"), index=True)
    created_at: Mapped[datetime]

    organisation: Mapped["Organisation"] = relationship(lazy="raise")
    design: Mapped["Design"] = relationship(lazy="raise")


class Certificate(Entity):
    """The statement that one unit was made by this issuer; `code` is on its label, also its serial number.

    `jws` is the vc+jwt, None until a brand that keeps its own keys has signed; `jws_sha256` is what the ledger holds of
    it and `entry_number` where. `status_index` is its place in the issuer's status list. `state` is unsigned, active or revoked.
    `sealed_pin` is the scratch-off PIN, encrypted, None without one: labels can be printed again.
    """

    __tablename__ = "certificates"
    __table_args__ = (
        UniqueConstraint("organisation_id", "status_index"),
        UniqueConstraint("gtin", "lot", "serial"),
        Index(None, "batch_id", "number_in_batch"),
        Index(None, "organisation_id", "revoked_entry_number"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    code: Mapped[str] = mapped_column(String(20), unique=True)
    batch_id: Mapped[str] = mapped_column(ForeignKey("batches.id"))
    number_in_batch: Mapped[int]
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    design_id: Mapped[str] = mapped_column(ForeignKey("designs.id"))
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
    """A published version of an issuer's list of revoked certificates, signed; the newest of each `number` is in force.

    A list has 131,072 places: `number` is a certificate's `status_index` divided by that.
    """

    __tablename__ = "status_lists"
    __table_args__ = (Index(None, "organisation_id", "number", "entry_number"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    number: Mapped[int]
    jws: Mapped[str] = mapped_column(Text)
    jws_sha256: Mapped[str] = mapped_column(String(64))
    entry_number: Mapped[int] = mapped_column(BigInteger)
    published_at: Mapped[datetime]


class Anchoring(Entity):
    """A checkpoint on its way into a chain. The signed raw transaction is stored before it is sent.

    `state` is signed, sent, mined, confirmed, orphaned or failed. `nonce` is allocated here, one transaction a nonce.
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


class IdempotencyRecord(Entity):
    """The first response to a POST with an Idempotency-Key, kept for 24 hours."""

    __tablename__ = "idempotency_records"

    principal: Mapped[str] = mapped_column(String(64), primary_key=True)
    key: Mapped[str] = mapped_column(String(200), primary_key=True)
    request_sha256: Mapped[str] = mapped_column(String(64))
    status: Mapped[int]
    headers: Mapped[dict[str, Any]]
    body: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(index=True)


class Licence(Entity):
    """One version of what an owner lets a licensee do; never changed but by the times at its end.

    Versions of one licence share `series`, the id of the first. `terms` is `licence_terms.Terms.to_json()`. `parent_id` is the
    licence version that a sublicence stands on. A version is in force from `accepted_at` on until it is `superseded_at`,
    `revoked_at` or, by its terms, over: states derive, they are not stored. `*_entry` are its entries in the ledger.
    """

    __tablename__ = "licences"
    __table_args__ = (
        UniqueConstraint("series", "version"),
        Index(None, "owner_id", "id"),
        Index(None, "licensee_id", "id"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    series: Mapped[str] = mapped_column(String(40))
    version: Mapped[int]
    owner_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    licensee_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("licences.id"), index=True)
    terms: Mapped[dict[str, Any]]
    offered_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    declined_at: Mapped[datetime | None]
    superseded_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    revocation_reason: Mapped[str | None] = mapped_column(String(40))
    offered_entry: Mapped[int] = mapped_column(BigInteger)
    accepted_entry: Mapped[int | None] = mapped_column(BigInteger)
    revoked_entry: Mapped[int | None] = mapped_column(BigInteger)

    owner: Mapped["Organisation"] = relationship(lazy="raise", foreign_keys=[owner_id])
    licensee: Mapped["Organisation"] = relationship(lazy="raise", foreign_keys=[licensee_id])


class LicenceSubject(Entity):
    """What a licence version is about, to find it by: `kind` is design (`value` its id) or collection (`value` its name)."""

    __tablename__ = "licence_subjects"
    __table_args__ = (Index(None, "kind", "value"),)

    licence_id: Mapped[str] = mapped_column(ForeignKey("licences.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    value: Mapped[str] = mapped_column(String(200), primary_key=True)


class Storefront(Entity):
    """An official shop of an organisation: `shop_id` on `marketplace`, at `url`."""

    __tablename__ = "storefronts"
    __table_args__ = (Index(None, "marketplace", "shop_id"), Index(None, "organisation_id", "id"))

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey("organisations.id"))
    marketplace: Mapped[str] = mapped_column(String(64))
    shop_id: Mapped[str] = mapped_column(String(100))
    url: Mapped[str] = mapped_column(String(500))
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]

    organisation: Mapped["Organisation"] = relationship(lazy="raise")


class Listing(Entity):
    """An offer on a marketplace, as somebody (`organisation_id`; None on the command line) handed it in, and its verdict now.

    `reference` is the asker's own id for it, unique for him. `seller` is the shop's id on `channel`, the marketplace. `goods` are Nice classes.
    `evidence` is `listing_rules.Evidence.to_json()`, which with `policy` decides again what `verdict` and `reasons` say.
    `design_id` and `licence_id` are what the verdict rests on.
    """

    __tablename__ = "listings"
    __table_args__ = (
        UniqueConstraint("organisation_id", "reference"),
        Index(None, "organisation_id", "id"),
        Index(None, "channel", "seller"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organisation_id: Mapped[str | None] = mapped_column(ForeignKey("organisations.id"))
    reference: Mapped[str] = mapped_column(String(200))
    seller: Mapped[str] = mapped_column(String(100))
    channel: Mapped[str] = mapped_column(String(64))
    territory: Mapped[str] = mapped_column(String(10))
    goods: Mapped[list[Any]]
    price: Mapped[str | None] = mapped_column(String(40))
    listed_on: Mapped[date]
    certificate_code: Mapped[str | None] = mapped_column(String(20), index=True)
    handed_in_at: Mapped[datetime]
    decided_at: Mapped[datetime]
    policy: Mapped[str] = mapped_column(String(40))
    verdict: Mapped[str] = mapped_column(String(30), index=True)
    reasons: Mapped[list[Any]]
    evidence: Mapped[dict[str, Any]]
    design_id: Mapped[str | None] = mapped_column(ForeignKey("designs.id"), index=True)
    licence_id: Mapped[str | None] = mapped_column(ForeignKey("licences.id"), index=True)

    pictures: Mapped[list["ListingPicture"]] = relationship(
        lazy="raise", order_by="ListingPicture.place", cascade="all"
    )


class ListingPicture(Entity):
    """A picture of a listing, in the order given, and the check that looked at it."""

    __tablename__ = "listing_pictures"

    listing_id: Mapped[str] = mapped_column(ForeignKey("listings.id"), primary_key=True)
    place: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    check_id: Mapped[str] = mapped_column(ForeignKey("checks.id"), index=True)

    check: Mapped["Check"] = relationship(lazy="raise")


class ListingImport(Entity):
    """A bulk hand-in of listings, worked off in the background; `rows` of it that have no result yet are still to do."""

    __tablename__ = "listing_imports"
    __table_args__ = (Index(None, "organisation_id", "id"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organisation_id: Mapped[str | None] = mapped_column(ForeignKey("organisations.id"))
    name: Mapped[str] = mapped_column(String(300))
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    total: Mapped[int]


class ListingImportRow(Entity):
    """A row of a bulk hand-in: `given` as it was read, and its `result`: `{listing, verdict}` or `{code, detail, column}`; None while it waits."""

    __tablename__ = "listing_import_rows"

    import_id: Mapped[str] = mapped_column(ForeignKey("listing_imports.id"), primary_key=True)
    line: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    given: Mapped[dict[str, Any]]
    result: Mapped[dict[str, Any] | None]
