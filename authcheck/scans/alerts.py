"""Alerts for the issuer of a unit and the owner of its design.

A grave alert warns the buyers of the unit until it is cleared. A cleared alert is not raised again: what was
explained once stays explained.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from authcheck.ids import new_id
from authcheck.scans.rules import UNIT_KINDS, Hit
from authcheck.scans.standing import KnownUnit
from authcheck.scans.tables import ScanAlert

KINDS = (*UNIT_KINDS, "unissued", "probing", "volume", "reported")
OF_BATCH = {"past_date", "inactive"}  # else an old batch would raise an alert for each of its units
STATES = ("new", "seen", "cleared", "acted")
WARNED = select(ScanAlert.certificate_id).where(
    ScanAlert.certificate_id.in_(bindparam("ids", expanding=True)),
    ScanAlert.is_grave.is_(True),
    ScanAlert.state != "cleared",
)
UPDATE_EVERY = timedelta(minutes=1)  # an alert that comes again and again is written once a minute


@dataclass(frozen=True, slots=True)
class Subject:
    """What an alert is about, and whom it concerns."""

    name: str
    organisation_id: str
    owner_id: str
    certificate_id: str | None = None
    batch_id: str | None = None

    @classmethod
    def of(cls, unit: KnownUnit, kind: str) -> "Subject":
        """Return the subject of an alert about a unit: its batch, for what concerns all units of a batch."""
        if kind in OF_BATCH:
            return cls(unit.batch_id, unit.organisation_id, unit.owner_id, batch_id=unit.batch_id)
        return cls(
            unit.certificate_id, unit.organisation_id, unit.owner_id, unit.certificate_id, unit.batch_id
        )


def find_alert(session: Session, subject: Subject, kind: str) -> ScanAlert | None:
    """Return the alert of a kind about a subject, locked, or None."""
    same = select(ScanAlert).where(
        ScanAlert.organisation_id == subject.organisation_id,
        ScanAlert.kind == kind,
        ScanAlert.subject == subject.name,
    )
    return session.scalar(same.with_for_update())


def raise_alert(session: Session, subject: Subject, hit: Hit, now: datetime) -> ScanAlert:
    """Return the alert about a hit, new or raised before.

    An alert that becomes grave is carried to the listings with the unit's code again.
    """
    alert = find_alert(session, subject, hit.kind)
    if alert is None:
        alert = ScanAlert(
            id=new_id("alr", now),
            organisation_id=subject.organisation_id,
            owner_id=subject.owner_id,
            kind=hit.kind,
            subject=subject.name,
            certificate_id=subject.certificate_id,
            batch_id=subject.batch_id,
            params=hit.params,
            is_grave=hit.is_grave,
            state="new",
            opened_at=now,
            last_at=now,
            decided_by="",
            why="",
            carried_at=None if hit.is_grave else now,
        )
        session.add(alert)
        session.flush()
    elif alert.state != "cleared" and _is_news(alert, hit, now):
        if hit.is_grave and not alert.is_grave:
            alert.carried_at = None
        alert.params, alert.last_at = hit.params, now
        alert.is_grave = alert.is_grave or hit.is_grave
    return alert


def _is_news(alert: ScanAlert, hit: Hit, now: datetime) -> bool:
    return (hit.is_grave and not alert.is_grave) or now - alert.last_at >= UPDATE_EVERY


def warned_about(session: Session, certificate_ids: Collection[str]) -> frozenset[str]:
    """Return those of the units whose buyers are warned because of scans."""
    rows = session.scalars(WARNED, {"ids": list(certificate_ids)})
    return frozenset(name for name in rows if name is not None)
