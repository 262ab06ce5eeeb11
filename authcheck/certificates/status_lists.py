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
from authcheck.certificates.statements import Signer, list_payload, list_url
from authcheck.certificates.tables import Certificate, StatusList
from authcheck.config import Settings
from authcheck.ids import new_id
from authcheck.ledger.journal import record
from authcheck.members.tables import Organisation
from authcheck.proofs.credential import PLACES
from authcheck.vault import Vault

Number = Certificate.status_index // PLACES
"""The SQL expression for the number of a certificate's status list."""


def number_of(status_index: int) -> int:
    """Return the number of the status list that contains this index."""
    return status_index // PLACES


def publish(
    session: Session,
    settings: Settings,
    organisation: Organisation,
    signer: Signer,
    numbers: Iterable[int],
    *,
    now: datetime,
) -> None:
    """Sign the current content of these lists, and put the new versions in force."""
    signed = {
        number: signer.sign(payload_of(session, settings, organisation, number, now))
        for number in set(numbers)
    }
    put_in_force(session, settings, organisation, signer.kid, signed, now=now)


def put_in_force(
    session: Session,
    settings: Settings,
    organisation: Organisation,
    kid: str,
    signed: Mapping[int, str],
    *,
    now: datetime,
) -> None:
    """Store these signed lists, keyed by list number, and record their ledger entries."""
    for number, jws in sorted(signed.items()):
        sha256, last = facts.hash_of(jws), latest(session, organisation.id, number)
        # A payload equal to the previous version would get the entry number of that version again.
        at = max(now, last.published_at + timedelta(microseconds=1)) if last else now
        url = list_url(settings.public_url, organisation.handle, number)
        (entry,) = record(session, [facts.list_published(url, sha256, kid, at)])
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


def catch_up(
    session: Session, settings: Settings, organisation: Organisation, vault: Vault, *, now: datetime
) -> None:
    """Publish the outdated lists, if the newest key is kept here. Raises as `signer_for`."""
    signer = signer_for(session, organisation, vault)
    if signer:
        publish(session, settings, organisation, signer, due(session, organisation.id), now=now)


def payload_of(
    session: Session, settings: Settings, organisation: Organisation, number: int, at: datetime
) -> bytes:
    """Return the current content of a list as the payload to sign. `at` is its `validFrom`."""
    first = number * PLACES
    revoked = select(Certificate.status_index).where(
        Certificate.organisation_id == organisation.id,
        Certificate.status_index.between(first, first + PLACES - 1),
        Certificate.state == "revoked",
    )
    places = [index - first for index in session.scalars(revoked)]
    return list_payload(settings.public_url, organisation.handle, number, places, at)


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
