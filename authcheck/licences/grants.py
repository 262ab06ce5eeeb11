"""Stored licences: find them, lock them, and read them as `Grant`. agreements.py writes them."""

from collections.abc import Callable, Iterator

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from authcheck.errors import NotFound
from authcheck.licences.tables import Licence, LicenceSubject
from authcheck.licences.terms import Grant, Terms
from authcheck.registry.tables import Design
from authcheck.storage.parameters import can_be_stored

PAGE = 500
LONGEST_CHAIN = 8  # of sublicences
Units = Callable[[Session, str], int]
"""A function that counts the units issued under a licence series and its sublicences (see certificates/)."""


def uncounted(_session: Session, _series: str) -> int:
    """Return 0. For questions where no cap matters."""
    return 0


def get_licence(session: Session, licence_id: str, *, organisation_id: str | None = None) -> Licence:
    """Return a licence version to its owner or licensee.

    Without `organisation_id`, return any licence version.

    Raises NotFound (`licence.not_found`), also for a licence between other organisations. The database
    compares the parties: both cases read no row, so they take the same time.
    """
    query = select(Licence).where(Licence.id == licence_id)
    if organisation_id is not None:
        query = query.where(or_(Licence.owner_id == organisation_id, Licence.licensee_id == organisation_id))
    licence = session.scalar(query) if can_be_stored(licence_id) else None
    if licence is None:
        raise NotFound(
            f"We have no licence with the id {licence_id!r}.", code="licence.not_found", licence=licence_id
        )
    return licence


def list_licences(
    session: Session, organisation_id: str, *, role: str | None = None, after: str = "", limit: int = 50
) -> list[Licence]:
    """Return at most `limit` licence versions of an organisation by id, from after the id `after`.

    `role` "owner" selects the licences that it gave, "licensee" the licences that it got. Without `role`:
    both.
    """
    sides = {"owner": [Licence.owner_id], "licensee": [Licence.licensee_id]}
    columns = sides.get(role or "", [Licence.owner_id, Licence.licensee_id])
    of_organisation = or_(*(column == organisation_id for column in columns))
    licences = select(Licence).where(of_organisation, Licence.id > after)
    return list(session.scalars(licences.order_by(Licence.id).limit(limit)))


def all_licences(session: Session, organisation_id: str, *, role: str | None = None) -> Iterator[Licence]:
    """Yield all licences that `list_licences` selects, page by page."""
    after = ""
    while rows := list_licences(session, organisation_id, role=role, after=after, limit=PAGE):
        yield from rows
        after = rows[-1].id


def grants_for(
    session: Session, *, design: Design, units: Units, licensee_id: str | None = None
) -> list[Grant]:
    """Return all accepted licence versions that name this design or its collection, newest first.

    Includes expired, superseded and revoked versions.
    """
    by_design = (LicenceSubject.kind == "design") & (LicenceSubject.value == design.id)
    by_collection = (LicenceSubject.kind == "collection") & (
        LicenceSubject.value == (design.collection or "")
    )
    licence_ids = select(LicenceSubject.licence_id).where(or_(by_design, by_collection))
    accepted = select(Licence).where(Licence.id.in_(licence_ids), Licence.accepted_at.is_not(None))
    if licensee_id is not None:
        accepted = accepted.where(Licence.licensee_id == licensee_id)
    grants = [
        grant_of(session, row, units=units)
        for row in session.scalars(
            accepted.order_by(Licence.offered_at.desc(), Licence.version.desc(), Licence.id)
        )
    ]
    # Two owners may use the same name for different collections.
    return [grant for grant in grants if root_of(grant).owner_id == design.owner_id]


def grant_of(session: Session, licence: Licence, *, units: Units, links: int = LONGEST_CHAIN) -> Grant:
    """Return a licence version as a `Grant`, with its parents and issued units.

    At most `links` licences in all.
    """
    parent_grant = None
    if licence.parent_id is not None and links > 1:
        parent = in_force(session, session.get_one(Licence, licence.parent_id))
        parent_grant = grant_of(session, parent, units=units, links=links - 1)
    return Grant(
        id=licence.id,
        series=licence.series,
        version=licence.version,
        owner_id=licence.owner_id,
        licensee_id=licence.licensee_id,
        terms=Terms.from_json(licence.terms),
        offered_at=licence.offered_at,
        accepted_at=licence.accepted_at,
        declined_at=licence.declined_at,
        superseded_at=licence.superseded_at,
        revoked_at=licence.revoked_at,
        units_issued=units(session, licence.series),
        parent=parent_grant,
    )


def chain_of(grant: Grant) -> list[Grant]:
    """Return a licence and all its parents. The last is the licence from the designs' owner."""
    chain = [grant]
    while chain[-1].parent is not None:
        chain.append(chain[-1].parent)
    return chain


def root_of(grant: Grant) -> Grant:
    """Return the licence at the end of a chain of sublicences: the licence from the designs' owner."""
    return chain_of(grant)[-1]


def lock_series(session: Session, series: str) -> list[Licence]:
    """Return all versions of a licence, newest first, locked against changes until this transaction ends."""
    versions = select(Licence).where(Licence.series == series).order_by(Licence.version.desc())
    locked = versions.with_for_update(key_share=True).execution_options(populate_existing=True)
    return list(session.scalars(locked))


def in_force(session: Session, licence: Licence) -> Licence:
    """Return the newest accepted version of a superseded licence. Otherwise return the licence itself."""
    if licence.superseded_at is None:
        return licence
    newest = select(Licence).where(Licence.series == licence.series, Licence.accepted_at.is_not(None))
    return session.scalar(newest.order_by(Licence.version.desc()).limit(1)) or licence
