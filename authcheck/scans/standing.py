"""What is known about units besides their scans, for the rules."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from authcheck.certificates.tables import Batch, Certificate
from authcheck.licences.tables import Licence
from authcheck.licences.terms import Terms
from authcheck.registry.tables import Design
from authcheck.scans.rules import UnitFacts
from authcheck.scans.tables import BatchExpectation, UnitMark


@dataclass(frozen=True, slots=True)
class KnownUnit:
    """A unit with its batch, its issuer, its design's owner, and the facts for the rules."""

    certificate_id: str
    batch_id: str
    organisation_id: str
    owner_id: str
    facts: UnitFacts


UNITS = (
    select(
        Certificate.id,
        Certificate.batch_id,
        Certificate.organisation_id,
        Certificate.state,
        Design.owner_id,
        Licence.terms,
        BatchExpectation.markets,
        BatchExpectation.use_by,
    )
    .join(Batch, Batch.id == Certificate.batch_id)
    .join(Design, Design.id == Certificate.design_id)
    .outerjoin(Licence, Licence.id == Batch.licence_id)
    .outerjoin(BatchExpectation, BatchExpectation.batch_id == Batch.id)
    .where(Certificate.id.in_(bindparam("ids", expanding=True)))
)
MARKS = select(UnitMark).where(UnitMark.certificate_id.in_(bindparam("ids", expanding=True)))
# Statements of constant text: to compose one takes longer than to execute it.


def find_units(session: Session, certificate_ids: Collection[str]) -> dict[str, KnownUnit]:
    """Return the units with these ids."""
    ids = {"ids": list(certificate_ids)}
    marks: dict[str, dict[str, UnitMark]] = {}
    for mark in session.scalars(MARKS, ids):
        marks.setdefault(mark.certificate_id, {})[mark.kind] = mark
    units = {}
    for row in session.execute(UNITS, ids):
        of_unit = marks.get(row.id, {})
        sold, claimed, blocked = (of_unit.get(kind) for kind in ("sold", "claimed", "blocked"))
        markets = frozenset(row.markets or ()) or _territories(row.terms)
        facts = UnitFacts(
            state=row.state,
            markets=markets,
            use_by=row.use_by,
            sold_at=sold.marked_at if sold else None,
            claimed_at=claimed.marked_at if claimed else None,
            owner=claimed.visitor if claimed else "",
            blocked=blocked.reason if blocked else "",
        )
        units[row.id] = KnownUnit(row.id, row.batch_id, row.organisation_id, row.owner_id, facts)
    return units


def markets_of(session: Session, batch_ids: Collection[str]) -> dict[str, frozenset[str]]:
    """Return the countries where the units of these batches are sold, empty for anywhere, by batch."""
    query = (
        select(Batch.id, Licence.terms, BatchExpectation.markets)
        .outerjoin(Licence, Licence.id == Batch.licence_id)
        .outerjoin(BatchExpectation, BatchExpectation.batch_id == Batch.id)
        .where(Batch.id.in_(batch_ids))
    )
    return {row.id: frozenset(row.markets or ()) or _territories(row.terms) for row in session.execute(query)}


def _territories(terms: object) -> frozenset[str]:
    """Return the countries of a licence, empty for everywhere and without a licence."""
    return frozenset() if terms is None else Terms.from_json(terms).countries
