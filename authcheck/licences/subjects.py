"""What may be licensed: the owner's designs, within the parent of a sublicence, beside no exclusive licence."""

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

MOST_PARAMETERS = 500  # of one statement


def check_subjects(
    session: Session,
    owner: Organisation,
    terms: Terms,
    parent: Licence | None,
    known: Mapping[str, Sequence[str]],
) -> None:
    """What is licensed must be the owner's, or lie within the licence it stands on."""
    if parent is not None:
        if not covers(Terms.from_json(parent.terms), terms, designs_of=known):
            raise Conflict(
                "A sublicence lies within the licence it stands on.", code="licence.outside_parent"
            )
        return
    own: set[str] = set()
    for start in range(0, len(terms.designs), MOST_PARAMETERS):
        some = terms.designs[start : start + MOST_PARAMETERS]
        own |= set(session.scalars(select(Design.id).where(Design.id.in_(some), Design.owner_id == owner.id)))
    for design in terms.designs:
        if design not in own:
            raise NotFound(f"No design {design!r} of yours is known.", code="design.not_found", design=design)


def refuse_exclusive(session: Session, licence: Licence) -> None:
    """Raise Conflict (`licence.exclusive`) where this one or one in force is exclusive, for another licensee, and they meet.

    Ask under the owner's lock: of two that are accepted at once the second sees the first.
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
    mine = Terms.from_json(licence.terms)
    rivals = [(one, Terms.from_json(one.terms)) for one in others]
    rivals = [(one, terms) for one, terms in rivals if mine.exclusive or terms.exclusive]
    above = session.get(Licence, licence.parent_id) if licence.parent_id else None
    whose = root_owner_id(session, above) or licence.owner_id
    known = designs_of_collections(session, whose, [mine, *(terms for _, terms in rivals)]) if rivals else {}
    for one, terms in rivals:
        if overlaps(_grant_offered(licence, mine), _grant_offered(one, terms), designs_of=known):
            raise Conflict(
                f"Licence {one.id} stands against it: one of the two is exclusive, and they overlap.",
                code="licence.exclusive",
                licence=one.id,
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
    """By name, the ids of the designs in those of an owner's collections that are named."""
    names = sorted({name for one in terms for name in one.collections})
    found: dict[str, list[str]] = {name: [] for name in names}
    for start in range(0, len(names), MOST_PARAMETERS):
        some = Design.collection.in_(names[start : start + MOST_PARAMETERS])
        for design_id, name in session.execute(
            select(Design.id, Design.collection).where(Design.owner_id == owner_id, some)
        ):
            found[name or ""].append(design_id)
    return found


def root_owner_id(session: Session, parent: Licence | None) -> str | None:
    """Whose designs a sublicence under `parent` is about; None without one."""
    return root_of(grant_of(session, parent, units=uncounted)).owner_id if parent else None
