"""The issuing of certificates. Rows, ledger entries and status lists change in one transaction."""

import secrets
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from authcheck.certificates import facts, status_lists
from authcheck.certificates.batches import get_batch
from authcheck.certificates.orders import Order
from authcheck.certificates.pins import new_pin, pin_purpose
from authcheck.certificates.rights import Right, lock_right
from authcheck.certificates.signing_keys import check_issuer, lock_organisation, signer_for
from authcheck.certificates.statements import (
    Product,
    ProductUnit,
    Signer,
    certificate_payload,
    did_of,
    lists_url,
    time_text,
    urn_of,
)
from authcheck.certificates.status_lists import number_of
from authcheck.certificates.tables import Batch, Certificate
from authcheck.config import Settings
from authcheck.errors import Conflict
from authcheck.ids import EPOCH, new_code, new_id
from authcheck.ledger.addresses import require
from authcheck.ledger.journal import check_ledger, record_numbers
from authcheck.members.tables import Organisation
from authcheck.proofs.credential import PLACES
from authcheck.registry.designs import live_views
from authcheck.registry.tables import Design
from authcheck.storage.parameters import in_chunks
from authcheck.vault import Vault

CertificateRow = dict[str, Any]


def issue(  # noqa: PLR0917 - session, vault, settings, organisation, order, now: this order everywhere
    session: Session,
    vault: Vault,
    settings: Settings,
    organisation: Organisation,
    order: Order,
    now: datetime,
) -> Batch:
    """Issue the order's certificates.

    If its request key was used for the same order before, return that batch. The certificates stay unsigned
    if the brand keeps its key.

    Raises Rejected (`batch.*`, `gs1.*`), Conflict (`organisation.not_brand`, `batch.request_key_used`,
    `certificate.serial_taken`, `signing_key.none`), and as `rights.lock_right` and `addresses.require`.
    """
    order = order.checked()
    organisation = lock_organisation(session, organisation.id)
    check_issuer(organisation)
    earlier_id = _find_earlier_batch(session, organisation, order)
    if earlier_id is not None:
        return get_batch(session, earlier_id)
    right = lock_right(session, organisation, order, now)
    signer = signer_for(session, organisation, vault)
    batch = _new_batch(organisation, order, right, require(session, settings, now).current, now)
    rows = list(_unit_rows(order, batch, _next_index(session, batch), now))
    _check_serials_free(session, rows, order)
    session.add(batch)
    session.flush()
    if signer:
        sign_rows(session, signer, product_of(organisation, right.design, batch), rows, now)
    for row in rows if order.pins else ():
        row["sealed_pin"] = vault.seal(new_pin(), pin_purpose(row["id"]))
    _insert(session, rows)
    if signer:
        numbers = {number_of(row["status_index"]) for row in rows}
        status_lists.publish(session, organisation, signer, numbers, now=now)
    else:
        check_ledger(session)  # unsigned units have codes too, which are printed
    return get_batch(session, batch.id)


def _find_earlier_batch(session: Session, organisation: Organisation, order: Order) -> str | None:
    """Return the id of the batch with the order's request key. Raises Conflict (`batch.request_key_used`)."""
    query = select(Batch.id, Batch.request_sha256).where(
        Batch.organisation_id == organisation.id, Batch.request_key == order.request_key
    )
    batch = session.execute(query).one_or_none()
    if batch is not None and batch.request_sha256 != order.sha256:
        raise Conflict(
            "This request key was used for another order. Use a new key.", code="batch.request_key_used"
        )
    return batch.id if batch else None


def product_of(organisation: Organisation, design: Design, batch: Batch) -> Product:
    """Return the statements that all certificates of a batch share."""
    return Product(
        issuer=did_of(batch.address, organisation.handle),
        public_url=batch.address,
        lists_url=lists_url(batch.address, organisation.handle),
        gtin=batch.gtin,
        lot=batch.lot,
        name=batch.product,
        design_id=design.id,
        design_reference=design.reference,
        views=[view.picture_sha256 for view in live_views(design)],
        issued=time_text(batch.created_at),
        licence=batch.licence_id,
    )


def _new_batch(organisation: Organisation, order: Order, right: Right, address: str, now: datetime) -> Batch:
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
        address=address,
        created_at=now,
    )


