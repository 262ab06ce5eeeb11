"""Checks of a licence's designs: own designs, within the parent licence, no exclusive overlap."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.errors import Conflict, NotFound
from authcheck.licences.grants import grant_of, root_of, uncounted
from authcheck.licences.scope import covers, overlaps
from authcheck.licences.tables import Licence
from authcheck.licences.terms import Grant, Terms
from authcheck.members.tables import Organisation
from authcheck.registry.tables import Design
from authcheck.storage.parameters import in_chunks


def check_subjects(
    session: Session,
    owner: Organisation,
    terms: Terms,
    parent: Licence | None,
    designs_of: Mapping[str, Sequence[str]],
) -> None:
    """Check that the owner owns the designs, or that a sublicence's terms are within the parent licence.

    `designs_of` maps a collection's name to its design ids. Raises NotFound (`design.not_found`), Conflict
    (`licence.outside_parent`).
    """
    if parent is not None:
        if not covers(Terms.from_json(parent.terms), terms, designs_of=designs_of):
            raise Conflict(
                "The terms of a sublicence must be within the terms of its parent licence.",
                code="licence.outside_parent",
            )
        return
    owned_ids: set[str] = set()
    for design_ids in in_chunks(terms.designs):
        owned_ids |= set(
            session.scalars(select(Design.id).where(Design.id.in_(design_ids), Design.owner_id == owner.id))
        )
    for design_id in terms.designs:
        if design_id not in owned_ids:
            raise NotFound(
                f"You have no design with the id {design_id!r}.", code="design.not_found", design=design_id
            )


def refuse_exclusive(session: Session, licence: Licence) -> None:
    """Raise Conflict (`licence.exclusive`) if an accepted licence of another licensee stops this licence.

    That is so when the two licences overlap and one of them is exclusive.
    Call this under the owner's lock. Then, of two licences accepted at the same time, the second sees the
    first.
    """
    others = session.scalars(
        select(Licence).where(
            Licence.owner_id == licence.owner_id,
            Licence.series != licence.series,
            Licence.licensee_id != licence.licensee_id,
            Licence.accepted_at.is_not(None),
            Licence.superseded_at.is_(None),
            Licence.revoked_at.is_(None),
        )
    ).all()
    new_terms = Terms.from_json(licence.terms)
    rivals = [(other, Terms.from_json(other.terms)) for other in others]
    rivals = [(rival, terms) for rival, terms in rivals if new_terms.exclusive or terms.exclusive]
    if not rivals:
        return
    parent = session.get(Licence, licence.parent_id) if licence.parent_id else None
    design_owner_id = root_owner_id(session, parent) or licence.owner_id
    all_terms = [new_terms, *(terms for _, terms in rivals)]
    designs_of = designs_of_collections(session, design_owner_id, all_terms)
    for rival, terms in rivals:
        if overlaps(_grant_offered(licence, new_terms), _grant_offered(rival, terms), designs_of=designs_of):
            raise Conflict(
                f"This licence overlaps with licence {rival.id}, and one of the two is exclusive.",
                code="licence.exclusive",
                licence=rival.id,
            )


def _grant_offered(licence: Licence, terms: Terms) -> Grant:
    return Grant(
        id=licence.id,
        series=licence.series,
        version=licence.version,
        owner_id=licence.owner_id,
        licensee_id=licence.licensee_id,
        terms=terms,
        offered_at=licence.offered_at,
    )


def designs_of_collections(session: Session, owner_id: str, terms: Iterable[Terms]) -> dict[str, list[str]]:
    """Return the design ids of every collection that the terms name, by the collection's name.

    Only this owner's designs.
    """
    names = sorted({name for term in terms for name in term.collections})
    design_ids: dict[str, list[str]] = {name: [] for name in names}
    for chunk in in_chunks(names):
        in_collections = Design.collection.in_(chunk)
        for design_id, name in session.execute(
            select(Design.id, Design.collection).where(Design.owner_id == owner_id, in_collections)
        ):
            design_ids[name or ""].append(design_id)
    return design_ids


def root_owner_id(session: Session, parent: Licence | None) -> str | None:
    """Return the owner of the designs that a sublicence under `parent` covers. None without a parent."""
    return root_of(grant_of(session, parent, units=uncounted)).owner_id if parent else None
