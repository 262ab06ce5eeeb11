"""Twins of a design under licence: a licence for one of several designs with one art counts for all."""

from collections.abc import Collection

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from authcheck.licences.tables import Licence, LicenceSubject
from authcheck.registry.tables import Design
from authcheck.registry.twins import find_twins


def licensed_twins(
    session: Session, design: Design, licensee_id: str, *, views: Collection[int] = ()
) -> list[Design]:
    """Return the twins of a design that a licence or an open offer of this licensee names, by id.

    `views` are the numbers of the design's views that matter, see `find_twins`. The licence may have ended,
    and it may be of another owner who uses the same name for a collection: `grants_for` each twin decides.
    """
    subjects = (
        select(LicenceSubject.value)
        .join(Licence, Licence.id == LicenceSubject.licence_id)
        .where(Licence.licensee_id == licensee_id, Licence.declined_at.is_(None))
    )
    named = subjects.where(LicenceSubject.kind == "design")
    collections = subjects.where(LicenceSubject.kind == "collection")
    return find_twins(
        session, design, or_(Design.id.in_(named), Design.collection.in_(collections)), views=views
    )
