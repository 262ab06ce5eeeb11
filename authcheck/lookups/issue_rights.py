"""Whether the issuer of a unit had a right to its design when the ledger recorded the certificate."""

from collections.abc import Iterator
from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.certificates.tables import Batch, Certificate
from authcheck.licences.grants import LONGEST_CHAIN
from authcheck.licences.tables import Licence
from authcheck.licences.terms import Terms
from authcheck.lookups.units import Unit


def had_right_at_issue(session: Session, unit: Unit) -> bool | None:
    """Return whether the issuer owned the design or held a licence when the ledger recorded the certificate.

    The order of the ledger decides. None before the certificate is in the ledger.
    """
    if unit.owner_id == unit.organisation_id:
        return True
    if unit.issued_number is None:
        return None
    query = (
        select(Licence)
        .join(Batch, Batch.licence_id == Licence.id)
        .join(Certificate, Certificate.batch_id == Batch.id)
        .where(Certificate.id == unit.id, Licence.licensee_id == unit.organisation_id)
    )
    licence = session.scalar(query)
    if licence is None:
        return False
    chain = list(_chain(session, licence, unit.issued_number))
    return (
        bool(chain)
        and chain[-1].parent_id is None
        and chain[-1].owner_id == unit.owner_id
        and all(_is_in_force(version, unit.issued_number, unit.issued_at.date()) for version in chain)
    )


def _chain(session: Session, licence: Licence, entry: int) -> Iterator[Licence]:
    """Yield the licence and the licences above it, each in the version accepted last before that entry."""
    current: Licence | None = licence
    for _ in range(LONGEST_CHAIN):
        if current is None:
            return
        versions = select(Licence).where(Licence.series == current.series, Licence.accepted_entry < entry)
        current = session.scalar(versions.order_by(Licence.version.desc()).limit(1))
        if current is None:
            return
        yield current
        current = session.get(Licence, current.parent_id) if current.parent_id else None


def _is_in_force(licence: Licence, entry: int, day: date) -> bool:
    """Return whether the licence was not revoked before that entry, and its period includes the day."""
    terms = Terms.from_json(licence.terms)
    revoked = licence.revoked_entry is not None and licence.revoked_entry < entry
    return not revoked and terms.starts_on <= day and (terms.ends_on is None or day <= terms.ends_on)
