"""Licences between an owner and a licensee: offer, accept, decline, amend, revoke.

Each step writes its ledger entry. A licence version is never edited. Its state on a day follows from its
terms and times (`terms.Grant`).
"""

from collections.abc import Callable
from datetime import datetime

from sqlalchemy.orm import Session

from authcheck.errors import Conflict, NotFound, Rejected
from authcheck.ids import as_word, new_id, new_salt
from authcheck.ledger.journal import record
from authcheck.licences import facts
from authcheck.licences.exclusivity import refuse_exclusive
from authcheck.licences.grants import (
    LONGEST_CHAIN,
    are_within,
    chain_of,
    get_licence,
    grant_of,
    in_force,
    lock_series,
    uncounted,
    unknown_licence_error,
)
from authcheck.licences.subjects import (
    check_reach,
    check_subjects,
    designs_of_collections,
    lock_owners,
    root_owner_id,
)
from authcheck.licences.tables import Licence, LicenceSubject
from authcheck.licences.terms import Terms
from authcheck.members.reach import WHOLE, Reach
from authcheck.members.tables import Organisation

Act = Callable[[Session, Organisation, str, datetime], Licence]
"""A member's act on a licence, such as `accept` or `decline`."""
REASONS = ("breach", "unpaid", "agreed", "ownership", "mistake", "other")


def offer(
    session: Session,
    owner: Organisation,
    licensee: Organisation,
    terms: Terms,
    now: datetime,
    *,
    parent_id: str | None = None,
    reach: Reach = WHOLE,
) -> Licence:
    """Offer a licence for the owner's own designs, or a sublicence. An agent offers within its reach.

    A sublicence is under the licence `parent_id`, which `owner` holds. Raises Rejected (`licence.*`),
    NotFound (`design.not_found`, `licence.not_found`), Conflict (`licence.exclusive`,
    `licence.outside_parent`, `licence.state`, `appointment.outside`).
    """
    if owner.id == licensee.id:
        raise Rejected("An organisation cannot license its designs to itself.", code="licence.self")
    terms = terms.checked()
    check_reach(terms, reach)
    lock_owners(session, [owner.id])
    parent = _get_parent(session, owner, parent_id, now, reach=reach)
    return _store_offer(session, owner, licensee, terms, now, parent=parent, reach=reach)


def amend(
    session: Session,
    owner: Organisation,
    licence_id: str,
    terms: Terms,
    now: datetime,
    *,
    reach: Reach = WHOLE,
) -> Licence:
    """Offer the licence's next version. The version in force stays until the licensee accepts.

    Raises as `offer`.
    """
    licence = get_licence(session, licence_id, organisation_id=owner.id, reach=reach)
    _check_owner(licence, owner)
    terms = terms.checked()
    check_reach(terms, reach)
    lock_owners(session, [owner.id])
    versions = _lock_versions(session, licence, reach)
    newest = versions[0]
    if newest.revoked_at is not None or (newest.accepted_at is None and newest.declined_at is None):
        raise _state_conflict(newest, "amended")
    licensee = session.get_one(Organisation, licence.licensee_id)
    parent = _get_parent(session, owner, newest.parent_id, now)
    return _store_offer(session, owner, licensee, terms, now, parent=parent, previous=newest, reach=reach)


def accept(
    session: Session, licensee: Organisation, licence_id: str, now: datetime, *, reach: Reach = WHOLE
) -> Licence:
    """Accept an offer. The new version is in force from now on and supersedes the version before.

    Raises NotFound (`licence.not_found`), Conflict (`licence.state`, `licence.exclusive`).
    """
    licence = _get_open_offer(session, licensee, licence_id, "accepted", reach)
    refuse_exclusive(session, licence, to_owner=False)
    licence.accepted_at, licence.accepted_salt = now, new_salt()
    superseded = [
        version
        for version in lock_series(session, licence.series)
        if version.version < licence.version
        and version.accepted_at is not None
        and version.superseded_at is None
    ]
    drafts = [
        facts.accepted(licence, now),
        *(facts.superseded(version, licence, now) for version in superseded),
    ]
    licence.accepted_entry = record(session, drafts)[0].number
    for version in superseded:
        version.superseded_at = now
    session.flush()
    return licence


def decline(
    session: Session, licensee: Organisation, licence_id: str, now: datetime, *, reach: Reach = WHOLE
) -> Licence:
    """Refuse an offer permanently. Raises as `accept`."""
    licence = _get_open_offer(session, licensee, licence_id, "declined", reach)
    licence.declined_at = now
    session.flush()
    return licence


