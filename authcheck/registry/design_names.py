"""The names by which an owner names own designs: their ids and the owner's references."""

import unicodedata

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from authcheck.errors import NotFound
from authcheck.ids import normal_id, tidy
from authcheck.members.tables import Organisation
from authcheck.registry.tables import Design
from authcheck.storage.parameters import can_be_stored


def find_own_id(session: Session, owner: Organisation, name: str) -> str:
    """Return the id of the owner's design with this id or reference.

    Raises NotFound (`design.not_found`), also for a design of another owner. The database compares the owner:
    both cases read no row, so they take the same time.
    """
    design_id, seen = normal_id(name), tidy(name)
    spellings = [seen, unicodedata.normalize("NFD", seen)]
    query = (
        select(Design.id)
        .where(Design.owner_id == owner.id, or_(Design.id == design_id, Design.reference.in_(spellings)))
        .order_by(Design.id != design_id, Design.reference != seen, Design.id)
        .limit(1)
    )
    found_id = session.scalar(query) if can_be_stored(design_id, seen) else None
    if found_id is None:
        raise NotFound(f"{owner.handle} has no design {name!r}.", code="design.not_found", design=name)
    return found_id
