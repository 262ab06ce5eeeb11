"""Leases of cases: who works on a case, so that two people never decide the same one."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.orm import Session

from authcheck.cases import timeline
from authcheck.cases.listing import get_case
from authcheck.cases.states import State
from authcheck.cases.tables import Case, CaseSkip
from authcheck.errors import Conflict, Rejected
from authcheck.members.tables import Membership
from authcheck.registry.tables import Design
from authcheck.storefronts.tables import Storefront

LASTS = timedelta(minutes=10)
SKIP_REASONS = ("conflict_of_interest", "language", "cannot_tell", "later")
ESCALATED_AFTER = 3  # skips by different readers


def take_next(session: Session, *, organisation_id: str, holder: str, now: datetime) -> Case | None:
    """Lease the next case of a marketplace to a reader, or return None when no case waits.

    A reader who holds a case gets it again. `holder` is the id of a person or of a key. Nobody gets a case
    that somebody else holds, that the reader has passed on, or about a brand or a shop of an organisation of
    the reader.
    """
    held = session.scalar(
        _open_cases(organisation_id).where(Case.lease_holder == holder, Case.lease_until > now).limit(1)
    )
    if held is None:
        waiting = _waiting(organisation_id, holder, now)
        due = waiting.where(Case.due_at <= now).order_by(Case.due_at, Case.id)
        held = session.scalar(due.limit(1)) or session.scalar(
            waiting.order_by(Case.rank.desc(), Case.id).limit(1)
        )
    if held is None:
        return None
    _lease(held, holder, now)
    session.flush()
    return get_case(session, held.id, organisation_id=organisation_id)


def renew(session: Session, case_id: str, *, organisation_id: str, holder: str, now: datetime) -> Case:
    """Prolong a lease, while a page with the case is open.

    Raises NotFound (`case.not_found`), Conflict (`case.lease` for a lease that has run out or another's).
    """
    case = _get_held(session, case_id, organisation_id=organisation_id, holder=holder, now=now)
    _lease(case, holder, now)
    session.flush()
    return case


def free(session: Session, case_id: str, *, organisation_id: str, holder: str, now: datetime) -> Case:
    """Give a lease back. A lease that has run out is free already. Raises NotFound (`case.not_found`)."""
    case = _get_locked(session, case_id, organisation_id)
    if case.lease_holder == holder and is_held(case, now):
        case.lease_holder = case.lease_until = None
    session.flush()
    return case


def skip(
    session: Session, case_id: str, *, reason: str, organisation_id: str, holder: str, now: datetime
) -> Case:
    """Pass a case on, with a reason. After three readers have passed it on, the case is escalated.

    Raises as `renew`, and Rejected (`case.skip`) for an unknown reason.
    """
    if reason not in SKIP_REASONS:
        raise Rejected(
            f"Give one of these reasons: {', '.join(SKIP_REASONS)}.", code="case.skip", reason=reason
        )
    case = _get_held(session, case_id, organisation_id=organisation_id, holder=holder, now=now)
    session.merge(CaseSkip(case_id=case.id, holder=holder, reason=reason, at=now))
    session.flush()
    case.lease_holder = case.lease_until = None
    person_id = holder if holder.startswith("per_") else None
    timeline.append(session, case, "skipped", {"reason": reason}, at=now, person_id=person_id)
    count = session.scalar(select(func.count()).select_from(CaseSkip).where(CaseSkip.case_id == case.id))
    if (count or 0) >= ESCALATED_AFTER and case.state == State.OPEN:
        case.state = State.ESCALATED
        timeline.append(session, case, "escalated", {"skips": count}, at=now)
    session.flush()
    return case


def is_held(case: Case, now: datetime) -> bool:
    """Return whether somebody holds a case."""
    return case.lease_holder is not None and case.lease_until is not None and case.lease_until > now


def _get_held(session: Session, case_id: str, *, organisation_id: str, holder: str, now: datetime) -> Case:
    case = _get_locked(session, case_id, organisation_id)
    if case.lease_holder != holder or not is_held(case, now):
        message = (
            "Somebody else works on this case now."
            if is_held(case, now)
            else "Your lease of this case is over."
        )
        raise Conflict(f"{message} Take the next case.", code="case.lease", case=case.id)
    return case


def _get_locked(session: Session, case_id: str, organisation_id: str) -> Case:
    case = get_case(session, case_id, organisation_id=organisation_id)
    session.refresh(case, ["state", "lease_holder", "lease_until", "head"], with_for_update=True)
    return case


def _lease(case: Case, holder: str, now: datetime) -> None:
    case.lease_holder, case.lease_until = holder, now + LASTS


def _open_cases(organisation_id: str) -> Select[Case]:
    return (
        select(Case)
        .where(Case.organisation_id == organisation_id, Case.state == State.OPEN)
        .with_for_update(skip_locked=True)
    )


def _waiting(organisation_id: str, holder: str, now: datetime) -> Select[Case]:
    """Return the query for the open cases that a reader may get."""
    is_free = or_(Case.lease_until.is_(None), Case.lease_until <= now)
    was_skipped = exists().where(CaseSkip.case_id == Case.id, CaseSkip.holder == holder)
    return _open_cases(organisation_id).where(is_free, ~was_skipped, *_no_interest(holder))


def _no_interest(holder: str) -> Sequence[ColumnElement[bool]]:
    """Return the conditions that the reader belongs neither to the design's owner nor to the seller."""
    if not holder.startswith("per_"):
        return ()
    own = select(Membership.organisation_id).where(Membership.person_id == holder)
    is_owner = exists().where(Design.id == Case.design_id, Design.owner_id.in_(own))
    is_seller = exists().where(
        Storefront.marketplace == Case.channel,
        Storefront.shop_id == Case.seller,
        Storefront.organisation_id.in_(own),
    )
    return ~is_owner, ~is_seller
