"""A fast query for all facts about a unit that a look-up needs: one row, by a statement of constant text."""

import re
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from authcheck.certificates.tables import Batch, Certificate
from authcheck.errors import Forbidden, NotFound, Rejected
from authcheck.ids import check_code
from authcheck.labels import gs1
from authcheck.labels.codes import read_code, unwrap
from authcheck.ledger.tables import Address, Entry, LedgerHead, SignedCheckpoint
from authcheck.members.organisations import SUSPENDED
from authcheck.members.tables import Organisation
from authcheck.registry.tables import Design
from authcheck.scans.tables import BatchExpectation, ScanAlert, UnitMark

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
TX_ID = re.compile(r"[0-9a-f]{64}")
ISSUED, REVOKED = aliased(Entry), aliased(Entry)
OWNER = aliased(Organisation)


@dataclass(frozen=True, slots=True)
class Unit:
    """The database's facts about a certified unit, and the state of the ledger at the same moment.

    `issued_*` describe the `cert.issue` entry, `revoked_number` is the number of the `cert.revoke` entry.
    They are None when there is no such entry. `checkpoint_*` describe the newest signed checkpoint.
    `is_disputed` says that an earlier picture of another owner shows the same as the design.
    `ledger_size` includes the entries that no checkpoint covers yet. `address` is the public address that the
    certificate names. `origin` is the ledger's name. `has_facts` says that there is an alert, a mark or an
    expectation, so that there may be cautions. `owner_id` is the owner of the design.
    `has_pin` says that the label has a scratch-off PIN.
    `claimed_at` is when an owner claimed the unit. `contact_*` are how buyers reach the issuer, or "".
    `issuer_suspended` and `owner_suspended` say that the issuer, or the design's owner, is suspended.
    """

    id: str
    code: str
    state: str
    gtin: str
    lot: str
    serial: str
    product: str
    issued_at: datetime
    revoked_at: datetime | None
    revocation_reason: str | None
    jws: str | None
    status_index: int
    organisation_id: str
    handle: str
    brand: str
    design_id: str
    licence_id: str | None
    design_reference: str
    design_title: str
    has_preview: bool
    is_disputed: bool
    issued_number: int | None
    issued_body: bytes | None
    issued_tx_id: str | None
    revoked_number: int | None
    ledger_size: int
    checkpoint_size: int | None
    checkpoint_note: str | None
    address: str
    origin: str | None
    has_facts: bool
    owner_id: str
    has_pin: bool
    claimed_at: datetime | None
    contact_url: str
    contact_email: str
    issuer_suspended: bool
    owner_suspended: bool


COLUMNS = (
    Certificate.id,
    Certificate.code,
    Certificate.state,
    Certificate.gtin,
    Certificate.lot,
    Certificate.serial,
    Batch.product,
    Certificate.issued_at,
    Certificate.revoked_at,
    Certificate.revocation_reason,
    Certificate.jws,
    Certificate.status_index,
    Certificate.organisation_id,
    Organisation.handle,
    Organisation.name,
    Certificate.design_id,
    Batch.licence_id,
    Design.reference,
    Design.title,
    sa.and_(Design.public_preview, Design.state != "retired"),
    Design.state == "disputed",
    ISSUED.number,
    ISSUED.body,
    ISSUED.tx_id,
    REVOKED.number,
    LedgerHead.size,
    SignedCheckpoint.size,
    SignedCheckpoint.note,
    Batch.address,
    Address.origin,
    sa.or_(
        sa.exists().where(ScanAlert.certificate_id == Certificate.id),
        sa.exists().where(UnitMark.certificate_id == Certificate.id),
        sa.exists().where(BatchExpectation.batch_id == Batch.id),
    ),
    Design.owner_id,
    Certificate.sealed_pin.is_not(None),
    sa.select(UnitMark.marked_at)
    .where(UnitMark.certificate_id == Certificate.id, UnitMark.kind == "claimed")
    .scalar_subquery(),
    Organisation.contact_url,
    Organisation.contact_email,
    Organisation.state == SUSPENDED,
    OWNER.state == SUSPENDED,
)
"""The selected columns, in the order of Unit's fields."""


