"""The certificates of a design that lost a dispute."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.certificates.batches import Selection, count_states
from authcheck.certificates.revoking import Revoked, revoke
from authcheck.certificates.tables import Batch, Certificate
from authcheck.config import Settings
from authcheck.members.tables import Organisation
from authcheck.vault import Vault

REASON = "copied"


@dataclass(frozen=True, slots=True)
class ContestedBatch:
    """A batch of a design, with its issuer and the numbers of its active and revoked certificates."""

    batch: Batch
    issuer: Organisation
    active: int
    revoked: int


def find_batches(session: Session, design_id: str) -> list[ContestedBatch]:
    """Return all batches of a design, of its owner and of licensees, oldest first."""
    query = (
        select(Batch, Organisation)
        .join(Organisation, Organisation.id == Batch.organisation_id)
        .where(Batch.design_id == design_id)
        .order_by(Batch.id)
    )
    rows = session.execute(query).all()
    counts = count_states(session, [batch for batch, _ in rows])
    return [
        ContestedBatch(batch, issuer, counts[batch.id]["active"], counts[batch.id]["revoked"])
        for batch, issuer in rows
    ]


def revoke_all(
    session: Session, vault: Vault, settings: Settings, design_id: str, *, now: datetime
) -> Revoked:
    """Revoke all active certificates of a design permanently, whoever issued them, with the reason `copied`.

    Unsigned certificates stay as they are. Nobody can sign them while the design is retired or disputed.
    """
    revoked = before = 0
    for contested in find_batches(session, design_id):
        ids = _active_ids(session, contested.batch)
        before += contested.revoked
        if ids:
            selection = Selection(certificates=tuple(ids))
            counts = revoke(session, vault, settings, contested.issuer, selection, reason=REASON, now=now)
            revoked += counts.now
    return Revoked(revoked, before)


def _active_ids(session: Session, batch: Batch) -> Sequence[str]:
    query = select(Certificate.id).where(Certificate.batch_id == batch.id, Certificate.state == "active")
    return session.scalars(query).all()
