"""What the pages of certificates list: the units of a batch, and designs to issue for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from authcheck.certificates.batches import STATES
from authcheck.certificates.tables import Batch, Certificate
from authcheck.licences.tables import Licence, LicenceSubject
from authcheck.members.reach import WHOLE, Reach
from authcheck.registry.tables import Design
from authcheck.storage.parameters import can_be_stored

MOST_CHOICES = 200


@dataclass(frozen=True, slots=True)
class DesignChoice:
    """A design that certificates can be issued for, under a licence or as its owner (None)."""

    design: Design
    licence_id: str | None


def units_of(
    session: Session, batch: Batch, *, state: str = "", start: int = 1, limit: int = 50
) -> Sequence[Certificate]:
    """Return at most `limit` units of a batch from number `start` on, in the batch's order."""
    query = select(Certificate).where(Certificate.batch_id == batch.id, Certificate.number_in_batch >= start)
    if state in STATES:
        query = query.where(Certificate.state == state)
    return session.scalars(query.order_by(Certificate.number_in_batch).limit(limit)).all()


def find_choices(
    session: Session, organisation_id: str, now: datetime, *, reach: Reach = WHOLE
) -> list[DesignChoice]:
    """Return designs to issue for, at most 200 own and 200 licensed ones, newest first.

    A licensed design stands in a licence that the organisation has accepted. Whether the licence covers an
    order is decided when the order comes (`rights.lock_right`).
    """
    own = (
        select(Design)
        .where(Design.owner_id == organisation_id, Design.state == "registered", reach.has_design(Design.id))
        .order_by(Design.id.desc())
        .limit(MOST_CHOICES)
    )
    named = or_(
        (LicenceSubject.kind == "design") & (LicenceSubject.value == Design.id),
        (LicenceSubject.kind == "collection")
        & (LicenceSubject.value == Design.collection)
        & (Design.owner_id == Licence.owner_id),
    )
    licensed = (
        select(Design, Licence.id)
        .select_from(Licence)
        .join(LicenceSubject, LicenceSubject.licence_id == Licence.id)
        .join(Design, named)
        .where(
            Licence.licensee_id == organisation_id,
            Licence.accepted_at <= now,
            Licence.superseded_at.is_(None),
            Licence.revoked_at.is_(None),
            Design.state == "registered",
            reach.has_design(Design.id),
        )
        .order_by(Licence.id.desc(), Design.id.desc())
        .limit(MOST_CHOICES)
    )
    choices = [DesignChoice(design, None) for design in session.scalars(own)]
    return choices + [DesignChoice(design, licence_id) for design, licence_id in session.execute(licensed)]


def find_named_design(session: Session, organisation_id: str, text: str) -> str:
    """Return the id of the own design with this reference, or the text itself: an id, or nothing of ours."""
    if not can_be_stored(text):
        return text
    query = select(Design.id).where(Design.owner_id == organisation_id, Design.reference == text)
    return session.scalar(query) or text
