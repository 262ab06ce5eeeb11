"""Exclusivity: no two licensees have the same use of a design if one was promised to be the only one.

Every act that changes what a licence covers asks here: an offer, an acceptance, a design that joins a
collection, a design or a picture that returns after it was retired. All of them hold the owner's lock, so of
two acts at the same time the second sees the first.
"""

from collections.abc import Collection, Sequence
from itertools import combinations

from sqlalchemy import or_, select
from sqlalchemy.orm import Session, aliased

from authcheck.errors import Conflict
from authcheck.licences.grants import grant_of, grants_of, root_of, uncounted
from authcheck.licences.scope import Kin, do_uses_meet, overlaps
from authcheck.licences.subjects import designs_of_collections, lock_owners
from authcheck.licences.tables import Licence, LicenceSubject
from authcheck.licences.terms import Grant
from authcheck.members.tables import Organisation
from authcheck.registry.joining import Joining
from authcheck.registry.tables import Design, View
from authcheck.storage.parameters import in_chunks

IN_FORCE = (
    Licence.accepted_at.is_not(None),
    Licence.superseded_at.is_(None),
    Licence.revoked_at.is_(None),
)


def refuse_exclusive(session: Session, licence: Licence, *, to_owner: bool) -> None:
    """Raise Conflict (`licence.exclusive`) if an accepted licence of another licensee stops this licence.

    That is so when the two licences overlap and one of them is exclusive. Call this under the owner's lock.
    Only the owner is told which licence it is.
    """
    rows = session.scalars(
        select(Licence).where(
            Licence.owner_id == licence.owner_id,
            Licence.series != licence.series,
            Licence.licensee_id != licence.licensee_id,
            *IN_FORCE,
        )
    ).all()
    new = grant_of(session, licence, units=uncounted)
    owner_id = root_of(new).owner_id
    rivals = [
        rival
        for rival in grants_of(session, rows, units=uncounted)
        if _is_exclusive(new, rival) and root_of(rival).owner_id == owner_id
    ]
    if not rivals:
        return
    all_terms = [grant.terms for grant in (new, *rivals)]
    designs_of = designs_of_collections(session, owner_id, all_terms)
    named = {design_id for terms in all_terms for design_id in terms.designs}
    kin = _find_kin(session, owner_id, sorted(named))
    for rival in rivals:
        if overlaps(new, rival, designs_of=designs_of, kin=kin):
            raise _overlap_error(session, rival, to_owner=to_owner)


def refuse_joining(session: Session, joining: Joining) -> None:
    """Raise Conflict (`licence.exclusive`) if a design would come under two licences, one of them exclusive.

    Only pairs of licences count that do not share the design already. A picture of a retired design brings
    the licences back that name the retired design.
    """
    returning = _find_retired(session, joining.owner_id, joining.pictures)
    if joining.design_id is None and not returning:
        return  # two licences of the design's new collection have been compared with each other already
    if not joining.is_rehearsal:
        lock_owners(session, [joining.owner_id])
    before: list[Grant] = []
    design_ids = set(returning)
    if joining.design_id is not None:
        own_ids = {joining.design_id, *_find_kin(session, joining.owner_id, [joining.design_id])}
        present = session.scalar(select(Design.collection).where(Design.id == joining.design_id))
        before = _find_covering(session, joining.owner_id, own_ids, present)
        design_ids |= own_ids
    after = _find_covering(session, joining.owner_id, design_ids, joining.collection)
    shared = {grant.id for grant in before}
    for first, second in combinations(after, 2):
        if (
            first.owner_id == second.owner_id
            and first.licensee_id != second.licensee_id
            and _is_exclusive(first, second)
            and not {first.id, second.id} <= shared
            and do_uses_meet(first.terms, second.terms, since=joining.on)
        ):
            raise _joining_error(session, joining, first, second)


def _is_exclusive(first: Grant, second: Grant) -> bool:
    return first.terms.exclusive or second.terms.exclusive


