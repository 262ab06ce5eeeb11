"""Leases of cases: who works on a case, so that two people never decide the same one.

`holder` is the id of a person or of an API key.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, exists, func, or_, select
from sqlalchemy.orm import Session

from authcheck.cases import timeline
from authcheck.cases.listing import get_case
from authcheck.cases.rulings import checked_text
from authcheck.cases.states import WORKABLE, State
from authcheck.cases.tables import Case, CaseDecision, CaseSkip
from authcheck.errors import Conflict, Forbidden, Rejected
from authcheck.members.tables import ApiKey, Membership, Person
from authcheck.registry.tables import Design
from authcheck.storefronts.tables import Storefront

LASTS = timedelta(minutes=10)
SKIP_REASONS = ("conflict_of_interest", "language", "cannot_tell", "later")
ESCALATED_AFTER = 3  # skips by different readers


def take_next(session: Session, *, organisation_id: str, holder: str, now: datetime) -> Case | None:
    """Lease the next case of a marketplace to a reader, or return None when no case waits.

    A reader who holds a case gets it again. Nobody gets a case that somebody else holds, that the reader has
    passed on, or about a brand or a shop of an organisation of the reader.
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
    lease(held, holder, now)
    session.flush()
    return get_case(session, held.id, organisation_id=organisation_id)


def take(session: Session, case_id: str, *, organisation_id: str, holder: str, now: datetime) -> Case:
    """Lease a case that nobody else holds, or prolong the lease while a page with the case is open.

    A case that waits or is escalated comes to nobody as the next case: a reader takes it by its id.

    Raises NotFound (`case.not_found`), Conflict (`case.lease` for a case that somebody else holds,
    `case.decided`), Forbidden (`case.interest`).
    """
    case = get_locked(session, case_id, organisation_id)
    refuse_decided(session, case)
    if case.lease_holder != holder and is_held(case, now):
        raise _lease_error(session, case, now)
    refuse_interest(session, case, holder)
    lease(case, holder, now)
    session.flush()
    return case


def free(session: Session, case_id: str, *, organisation_id: str, holder: str, now: datetime) -> Case:
    """Give a lease back. A lease that has run out is free already. Raises NotFound (`case.not_found`)."""
    case = get_locked(session, case_id, organisation_id)
    if case.lease_holder == holder and is_held(case, now):
        case.lease_holder = case.lease_until = None
    session.flush()
    return case


def skip(
    session: Session, case_id: str, *, reason: str, organisation_id: str, holder: str, now: datetime
) -> Case:
    """Pass a case on, with a reason. After three readers have passed it on, the case is escalated.

    Raises as `get_held`, and Rejected (`case.skip`) for an unknown reason.
    """
    if reason not in SKIP_REASONS:
        raise Rejected(
            f"Give one of these reasons: {', '.join(SKIP_REASONS)}.", code="case.skip", reason=reason
        )
    case = get_held(session, case_id, organisation_id=organisation_id, holder=holder, now=now)
    session.merge(CaseSkip(case_id=case.id, holder=holder, reason=reason, at=now))
    session.flush()
    case.lease_holder = case.lease_until = None
    timeline.append(session, case, "skipped", {"reason": reason}, at=now, holder=holder)
    count = session.scalar(select(func.count()).select_from(CaseSkip).where(CaseSkip.case_id == case.id))
    if (count or 0) >= ESCALATED_AFTER and case.state == State.OPEN:
        case.state = State.ESCALATED
        timeline.append(session, case, "escalated", {"skips": count}, at=now)
    session.flush()
    return case


def escalate(
    session: Session, case_id: str, *, note: str, organisation_id: str, holder: str, now: datetime
) -> Case:
    """Pass a case to a lead, who takes it by its id.

    Raises as `get_held`, and Rejected (`case.note`) without a note that says why.
    """
    note = checked_text(note, "case.note")
    case = get_held(session, case_id, organisation_id=organisation_id, holder=holder, now=now)
    start_clock(case, now)
    case.state = State.ESCALATED
    case.lease_holder = case.lease_until = None
    timeline.append(session, case, "escalated", {"note": note}, at=now, holder=holder)
    return case


def is_held(case: Case, now: datetime) -> bool:
    """Return whether somebody holds a case."""
    return case.lease_holder is not None and case.lease_until is not None and case.lease_until > now


def person_of(holder: str) -> str | None:
    """Return the id of the person who holds a lease, None for a program."""
    return holder if holder.startswith("per_") else None


def get_held(session: Session, case_id: str, *, organisation_id: str, holder: str, now: datetime) -> Case:
    """Return a case that the reader holds, locked.

    Raises NotFound (`case.not_found`), Conflict (`case.lease` for a lease that has run out or another's,
    `case.decided` for a case without a question), Forbidden (`case.interest`).
    """
    case = get_locked(session, case_id, organisation_id)
    require_held(session, case, holder, now)
    return case


