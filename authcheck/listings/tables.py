"""Rows of listings and of their bulk hand-ins."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ForeignKey,
    Index,
    Integer,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from authcheck.checks.tables import Check
from authcheck.licences.tables import Licence
from authcheck.members.tables import Organisation
from authcheck.registry.tables import Design
from authcheck.storage.entity import Entity


class Listing(Entity):
    """An offer on a marketplace, and its present verdict. `organisation_id` is None for the command line.

    `reference` is the organisation's own id for the offer, unique within the organisation. `seller` is the
    shop's id on `channel`, the marketplace. `goods` are Nice classes. `evidence` is
    `evidence.Evidence.to_json()`, which with `policy` decides again what `verdict` and `reasons` say.
    `design_id` and `licence_id` are what the verdict rests on.
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

    `result` is `{listing, verdict, unreadable}` or `{code, detail, column}`.
    """

    __tablename__ = "listing_import_rows"

    import_id: Mapped[str] = mapped_column(ForeignKey("listing_imports.id"), primary_key=True)
    line: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    given: Mapped[dict[str, Any]]
    result: Mapped[dict[str, Any] | None]
