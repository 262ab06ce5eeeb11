"""The cautions about a unit: what its scans, its marks and its batch say against it now."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from authcheck.lookups.advice import Caution
from authcheck.scans.rules import UNIT_KINDS
from authcheck.scans.standing import find_units
from authcheck.scans.tables import ScanAlert

FACTS = {"blocked", "past_date"}  # said by a mark and a date, which may have been taken back
COPIED = {f"scans.{kind}" for kind in ("places", "travel", "repeat", "after_sale", "after_claim", "blocked")}
"""The cautions that say that the label may be a copy: they reach the verdict on a listing."""


def find_cautions(connection: sa.Connection, certificate_id: str, now: datetime) -> tuple[Caution, ...]:
    """Return the cautions about a unit, the gravest first."""
    session = Session(connection)
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
    return tuple(Caution(f"scans.{kind}", params[kind]) for kind in UNIT_KINDS if kind in params)
