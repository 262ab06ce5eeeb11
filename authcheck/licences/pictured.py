"""The designs whose pictures the parties of a licence may see."""

from collections.abc import Sequence
from datetime import date

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from authcheck.errors import NotFound
from authcheck.licences.grants import chain_of, get_licence, grant_of, root_of, uncounted
from authcheck.licences.terms import Grant
from authcheck.members.reach import Reach
from authcheck.registry.tables import Design
from authcheck.storage.parameters import in_chunks

SHOWN = frozenset({"offered", "not_started", "active"})  # states in which the licensee sees the designs


def is_shown(grant: Grant, today: date) -> bool:
    """Return whether a licence and all licences above it are offered, not started or active."""
    return all(link.state(today) in SHOWN for link in chain_of(grant))


def designs_of(session: Session, grant: Grant, *, limit: int) -> Sequence[Design]:
    """Return the designs that a licence covers, at most `limit`, without views. Retired designs are left out.

    Designs of a collection come after the designs that the terms name.
    """
    terms, owner_id = grant.terms, root_of(grant).owner_id
    shown = select(Design).where(Design.owner_id == owner_id, Design.state != "retired").order_by(Design.id)
    named: list[Design] = []
    for ids in in_chunks(terms.designs):  # two statements: each has an index, both in one have none
        named += session.scalars(shown.where(Design.id.in_(ids)).limit(limit - len(named)))
    if len(named) < limit and terms.collections:
        others = shown.where(Design.collection.in_(terms.collections), Design.id.not_in(terms.designs))
        named += session.scalars(others.limit(limit - len(named)))
    return named


def pictured_design(
    session: Session, licence_id: str, design_id: str, *, organisation_id: str, reach: Reach, today: date
) -> Design:
    """Return a design of a licence whose picture this party of the licence may see today.

    The licence must be shown (`is_shown`), and the design not retired. Raises NotFound
    (`licence.not_found`, `design.not_found`).
    """
    licence = get_licence(session, licence_id, organisation_id=organisation_id, reach=reach)
    grant = grant_of(session, licence, units=uncounted)
    terms = grant.terms
    names_it = or_(Design.id.in_(terms.designs), Design.collection.in_(terms.collections))
    query = select(Design).where(
        Design.id == design_id,
        names_it,
        Design.owner_id == root_of(grant).owner_id,
        Design.state != "retired",
    )
    design = session.scalar(query) if design_id.isprintable() and is_shown(grant, today) else None
    if design is None:
        raise NotFound(
            "This licence shows no such picture now.", code="design.not_found", design=design_id[:40]
        )
    return design
