"""Checks of a licence's designs: own designs, within the parent licence."""

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.errors import Conflict, NotFound
from authcheck.licences.grants import grant_of, root_of, uncounted
from authcheck.licences.scope import covers
from authcheck.licences.tables import Licence
from authcheck.licences.terms import Terms
from authcheck.members.reach import Reach
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
            raise _unknown_design_error(design_id)


def check_reach(terms: Terms, reach: Reach) -> None:
    """Raise an error unless a caller with this reach may offer these terms.

    NotFound (`design.not_found`) names a design that is not within reach. Conflict (`appointment.outside`)
    names a collection, to which the owner can add designs later, or a territory.
    """
    for design_id in terms.designs:
        if not reach.covers_design(design_id):
            raise _unknown_design_error(design_id)
    if terms.collections and reach.designs is not None:
        raise Conflict(
            "You act for some designs of the brand only. Name these designs, not a collection.",
            code="appointment.outside",
            collection=terms.collections[0],
        )
    for territory in sorted(terms.countries):
        if not reach.covers_territory(territory):
            raise outside_territory_error(territory)


def are_terms_within(terms: Terms, reach: Reach) -> bool:
    """Return whether all designs and territories of these terms are within reach, as `grants.is_within`."""
    if reach.designs is not None and terms.collections:
        return False
    return reach.covers_designs(terms.designs) and reach.covers_territories(terms.territories)


def outside_territory_error(territory: str) -> Conflict:
    """Return the error for a territory that an agent's appointment does not name."""
    return Conflict(
        f"You do not act for the brand in {territory}. Leave this territory to the brand.",
        code="appointment.outside",
        territory=territory,
    )


def _unknown_design_error(design_id: str) -> NotFound:
    return NotFound(
        f"You have no design with the id {design_id!r}.", code="design.not_found", design=design_id
    )


def lock_owners(session: Session, ids: Sequence[str]) -> None:
    """Lock these owners: no other transaction changes what their licences cover until this one ends."""
    session.scalars(
        select(Organisation.id)
        .where(Organisation.id.in_(ids))
        .order_by(Organisation.id)
        .with_for_update(key_share=True)
    ).all()


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
