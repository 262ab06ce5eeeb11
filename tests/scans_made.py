"""Scans of a unit, for tests of what follows from them."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from make import NOW
from sqlalchemy import select

from authcheck.certificates.tables import Certificate
from authcheck.members import organisations
from authcheck.scans import recording
from authcheck.scans.places import Place
from authcheck.scans.recording import NewScan
from authcheck.scans.tables import ScanAlert, ScanSession
from authcheck.workspace import Workspace

CN, US = Place("CN"), Place("US")


def scan(unit: Certificate, number: int = 0, *, at: datetime = NOW, **changes: Any) -> NewScan:
    """One scan by the phone `number`."""
    fields: dict[str, Any] = {
        "certificate_id": unit.id, "visit": f"visit-{number}", "visitor": f"visitor-{number}",
        "network": f"network-{number}", "place": CN, "way": "camera", "advice": "verified", "at": at,
    }  # fmt: skip
    return NewScan(**{**fields, **changes})


def record(work: Workspace, *scans: NewScan) -> frozenset[str]:
    """Record scans in one transaction, and return the units whose buyers are warned."""
    with work.database.writing() as session:
        return recording.record(session, scans, work.clone_limits)


def copied(work: Workspace, unit: Certificate, countries: str = "CUCUC", *, at: datetime = NOW) -> datetime:
    """Let strangers scan the unit by turns in China and the United States. Return the time of the last one."""
    for number, letter in enumerate(countries):
        when = at + timedelta(days=3 * number)
        place = {"C": CN, "U": US}[letter]
        record(work, scan(unit, number, at=when, place=place))
    return when


def sessions_of(work: Workspace, unit: Certificate) -> Sequence[ScanSession]:
    """The sessions of a unit, oldest first."""
    query = select(ScanSession).where(ScanSession.certificate_id == unit.id)
    with work.database.reading() as session:
        return session.scalars(query.order_by(ScanSession.started_at, ScanSession.id)).all()


def alerts_in(work: Workspace) -> Sequence[ScanAlert]:
    """All alerts, oldest first."""
    with work.database.reading() as session:
        return session.scalars(select(ScanAlert).order_by(ScanAlert.id)).all()


def rival_id(work: Workspace) -> str:
    """The id of Globex, another brand."""
    with work.database.writing() as session:
        return organisations.create_organisation(
            session, handle="globex", name="Globex", roles=["brand"], now=NOW
        ).id