def require_held(session: Session, case: Case, holder: str, now: datetime) -> None:
    """Raise Conflict or Forbidden as `get_held`, unless the reader holds this locked case."""
    refuse_decided(session, case)
    if case.lease_holder != holder or not is_held(case, now):
        raise _lease_error(session, case, now)
    refuse_interest(session, case, holder)


def get_locked(session: Session, case_id: str, organisation_id: str | None) -> Case:
    """Return a case that no other transaction changes meanwhile. Raises NotFound (`case.not_found`)."""
    return get_case(session, case_id, organisation_id=organisation_id, lock=True)


def refuse_decided(session: Session, case: Case) -> None:
    """Raise Conflict (`case.decided`, which says by whom, or `case.withdrawn`) unless a case is undecided."""
    if case.state in WORKABLE:
        return
    if case.state == State.WITHDRAWN:
        raise Conflict(
            "The brand has withdrawn its report, so there is nothing to decide. Take the next case.",
            code="case.withdrawn",
            case=case.id,
        )
    newest = select(CaseDecision).where(CaseDecision.case_id == case.id, CaseDecision.undone_at.is_(None))
    decision = session.scalars(newest.order_by(CaseDecision.id.desc()).limit(1)).one()
    name = name_of(session, decision.holder)
    raise Conflict(
        f"{name} has decided this case already: {decision.code}. Take the next case.",
        code="case.decided",
        case=case.id,
        by=name,
        decision=decision.code,
    )


def refuse_interest(session: Session, case: Case, holder: str) -> None:
    """Raise Forbidden (`case.interest`) for a reader of the case's brand or shop, or who has said so."""
    is_free = select(Case.id).where(Case.id == case.id, *_no_interest(holder))
    skipped = session.get(CaseSkip, (case.id, holder))
    if session.scalar(is_free) is None or (skipped is not None and skipped.reason == SKIP_REASONS[0]):
        raise Forbidden(
            "You belong to the brand or the shop of this case, so somebody else decides it."
            " Take the next case.",
            code="case.interest",
            case=case.id,
        )


def name_of(session: Session, holder: str) -> str:
    """Return the name of a person, or the id of a key."""
    person = session.get(Person, holder) if person_of(holder) else None
    return person.name if person else holder


def _lease_error(session: Session, case: Case, now: datetime) -> Conflict:
    by = name_of(session, case.lease_holder) if case.lease_holder and is_held(case, now) else ""
    message = f"{by} works on this case now." if by else "You do not hold this case, or no longer."
    return Conflict(f"{message} Take the next case.", code="case.lease", case=case.id, by=by)


def start_clock(case: Case, now: datetime) -> None:
    """Add the time that a case has waited for information to its time for a decision."""
    if case.waits_since is not None and case.waits_until is not None:
        case.due_at += min(now, case.waits_until) - case.waits_since
    case.waits_since = case.waits_until = None


def lease(case: Case, holder: str, now: datetime) -> None:
    """Give a locked case to a reader for 10 minutes from now."""
    case.lease_holder, case.lease_until = holder, now + LASTS


def _open_cases(organisation_id: str) -> Select[Case]:
    return (
        select(Case)
        .where(Case.organisation_id == organisation_id, Case.state == State.OPEN)
        .with_for_update(skip_locked=True)
    )


def _waiting(organisation_id: str, holder: str, now: datetime) -> Select[Case]:
    """Return the query for the open cases that a reader may get.

    A case about a design in dispute accuses nobody until the ruling: it is taken by its id only.
    """
    is_free = or_(Case.lease_until.is_(None), Case.lease_until <= now)
    was_skipped = exists().where(CaseSkip.case_id == Case.id, CaseSkip.holder == holder)
    is_disputed = exists().where(Design.id == Case.design_id, Design.state == "disputed")
    return _open_cases(organisation_id).where(is_free, ~was_skipped, ~is_disputed, *_no_interest(holder))


def _no_interest(holder: str) -> Sequence[ColumnElement[bool]]:
    """Return the conditions that the reader belongs neither to the design's owner nor to the seller.

    A key belongs to its organisation: a marketplace that is a brand, too, does not decide its own cases.
    """
    if person_of(holder):
        own = select(Membership.organisation_id).where(Membership.person_id == holder)
    else:
        own = select(ApiKey.organisation_id).where(ApiKey.id == holder)
    is_owner = exists().where(Design.id == Case.design_id, Design.owner_id.in_(own))
    is_seller = exists().where(
        Storefront.marketplace == Case.channel,
        Storefront.shop_id == Case.seller,
        Storefront.organisation_id.in_(own),
    )
    return ~is_owner, ~is_seller
