"""Tables of licences and of what each licence covers."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from authcheck.members.tables import Organisation
from authcheck.storage.entity import Entity


class Licence(Entity):
    """One version of a licence from an owner to a licensee.

    Only its `*_at` times, reason and entry numbers are set later. All versions of one licence share `series`,
    the id of the first version. `terms` is `Terms.to_json()`. `parent_id` is the licence version above a
    sublicence. A version is in force from `accepted_at` until `superseded_at`, `revoked_at` or the last day
    of its terms. States are derived, not stored. `*_entry` are the numbers of its ledger entries. `*_salt`
    are the salts of the hashes in these entries, None in entries of earlier releases.
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
    owner_id: Mapped[str] = mapped_column(ForeignKey(Organisation.id))
    licensee_id: Mapped[str] = mapped_column(ForeignKey(Organisation.id))
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
    offered_salt: Mapped[str | None] = mapped_column(String(32))
    accepted_salt: Mapped[str | None] = mapped_column(String(32))

    owner: Mapped["Organisation"] = relationship(lazy="raise", foreign_keys=[owner_id])
    licensee: Mapped["Organisation"] = relationship(lazy="raise", foreign_keys=[licensee_id])


class LicenceSubject(Entity):
    """A design or collection that a licence version covers, as an index for searches.

    `kind` is "design" (`value` is the design's id) or "collection" (`value` is the collection's name).
    """

    __tablename__ = "licence_subjects"
    __table_args__ = (Index(None, "kind", "value"),)

    licence_id: Mapped[str] = mapped_column(ForeignKey("licences.id"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    value: Mapped[str] = mapped_column(String(200), primary_key=True)
