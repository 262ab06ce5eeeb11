"""The cautions about a unit: what its scans, its marks and its batch say against it now."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from authcheck.lookups.advice import Caution
from authcheck.lookups.issue_rights import had_right_at_issue
from authcheck.lookups.units import Unit
from authcheck.scans.rules import UNIT_KINDS
from authcheck.scans.standing import find_units
from authcheck.scans.tables import ScanAlert

NO_RIGHT = "certificate.no_right_at_issue"
ISSUER_SUSPENDED, OWNER_SUSPENDED = "certificate.issuer_suspended", "certificate.owner_suspended"
FACTS = {"blocked", "past_date"}  # said by a mark and a date, which may have been taken back
COPIED = {f"scans.{kind}" for kind in ("places", "travel", "repeat", "after_sale", "after_claim", "blocked")}
"""The cautions that say that the label may be a copy: they reach the verdict on a listing."""


def find_cautions(connection: sa.Connection, unit: Unit, now: datetime) -> tuple[Caution, ...]:
    """Return the cautions about a unit, the gravest first."""
    session = Session(connection)
    cautions = _find_by_scans(session, unit.id, now) if unit.has_facts else []
    if unit.owner_id != unit.organisation_id and had_right_at_issue(session, unit) is False:
        cautions.insert(0, Caution(NO_RIGHT))
    if unit.owner_suspended and unit.owner_id != unit.organisation_id:
        cautions.insert(0, Caution(OWNER_SUSPENDED))
    if unit.issuer_suspended:
        cautions.insert(0, Caution(ISSUER_SUSPENDED))
    return tuple(cautions)


def _find_by_scans(session: Session, certificate_id: str, now: datetime) -> list[Caution]:
    unit = find_units(session, [certificate_id])[certificate_id]
    grave = sa.select(ScanAlert.kind, ScanAlert.params).where(
        ScanAlert.certificate_id == certificate_id,
        ScanAlert.is_grave.is_(True),
        ScanAlert.state != "cleared",
    )
    params = {row.kind: row.params for row in session.execute(grave) if row.kind not in FACTS}
    if unit.facts.blocked:
        params["blocked"] = {"reason": unit.facts.blocked}
    if unit.facts.use_by is not None and now.date() > unit.facts.use_by:
        params["past_date"] = {"date": unit.facts.use_by.isoformat()}
    return [Caution(f"scans.{kind}", params[kind]) for kind in UNIT_KINDS if kind in params]


def find_copied(session: Session, certificate_id: str, now: datetime) -> tuple[str, ...]:
    """Return the codes of the cautions that say that the label of a unit may be a copy."""
    cautions = _find_by_scans(session, certificate_id, now)
    return tuple(sorted(caution.code for caution in cautions if caution.code in COPIED))
