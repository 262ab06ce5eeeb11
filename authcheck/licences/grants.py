"""Licences as they are kept: found, locked, counted, and read as the rules see them. agreements.py makes and changes them."""

from collections.abc import Callable, Iterator

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from authcheck.errors import NotFound
from authcheck.licences.tables import Licence, LicenceSubject
from authcheck.licences.terms import Grant, Terms
from authcheck.registry.tables import Design

PAGE = 500
LONGEST_CHAIN = 8  # of sublicences
Units = Callable[[Session, str], int]
"""How many units were made under a series of licences and what stands on it; who keeps the units counts them."""


def uncounted(_session: Session, _series: str) -> int:
    """For questions that no cap bears on."""
    return 0


def get_licence(session: Session, licence_id: str, *, organisation_id: str | None = None) -> Licence:
    """A version of a licence, for its owner or licensee, or for anybody without `organisation_id`.

    Raises NotFound (`licence.not_found`), also for one of somebody else.
    """
    found = session.get(Licence, licence_id) if licence_id.isprintable() else None
    if found is None or organisation_id not in {None, found.owner_id, found.licensee_id}:
        raise NotFound(f"No licence {licence_id!r} is known.", code="licence.not_found", licence=licence_id)
    return found


def list_licences(
    session: Session, organisation_id: str, *, role: str | None = None, after: str = "", limit: int = 50
) -> list[Licence]:
    """At most `limit` licence versions that an organisation gave (`role` owner), got (licensee), or both, by id after `after`."""
    sides = {"owner": [Licence.owner_id], "licensee": [Licence.licensee_id]}
    columns = sides.get(role or "", [Licence.owner_id, Licence.licensee_id])
    mine = or_(*(column == organisation_id for column in columns))
    return list(
        session.scalars(select(Licence).where(mine, Licence.id > after).order_by(Licence.id).limit(limit))
    )


def all_licences(session: Session, organisation_id: str, *, role: str | None = None) -> Iterator[Licence]:
    """All that `list_licences` gives, page after page."""
    after = ""
    while rows := list_licences(session, organisation_id, role=role, after=after, limit=PAGE):
        yield from rows
        after = rows[-1].id


def grants_for(
    session: Session, *, design: Design, units: Units, licensee_id: str | None = None
) -> list[Grant]:
    """Every accepted version of a licence about a design, by itself or by its collection, newest first; over ones too."""
    by_design = (LicenceSubject.kind == "design") & (LicenceSubject.value == design.id)
    by_collection = (LicenceSubject.kind == "collection") & (
        LicenceSubject.value == (design.collection or "")
    )
    about = select(LicenceSubject.licence_id).where(or_(by_design, by_collection))
    wanted = select(Licence).where(Licence.id.in_(about), Licence.accepted_at.is_not(None))
    if licensee_id is not None:
        wanted = wanted.where(Licence.licensee_id == licensee_id)
    grants = [
        grant_of(session, row, units=units)
        for row in session.scalars(
            wanted.order_by(Licence.offered_at.desc(), Licence.version.desc(), Licence.id)
        )
    ]
    # A collection's name is its owner's: somebody else's of the same name is another one.
    return [grant for grant in grants if root_of(grant).owner_id == design.owner_id]


def grant_of(session: Session, licence: Licence, *, units: Units, links: int = LONGEST_CHAIN) -> Grant:
    """A licence version as the rules see it, with what it stands on, at most `links` in all, and how many units were made."""
    above = None
    if licence.parent_id is not None and links > 1:
        parent = in_force(session, session.get_one(Licence, licence.parent_id))
        above = grant_of(session, parent, units=units, links=links - 1)
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
        parent=above,
    )


def chain_of(grant: Grant) -> list[Grant]:
    """A licence and those that it stands on, the one that the designs' owner gave last."""
    found = [grant]
    while found[-1].parent is not None:
        found.append(found[-1].parent)
    return found


def root_of(grant: Grant) -> Grant:
    """The licence that the designs' owner gave, at the end of a chain of sublicences."""
    return chain_of(grant)[-1]


def lock_series(session: Session, series: str) -> list[Licence]:
    """All versions of a licence, newest first, kept from changing until this transaction ends."""
    versions = select(Licence).where(Licence.series == series).order_by(Licence.version.desc())
    locked = versions.with_for_update(key_share=True).execution_options(populate_existing=True)
    return list(session.scalars(locked))


def in_force(session: Session, licence: Licence) -> Licence:
    """The newest accepted version of a licence; itself where there is none."""
    if licence.superseded_at is None:
        return licence
    newest = select(Licence).where(Licence.series == licence.series, Licence.accepted_at.is_not(None))
    return session.scalar(newest.order_by(Licence.version.desc()).limit(1)) or licence
