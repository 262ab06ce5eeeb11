"""The timeline of a case: rows that are chained by hashes, so that no row is changed or left out unseen.

The hash of a row covers the hash of the row before. The first row covers the salt of the case. Ledger entries
hold the hash of the newest row of that time.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import rfc8785
from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.cases.tables import Case, CaseEvent
from authcheck.tlog.entries import time_text


def append(
    session: Session,
    case: Case,
    kind: str,
    details: Mapping[str, Any],
    *,
    at: datetime,
    holder: str = "",
) -> CaseEvent:
    """Add a row to the timeline of a case, whose row this transaction has locked or made.

    `holder` is who acts, "" for the service. The id of a key stands in the details as `by`.
    """
    is_person = holder.startswith("per_")
    newest = session.scalar(
        select(CaseEvent.number)
        .where(CaseEvent.case_id == case.id)
        .order_by(CaseEvent.number.desc())
        .limit(1)
    )
    event = CaseEvent(
        case_id=case.id,
        number=0 if newest is None else newest + 1,
        at=at,
        kind=kind,
        person_id=holder if is_person else None,
        details={**details, "by": holder} if holder and not is_person else dict(details),
        hash="",
    )
    event.hash = hash_of(event, case.salt if newest is None else case.head)
    case.head = event.hash
    session.add(event)
    session.flush()
    return event


def hash_of(event: CaseEvent, before: str) -> str:
    """Return the SHA-256 of a row as canonical JSON (RFC 8785), with the hash before, in hexadecimal."""
    row: dict[str, Any] = {
        "at": time_text(event.at),
        "before": before,
        "case": event.case_id,
        "details": event.details,
        "kind": event.kind,
        "number": event.number,
        "person": event.person_id,
    }
    return hashlib.sha256(rfc8785.dumps(row)).hexdigest()


def first_broken(case: Case, events: Sequence[CaseEvent]) -> int | None:
    """Return the number of the first row that was changed, added or is missing, None for a whole timeline.

    `events` are all rows in the order of their numbers. The head of the case must be that of the last row.
    """
    before = case.salt
    for number, event in enumerate(events):
        if event.number != number or event.hash != hash_of(event, before):
            return number
        before = event.hash
    return None if events and before == case.head else len(events)


def events_of(session: Session, case_id: str) -> Sequence[CaseEvent]:
    """Return the timeline of a case, oldest row first."""
    query = select(CaseEvent).where(CaseEvent.case_id == case_id).order_by(CaseEvent.number)
    return session.scalars(query).all()
