"""Rows of notices, and of hits: the listings that show a brand's designs."""

from datetime import date, datetime

from sqlalchemy import ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from authcheck.cases.tables import Case, PictureCluster
from authcheck.licences.right_tables import DesignRight
from authcheck.listings.tables import Listing
from authcheck.members.tables import Organisation
from authcheck.registry.tables import Design
from authcheck.storage.entity import Entity


class Notice(Entity):
    """A message of a brand about 1 to 300 listings that use one of its designs. `claim` is an accusing code.

    `statements` names the wording of the two statements that the reporter has confirmed. `filed_by` is the id
    of a person or of a key. `agent_id` is the organisation of an agent who has filed it for the brand.
    `right_id` is the right in the design that the reporter names, or None.
    """

    __tablename__ = "notices"
    __table_args__ = (Index(None, "organisation_id", "id"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey(Organisation.id))
    design_id: Mapped[str] = mapped_column(ForeignKey(Design.id), index=True)
    claim: Mapped[str] = mapped_column(String(30))
    note: Mapped[str | None] = mapped_column(Text())
    statements: Mapped[str] = mapped_column(String(20))
    filed_at: Mapped[datetime]
    filed_by: Mapped[str] = mapped_column(String(64))
    agent_id: Mapped[str | None] = mapped_column(ForeignKey(Organisation.id))
    right_id: Mapped[str | None] = mapped_column(ForeignKey(DesignRight.id), index=True)

    rows: Mapped[list["NoticeRow"]] = relationship(
        lazy="raise", order_by="NoticeRow.number", cascade="all", back_populates="notice"
    )
    design: Mapped["Design"] = relationship(lazy="raise")
    organisation: Mapped["Organisation"] = relationship(lazy="raise", foreign_keys=organisation_id)
    right: Mapped["DesignRight | None"] = relationship(lazy="raise")


class NoticeRow(Entity):
    """A row of a notice, from 1. `named`, `reference` and `marketplace` say how a reporter names the listing.

    `named` is the listing's id as the reporter wrote it, or "". `case_id` is the case that answers the row,
    None for a row that was refused. `verdict` is the verdict about the design when the listing was reported.
    It is for the moderators. `code` and `detail` say why it was refused, or what else the reporter
    should know. The stage of a row is that of its case, see `stages`.
    """

    __tablename__ = "notice_rows"
    __table_args__ = (Index(None, "listing_id", "case_id"),)

    notice_id: Mapped[str] = mapped_column(ForeignKey("notices.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    named: Mapped[str] = mapped_column(String(200))
    reference: Mapped[str] = mapped_column(String(200))
    marketplace: Mapped[str] = mapped_column(String(200))
    listing_id: Mapped[str | None] = mapped_column(ForeignKey(Listing.id))
    case_id: Mapped[str | None] = mapped_column(ForeignKey(Case.id), index=True)
    verdict: Mapped[str | None] = mapped_column(String(30))
    code: Mapped[str | None] = mapped_column(String(40))
    detail: Mapped[str | None] = mapped_column(String(500))

    notice: Mapped["Notice"] = relationship(lazy="raise", back_populates="rows")
    case: Mapped["Case | None"] = relationship(lazy="raise")


class BuyerReport(Entity):
    """A buyer's word about a listing, without a name. `claim` is one of `buyer_reports.CLAIMS`.

    `verdict` is the verdict on the listing when it was reported. `was_decided` says that the case had been
    decided before. `words` are removed when the case is closed.
    """

    __tablename__ = "buyer_reports"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    listing_id: Mapped[str] = mapped_column(ForeignKey(Listing.id), index=True)
    case_id: Mapped[str] = mapped_column(ForeignKey(Case.id), index=True)
    verdict: Mapped[str] = mapped_column(String(30))
    claim: Mapped[str] = mapped_column(String(20))
    words: Mapped[str] = mapped_column(Text())
    reported_at: Mapped[datetime]
    was_decided: Mapped[bool]

    case: Mapped["Case"] = relationship(lazy="raise")


class Hit(Entity):
    """A listing that shows a design, as the design's owner may see it.

    There is a row for each design in the pictures, if a marketplace or the owner itself has handed the
    listing in. `verdict` is about this design alone: the listing's own verdict may be about a design of
    somebody else. `organisation_id` is the organisation that handed the listing in. `grouped_by` is the id of
    the picture cluster, or that of the listing where the pictures of an earlier release are in no cluster.

    `case_id` is the newest case about the listing and the design, `notice_id` the newest notice.
    """

    __tablename__ = "hits"
    __table_args__ = (
        UniqueConstraint("listing_id", "design_id"),
        Index(None, "owner_id", "id"),
        Index(None, "owner_id", "organisation_id"),
        Index("ix_hits_of_owner", "owner_id", "grouped_by", "id", "verdict", "seller"),
        Index("ix_hits_of_design", "design_id", "grouped_by", "id", "verdict", "seller"),
        Index("ix_hits_by_day", "owner_id", "design_id", "listed_on", "verdict", "territory"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    listing_id: Mapped[str] = mapped_column(ForeignKey(Listing.id))
    design_id: Mapped[str] = mapped_column(ForeignKey(Design.id))
    owner_id: Mapped[str] = mapped_column(ForeignKey(Organisation.id))
    organisation_id: Mapped[str] = mapped_column(ForeignKey(Organisation.id))
    channel: Mapped[str] = mapped_column(String(64))
    seller: Mapped[str] = mapped_column(String(100))
    territory: Mapped[str] = mapped_column(String(10))
    listed_on: Mapped[date]
    verdict: Mapped[str] = mapped_column(String(30))
    cluster_id: Mapped[str | None] = mapped_column(ForeignKey(PictureCluster.id))
    grouped_by: Mapped[str] = mapped_column(String(40))
    case_id: Mapped[str | None] = mapped_column(ForeignKey(Case.id))
    notice_id: Mapped[str | None] = mapped_column(ForeignKey(Notice.id))

    listing: Mapped["Listing"] = relationship(lazy="raise")
    design: Mapped["Design"] = relationship(lazy="raise")
    case: Mapped["Case | None"] = relationship(lazy="raise")
    organisation: Mapped["Organisation"] = relationship(lazy="raise", foreign_keys=organisation_id)
