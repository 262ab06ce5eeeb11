"""Names for rows of licences: of the two parties, and of the designs that the terms list."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.licences.tables import Licence
from authcheck.members.tables import Organisation
from authcheck.registry.tables import Design
from authcheck.storage.parameters import in_chunks


@dataclass(frozen=True, slots=True)
class Named:
    """A name that people read, and the name that programs use: a member's handle, a design's reference."""

    name: str
    handle: str


def parties_of(session: Session, rows: Sequence[Licence]) -> dict[str, Named]:
    """Return the names of the owners and licensees of these licences by organisation id."""
    ids = sorted({party for row in rows for party in (row.owner_id, row.licensee_id)})
    named: dict[str, Named] = {}
    for chunk in in_chunks(ids):
        query = select(Organisation.id, Organisation.name, Organisation.handle)
        for id_, name, handle in session.execute(query.where(Organisation.id.in_(chunk))):
            named[id_] = Named(name, handle)
    return named


def designs_called(session: Session, design_ids: Iterable[str]) -> dict[str, Named]:
    """Return title and reference of designs by id. A design without a title has its reference as name.

    The caller must be a party of a licence that names them, or their owner.
    """
    named: dict[str, Named] = {}
    for chunk in in_chunks(sorted(set(design_ids))):
        query = select(Design.id, Design.title, Design.reference).where(Design.id.in_(chunk))
        for id_, title, reference in session.execute(query):
            named[id_] = Named(title or reference, reference)
    return named
