"""Licences between an owner and a licensee: offered, accepted, amended, revoked; each step with its ledger entry.

A version is never edited. What it is worth on a day follows from its terms and times (`licence_terms.Grant`).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck import licence_facts as facts
from authcheck.errors import Conflict, NotFound, Rejected
from authcheck.ids import new_id
from authcheck.journal import record
from authcheck.licence_scope import covers, overlaps
from authcheck.licence_terms import Grant, Terms
from authcheck.licensing import LONGEST_CHAIN, chain_of, get_licence, grant_of, in_force, lock_series, root_of
from authcheck.tables import Design, Licence, LicenceSubject, Organisation

Act = Callable[[Session, Organisation, str, datetime], Licence]
"""Something a member does about a licence: accept, decline ..."""
REASONS = ("breach", "unpaid", "agreed", "ownership", "mistake", "other")
MOST_PARAMETERS = 500  # of one statement


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
    _refuse_exclusive(session, licence)
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
    known = _collections(session, _root_owner(session, parent) or owner.id, [terms])
    _check_subjects(session, owner, terms, parent, known)
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
    _refuse_exclusive(session, licence)
    (entry,) = record(session, [facts.offered(licence, now)])
    licence.offered_entry = entry.number
    session.add(licence)
    session.flush()
    subjects = [("design", value) for value in terms.designs]
    subjects += [("collection", value) for value in terms.collections]
    session.add_all(LicenceSubject(licence_id=licence_id, kind=kind, value=value) for kind, value in subjects)
    session.flush()
    return licence


def _check_subjects(
    session: Session,
    owner: Organisation,
    terms: Terms,
    parent: Licence | None,
    known: Mapping[str, Sequence[str]],
) -> None:
    """What is licensed must be the owner's, or lie within the licence it stands on."""
    if parent is not None:
        if not covers(Terms.from_json(parent.terms), terms, designs_of=known):
            raise Conflict(
                "A sublicence lies within the licence it stands on.", code="licence.outside_parent"
            )
        return
    own: set[str] = set()
    for start in range(0, len(terms.designs), MOST_PARAMETERS):
        some = terms.designs[start : start + MOST_PARAMETERS]
        own |= set(session.scalars(select(Design.id).where(Design.id.in_(some), Design.owner_id == owner.id)))
    for design in terms.designs:
        if design not in own:
            raise NotFound(f"No design {design!r} of yours is known.", code="design.not_found", design=design)


def _refuse_exclusive(session: Session, licence: Licence) -> None:
    """Raise Conflict (`licence.exclusive`) where this one or one in force is exclusive, for another licensee, and they meet.

    Ask under the owner's lock: of two that are accepted at once the second sees the first.
    """
    others = session.scalars(
        select(Licence).where(
            Licence.owner_id == licence.owner_id,
            Licence.series != licence.series,
            Licence.licensee_id != licence.licensee_id,
            Licence.accepted_at.is_not(None),
            Licence.superseded_at.is_(None),
            Licence.revoked_at.is_(None),
        )
    ).all()
    mine = Terms.from_json(licence.terms)
    rivals = [(one, Terms.from_json(one.terms)) for one in others]
    rivals = [(one, terms) for one, terms in rivals if mine.exclusive or terms.exclusive]
    above = session.get(Licence, licence.parent_id) if licence.parent_id else None
    whose = _root_owner(session, above) or licence.owner_id
    known = _collections(session, whose, [mine, *(terms for _, terms in rivals)]) if rivals else {}
    for one, terms in rivals:
        if overlaps(_bare(licence, mine), _bare(one, terms), designs_of=known):
            raise Conflict(
                f"Licence {one.id} stands against it: one of the two is exclusive, and they overlap.",
                code="licence.exclusive",
                licence=one.id,
            )


def _bare(licence: Licence, terms: Terms) -> Grant:
    return Grant(
        id=licence.id,
        series=licence.series,
        version=licence.version,
        owner_id=licence.owner_id,
        licensee_id=licence.licensee_id,
        terms=terms,
        offered_at=licence.offered_at,
    )


def _collections(session: Session, owner_id: str, terms: Iterable[Terms]) -> dict[str, list[str]]:
    """By name, the ids of the designs in those of an owner's collections that are named."""
    names = sorted({name for one in terms for name in one.collections})
    found: dict[str, list[str]] = {name: [] for name in names}
    for start in range(0, len(names), MOST_PARAMETERS):
        some = Design.collection.in_(names[start : start + MOST_PARAMETERS])
        for design_id, name in session.execute(
            select(Design.id, Design.collection).where(Design.owner_id == owner_id, some)
        ):
            found[name or ""].append(design_id)
    return found


def _root_owner(session: Session, parent: Licence | None) -> str | None:
    """Whose designs a sublicence under `parent` is about; None without one."""
    return root_of(grant_of(session, parent)).owner_id if parent else None


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
    grant = grant_of(session, parent)
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
