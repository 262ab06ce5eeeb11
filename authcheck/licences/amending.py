"""Acts of an owner while others work on the same licence: amend what was read, withdraw an open offer."""

from datetime import datetime

from sqlalchemy.orm import Session

from authcheck.errors import Conflict
from authcheck.licences import agreements
from authcheck.licences.grants import are_within, get_licence, lock_series, unknown_licence_error
from authcheck.licences.subjects import lock_owners
from authcheck.licences.tables import Licence
from authcheck.licences.terms import Terms
from authcheck.members.reach import WHOLE, Reach
from authcheck.members.tables import Organisation


def is_open(licence: Licence) -> bool:
    """Return whether a version is an offer that waits for an answer."""
    return licence.accepted_at is None and licence.declined_at is None and licence.revoked_at is None


def amend_from(
    session: Session,
    owner: Organisation,
    licence_id: str,
    terms: Terms,
    now: datetime,
    *,
    reach: Reach = WHOLE,
) -> Licence:
    """Offer the next version of a licence whose newest version the owner has read as `licence_id`.

    If that version is an open offer, the new offer takes its place. Raises Conflict (`licence.changed`) when
    the licence has a newer version meanwhile, and as `agreements.amend`.
    """
    base = _get_own(session, owner, licence_id, reach)
    lock_owners(session, [owner.id])
    newest = _lock_versions(session, base, reach)[0]
    if newest.id != base.id:
        raise Conflict(
            f"The licence has changed since you opened it: it has version {newest.version} now. Compare it"
            " with your terms, then send them again.",
            code="licence.changed",
            newest=newest.id,
            version=newest.version,
        )
    if is_open(newest):
        newest.declined_at = now
        session.flush()
    return agreements.amend(session, owner, licence_id, terms, now, reach=reach)


def withdraw(
    session: Session, owner: Organisation, licence_id: str, now: datetime, *, reach: Reach = WHOLE
) -> Licence:
    """Withdraw an offer that nobody has answered, as if the licensee had declined it.

    A version in force stays. Raises NotFound (`licence.not_found`), Conflict (`licence.state`).
    """
    offered = _get_own(session, owner, licence_id, reach)
    lock_owners(session, [owner.id])
    versions = _lock_versions(session, offered, reach)
    licence = next(version for version in versions if version.id == offered.id)
    if not is_open(licence):
        raise Conflict(
            f"Licence {licence.id} has been answered or revoked, so the offer cannot be withdrawn.",
            code="licence.state",
            state="answered",
        )
    licence.declined_at = now
    session.flush()
    return licence


def _lock_versions(session: Session, licence: Licence, reach: Reach) -> list[Licence]:
    """Return all versions of a licence as `lock_series` does, if all that may count are within reach.

    Raises NotFound (`licence.not_found`).
    """
    versions = lock_series(session, licence.series)
    may_count = [row for row in versions if row.superseded_at is None and row.declined_at is None]
    if not are_within(session, may_count, reach):
        raise unknown_licence_error(licence.id)
    return versions


def _get_own(session: Session, owner: Organisation, licence_id: str, reach: Reach) -> Licence:
    """Return a licence that the owner gave. Raises NotFound (`licence.not_found`)."""
    licence = get_licence(session, licence_id, organisation_id=owner.id, reach=reach)
    if licence.owner_id != owner.id:
        raise unknown_licence_error(licence_id)
    return licence
