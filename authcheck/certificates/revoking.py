"""The revocation of certificates. Rows, ledger entries and status lists change in one transaction."""

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
from authcheck.ids import as_word
from authcheck.ledger.addresses import addresses_of
from authcheck.ledger.journal import record_numbers
from authcheck.members.tables import Organisation
from authcheck.vault import Vault

REASONS = ("recalled", "stolen", "lost", "damaged", "copied", "mistake", "other")


@dataclass(frozen=True, slots=True)
class Revoked:
    """How many of the selected certificates were revoked now, and how many were revoked before."""

    now: int
    before: int


def checked_reason(reason: str) -> str:
    """Return a reason as we write it. Raises Rejected (`certificate.reason`)."""
    reason = as_word(reason)
    if reason not in REASONS:
        raise Rejected(
            f"Choose one of these reasons: {', '.join(REASONS)}.", code="certificate.reason", reason=reason
        )
    return reason


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
    """Revoke certificates permanently, each with its ledger entry. Skip those that were revoked before.

    If the brand keeps its key, the status lists wait for its signature. Raises Rejected
    (`certificate.reason`, `certificate.selection`, `code.malformed`), NotFound (`certificate.not_found`,
    `batch.not_found`), Conflict (`certificate.unsigned`).
    """
    reason = checked_reason(reason)
    organisation = lock_organisation(session, organisation.id)
    rows = selection.find(session, organisation.id)
    if any(row.state == "unsigned" for row in rows):
        raise Conflict("An unsigned certificate cannot be revoked.", code="certificate.unsigned")
    active = [row for row in rows if row.state == "active"]
    issuer = did_of(addresses_of(session, settings).current, organisation.handle)
    numbers = record_numbers(session, [facts.revoked(urn_of(row.id), issuer, reason, now) for row in active])
    if not active:
        return Revoked(0, len(rows))
    _mark_revoked(session, list(zip([row.id for row in active], numbers, strict=True)), reason, now)
    signer = signer_for(session, organisation, vault) if active_keys(session, organisation) else None
    if signer:
        lists = {number_of(row.status_index) for row in active}
        status_lists.publish(session, organisation, signer, lists, now=now)
    return Revoked(len(active), len(rows) - len(active))


def _mark_revoked(session: Session, entered: Sequence[tuple[str, int]], reason: str, now: datetime) -> None:
    """Mark the rows as revoked.

    `entered` has the certificate ids, each with the number of its revocation entry.
    """
    change = (
        sa.update(Certificate)
        .where(Certificate.id == sa.bindparam("certificate_id"))
        .values(
            state="revoked",
            revoked_at=now,
            revocation_reason=reason,
            revoked_entry_number=sa.bindparam("entry"),
        )
    )
    rows = [{"certificate_id": certificate_id, "entry": number} for certificate_id, number in entered]
    session.connection().execute(change, rows)