def _find_covering(
    session: Session, owner_id: str, design_ids: Collection[str], collection: str | None
) -> list[Grant]:
    """Return the licences in force that name one of these designs or the collection, oldest first."""
    by_id = (LicenceSubject.kind == "design") & LicenceSubject.value.in_(design_ids)
    by_name = (LicenceSubject.kind == "collection") & (LicenceSubject.value == collection)
    licence_ids = select(LicenceSubject.licence_id).where(or_(by_id, by_name))  # NULL equals no name
    rows = session.scalars(
        select(Licence)
        .where(Licence.id.in_(licence_ids), *IN_FORCE)
        .order_by(Licence.accepted_at, Licence.id)
    )
    grants = grants_of(session, rows.all(), units=uncounted)
    # Two owners may use the same name for different collections.
    return [grant for grant in grants if root_of(grant).owner_id == owner_id]


def _find_retired(session: Session, owner_id: str, pictures: Collection[str]) -> set[str]:
    """Return the ids of the owner's retired designs that had one of these pictures."""
    design_ids: set[str] = set()
    for chunk in in_chunks(sorted(pictures)):
        query = select(View.design_id).join(View.design).where(View.picture_sha256.in_(chunk))
        of_owner = query.where(Design.owner_id == owner_id, Design.state == "retired")
        design_ids |= set(session.scalars(of_owner.distinct()))
    return design_ids


def _find_kin(session: Session, owner_id: str, design_ids: Sequence[str]) -> Kin:
    """Return the owner's other designs that share a picture with these designs, one of the two retired.

    They are one design that was retired and has returned, so a promise about the one holds for the other.
    """
    one, other, other_design = aliased(View), aliased(View), aliased(Design)
    pairs = (
        select(other.design_id, one.design_id)
        .join(other, other.picture_sha256 == one.picture_sha256)
        .join(Design, Design.id == one.design_id)
        .join(other_design, other_design.id == other.design_id)
        .where(
            other.design_id != one.design_id,
            Design.owner_id == owner_id,
            other_design.owner_id == owner_id,
            or_(Design.state == "retired", other_design.state == "retired"),
        )
        .distinct()
    )
    kin: dict[str, set[str]] = {}
    for chunk in in_chunks(design_ids):
        for other_id, design_id in session.execute(pairs.where(one.design_id.in_(chunk))):
            kin.setdefault(other_id, set()).add(design_id)
    return kin


def _handle_of(session: Session, organisation_id: str) -> str:
    return session.get_one(Organisation, organisation_id).handle


def _overlap_error(session: Session, rival: Grant, *, to_owner: bool) -> Conflict:
    if not to_owner:
        return Conflict(
            "The owner has given another licence that overlaps with this offer, and one of the two is "
            "exclusive. Ask the owner for other terms.",
            code="licence.exclusive",
        )
    licensee = _handle_of(session, rival.licensee_id)
    return Conflict(
        f"This licence overlaps with licence {rival.id} of {licensee}, and one of the two is exclusive.",
        code="licence.exclusive",
        licence=rival.id,
        licensee=licensee,
    )


def _joining_error(session: Session, joining: Joining, first: Grant, second: Grant) -> Conflict:
    """Return the error for the owner of the design, who knows its own licences, but no sublicences."""
    exclusive, other = (first, second) if first.terms.exclusive else (second, first)
    root = root_of(exclusive)
    licensee = _handle_of(session, root.licensee_id)
    if exclusive.parent is not None:
        return Conflict(
            f"{joining.reference} would come under two sublicences of licence {root.id} of {licensee}, and "
            "one of them is exclusive. Ask the licensee to end one of them first.",
            code="licence.exclusive",
            licence=root.id,
            licensee=licensee,
        )
    other_licensee = _handle_of(session, other.licensee_id)
    return Conflict(
        f"{joining.reference} would come under licence {exclusive.id} of {licensee}, which is exclusive, and "
        f"under licence {other.id} of {other_licensee}. End one of the two licences first.",
        code="licence.exclusive",
        licence=exclusive.id,
        licensee=licensee,
        other=other.id,
        other_licensee=other_licensee,
    )
