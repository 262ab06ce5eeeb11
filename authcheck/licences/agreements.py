"""Licences between an owner and a licensee: offered, accepted, amended, revoked; each step with its ledger entry.

A version is never edited. What it is worth on a day follows from its terms and times (`terms.Grant`).
"""

from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.errors import Conflict, NotFound, Rejected
from authcheck.ids import new_id
from authcheck.ledger.journal import record
from authcheck.licences import facts
from authcheck.licences.grants import (
    LONGEST_CHAIN,
    chain_of,
    get_licence,
    grant_of,
    in_force,
    lock_series,
    uncounted,
)
from authcheck.licences.subjects import (
    check_subjects,
    designs_of_collections,
    refuse_exclusive,
    root_owner_id,
)
from authcheck.licences.tables import Licence, LicenceSubject
from authcheck.licences.terms import Terms
from authcheck.members.tables import Organisation

Act = Callable[[Session, Organisation, str, datetime], Licence]
"""Something a member does about a licence: accept, decline ..."""
REASONS = ("breach", "unpaid", "agreed", "ownership", "mistake", "other")


def offer(
    session: Session,
    owner: Organisation,
    licensee: Organisation,
    terms: Terms,
    now: datetime,
    *,
    parent_id: str | None = None,
) -> Licence:
    """Offer a licence for the owner's own designs, or under `parent_id`, which the owner holds, a sublicence.

    Raises Rejected (`licence.*`), NotFound (`design.not_found`, `licence.not_found`), Conflict (`licence.exclusive`,
    `licence.outside_parent`, `licence.state`).
    """
    if owner.id == licensee.id:
        raise Rejected("Nobody needs a licence of himself.", code="licence.self")
    _lock_owners(session, [owner.id])
    return _store(session, owner, licensee, terms, now, parent=_parent(session, owner, parent_id, now))


def amend(session: Session, owner: Organisation, licence_id: str, terms: Terms, now: datetime) -> Licence:
    """Offer the licence's next version; it takes the place of the one in force when the licensee accepts it. Raises as `offer`."""
    known = _mine(get_licence(session, licence_id, organisation_id=owner.id), owner)
    _lock_owners(session, [owner.id])
    versions = lock_series(session, known.series)
    if versions[0].revoked_at is not None or (
        versions[0].accepted_at is None and versions[0].declined_at is None
    ):
        raise _state(versions[0], "amended")
    licensee = session.get_one(Organisation, known.licensee_id)
    parent = _parent(session, owner, versions[0].parent_id, now)
    return _store(session, owner, licensee, terms, now, parent=parent, before=versions[0])


def accept(session: Session, licensee: Organisation, licence_id: str, now: datetime) -> Licence:
    """Accept an offer: from now on it counts, in place of the version before.

    Raises NotFound (`licence.not_found`), Conflict (`licence.state`, `licence.exclusive`).
    """
    licence = _offered(session, licensee, licence_id, "accepted")
    refuse_exclusive(session, licence)
    licence.accepted_at = now
    before = [
        other
        for other in lock_series(session, licence.series)
        if other.version < licence.version and other.accepted_at is not None and other.superseded_at is None
    ]
    drafts = [facts.accepted(licence, now), *(facts.superseded(other, licence, now) for other in before)]
    licence.accepted_entry = record(session, drafts)[0].number
    for other in before:
        other.superseded_at = now
    session.flush()
    return licence


def decline(session: Session, licensee: Organisation, licence_id: str, now: datetime) -> Licence:
    """Refuse an offer, for good. Raises as `accept`."""
    licence = _offered(session, licensee, licence_id, "declined")
    licence.declined_at = now
    session.flush()
    return licence


