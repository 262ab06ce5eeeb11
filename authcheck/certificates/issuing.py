"""Issuing and revoking certificates: rows, ledger entries and status lists change in one transaction, or none of them."""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from authcheck import certificate_facts as facts
from authcheck import status_lists
from authcheck.batches import MOST_PARAMETERS, Order, Selection, get_batch
from authcheck.config import Settings
from authcheck.credentials import (
    Product,
    Signer,
    Unit,
    certificate_payload,
    did_of,
    lists_url,
    time_text,
    urn_of,
)
from authcheck.errors import Conflict, Rejected
from authcheck.ids import EPOCH, new_code, new_id
from authcheck.issuing_rights import Right, lock_right
from authcheck.journal import record_numbers
from authcheck.ledger.keys import Vault
from authcheck.registry.designs import live_views
from authcheck.signing_keys import active_keys, check_issuer, lock_organisation, signer_for
from authcheck.status_lists import number_of
from authcheck.tables import Batch, Certificate, Design, Organisation

REASONS = ("recalled", "stolen", "lost", "damaged", "copied", "mistake", "other")
PIN_DIGITS = 6
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Revoked:
    """How many certificates were revoked now, and how many of those meant were so already."""

    now: int
    before: int


def issue(  # noqa: PLR0917 - who, by what, for whom, what, when: in this order everywhere
    session: Session,
    vault: Vault,
    settings: Settings,
    organisation: Organisation,
    order: Order,
    now: datetime,
) -> Batch:
    """Issue what is ordered, or find it issued already under its request key; unsigned where the brand keeps its key.

    Raises Rejected (`batch.*`, `gs1.*`), Conflict (`organisation.not_brand`, `batch.request_key_used`,
    `certificate.serial_taken`, `signing_key.none`), and as `issuing_rights.lock_right`.
    """
    order = order.checked()
    organisation = lock_organisation(session, organisation.id)
    check_issuer(organisation)
    known = _known(session, organisation, order)
    if known is not None:
        return get_batch(session, known)
    right = lock_right(session, organisation, order, now)
    signer = signer_for(session, organisation, vault)
    batch = _new_batch(organisation, order, right, now)
    rows = list(_unit_rows(order, batch, _next_index(session, organisation), now))
    _refuse_taken(session, rows, order)
    session.add(batch)
    session.flush()
    if signer:
        sign_rows(session, signer, product_of(settings, organisation, right.design, batch), rows, now)
    for row in rows if order.pins else ():
        row["sealed_pin"] = vault.seal(_new_pin(), pin_purpose(row["id"]))
    _insert(session, rows)
    if signer:
        numbers = {number_of(row["status_index"]) for row in rows}
        status_lists.publish(session, settings, organisation, signer, numbers, now=now)
    return get_batch(session, batch.id)


def _known(session: Session, organisation: Organisation, order: Order) -> str | None:
    """The id of the batch of that request key. Raises Conflict (`batch.request_key_used`)."""
    asked = select(Batch.id, Batch.request_sha256).where(
        Batch.organisation_id == organisation.id, Batch.request_key == order.request_key
    )
    found = session.execute(asked).one_or_none()
    if found is not None and found.request_sha256 != order.sha256:
        raise Conflict("This request key was used for another order.", code="batch.request_key_used")
    return found.id if found else None


def product_of(settings: Settings, organisation: Organisation, design: Design, batch: Batch) -> Product:
    """What all certificates of a batch say alike."""
    return Product(
        issuer=did_of(settings.public_url, organisation.handle),
        lists_url=lists_url(settings.public_url, organisation.handle),
        gtin=batch.gtin,
        lot=batch.lot,
        name=batch.product,
        design_id=design.id,
        design_reference=design.reference,
        views=[view.picture_sha256 for view in live_views(design)],
        issued=time_text(batch.created_at),
        licence=batch.licence_id,
    )


def _new_batch(organisation: Organisation, order: Order, right: Right, now: datetime) -> Batch:
    return Batch(
        id=new_id("bat", now),
        organisation_id=organisation.id,
        design_id=order.design_id,
        request_key=order.request_key,
        request_sha256=order.sha256,
        gtin=order.gtin,
        lot=order.lot,
        product=order.product,
        count=order.count,
        licence_id=right.licence_id,
        created_at=now,
    )