def _next_index(session: Session, batch: Batch) -> int:
    """Return the first free index in the issuer's status lists. A new address begins with a new list.

    So each list has one address, the address that its certificates name.
    """
    query = select(Certificate.status_index, Batch.address).join(Batch, Batch.id == Certificate.batch_id)
    of_issuer = query.where(Certificate.organisation_id == batch.organisation_id)
    last = session.execute(of_issuer.order_by(Certificate.status_index.desc()).limit(1)).one_or_none()
    if last is None:
        return 0
    index: int = last.status_index + 1
    return index if last.address == batch.address else -(-index // PLACES) * PLACES


def _unit_rows(order: Order, batch: Batch, first_index: int, now: datetime) -> Iterator[CertificateRow]:
    """Yield one row per unit, without a signature."""
    for position, certificate_id in enumerate(_uuids(now, order.count)):
        code = new_code()
        yield {
            "id": certificate_id,
            "code": code,
            "batch_id": batch.id,
            "number_in_batch": position + 1,
            "organisation_id": batch.organisation_id,
            "design_id": order.design_id,
            "gtin": order.gtin,
            "lot": order.lot,
            "serial": order.serials[position] if order.serials else code,
            "state": "unsigned",
            "issued_at": now,
            "jws": None,
            "jws_sha256": None,
            "entry_number": None,
            "status_index": first_index + position,
            "sealed_pin": None,
        }


def _uuids(now: datetime, count: int) -> Iterator[str]:
    """Yield UUIDs of version 7 (RFC 9562 s5.7) in ascending order: millisecond, counter, 62 random bits."""
    millisecond = (now - EPOCH) // timedelta(milliseconds=1)
    for number in range(count):
        time, counter = millisecond + (number >> 12), number & 0xFFF
        yield str(UUID(int=time << 80 | 7 << 76 | counter << 64 | 2 << 62 | secrets.randbits(62)))


def _check_serials_free(session: Session, rows: Sequence[CertificateRow], order: Order) -> None:
    """Raise Conflict (`certificate.serial_taken`) if a serial of this GTIN and lot has a certificate."""
    if not order.serials:
        return  # a generated serial has 60 random bits: a repetition is too improbable
    serials_of_lot = select(Certificate.serial).where(
        Certificate.gtin == order.gtin, Certificate.lot == order.lot
    )
    for chunk in in_chunks(rows):
        serials = [row["serial"] for row in chunk]
        taken = session.scalar(serials_of_lot.where(Certificate.serial.in_(serials)).limit(1))
        if taken is not None:
            raise _serial_taken_error(taken)


def _serial_taken_error(serial: str) -> Conflict:
    return Conflict(
        f"Serial number {serial} of this GTIN and lot already has a certificate.",
        code="certificate.serial_taken",
        serial=serial,
    )


def sign_rows(
    session: Session, signer: Signer, product: Product, rows: Sequence[CertificateRow], now: datetime
) -> None:
    """Sign the certificate of each row, and record it in the ledger."""
    signer = signer.under(product.issuer)
    signed = [
        signer.sign(certificate_payload(product, ProductUnit(row["id"], row["serial"], row["status_index"])))
        for row in rows
    ]
    enter(session, signer.kid, rows, signed, now)


def enter(
    session: Session, kid: str, rows: Sequence[CertificateRow], signed: Sequence[str], now: datetime
) -> None:
    """Write the signatures into the rows and record them in the ledger.

    These certificates are then active.
    """
    hashes = [facts.hash_of(jws) for jws in signed]
    drafts = [
        facts.issued(urn_of(row["id"]), sha256, kid, now) for row, sha256 in zip(rows, hashes, strict=True)
    ]
    numbers = record_numbers(session, drafts)
    for row, jws, sha256, number in zip(rows, signed, hashes, numbers, strict=True):
        row.update(state="active", jws=jws, jws_sha256=sha256, entry_number=number)


def _insert(session: Session, rows: Sequence[CertificateRow]) -> None:
    try:
        # Bypass the ORM: its bookkeeping costs more per row than the insert.
        session.connection().execute(sa.insert(Certificate), rows)
    except IntegrityError as error:  # on PostgreSQL another brand may have taken a serial since the check
        raise _serial_taken_error(rows[0]["serial"]) from error