def revoke(
    session: Session,
    owner: Organisation,
    licence_id: str,
    reason: str,
    now: datetime,
    *,
    reach: Reach = WHOLE,
) -> Licence:
    """End all versions of a licence permanently, open offers included.

    Raises Rejected (`licence.reason`), NotFound (`licence.not_found`), Conflict (`licence.state`).
    """
    reason = as_word(reason)
    if reason not in REASONS:
        raise Rejected(
            f"Choose one of these reasons: {', '.join(REASONS)}.", code="licence.reason", reason=reason
        )
    licence = get_licence(session, licence_id, organisation_id=owner.id, reach=reach)
    _check_owner(licence, owner)
    versions = _lock_versions(session, licence, reach)
    if versions[0].revoked_at is not None:
        raise _state_conflict(versions[0], "revoked")
    entries = record(session, [facts.revoked(version, reason, now) for version in versions])
    for version, entry in zip(versions, entries, strict=True):
        version.revoked_at, version.revocation_reason, version.revoked_entry = now, reason, entry.number
    session.flush()
    return licence


def _store_offer(
    session: Session,
    owner: Organisation,
    licensee: Organisation,
    terms: Terms,
    now: datetime,
    *,
    parent: Licence | None,
    previous: Licence | None = None,
    reach: Reach,
) -> Licence:
    """Store the row of an offer, its subjects and its ledger entry.

    `previous` is the version that the offer amends. An agent of a part of the owner's brand is not told which
    licence is in the way.
    """
    designs_of = designs_of_collections(session, root_owner_id(session, parent) or owner.id, [terms])
    check_subjects(session, owner, terms, parent, designs_of)
    licence_id = new_id("lic", now)
    licence = Licence(
        id=licence_id,
        series=previous.series if previous else licence_id,
        version=previous.version + 1 if previous else 1,
        owner_id=owner.id,
        licensee_id=licensee.id,
        parent_id=parent.id if parent else None,
        terms=terms.to_json(),
        offered_at=now,
        offered_salt=new_salt(),
    )
    refuse_exclusive(session, licence, to_owner=reach == WHOLE)
    (entry,) = record(session, [facts.offered(licence, now)])
    licence.offered_entry = entry.number
    session.add(licence)
    session.flush()
    subjects = [("design", value) for value in terms.designs]
    subjects += [("collection", value) for value in terms.collections]
    session.add_all(LicenceSubject(licence_id=licence_id, kind=kind, value=value) for kind, value in subjects)
    session.flush()
    return licence


def _get_parent(
    session: Session,
    owner: Organisation,
    parent_id: str | None,
    now: datetime,
    *,
    reach: Reach = WHOLE,
) -> Licence | None:
    """Return the parent of a sublicence: a licence that `owner` holds, active or not started.

    None without `parent_id`.

    Raises NotFound (`licence.not_found`), Conflict (`licence.state`, `licence.outside_parent`).
    """
    if parent_id is None:
        return None
    parent = get_licence(session, parent_id, organisation_id=owner.id, reach=reach)
    if parent.licensee_id != owner.id:
        raise NotFound(
            f"You hold no licence with the id {parent_id!r}.", code="licence.not_found", licence=parent_id
        )
    lock_series(session, parent.series)
    parent = in_force(session, parent)
    grant = grant_of(session, parent, units=uncounted)
    if grant.state(now.date()) not in {"active", "not_started"}:
        raise _state_conflict(parent, "passed on")
    if len(chain_of(grant)) >= LONGEST_CHAIN:
        raise Conflict(
            f"A chain of sublicences has at most {LONGEST_CHAIN} licences.",
            code="licence.outside_parent",
            limit=LONGEST_CHAIN,
        )
    return parent


def _lock_versions(session: Session, licence: Licence, reach: Reach) -> list[Licence]:
    """Return all versions of a licence as `lock_series` does.

    Raises NotFound (`licence.not_found`) when the act would change a version that is not within reach.
    """
    versions = lock_series(session, licence.series)
    may_count = [row for row in versions if row.superseded_at is None and row.declined_at is None]
    if not are_within(session, may_count, reach):
        raise unknown_licence_error(licence.id)
    return versions


def _get_open_offer(
    session: Session, licensee: Organisation, licence_id: str, act: str, reach: Reach
) -> Licence:
    """Return an open offer to this licensee, after locking the offer's owner and its series."""
    offered = get_licence(session, licence_id, organisation_id=licensee.id, reach=reach)
    if offered.licensee_id != licensee.id:
        raise NotFound(
            f"You have no offer with the id {licence_id!r}.", code="licence.not_found", licence=licence_id
        )
    lock_owners(session, [offered.owner_id])
    versions = _lock_versions(session, offered, reach)
    licence = next(version for version in versions if version.id == offered.id)
    if licence.accepted_at or licence.declined_at or licence.revoked_at:
        raise _state_conflict(licence, act)
    return licence


def _check_owner(licence: Licence, owner: Organisation) -> None:
    if licence.owner_id != owner.id:
        raise NotFound(
            f"You gave no licence with the id {licence.id!r}.", code="licence.not_found", licence=licence.id
        )


def _state_conflict(licence: Licence, act: str) -> Conflict:
    state = (
        "revoked"
        if licence.revoked_at
        else "accepted"
        if licence.accepted_at
        else "declined"
        if licence.declined_at
        else "offered"
    )
    return Conflict(
        f"Licence {licence.id} is {state}, so it cannot be {act}.", code="licence.state", state=state
    )
