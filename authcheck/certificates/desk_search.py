"""What the pages of certificates list: batches newest first, the units of a batch, designs to issue for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, func, or_, select
from sqlalchemy.orm import Session, joinedload

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


def recent_batches(
    session: Session,
    organisation_id: str,
    *,
    words: str = "",
    design_id: str = "",
    unsigned: bool = False,
    before: str = "",
    limit: int = 50,
    reach: Reach = WHOLE,
) -> Sequence[Batch]:
    """Return at most `limit` batches of an organisation, newest first, from before the id `before`.

    `words` is a part of the product's name or of the lot, or the beginning of a GTIN. `unsigned` are batches
    that wait for the brand's own signature.
    """
    if not can_be_stored(words, design_id, before):
        return []
    query = (
        select(Batch)
        .options(joinedload(Batch.organisation), joinedload(Batch.design))
        .where(Batch.organisation_id == organisation_id, reach.has_design(Batch.design_id))
    )
    if before:
        query = query.where(Batch.id < before)
    if design_id:
        query = query.where(Batch.design_id == design_id)
    if unsigned:
        query = query.where(exists().where(Certificate.batch_id == Batch.id, Certificate.state == "unsigned"))
    if words:
        query = query.where(
            or_(
                func.lower(Batch.product).contains(words.lower(), autoescape=True),
                func.lower(Batch.lot).contains(words.lower(), autoescape=True),
                Batch.gtin.startswith(words.zfill(14) if words.isdigit() else words, autoescape=True),
            )
        )
    return session.scalars(query.order_by(Batch.id.desc()).limit(limit)).all()


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
