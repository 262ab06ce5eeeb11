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
    """An official shop of an organisation: `shop_id` on `marketplace`, at `url`."""

    __tablename__ = "storefronts"
    __table_args__ = (Index(None, "marketplace", "shop_id"), Index(None, "organisation_id", "id"))

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey(Organisation.id))
    marketplace: Mapped[str] = mapped_column(String(64))
    shop_id: Mapped[str] = mapped_column(String(100))
    url: Mapped[str] = mapped_column(String(500))
    created_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]

    organisation: Mapped["Organisation"] = relationship(lazy="raise")
