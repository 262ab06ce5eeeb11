"""The certificates of a design that lost a dispute."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.certificates.batches import Filter, Selection, pages_of
from authcheck.certificates.revoking import Revoked, revoke
from authcheck.certificates.tables import Batch
from authcheck.config import Settings
from authcheck.members.tables import Organisation
from authcheck.vault import Vault

REASON = "copied"


@dataclass(frozen=True, slots=True)
class ContestedBatch:
    """A batch of a design, with its issuer and the number of its active certificates."""

    batch: Batch
    issuer: Organisation
    active: int


def find_batches(session: Session, design_id: str) -> list[ContestedBatch]:
    """Return all batches of a design, of its owner and of licensees, oldest first."""
    query = (
        select(Batch, Organisation)
        .join(Organisation, Organisation.id == Batch.organisation_id)
        .where(Batch.design_id == design_id)
        .order_by(Batch.id)
    )
    return [
        ContestedBatch(batch, issuer, len(_active_ids(session, issuer, batch)))
        for batch, issuer in session.execute(query).all()
    ]


def revoke_all(
    session: Session, vault: Vault, settings: Settings, design_id: str, *, now: datetime
) -> Revoked:
    """Revoke all active certificates of a design permanently, whoever issued them, with the reason `copied`.

    Unsigned certificates stay unsigned: a retired design gets no signature any more.
    """
    revoked = before = 0
    for contested in find_batches(session, design_id):
        ids = _active_ids(session, contested.issuer, contested.batch)
        before += contested.batch.count - len(ids)
        if ids:
            selection = Selection(certificates=tuple(ids))
            counts = revoke(session, vault, settings, contested.issuer, selection, reason=REASON, now=now)
            revoked += counts.now
    return Revoked(revoked, before)


def _active_ids(session: Session, issuer: Organisation, batch: Batch) -> Sequence[str]:
    selected = Filter(batch_id=batch.id, state="active")
    return [row.id for page in pages_of(session, issuer.id, selected) for row in page]
