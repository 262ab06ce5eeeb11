"""Rows of rights in designs."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from authcheck.members.tables import Organisation
from authcheck.registry.tables import Design
from authcheck.storage.entity import Entity


class DesignRight(Entity):
    """What its owner says about a right in a design, and what the operator decided.

    `kind` is one of `design_rights.KINDS`. `number` and `office` are "" for a copyright without registration.
    `territories` are ISO 3166-1 codes or "*", `classes` Nice classes. `document_sha256` names the stored
    document, "" without one. `state` is in_review, accepted, refused or withdrawn, `reason` that of a
    refusal. `warned_days` is the least number of days before its end of which the owner was warned, or None.
    """

    __tablename__ = "design_rights"
    __table_args__ = (Index(None, "owner_id", "id"), Index(None, "state", "id"), Index(None, "number"))

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    design_id: Mapped[str] = mapped_column(ForeignKey(Design.id), index=True)
    owner_id: Mapped[str] = mapped_column(ForeignKey(Organisation.id))
    kind: Mapped[str] = mapped_column(String(20))
    number: Mapped[str] = mapped_column(String(64))
    office: Mapped[str] = mapped_column(String(40))
    territories: Mapped[list[str]]
    classes: Mapped[list[Any]]
    expires_on: Mapped[date | None]
    document_sha256: Mapped[str] = mapped_column(String(64))
    document_type: Mapped[str] = mapped_column(String(20))
    state: Mapped[str] = mapped_column(String(10))
    reason: Mapped[str] = mapped_column(String(500))
    added_at: Mapped[datetime]
    decided_at: Mapped[datetime | None]
    warned_days: Mapped[int | None]

    design: Mapped["Design"] = relationship(lazy="raise")
    owner: Mapped["Organisation"] = relationship(lazy="raise")