def _make_statement(*conditions: sa.ColumnElement[bool]) -> sa.Select[*tuple[Any, ...]]:
    newest_size = sa.select(sa.func.max(SignedCheckpoint.size)).scalar_subquery()
    newest_address = sa.select(sa.func.max(Address.number)).scalar_subquery()
    urn = sa.literal("urn:uuid:") + Certificate.id
    return (
        sa.select(*COLUMNS)
        .join_from(Certificate, Batch, Batch.id == Certificate.batch_id)
        .join(Organisation, Organisation.id == Certificate.organisation_id)
        .join(Design, Design.id == Certificate.design_id)
        .join(OWNER, OWNER.id == Design.owner_id)
        .join(LedgerHead, sa.true())
        .outerjoin(ISSUED, sa.and_(ISSUED.subject == urn, ISSUED.type == "cert.issue"))
        .outerjoin(REVOKED, sa.and_(REVOKED.subject == urn, REVOKED.type == "cert.revoke"))
        .outerjoin(SignedCheckpoint, SignedCheckpoint.size == newest_size)
        .outerjoin(Address, Address.number == newest_address)
        .where(*conditions)
        .order_by(ISSUED.number)
        .limit(1)
    )


BY_ID = _make_statement(Certificate.id == sa.bindparam("id"))
BY_CODE = _make_statement(Certificate.code == sa.bindparam("code"))


def find(connection: sa.Connection, text: str) -> Unit:
    """Find a unit by its code, its certificate's id, or the transaction id of an entry about the certificate.

    The code may be in a label's address. Raises NotFound (`certificate.not_found`), Rejected (`code.foreign`
    for an address of another service). An unknown code and a malformed code get the same error, so that
    nobody learns which guess is close to a real code.
    """
    name = unwrap(text).lower().removeprefix("urn:uuid:")
    if UUID.fullmatch(name):
        return _read_unit(connection, BY_ID, id=name)
    if TX_ID.fullmatch(name):
        subject = connection.scalar(sa.select(Entry.subject).where(Entry.tx_id == name)) or ""
        return _read_unit(connection, BY_ID, id=subject.removeprefix("urn:uuid:"))
    try:
        return find_by_code(connection, read_code(text, partial(_read_addresses, connection)))
    except Rejected as error:
        if error.code == "code.foreign":
            raise
        raise unknown_unit_error() from error


def _read_addresses(connection: sa.Connection) -> list[str]:
    return list(connection.scalars(sa.select(Address.url).distinct()))


def find_by_code(connection: sa.Connection, text: str) -> Unit:
    """Find a unit by the code on its label. Raises NotFound (`certificate.not_found`)."""
    try:
        return _read_unit(connection, BY_CODE, code=check_code(text))
    except Rejected as error:
        raise unknown_unit_error() from error


def is_code(text: str) -> bool:
    """Return whether a text can be the code on a label."""
    try:
        check_code(text)
    except Rejected:
        return False
    return True


def refuse_other_numbers(unit: Unit, gtin: str, lot: str, serial: str) -> None:
    """Raise NotFound (`certificate.not_found`) if these are not the GS1 numbers of the unit."""
    try:
        numbers = (gs1.check_gtin(gtin), lot, serial)
    except Rejected as error:
        raise unknown_unit_error() from error
    if numbers != (unit.gtin, unit.lot, unit.serial):
        raise unknown_unit_error()


def code_needed_error() -> Forbidden:
    """Return the error for a link without a code, whose serial number anybody could have guessed."""
    return Forbidden(
        "This link has no code. Enter the code that is printed on the label.", code="certificate.code_needed"
    )


def _read_unit(connection: sa.Connection, statement: sa.Select[*tuple[Any, ...]], **parameters: str) -> Unit:
    row = connection.execute(statement, parameters).first()
    if row is None:
        raise unknown_unit_error()
    return Unit(*row)


def unknown_unit_error() -> NotFound:
    """Return the error for an unknown name, and for a unit whose label the caller does not have."""
    return NotFound("We have no certificate for that code.", code="certificate.not_found")
