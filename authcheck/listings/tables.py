"""Rows of listings and of their bulk hand-ins."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    Integer,
    Numeric,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator, TypeEngine

from authcheck.checks.tables import Check
from authcheck.licences.tables import Licence
from authcheck.members.tables import Organisation
from authcheck.registry.tables import Design
from authcheck.storage.entity import Entity

CENTS = Decimal("0.0001")


class Amount(TypeDecorator[Decimal]):
    """An amount with at most four digits after the point. SQLite compares it as a number of 15 digits."""

    impl = Numeric(16, 4)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the same column on each database. SQLite's driver knows no decimals."""
        if dialect.supports_native_decimal:
            return dialect.type_descriptor(Numeric(16, 4))
        return dialect.type_descriptor(Numeric(16, 4, asdecimal=False))

    def process_result_value(self, value: Decimal | float | None, dialect: Dialect) -> Decimal | None:  # noqa: ARG002 - SQLAlchemy's signature
        """Return the decimal that SQLite has stored as a float."""
        return None if value is None else Decimal(str(value)).quantize(CENTS)


class Listing(Entity):
    """An offer on a marketplace, and its present verdict. `organisation_id` is None for the command line.

    `reference` is the organisation's own id for the offer, unique within the organisation. `seller` is the
    shop's id on `channel`, the marketplace. `goods` are Nice classes. `evidence` is
    `evidence.Evidence.to_json()`, which with `policy` decides again what `verdict` and `reasons` say.
    `design_id` and `licence_id` are what the verdict rests on.

    `price` is text, `19.90 EUR`. `price_amount` and `currency` are the same price for comparisons, and are
    written with it. The columns from `url` to `query` are `details.DETAILS`: they decide nothing. `remarks`
    are the values that were left out or changed (`details.Remark.to_json`), None in a row of an earlier
    release. All texts come from strangers. `url` is never fetched, and
    `url_key` is `details.url_key` of it.
    """

    __tablename__ = "listings"
    __table_args__ = (
        UniqueConstraint("organisation_id", "reference"),
        Index(None, "organisation_id", "id"),
        Index(None, "channel", "seller"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organisation_id: Mapped[str | None] = mapped_column(ForeignKey(Organisation.id))
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
    design_id: Mapped[str | None] = mapped_column(ForeignKey(Design.id), index=True)
    licence_id: Mapped[str | None] = mapped_column(ForeignKey(Licence.id), index=True)
    price_amount: Mapped[Decimal | None] = mapped_column(Amount())
    currency: Mapped[str | None] = mapped_column(String(3))
    url: Mapped[str | None] = mapped_column(String(2000))
    title: Mapped[str | None] = mapped_column(String(500))
    description: Mapped[str | None] = mapped_column(Text())
    language: Mapped[str | None] = mapped_column(String(35))
    seller_name: Mapped[str | None] = mapped_column(String(200))
    gtin: Mapped[str | None] = mapped_column(String(14))
    sold_30d: Mapped[int | None] = mapped_column(BigInteger)
    stock: Mapped[int | None] = mapped_column(BigInteger)
    rank: Mapped[int | None] = mapped_column(BigInteger)
    query: Mapped[str | None] = mapped_column(String(500))
    remarks: Mapped[list[Any] | None]
    url_key: Mapped[str | None] = mapped_column(String(64), index=True)

    pictures: Mapped[list["ListingPicture"]] = relationship(
        lazy="raise", order_by="ListingPicture.place", cascade="all"
    )


class ListingPicture(Entity):
    """A picture of a listing, in the order given, and the check that looked at it."""

    __tablename__ = "listing_pictures"

    listing_id: Mapped[str] = mapped_column(ForeignKey("listings.id"), primary_key=True)
    place: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    check_id: Mapped[str] = mapped_column(ForeignKey(Check.id), index=True)

    check: Mapped["Check"] = relationship(lazy="raise")


class EvidenceHold(Entity):
    """A case's hold on the evidence about a listing. `listings/holds.py` says what it covers.

    `listing` is `holds.snapshot`: the listing's columns when the case was opened. `until` is when the hold
    ends by itself, None for never. `released_at` is None while the hold is open.
    """

    __tablename__ = "evidence_holds"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    case_id: Mapped[str] = mapped_column(String(40), index=True)
    listing_id: Mapped[str] = mapped_column(ForeignKey("listings.id"), index=True)
    listing: Mapped[dict[str, Any]]
    held_at: Mapped[datetime]
    until: Mapped[datetime | None] = mapped_column(index=True)
    released_at: Mapped[datetime | None]

    pictures: Mapped[list["HeldPicture"]] = relationship(
        lazy="raise", order_by="HeldPicture.place", cascade="all"
    )


class HeldPicture(Entity):
    """A picture of a held listing, and its check. `has_copy` says that a working copy is held."""

    __tablename__ = "held_pictures"

    hold_id: Mapped[str] = mapped_column(ForeignKey("evidence_holds.id"), primary_key=True)
    place: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    check_id: Mapped[str] = mapped_column(ForeignKey(Check.id), index=True)
    picture_sha256: Mapped[str] = mapped_column(String(64), index=True)
    has_copy: Mapped[bool]

    check: Mapped["Check"] = relationship(lazy="raise")


class ListingImport(Entity):
    """A bulk hand-in of listings. Its `rows` without a result are still to be checked."""

    __tablename__ = "listing_imports"
    __table_args__ = (Index(None, "organisation_id", "id"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organisation_id: Mapped[str | None] = mapped_column(ForeignKey(Organisation.id))
    name: Mapped[str] = mapped_column(String(300))
    created_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    total: Mapped[int]


class ListingImportRow(Entity):
    """A row of a bulk hand-in: `given` as it was read, and its result, None until it is checked.

    `result` is `{listing, verdict, unreadable, remarks}` or `{code, detail, column}`.
    """

    __tablename__ = "listing_import_rows"

    import_id: Mapped[str] = mapped_column(ForeignKey("listing_imports.id"), primary_key=True)
    line: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    given: Mapped[dict[str, Any]]
    result: Mapped[dict[str, Any] | None]
