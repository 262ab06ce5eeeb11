"""Records scans: many in one transaction, each look once, with the rules applied to each unit that is new."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from authcheck.ids import new_id
from authcheck.scans import alerts, probing, rules
from authcheck.scans.alerts import Subject
from authcheck.scans.limits import CloneLimits
from authcheck.scans.places import Place
from authcheck.scans.rules import Seen
from authcheck.scans.standing import KnownUnit, find_units
from authcheck.scans.tables import ScanSession

SESSION = timedelta(minutes=30)
HOUR = timedelta(hours=1)
MOST_AN_HOUR = 60  # sessions of one unit. What comes on top is counted in the newest one.
MOST_EVIDENCE = 300  # sessions of one unit that the rules see, the newest ones


@dataclass(frozen=True, slots=True, kw_only=True)
class NewScan:
    """Somebody looked at a unit just now. The fields are those of ScanSession.

    The same `visit` is the same look, and so is the same visitor within half an hour.
    """

    certificate_id: str
    visit: str
    visitor: str
    network: str
    place: Place
    way: str
    advice: str
    at: datetime


EVIDENCE = (
    select(
        ScanSession.started_at,
        ScanSession.visitor,
        ScanSession.network,
        ScanSession.country,
        ScanSession.region,
        ScanSession.cell,
    )
    .where(
        ScanSession.certificate_id == bindparam("certificate_id"),
        ScanSession.started_at >= bindparam("since"),
        ScanSession.counted.is_(True),
        ScanSession.visitor != "",
    )
    .order_by(ScanSession.started_at.desc(), ScanSession.id.desc())
    .limit(MOST_EVIDENCE)
)
OF_UNITS = ScanSession.certificate_id.in_(bindparam("ids", expanding=True))
RECENT = (
    select(ScanSession)
    .where(OF_UNITS, ScanSession.started_at >= bindparam("since"))
    .order_by(ScanSession.started_at, ScanSession.id)
)
OF_VISIT = select(ScanSession).where(
    OF_UNITS,
    ScanSession.visit.in_(bindparam("visits", expanding=True)),
    ScanSession.started_at < bindparam("since"),
)
# Statements of constant text: to compose one takes longer than to execute it.


def record(session: Session, scans: Sequence[NewScan], limits: CloneLimits) -> frozenset[str]:
    """Store scans and apply the rules. Return the units whose buyers are warned because of scans.

    The work for one unit is bounded: beyond 60 sessions in an hour, only a number grows.
    """
    units = find_units(session, {scan.certificate_id for scan in scans})
    recent = _find_recent(session, scans)
    added = [
        row
        for scan in scans
        if scan.certificate_id in units
        and (row := _join_or_add(recent, scan, units[scan.certificate_id])) is not None
    ]
    session.add_all(added)
    session.flush()
    now = max(scan.at for scan in scans)
    if added:
        probing.find(session, added, limits, now)
    for certificate_id in sorted({row.certificate_id for row in added}):
        unit = units[certificate_id]
        for hit in rules.apply(read_evidence(session, certificate_id, limits, now), unit.facts, limits):
            alerts.raise_alert(session, Subject.of(unit, hit.kind), hit, now)
    return alerts.warned_about(session, units)


def read_evidence(session: Session, certificate_id: str, limits: CloneLimits, now: datetime) -> list[Seen]:
    """Return the scans of a unit that count as evidence, in order of time."""
    since = now - timedelta(days=limits.window_days)
    rows = session.connection().execute(EVIDENCE, {"certificate_id": certificate_id, "since": since}).all()
    return [
        Seen(row.started_at, row.visitor, row.network, Place(row.country, row.region, row.cell))
        for row in reversed(rows)
    ]


def _find_recent(session: Session, scans: Sequence[NewScan]) -> dict[str, list[ScanSession]]:
    """Return the sessions of these units within the last hour or with these visits, oldest first."""
    recent: dict[str, list[ScanSession]] = {scan.certificate_id: [] for scan in scans}
    since, visits = min(scan.at for scan in scans) - HOUR, {scan.visit for scan in scans}
    rows = [
        *session.scalars(OF_VISIT, {"ids": list(recent), "visits": list(visits), "since": since}),
        *session.scalars(RECENT, {"ids": list(recent), "since": since}),
    ]
    for row in rows:
        recent[row.certificate_id].append(row)
    return recent


def _join_or_add(recent: dict[str, list[ScanSession]], scan: NewScan, unit: KnownUnit) -> ScanSession | None:
    """Join the scan to the session that it belongs to, or return a new session."""
    sessions = recent[scan.certificate_id]
    for row in reversed(sessions):
        is_same = row.visitor == scan.visitor and scan.at - row.last_at < SESSION
        if row.visit == scan.visit or is_same:
            row.requests += 1
            row.last_at = max(row.last_at, scan.at)
            return None
    if sum(scan.at - row.started_at < HOUR for row in sessions) >= MOST_AN_HOUR:
        sessions[-1].requests += 1
        return None
    markets = unit.facts.markets
    row = ScanSession(
        id=new_id("scn", scan.at),
        certificate_id=scan.certificate_id,
        batch_id=unit.batch_id,
        organisation_id=unit.organisation_id,
        owner_id=unit.owner_id,
        visit=scan.visit,
        visitor=scan.visitor,
        network=scan.network,
        country=scan.place.country,
        region=scan.place.region,
        cell=scan.place.cell,
        started_at=scan.at,
        last_at=scan.at,
        requests=1,
        way=scan.way,
        advice=scan.advice,
        counted=True,
        off_market=scan.place.country not in markets if markets and scan.place.country else None,
    )
    sessions.append(row)
    return row
