"""Revoking certificates: rows, ledger entries and status lists change in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from authcheck.certificates import facts, status_lists
from authcheck.certificates.batches import Selection
from authcheck.certificates.signing_keys import active_keys, lock_organisation, signer_for
from authcheck.certificates.statements import did_of, urn_of
from authcheck.certificates.status_lists import number_of
from authcheck.certificates.tables import Certificate
from authcheck.config import Settings
from authcheck.errors import Conflict, Rejected
from authcheck.ledger.journal import record_numbers
from authcheck.members.tables import Organisation
from authcheck.vault import Vault

REASONS = ("recalled", "stolen", "lost", "damaged", "copied", "mistake", "other")


@dataclass(frozen=True, slots=True)
class Revoked:
    """How many certificates were revoked now, and how many of those meant were so already."""

    now: int
    before: int


def revoke(
    session: Session,
    vault: Vault,
    settings: Settings,
    organisation: Organisation,
    selection: Selection,
    *,
    reason: str,
    now: datetime,
) -> Revoked:
    """Let certificates count no more, each with its ledger entry; those revoked before stay as they are.

    Where the brand keeps its key, the status lists wait for its signature. Raises Rejected (`certificate.reason`,
    `certificate.selection`, `code.malformed`), NotFound (`certificate.not_found`, `batch.not_found`), Conflict
    (`certificate.unsigned`).
    """
    if reason not in REASONS:
        raise Rejected(f"Reasons are {', '.join(REASONS)}.", code="certificate.reason", reason=reason)
    organisation = lock_organisation(session, organisation.id)
    found = selection.find(session, organisation.id)
    if any(row.state == "unsigned" for row in found):
        raise Conflict("What was never signed cannot be revoked.", code="certificate.unsigned")
    active = [row for row in found if row.state == "active"]
    issuer = did_of(settings.public_url, organisation.handle)
    numbers = record_numbers(session, [facts.revoked(urn_of(row.id), issuer, reason, now) for row in active])
    if not active:
        return Revoked(0, len(found))
    _mark_revoked(session, list(zip([row.id for row in active], numbers, strict=True)), reason, now)
    signer = signer_for(session, organisation, vault) if active_keys(session, organisation) else None
    if signer:
        lists = {number_of(row.status_index) for row in active}
        status_lists.publish(session, settings, organisation, signer, lists, now=now)
    return Revoked(len(active), len(found) - len(active))


def _mark_revoked(session: Session, entered: Sequence[tuple[str, int]], reason: str, now: datetime) -> None:
    """Write into the rows what the ledger says: by certificate id, the number of the entry that revokes it."""
    change = (
        sa.update(Certificate)
        .where(Certificate.id == sa.bindparam("which"))
        .values(
            state="revoked",
            revoked_at=now,
            revocation_reason=reason,
            revoked_entry_number=sa.bindparam("entry"),
        )
    )
    rows = [{"which": certificate_id, "entry": number} for certificate_id, number in entered]
    session.connection().execute(change, rows)
