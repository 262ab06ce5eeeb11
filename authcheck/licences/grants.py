"""Stored licences: find them, lock them, and read them as `Grant`. agreements.py writes them."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from sqlalchemy import ColumnElement, Select, and_, bindparam, or_, select, true
from sqlalchemy.orm import Session, aliased

from authcheck.errors import NotFound
from authcheck.ids import normal_id
from authcheck.licences.tables import Licence, LicenceSubject
from authcheck.licences.terms import Grant, Terms
from authcheck.members.reach import WHOLE, Reach
from authcheck.registry.tables import Design
from authcheck.storage.json_lists import has_other_text, has_text
from authcheck.storage.parameters import can_be_stored, in_chunks

PAGE = 500
LONGEST_CHAIN = 8  # of sublicences
Units = Callable[[Session, Collection[str]], Mapping[str, int]]
"""A function that counts the units issued under each licence series and its sublicences (certificates/)."""


def uncounted(_session: Session, _all_series: Collection[str]) -> Mapping[str, int]:
    """Count nothing. For questions where no cap matters."""
    return {}


def get_licence(
    session: Session, licence_id: str, *, organisation_id: str | None = None, reach: Reach = WHOLE
) -> Licence:
    """Return a licence version to its owner or licensee, if it is within reach.

    Without `organisation_id`, return any licence version.

    Raises NotFound (`licence.not_found`), also for a licence between other organisations. The database
    compares the parties: both cases read no row, so they take the same time.
    """
    licence_id = normal_id(licence_id)
    query = select(Licence).where(Licence.id == licence_id, is_within(reach))
    if organisation_id is not None:
        query = query.where(or_(Licence.owner_id == organisation_id, Licence.licensee_id == organisation_id))
    licence = session.scalar(query) if can_be_stored(licence_id) else None
    if licence is None:
        raise unknown_licence_error(licence_id)
    return licence


def unknown_licence_error(licence_id: str) -> NotFound:
    """Return the error for an unknown licence, and for a licence that the caller must not know about."""
    return NotFound(
        f"We have no licence with the id {licence_id!r}.", code="licence.not_found", licence=licence_id
    )


def are_within(session: Session, licences: Sequence[Licence], reach: Reach) -> bool:
    """Return whether all designs and territories of these licence versions are within reach."""
    if reach == WHOLE:
        return True
    ids = [row.id for row in licences]
    outside = select(Licence.id).where(Licence.id.in_(ids), ~is_within(reach)).limit(1)
    return session.scalar(outside) is None


def list_licences(
    session: Session,
    organisation_id: str,
    *,
    role: str | None = None,
    after: str = "",
    limit: int = 50,
    reach: Reach = WHOLE,
) -> list[Licence]:
    """Return at most `limit` licence versions of an organisation by id, from after the id `after`.

    `role` "owner" selects the licences that it gave, "licensee" the licences that it got. Without `role`:
    both. All are within reach.
    """
    sides = {"owner": [Licence.owner_id], "licensee": [Licence.licensee_id]}
    columns = sides.get(role or "", [Licence.owner_id, Licence.licensee_id])
    of_organisation = or_(*(column == organisation_id for column in columns))
    licences = select(Licence).where(of_organisation, Licence.id > after, is_within(reach))
    return list(session.scalars(licences.order_by(Licence.id).limit(limit)))


def is_within(reach: Reach) -> ColumnElement[bool]:
    """Return the condition that all designs and territories of a licence are within reach.

    A collection is within the reach of all designs only: the owner adds designs to it later. So is `*`.
    """
    conditions: list[ColumnElement[bool]] = []
    if reach.designs is not None:
        conditions += [
            ~has_other_text(Licence.terms["designs"], reach.designs),
            ~has_text(Licence.terms["collections"]),
        ]
    if reach.territories is not None:
        named = Licence.terms["territories"]
        conditions += [has_text(named), ~has_other_text(named, reach.territories)]
    return and_(true(), *conditions)


def all_licences(session: Session, organisation_id: str, *, role: str | None = None) -> Iterator[Licence]:
    """Yield all licences that `list_licences` selects, page by page."""
    after = ""
    while rows := list_licences(session, organisation_id, role=role, after=after, limit=PAGE):
        yield from rows
        after = rows[-1].id


def grants_for(
    session: Session, *, design: Design, units: Units, licensee_id: str | None = None, offers: bool = False
) -> list[Grant]:
    """Return all accepted licence versions that name this design or its collection, newest first.

    Includes expired, superseded and revoked versions. With `offers`, includes open offers too.
    """
    by_design = (LicenceSubject.kind == "design") & (LicenceSubject.value == design.id)
    by_collection = (LicenceSubject.kind == "collection") & (
        LicenceSubject.value == (design.collection or "")
    )
    licence_ids = select(LicenceSubject.licence_id).where(or_(by_design, by_collection))
    wanted: ColumnElement[bool] = Licence.accepted_at.is_not(None)
    if offers:
        wanted = or_(wanted, and_(Licence.declined_at.is_(None), Licence.revoked_at.is_(None)))
    query = select(Licence).where(Licence.id.in_(licence_ids), wanted)
    if licensee_id is not None:
        query = query.where(Licence.licensee_id == licensee_id)
    rows = session.scalars(query.order_by(Licence.offered_at.desc(), Licence.version.desc(), Licence.id))
    grants = grants_of(session, rows.all(), units=units)
    # Two owners may use the same name for different collections.
    return [grant for grant in grants if root_of(grant).owner_id == design.owner_id]


def grant_of(session: Session, licence: Licence, *, units: Units) -> Grant:
    """Return a licence version as a `Grant`, with its parents and issued units.

    At most `LONGEST_CHAIN` licences in all.
    """
    return grants_of(session, [licence], units=units)[0]


def grants_of(session: Session, licences: Sequence[Licence], *, units: Units) -> list[Grant]:
    """Return these licence versions as `grant_of` does, in their order.

    One statement reads all licences above them, and one counts all units: two for up to 500 licences.
    """
    if not licences:
        return []
    above = _find_above(session, licences)
    all_series = {row.series for row in (*licences, *above.values())}
    counts = units(session, sorted(all_series))
    return [_make_grant(row, above, counts, LONGEST_CHAIN) for row in licences]


def _make_grant(row: Licence, above: Mapping[str, Licence], counts: Mapping[str, int], links: int) -> Grant:
    """Return a licence version with the parents in `above`: at most `links` licences in all."""
    parent = above.get(row.parent_id or "") if links > 1 else None
    return Grant(
        id=row.id,
        series=row.series,
        version=row.version,
        owner_id=row.owner_id,
        licensee_id=row.licensee_id,
        terms=Terms.from_json(row.terms),
        offered_at=row.offered_at,
        accepted_at=row.accepted_at,
        declined_at=row.declined_at,
        superseded_at=row.superseded_at,
        revoked_at=row.revoked_at,
        units_issued=counts.get(row.series, 0),
        parent=_make_grant(parent, above, counts, links - 1) if parent else None,
    )


def _find_above(session: Session, licences: Sequence[Licence]) -> dict[str, Licence]:
    """Return the licences above these, each in the version in force, by the id that a sublicence names."""
    rows: list[Licence] = []
    for parent_ids in in_chunks(sorted({row.parent_id for row in licences if row.parent_id})):
        rows += session.scalars(VERSIONS_ABOVE, {"parent_ids": parent_ids})
    newest = {row.series: row for row in rows if row.accepted_at is not None}
    return {row.id: row if row.superseded_at is None else newest.get(row.series, row) for row in rows}


def _select_above() -> Select[Licence]:
    """Return the query for all versions, oldest first, of the licences `parent_ids` and of those above."""
    child, parent = aliased(Licence), aliased(Licence)
    chosen = Licence.id.in_(bindparam("parent_ids", expanding=True))
    above = select(Licence.series.label("series")).where(chosen).cte("above", recursive=True)
    higher = select(parent.series).join(child, child.parent_id == parent.id)
    above = above.union(higher.join(above, above.c.series == child.series))
    versions = select(Licence).where(Licence.series.in_(select(above.c.series)))
    return versions.order_by(Licence.version)


VERSIONS_ABOVE = _select_above()  # built once: building it takes longer than running it


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
