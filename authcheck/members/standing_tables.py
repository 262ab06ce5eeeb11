"""Tables of what an organisation shows before it is a member: its application and its domains."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from authcheck.members.tables import OneTimeLink, Organisation
from authcheck.storage.entity import Entity


class Application(Entity):
    """What a stranger wrote into the form to join. The organisation begins when the mailed link is opened."""

    __tablename__ = "applications"

    link_id: Mapped[str] = mapped_column(ForeignKey(OneTimeLink.id, ondelete="CASCADE"), primary_key=True)
    handle: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(200))
    kinds: Mapped[list[str]]
    domain: Mapped[str] = mapped_column(String(253))


class Domain(Entity):
    """A domain that an organisation says is its own, in ASCII.

    `code` is what its TXT record or its file must hold. `state` is waiting, proved or lost. `method` is dns
    or file, or "" before the first proof. `problem` is the code of what the last look, at `checked_at`, found
    instead of the proof, or "".
    """

    __tablename__ = "domains"
    __table_args__ = (UniqueConstraint("organisation_id", "domain"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    organisation_id: Mapped[str] = mapped_column(ForeignKey(Organisation.id))
    domain: Mapped[str] = mapped_column(String(253), index=True)
    code: Mapped[str] = mapped_column(String(43))
    state: Mapped[str] = mapped_column(String(8))
    method: Mapped[str] = mapped_column(String(4))
    problem: Mapped[str] = mapped_column(String(40))
    added_at: Mapped[datetime]
    checked_at: Mapped[datetime | None]
    proved_at: Mapped[datetime | None]
