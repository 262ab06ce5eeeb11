"""Rows of mails that wait, and of those that were sent."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from authcheck.members.tables import Organisation, Person
from authcheck.storage.entity import Entity


class Notification(Entity):
    """What one person is told by mail about an event that concerns an organisation.

    `kind` is one of `notifications.KINDS`. `page` is the path of the page about the event, `facts` are the
    values of the sentence. `tried_at` is the time of the last try, `sent_at` that of success.
    """

    __tablename__ = "notifications"
    __table_args__ = (Index(None, "person_id", "kind"),)

    id: Mapped[str] = mapped_column(String(40), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey(Person.id))
    organisation_id: Mapped[str] = mapped_column(ForeignKey(Organisation.id))
    kind: Mapped[str] = mapped_column(String(30))
    page: Mapped[str] = mapped_column(String(200))
    facts: Mapped[dict[str, Any]]
    made_at: Mapped[datetime]
    tried_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None] = mapped_column(index=True)

    person: Mapped["Person"] = relationship(lazy="raise")
    organisation: Mapped["Organisation"] = relationship(lazy="raise")