def revoke(session: Session, owner: Organisation, licence_id: str, reason: str, now: datetime) -> Licence:
    """End a licence in all its versions, for good; open offers of it too.

    Raises Rejected (`licence.reason`), NotFound (`licence.not_found`), Conflict (`licence.state`).
    """
    if reason not in REASONS:
        raise Rejected(f"Reasons are {', '.join(REASONS)}.", code="licence.reason", reason=reason)
    licence = _mine(get_licence(session, licence_id, organisation_id=owner.id), owner)
    versions = lock_series(session, licence.series)
    if versions[0].revoked_at is not None:
        raise _state(versions[0], "revoked")
    entries = record(session, [facts.revoked(one, reason, now) for one in versions])
    for one, entry in zip(versions, entries, strict=True):
        one.revoked_at, one.revocation_reason, one.revoked_entry = now, reason, entry.number
    session.flush()
    return licence


def _store(
    session: Session,
    owner: Organisation,
    licensee: Organisation,
    terms: Terms,
    now: datetime,
    *,
    parent: Licence | None,
    before: Licence | None = None,
) -> Licence:
    """The row of an offer, its subjects and its entry."""
    terms = terms.checked()
    known = designs_of_collections(session, root_owner_id(session, parent) or owner.id, [terms])
    check_subjects(session, owner, terms, parent, known)
    licence_id = new_id("lic", now)
    licence = Licence(
        id=licence_id,
        series=before.series if before else licence_id,
        version=before.version + 1 if before else 1,
        owner_id=owner.id,
        licensee_id=licensee.id,
        parent_id=parent.id if parent else None,
        terms=terms.to_json(),
        offered_at=now,
    )
    refuse_exclusive(session, licence)
    (entry,) = record(session, [facts.offered(licence, now)])
    licence.offered_entry = entry.number
    session.add(licence)
    session.flush()
    subjects = [("design", value) for value in terms.designs]
    subjects += [("collection", value) for value in terms.collections]
    session.add_all(LicenceSubject(licence_id=licence_id, kind=kind, value=value) for kind, value in subjects)
    session.flush()
    return licence


def _parent(session: Session, owner: Organisation, parent_id: str | None, now: datetime) -> Licence | None:
    """The licence that a sublicence stands on: one that `owner` holds, in force. Raises NotFound, Conflict (`licence.state`)."""
    if parent_id is None:
        return None
    parent = get_licence(session, parent_id, organisation_id=owner.id)
    if parent.licensee_id != owner.id:
        raise NotFound(
            f"No licence {parent_id!r} of yours is known.", code="licence.not_found", licence=parent_id
        )
    lock_series(session, parent.series)
    parent = in_force(session, parent)
    grant = grant_of(session, parent, units=uncounted)
    if grant.state(now.date()) not in {"active", "not_started"}:
        raise _state(parent, "passed on")
    if len(chain_of(grant)) >= LONGEST_CHAIN:
        raise Conflict(
            f"At most {LONGEST_CHAIN} licences stand on each other.",
            code="licence.outside_parent",
            limit=LONGEST_CHAIN,
        )
    return parent


def _offered(session: Session, licensee: Organisation, licence_id: str, done: str) -> Licence:
    """An open offer to this licensee, under the owner's lock and its own."""
    known = get_licence(session, licence_id, organisation_id=licensee.id)
    if known.licensee_id != licensee.id:
        raise NotFound(
            f"No offer {licence_id!r} to you is known.", code="licence.not_found", licence=licence_id
        )
    _lock_owners(session, [known.owner_id])
    licence = next(one for one in lock_series(session, known.series) if one.id == known.id)
    if licence.accepted_at or licence.declined_at or licence.revoked_at:
        raise _state(licence, done)
    return licence


def _mine(licence: Licence, owner: Organisation) -> Licence:
    if licence.owner_id != owner.id:
        raise NotFound(
            f"No licence {licence.id!r} of yours is known.", code="licence.not_found", licence=licence.id
        )
    return licence


def _lock_owners(session: Session, ids: Sequence[str]) -> None:
    """Let nobody else offer or accept licences of these owners until this transaction ends."""
    session.scalars(
        select(Organisation.id)
        .where(Organisation.id.in_(ids))
        .order_by(Organisation.id)
        .with_for_update(key_share=True)
    ).all()


def _state(licence: Licence, wanted: str) -> Conflict:
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
        f"Licence {licence.id} is {state}: it cannot be {wanted}.", code="licence.state", state=state
    )
