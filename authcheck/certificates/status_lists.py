"""An issuer's lists of revoked certificates (W3C Bitstring Status List), signed and recorded in the ledger.

Every issue and every revocation publishes a new version of the lists that it changes. A verifier rejects a
list whose entry is older than the certificate's entry, or older than the newest list entry that the verifier
has seen.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from authcheck.certificates import facts
from authcheck.certificates.signing_keys import signer_for
from authcheck.certificates.statements import Signer, did_of, list_payload, list_url, name_at
from authcheck.certificates.tables import Batch, Certificate, StatusList
from authcheck.ids import new_id
from authcheck.ledger.journal import record
from authcheck.ledger.tables import Address
from authcheck.members.tables import Organisation
from authcheck.proofs.credential import PLACES
from authcheck.vault import Vault

Number = Certificate.status_index // PLACES
"""The SQL expression for the number of a certificate's status list."""


def number_of(status_index: int) -> int:
    """Return the number of the status list that contains this index."""
    return status_index // PLACES


def address_of(session: Session, organisation_id: str, number: int) -> str:
    """Return the public address that the certificates of a list name. Every list has certificates.

    Lists of before addresses were recorded can have several. The newest recorded address counts. We sign
    nothing under an address that is not recorded.
    """
    newest = (
        select(Batch.address)
        .join(Certificate, Certificate.batch_id == Batch.id)
        .where(
            Certificate.organisation_id == organisation_id,
            Certificate.status_index.between(number * PLACES, (number + 1) * PLACES - 1),
            Batch.address.in_(select(Address.url)),
        )
        .order_by(Certificate.status_index.desc())
        .limit(1)
    )
    current = select(Address.url).order_by(Address.number.desc()).limit(1)
    return session.scalar(newest) or session.scalars(current).one()


def issuer_of_list(session: Session, organisation: Organisation, number: int) -> str:
    """Return the DID that signs a list: the issuer that its certificates name."""
    return did_of(address_of(session, organisation.id, number), organisation.handle)


def url_of(session: Session, organisation: Organisation, number: int) -> str:
    """Return the address of a list, which its certificates name."""
    return list_url(address_of(session, organisation.id, number), organisation.handle, number)


def publish(
    session: Session,
    organisation: Organisation,
    signer: Signer,
    numbers: Iterable[int],
    *,
    now: datetime,
) -> None:
    """Sign the current content of these lists, and put the new versions in force."""
    signed = {}
    for number in set(numbers):
        issuer = issuer_of_list(session, organisation, number)
        signed[number] = signer.under(issuer).sign(payload_of(session, organisation, number, now))
    put_in_force(session, organisation, signer.kid, signed, now=now)


def put_in_force(
    session: Session,
    organisation: Organisation,
    kid: str,
    signed: Mapping[int, str],
    *,
    now: datetime,
) -> None:
    """Store these signed lists, keyed by list number, and record their ledger entries.

    `kid` is one of the names of the key that signed them.
    """
    for number, jws in sorted(signed.items()):
        sha256, last = facts.hash_of(jws), latest(session, organisation.id, number)
        # A payload equal to the previous version would get the entry number of that version again.
        at = max(now, last.published_at + timedelta(microseconds=1)) if last else now
        name = name_at(issuer_of_list(session, organisation, number), kid)
        url = url_of(session, organisation, number)
        (entry,) = record(session, [facts.list_published(url, sha256, name, at)])
        session.add(
            StatusList(
                id=new_id("stl", now),
                organisation_id=organisation.id,
                number=number,
                jws=jws,
                jws_sha256=sha256,
                entry_number=entry.number,
                published_at=at,
            )
        )
    session.flush()


def catch_up(session: Session, organisation: Organisation, vault: Vault, *, now: datetime) -> None:
    """Publish the outdated lists, if the newest key is kept here. Raises as `signer_for`."""
    signer = signer_for(session, organisation, vault)
    if signer:
        publish(session, organisation, signer, due(session, organisation.id), now=now)


def payload_of(session: Session, organisation: Organisation, number: int, at: datetime) -> bytes:
    """Return the current content of a list as the payload to sign. `at` is its `validFrom`."""
    first = number * PLACES
    revoked = select(Certificate.status_index).where(
        Certificate.organisation_id == organisation.id,
        Certificate.status_index.between(first, first + PLACES - 1),
        Certificate.state == "revoked",
    )
    places = [index - first for index in session.scalars(revoked)]
    address = address_of(session, organisation.id, number)
    return list_payload(address, organisation.handle, number, places, at)


def latest(session: Session, organisation_id: str, number: int) -> StatusList | None:
    """Return the version in force of a list. None before the first certificate."""
    versions = select(StatusList).where(
        StatusList.organisation_id == organisation_id, StatusList.number == number
    )
    return session.scalar(versions.order_by(StatusList.entry_number.desc()).limit(1))


def due(session: Session, organisation_id: str) -> list[int]:
    """Return the numbers of the outdated lists.

    They lack revocations that were made while no key could sign here.
    """
    last_revocations = (
        select(Number, func.max(Certificate.revoked_entry_number))
        .where(Certificate.organisation_id == organisation_id, Certificate.state == "revoked")
        .group_by(Number)
    )
    published = dict(
        session.execute(
            select(StatusList.number, func.max(StatusList.entry_number))
            .where(StatusList.organisation_id == organisation_id)
            .group_by(StatusList.number)
        ).all()
    )
    return sorted(
        number
        for number, last in session.execute(last_revocations)
        if last is None or last > published.get(number, -1)
    )
