"""Rows of official shops."""

from datetime import datetime

from sqlalchemy import (
    ForeignKey,
    Index,
    String,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from authcheck.members.tables import Organisation
from authcheck.storage.entity import Entity


class Storefront(Entity):
    """A shop that an organisation says is its own: `shop_id` on `marketplace`, at `url`.

    `proof` is claimed, proved or lost, by `proved_by`: page, marketplace, operator, or "" before the first
    proof. `code` is what the shop's page must show. `problem` is the code of what the last look, at
    `checked_at`, found instead, or "".
    """

    __tablename__ = "storefronts"
    __table_args__ = (Index(None, "marketplace", "shop_id"), Index(None, "organisation_id", "id"))

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey(Organisation.id))
    marketplace: Mapped[str] = mapped_column(String(64))
    shop_id: Mapped[str] = mapped_column(String(100))
    url: Mapped[str] = mapped_column(String(500))
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
    # Never null: older rows were filled in, but SQLite adds no NOT NULL column to a table with rows.
    proof: Mapped[str] = mapped_column(String(8), nullable=True)
    proved_by: Mapped[str] = mapped_column(String(12), nullable=True)
    code: Mapped[str] = mapped_column(String(43), nullable=True)
    problem: Mapped[str] = mapped_column(String(40), nullable=True)
    checked_at: Mapped[datetime | None]
    proved_at: Mapped[datetime | None]

    organisation: Mapped["Organisation"] = relationship(lazy="raise")
