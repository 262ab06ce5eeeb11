"""The history of a licence: its versions, and its entries in the ledger."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from authcheck.ledger.tables import Entry
from authcheck.licences.grants import is_within
from authcheck.licences.tables import Licence
from authcheck.members.reach import Reach
from authcheck.storage.parameters import in_chunks


@dataclass(frozen=True, slots=True)
class Recorded:
    """An entry of the ledger about a version: its number, its type such as `licence.grant`, and its hash."""

    number: int
    kind: str
    at: datetime
    tx_id: str
    licence_id: str


def versions_of(session: Session, licence: Licence, *, reach: Reach) -> Sequence[Licence]:
    """Return the versions of a licence within reach, newest first."""
    query = select(Licence).where(Licence.series == licence.series, is_within(reach))
    return session.scalars(query.order_by(Licence.version.desc())).all()


def are_all(session: Session, licence: Licence, versions: Sequence[Licence]) -> bool:
    """Return whether these are all versions of a licence: none is outside the reach of an agent."""
    total = select(func.count()).select_from(Licence).where(Licence.series == licence.series)
    return session.scalar(total) == len(versions)


def entries_of(session: Session, versions: Sequence[Licence]) -> list[Recorded]:
    """Return the entries about these versions, newest first."""
    entries: list[Recorded] = []
    for ids in in_chunks([row.id for row in versions]):
        query = select(Entry.number, Entry.type, Entry.at, Entry.tx_id, Entry.subject)
        rows = session.execute(query.where(Entry.subject.in_(ids)))
        entries += [Recorded(*row) for row in rows]
    return sorted(entries, key=lambda entry: -entry.number)
