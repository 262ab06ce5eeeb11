"""The comparison of the public addresses with the ledger, and of each certificate with the addresses."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import pairwise
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from authcheck.audit.contents import EntryContent
from authcheck.audit.rows import Discrepancy
from authcheck.certificates.facts import issuer_of
from authcheck.certificates.statements import did_of, list_url
from authcheck.certificates.status_lists import number_of
from authcheck.certificates.tables import Batch, Certificate, SigningKey
from authcheck.errors import NotTrue
from authcheck.ledger.addresses import list_addresses
from authcheck.ledger.journal import latest_checkpoint
from authcheck.ledger.tables import Address, Entry
from authcheck.members.tables import Organisation
from authcheck.proofs.credential import Credential
from authcheck.storage.database import stream_rows
from authcheck.tlog.entries import time_text

PAGE = 4096


def compare_addresses(session: Session) -> Iterator[Discrepancy]:
    """Yield the addresses that no move made, and the keys and certificates that name another address.

    Every look-up of such a certificate says that it is not true. A command with another
    AUTHCHECK_PUBLIC_URL made such certificates in releases that did not record the address.
    """
    addresses = list_addresses(session)
    yield from _compare_moves(session, addresses)
    yield from _check_origin(session, addresses)
    yield from _check_keys(session, addresses)
    yield from _check_certificates(session, {row.url for row in addresses})


def _compare_moves(session: Session, addresses: Sequence[Address]) -> Iterator[Discrepancy]:
    moves = [
        EntryContent.of(entry)
        for entry in session.scalars(select(Entry).where(Entry.type == "address.move").order_by(Entry.number))
    ]
    rows = {row.entry_number: row for row in addresses if row.entry_number is not None}
    old = {row.entry_number: before.url for before, row in pairwise(addresses)}
    for move in moves:
        row = rows.pop(move.number, None)
        if row is None:
            yield Discrepancy(
                f"addresses {move.fields.get('id')}", f"is missing, but entry {move.number} created it"
            )
            continue
        actual = {
            "id": row.url,
            "from": old.get(move.number),
            "ledger": row.origin,
            "at": time_text(row.since),
        }
        expected = {**move.fields, "at": move.at}
        differing = sorted(name for name, value in actual.items() if expected.get(name) != value)
        if differing:
            yield Discrepancy(f"addresses {row.url}", f"differs from its entries: {', '.join(differing)}")
    for row in rows.values():
        yield Discrepancy(f"addresses {row.url}", "does not have exactly one entry address.move")
    for before, row in pairwise(addresses):
        if row.entry_number is None and before.entry_number is not None:
            yield Discrepancy(f"addresses {row.url}", "does not have exactly one entry address.move")


def _check_origin(session: Session, addresses: Sequence[Address]) -> Iterator[Discrepancy]:
    """Yield the newest checkpoint if it covers a key, which records the address, but has another name."""
    newest = latest_checkpoint(session)
    first_key = session.scalar(
        select(Entry.number).where(Entry.type == "key.add").order_by(Entry.number).limit(1)
    )
    if newest is None or first_key is None or newest.size <= first_key:
        return
    origin = newest.note.partition("\n")[0]
    if origin not in {row.origin for row in addresses}:
        problem = f"has the name {origin}, which is not the recorded name of this ledger"
        yield Discrepancy(f"checkpoint {newest.size}", problem)


def _check_keys(session: Session, addresses: Sequence[Address]) -> Iterator[Discrepancy]:
    query = select(SigningKey.id, SigningKey.kid, Organisation.handle).join(
        Organisation, Organisation.id == SigningKey.organisation_id
    )
    for key_id, kid, handle in session.execute(query.order_by(SigningKey.id)):
        if issuer_of(kid) not in {did_of(row.url, handle) for row in addresses}:
            yield Discrepancy(f"signing_keys {key_id}", f"is named {kid}, which is at no recorded address")


def _check_certificates(session: Session, urls: set[str]) -> Iterator[Discrepancy]:
    """Yield the active certificates that do not name their issuer at a recorded address.

    The remedy is to revoke them and to issue others, so a revoked certificate is no finding.
    """
    query = (
        select(Certificate.id, Certificate.jws, Certificate.status_index, Organisation.handle, Batch.address)
        .join(Batch, Batch.id == Certificate.batch_id)
        .join(Organisation, Organisation.id == Certificate.organisation_id)
        .where(Certificate.jws.is_not(None), Certificate.state != "revoked")
        .order_by(Certificate.id)
    )
    with closing(stream_rows(session, query, PAGE)) as pages:
        for page in pages:
            for row in page:
                problem = _find_problem(row, urls)
                if problem:
                    yield Discrepancy(f"certificates {row.id}", problem)


def _find_problem(row: Row[*tuple[Any, ...]], urls: set[str]) -> str:
    try:
        signed = Credential.read(row.jws)
        issuer, list_named = signed.issuer, signed.status.list_url
    except NotTrue:
        return ""  # compare_rows reports a signed text that cannot be read
    if row.address not in urls or issuer != did_of(row.address, row.handle):
        return f"names the issuer {issuer}, which is at no recorded address: look-ups say that it is not true"
    if issuer_of(signed.kid) != issuer:
        return f"is signed by {signed.kid}, not by a key of {issuer}: look-ups say that it is not true"
    if list_named != list_url(row.address, row.handle, number_of(row.status_index)):
        return f"names the status list {list_named}, which is not its list: look-ups say that it is not true"
    return ""
