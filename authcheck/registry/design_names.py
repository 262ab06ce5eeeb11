"""The names by which an owner names own designs: their ids and the owner's references."""

import unicodedata

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from authcheck.errors import NotFound
from authcheck.ids import normal_id, tidy
from authcheck.members.reach import WHOLE, Reach
from authcheck.members.tables import Organisation
from authcheck.registry.tables import Design
from authcheck.storage.parameters import can_be_stored

ID_BEGINS = "dsn_"


def spellings(reference: str) -> list[str]:
    """Return a reference with its accents composed, and with its accents apart: older rows have these."""
    seen = tidy(reference)
    return [seen, unicodedata.normalize("NFD", seen)]


def find_id(session: Session, owner_id: str, name: str, reach: Reach = WHOLE) -> str:
    """Return the id of the owner's design with the reference `name`. An id stays as it is.

    Raises NotFound (`design.not_found`), also for a design outside the reach.
    """
    design_id, seen = normal_id(name), spellings(name)
    if design_id.startswith(ID_BEGINS):
        return design_id
    is_named = (Design.owner_id == owner_id, Design.reference.in_(seen), reach.has_design(Design.id))
    query = select(Design.id).where(*is_named).order_by(Design.reference != seen[0], Design.id).limit(1)
    found_id = session.scalar(query) if can_be_stored(*seen) else None
    if found_id is None:
        raise NotFound(f"We have no design {name!r}.", code="design.not_found", design=name)
    return found_id


def find_own_id(session: Session, owner: Organisation, name: str) -> str:
    """Return the id of the owner's design with this id or reference.

    Raises NotFound (`design.not_found`), also for a design of another owner. The database compares the owner:
    both cases read no row, so they take the same time.
    """
    design_id, seen = normal_id(name), spellings(name)
    query = (
        select(Design.id)
        .where(Design.owner_id == owner.id, or_(Design.id == design_id, Design.reference.in_(seen)))
        .order_by(Design.id != design_id, Design.reference != seen[0], Design.id)
        .limit(1)
    )
    found_id = session.scalar(query) if can_be_stored(design_id, *seen) else None
    if found_id is None:
        raise NotFound(f"{owner.handle} has no design {name!r}.", code="design.not_found", design=name)
    return found_id
