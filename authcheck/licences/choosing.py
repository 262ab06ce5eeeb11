"""What an offer can name: members, and the designs and collections of an owner or of the licence above."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from authcheck.ids import fold
from authcheck.licences.pictured import designs_of
from authcheck.licences.terms import Grant
from authcheck.members.reach import Reach
from authcheck.members.tables import Organisation
from authcheck.registry.tables import Design
from authcheck.storage.parameters import can_be_stored

MOST_FOUND = 12


@dataclass(frozen=True, slots=True)
class Subjects:
    """Designs and names of collections that an offer may name."""

    designs: Sequence[Design]
    collections: Sequence[str]


def find_members(session: Session, text: str, *, but: str) -> Sequence[Organisation]:
    """Return the member with this handle, else members whose name has the text. Never the member `but`."""
    written = fold(text).lower()
    if not written or not can_be_stored(written):
        return ()
    others = select(Organisation).where(Organisation.id != but)
    same = session.scalars(others.where(Organisation.handle == written)).all()
    if same:
        return same
    named = func.lower(Organisation.name).contains(written, autoescape=True)
    handles = Organisation.handle.contains(written, autoescape=True)
    found = others.where(or_(named, handles)).order_by(Organisation.name, Organisation.id)
    return session.scalars(found.limit(MOST_FOUND)).all()


def find_subjects(session: Session, owner_id: str, text: str, *, reach: Reach) -> Subjects:
    """Return own designs within reach with this text in title or reference, newest first, and collections.

    An agent of some designs cannot name collections. At most MOST_FOUND of each.
    """
    written = fold(text).lower()
    if not can_be_stored(written):
        return Subjects((), ())
    own = select(Design).where(Design.owner_id == owner_id, Design.state != "retired")
    own = own.where(reach.has_design(Design.id))
    names = select(Design.collection).where(Design.owner_id == owner_id, Design.collection > "").distinct()
    if written:
        columns = (Design.title, Design.reference)
        own = own.where(or_(*(func.lower(column).contains(written, autoescape=True) for column in columns)))
        names = names.where(func.lower(Design.collection).contains(written, autoescape=True))
    designs = session.scalars(own.order_by(Design.id.desc()).limit(MOST_FOUND)).all()
    has_all = reach.designs is None
    found = session.scalars(names.order_by(Design.collection).limit(MOST_FOUND)).all() if has_all else ()
    return Subjects(designs, [name for name in found if name])


def subjects_under(session: Session, parent: Grant, text: str) -> Subjects:
    """Return the designs and collections of the licence above that have this text."""
    written = fold(text).lower()
    designs = [
        design
        for design in designs_of(session, parent, limit=500)
        if written in f"{design.title} {design.reference}".lower()
    ]
    names = [name for name in parent.terms.collections if written in name.lower()]
    return Subjects(designs[:MOST_FOUND], names[:MOST_FOUND])
