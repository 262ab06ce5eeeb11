"""The ledger's entries about a design: what happened to it, and when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.ledger.tables import Entry

MOST_ENTRIES = 100
TYPES = (
    "design.register", "design.update", "design.view_add", "design.view_remove", "design.dispute",
    "design.dispute_ruling", "design.dispute_appeal", "design.dispute_end", "design.retire",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Event:
    """One entry. `type` is one of TYPES, `tx_id` names the entry in `/v1/tx/{tx_id}`."""

    type: str
    at: datetime
    tx_id: str
    number: int


def events_of(session: Session, design_id: str) -> Sequence[Event]:
    """Return the entries about a design, the newest 100, newest first."""
    query = (
        select(Entry.type, Entry.at, Entry.tx_id, Entry.number)
        .where(Entry.subject == design_id, Entry.type.in_(TYPES))
        .order_by(Entry.number.desc())
        .limit(MOST_ENTRIES)
    )
    return [Event(*row) for row in session.execute(query)]
