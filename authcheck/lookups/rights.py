"""The right under which a unit was made: its issuer's own design, or a licence of the design's owner."""

from dataclasses import dataclass
from datetime import date
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.licences.grants import grant_of, in_force, uncounted
from authcheck.licences.tables import Licence
from authcheck.lookups.units import Unit
from authcheck.members.tables import Organisation
from authcheck.registry.tables import Design

ENDED = ("lapsed", "revoked")


@dataclass(frozen=True, slots=True)
class IssuersRight:
    """The name of the design's owner, and how the issuer came to use the design.

    `by` is "other" when the issuer named no licence and does not own the design (today). `has_ended` says
    that the licence is over on the day of the question. That says nothing against a unit that was made while
    the licence was in force.
    """

    owner: str
    by: Literal["owner", "licence", "other"]
    has_ended: bool = False


def right_of(session: Session, unit: Unit, on: date) -> IssuersRight:
    """Return the right under which a unit was issued, as it is on a UTC day."""
    owner = session.execute(
        select(Organisation.id, Organisation.name)
        .join(Design, Design.owner_id == Organisation.id)
        .where(Design.id == unit.design_id)
    ).one()
    if unit.licence_id is None:
        return IssuersRight(owner.name, "owner" if owner.id == unit.organisation_id else "other")
    licence = session.get_one(Licence, unit.licence_id)
    grant = grant_of(session, in_force(session, licence), units=uncounted)
    return IssuersRight(owner.name, "licence", has_ended=grant.state(on) in ENDED)
