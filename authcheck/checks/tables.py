"""The table of checks."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    ForeignKey,
    Index,
    String,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from authcheck.members.tables import Organisation
from authcheck.registry.tables import Design, View
from authcheck.storage.entity import Entity


class Check(Entity):
    """One check and its answer, with everything that a replay needs.

    `organisation_id` is None for an anonymous check. `fingerprint` is the fingerprint of the submitted
    picture. The picture itself is not stored: `storage/working_copies.py` keeps at most a working copy for a
    limited time. `looks` holds the measurements of the local stages: view_number, numbers
    (`vision.matching.score.NUMBERS`) and alignment of each view that they examined. `tick` is the state of
    the registry that was searched. `findings` are all designs in the picture, the design of the verdict
    first: design_id, view_number, verdict, score, method, reasons, and alignment (`Alignment.to_json`) or
    null.
    """

    __tablename__ = "checks"
    __table_args__ = (Index(None, "organisation_id", "id"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organisation_id: Mapped[str | None] = mapped_column(ForeignKey(Organisation.id))
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
    design_id: Mapped[str | None] = mapped_column(ForeignKey(Design.id), index=True)
    view_number: Mapped[int | None] = mapped_column(ForeignKey(View.number))
    reasons: Mapped[list[Any]]
    looks: Mapped[list[Any]]
    findings: Mapped[list[Any]]

    design: Mapped["Design | None"] = relationship(lazy="raise")
