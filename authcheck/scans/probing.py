"""Bulk probing: a phone or a network that looks up many units is no buyer. Its scans are no evidence.

This bounds what a rival can do who scans a brand's labels, so that they look copied.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Select, bindparam, func, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from authcheck.scans.alerts import Subject, raise_alert
from authcheck.scans.limits import CloneLimits
from authcheck.scans.rules import Hit
from authcheck.scans.tables import ScanSession

DAY = timedelta(days=1)
NETWORK_TIMES = 5  # a network has many phones
SHOWN_CHARS = 12  # of a keyed hash: enough to tell phones apart


def _count_units(column: InstrumentedAttribute[str]) -> Select[str, int]:
    return (
        select(column, func.count(ScanSession.certificate_id.distinct()))
        .where(column.in_(bindparam("names", expanding=True)), ScanSession.started_at > bindparam("since"))
        .group_by(column)
        .order_by(column)
    )


COUNTS = {column.key: _count_units(column) for column in (ScanSession.visitor, ScanSession.network)}


def find(session: Session, added: Sequence[ScanSession], limits: CloneLimits, now: datetime) -> None:
    """Take the scans of probing phones and networks out of the evidence, and alert issuers."""
    for column, most in (
        (ScanSession.visitor, limits.probing_units),
        (ScanSession.network, limits.probing_units * NETWORK_TIMES),
    ):
        names = list({getattr(row, column.key) for row in added})
        counts = session.execute(COUNTS[column.key], {"names": names, "since": now - DAY}).all()
        for name, count in counts:
            if count >= most:
                _take_out(session, column, name, now)
                _alert(session, column, name, int(count), now)


def _take_out(session: Session, column: InstrumentedAttribute[str], name: str, now: datetime) -> None:
    session.execute(
        update(ScanSession)
        .where(column == name, ScanSession.started_at > now - DAY, ScanSession.counted.is_(True))
        .values(counted=False)
    )


def _alert(
    session: Session, column: InstrumentedAttribute[str], name: str, count: int, now: datetime
) -> None:
    """Raise one alert a day with each issuer whose units were looked up."""
    query = (
        select(ScanSession.organisation_id, ScanSession.owner_id)
        .where(column == name, ScanSession.started_at > now - DAY)
        .distinct()
        .order_by(ScanSession.organisation_id, ScanSession.owner_id)
    )
    subject = f"{column.key} {name[:SHOWN_CHARS]} {now:%Y-%m-%d}"
    for organisation_id, owner_id in session.execute(query):
        hit = Hit("probing", {"units": count, "by": column.key}, is_grave=False)
        raise_alert(session, Subject(subject, organisation_id, owner_id), hit, now)