def _next_index(session: Session, organisation: Organisation) -> int:
    used = select(func.max(Certificate.status_index)).where(Certificate.organisation_id == organisation.id)
    last = session.scalar(used)
    return 0 if last is None else last + 1


def _unit_rows(order: Order, batch: Batch, first_index: int, now: datetime) -> Iterator[Row]:
    """A row a unit, without a signature yet."""
    for place, certificate_id in enumerate(_uuids(now, order.count)):
        code = new_code()
        yield {
            "id": certificate_id,
            "code": code,
            "batch_id": batch.id,
            "number_in_batch": place + 1,
            "organisation_id": batch.organisation_id,
            "design_id": order.design_id,
            "gtin": order.gtin,
            "lot": order.lot,
            "serial": order.serials[place] if order.serials else code,
            "state": "unsigned",
            "issued_at": now,
            "jws": None,
            "jws_sha256": None,
            "entry_number": None,
            "status_index": first_index + place,
            "sealed_pin": None,
        }


def _uuids(now: datetime, count: int) -> Iterator[str]:
    """UUIDs of version 7 (RFC 9562 s5.7) in ascending order: millisecond, counter, 62 random bits."""
    millisecond = (now - EPOCH) // timedelta(milliseconds=1)
    for number in range(count):
        time, counter = millisecond + (number >> 12), number & 0xFFF
        yield str(UUID(int=time << 80 | 7 << 76 | counter << 64 | 2 << 62 | secrets.randbits(62)))


def _refuse_taken(session: Session, rows: Sequence[Row], order: Order) -> None:
    """Raise Conflict (`certificate.serial_taken`) where a unit of that number was certified before."""
    if not order.serials:
        return  # drawn anew: 60 random bits
    lot = select(Certificate.serial).where(Certificate.gtin == order.gtin, Certificate.lot == order.lot)
    for start in range(0, len(rows), MOST_PARAMETERS):
        some = [row["serial"] for row in rows[start : start + MOST_PARAMETERS]]
        taken = session.scalar(lot.where(Certificate.serial.in_(some)).limit(1))
        if taken is not None:
            raise _taken(taken)


def _taken(serial: str) -> Conflict:
    return Conflict(
        f"Serial number {serial} of this GTIN and lot has a certificate already.",
        code="certificate.serial_taken",
        serial=serial,
    )


def sign_rows(session: Session, signer: Signer, product: Product, rows: Sequence[Row], now: datetime) -> None:
    """Sign the certificate of each row and enter it in the ledger."""
    signed = [
        signer.sign(certificate_payload(product, Unit(row["id"], row["serial"], row["status_index"])))
        for row in rows
    ]
    enter(session, signer.kid, rows, signed, now)


def enter(session: Session, kid: str, rows: Sequence[Row], signed: Sequence[str], now: datetime) -> None:
    """Put signatures into rows, and into the ledger what is signed: from here on these certificates are active."""
    hashes = [facts.hash_of(jws) for jws in signed]
    drafts = [
        facts.issued(urn_of(row["id"]), sha256, kid, now) for row, sha256 in zip(rows, hashes, strict=True)
    ]
    numbers = record_numbers(session, drafts)
    for row, jws, sha256, number in zip(rows, signed, hashes, numbers, strict=True):
        row.update(state="active", jws=jws, jws_sha256=sha256, entry_number=number)


def _insert(session: Session, rows: Sequence[Row]) -> None:
    try:
        # Past the ORM, whose bookkeeping a row costs more than the row.
        session.connection().execute(sa.insert(Certificate), rows)
    except IntegrityError as error:  # on PostgreSQL another brand may take a number between the look and here
        raise _taken(rows[0]["serial"]) from error


def _new_pin() -> bytes:
    return f"{secrets.randbelow(10**PIN_DIGITS):0{PIN_DIGITS}}".encode()


def pin_purpose(certificate_id: str) -> str:
    """What a PIN is sealed for in the vault."""
    return f"pin of {certificate_id}"


def pin_of(vault: Vault, certificate: Certificate) -> str | None:
    """The PIN under a label's scratch-off panel; None without one. Raises NotTrue (`key.sealed`)."""
    sealed = certificate.sealed_pin
    return None if sealed is None else vault.open(sealed, pin_purpose(certificate.id)).decode()


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
