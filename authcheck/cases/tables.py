"""Rows of cases: picture clusters, cases with their listings, and the timeline of each case."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from authcheck.listings.tables import Listing
from authcheck.members.tables import Organisation, Person
from authcheck.registry.tables import Design
from authcheck.storage.entity import Entity

IS_LEASED = text("lease_holder IS NOT NULL")  # nearly all cases are not


class PictureCluster(Entity):
    """Submitted pictures of one design that are copies of one picture, the first one.

    The first picture represents the cluster. `spread_bits` is the worst distance to it, 0-256, so two
    pictures of the cluster are about twice as far apart at most.
    """

    __tablename__ = "picture_clusters"

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    design_id: Mapped[str] = mapped_column(ForeignKey(Design.id), index=True)
    representative_sha256: Mapped[str] = mapped_column(String(64))
    spread_bits: Mapped[int]
    created_at: Mapped[datetime]


class ClusteredPicture(Entity):
    """A picture in a cluster of a design. `joined_by` is `first`, `hash` or `notice`.

    `fingerprint` is a reference record (`Fingerprint.reference`) of the scheme `scheme`. A picture of another
    scheme than that of its release has its fingerprint as the check stored it. `distance_bits` (0-256) is the
    distance to the cluster's first picture (`vision.fingerprints.copies.measure`).
    """

    __tablename__ = "clustered_pictures"

    design_id: Mapped[str] = mapped_column(ForeignKey(Design.id), primary_key=True)
    picture_sha256: Mapped[str] = mapped_column(String(64), primary_key=True)
    cluster_id: Mapped[str] = mapped_column(ForeignKey("picture_clusters.id"), index=True)
    scheme: Mapped[str] = mapped_column(String(20))
    fingerprint: Mapped[bytes]
    joined_by: Mapped[str] = mapped_column(String(10))
    distance_bits: Mapped[int]
    added_at: Mapped[datetime]


class Case(Entity):
    """One question for one person: does this seller infringe this design with this picture?

    `organisation_id` is the marketplace whose moderators decide. `state` is a name of `states.State`. `head`
    is the hash of the newest row of the timeline. `open_key` is unique while the case is open, so that a case
    is joined and not doubled. `salt` begins the timeline, so that nobody guesses its words from a hash.

    `priority` are the terms of the published formula with `weights`, and `rank` sorts by it, see `order`.
    `lease_holder` is the person or the key that works on the case until `lease_until`.

    `waits_since` and `waits_until` are set while the case waits for information. `asked_at` is when somebody
    was asked first: the clock stops only once. `closes_at` is the end of the time for complaints.
    """

    __tablename__ = "cases"
    __table_args__ = (
        Index(None, "organisation_id", "state", "due_at"),
        Index(None, "organisation_id", "state", "rank"),
        Index(None, "lease_holder", sqlite_where=IS_LEASED, postgresql_where=IS_LEASED),
        Index(None, "state", "waits_until"),
        Index(None, "state", "closes_at"),
    )

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey(Organisation.id))
    channel: Mapped[str] = mapped_column(String(64))
    seller: Mapped[str] = mapped_column(String(100))
    design_id: Mapped[str] = mapped_column(ForeignKey(Design.id), index=True)
    cluster_id: Mapped[str] = mapped_column(ForeignKey("picture_clusters.id"), index=True)
    verdict: Mapped[str] = mapped_column(String(30))
    severity: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(20))
    opened_at: Mapped[datetime]
    due_at: Mapped[datetime]
    head: Mapped[str] = mapped_column(String(64))
    salt: Mapped[str] = mapped_column(String(32))
    priority: Mapped[dict[str, Any]]
    rank: Mapped[float]
    weights: Mapped[str] = mapped_column(String(60))
    lease_holder: Mapped[str | None] = mapped_column(String(64))
    lease_until: Mapped[datetime | None]
    open_key: Mapped[str | None] = mapped_column(String(64), unique=True)
    asked_at: Mapped[datetime | None]
    waits_since: Mapped[datetime | None]
    waits_until: Mapped[datetime | None]
    closes_at: Mapped[datetime | None]

    items: Mapped[list["CaseItem"]] = relationship(
        lazy="raise", order_by="CaseItem.added_at, CaseItem.listing_id"
    )
    events: Mapped[list["CaseEvent"]] = relationship(lazy="raise", order_by="CaseEvent.number")
    design: Mapped["Design"] = relationship(lazy="raise")
    decisions: Mapped[list["CaseDecision"]] = relationship(
        lazy="raise", order_by="CaseDecision.id", viewonly=True
    )


class CaseItem(Entity):
    """A listing in a case, with its verdict when it was last judged.

    `included` says whether the decision is about the listing, None without a decision.
    """

    __tablename__ = "case_items"

    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    listing_id: Mapped[str] = mapped_column(ForeignKey(Listing.id), primary_key=True, index=True)
    verdict: Mapped[str] = mapped_column(String(30))
    added_at: Mapped[datetime]
    included: Mapped[bool | None]

    listing: Mapped["Listing"] = relationship(lazy="raise")


class CaseDecision(Entity):
    """A decision of a case, see `rulings`. It takes effect at `leaves_at`, unless it is undone before.

    `holder` is the person or the key that decided. `state_before` is the state to which an undo leads back.
    Decisions with one `bulk_id` were made, and are undone, together. `owner_answer` is what the design's
    owner said to a proposed negative picture (`feedback`): `added` or `declined`, None without an answer.
    """

    __tablename__ = "case_decisions"
    __table_args__ = (Index(None, "effective_at", "leaves_at"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), index=True)
    code: Mapped[str] = mapped_column(String(30))
    reason: Mapped[str] = mapped_column(String(40))
    restriction: Mapped[str] = mapped_column(String(10))
    note: Mapped[str] = mapped_column(Text())
    holder: Mapped[str] = mapped_column(String(64))
    person_id: Mapped[str | None] = mapped_column(ForeignKey(Person.id))
    bulk_id: Mapped[str | None] = mapped_column(String(40), index=True)
    state_before: Mapped[str] = mapped_column(String(20))
    decided_at: Mapped[datetime]
    leaves_at: Mapped[datetime]
    undone_at: Mapped[datetime | None]
    effective_at: Mapped[datetime | None]
    reversed_at: Mapped[datetime | None]
    owner_answer: Mapped[str | None] = mapped_column(String(10))
    owner_answered_at: Mapped[datetime | None]

    case: Mapped["Case"] = relationship(lazy="raise")


class CaseSkip(Entity):
    """A person or a key that has passed a case on, and why. The case is not offered to it again."""

    __tablename__ = "case_skips"

    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    holder: Mapped[str] = mapped_column(String(64), primary_key=True)
    reason: Mapped[str] = mapped_column(String(30))
    at: Mapped[datetime]


class CaseEvent(Entity):
    """A row of a case's timeline. `hash` is that of the row and of the hash before, see `timeline`.

    `person_id` is the person who acted, None for the service and for programs.
    """

    __tablename__ = "case_events"

    case_id: Mapped[str] = mapped_column(ForeignKey("cases.id"), primary_key=True)
    number: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(30))
    person_id: Mapped[str | None] = mapped_column(ForeignKey(Person.id))
    details: Mapped[dict[str, Any]]
    hash: Mapped[str] = mapped_column(String(64))
