"""Decisions: what a moderator rules about a case, the undo of a decision, and its reversal.

A decision can be undone until it leaves, 10 seconds later. Then `settling` lets it take effect.
"""

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from authcheck.cases import facts, hits, timeline
from authcheck.cases.leases import get_locked, lease, name_of, person_of, refuse_interest, require_held
from authcheck.cases.listing import get_case
from authcheck.cases.rulings import ACCUSING, Ruling, checked_text
from authcheck.cases.states import SUSPECT, State
from authcheck.cases.tables import Case, CaseDecision
from authcheck.errors import Conflict, Rejected
from authcheck.ids import new_id
from authcheck.ledger.journal import record_at_commit
from authcheck.registry.tables import Design

UNDO = timedelta(seconds=10)


def decide(
    session: Session,
    case_id: str,
    ruling: Ruling,
    *,
    organisation_id: str,
    holder: str,
    now: datetime,
    leave_out: Collection[str] = (),
) -> CaseDecision:
    """Decide a case that the reader holds, and return the decision, which can be undone for 10 seconds.

    The decision is not about the listings whose ids are in `leave_out`. A decision against the seller is
    neither about listings whose verdict is no suspicion any more, unless a brand has reported them with this
    verdict: a brand may know better than the machine.

    A reader who repeats the same decision gets the first one: its answer may have been lost on the way.

    Raises as `Ruling.checked` and `leases.get_held`, Rejected (`case.items`) when no listing is left, and
    Conflict (`case.design`) for a decision against a seller about a disputed or retired design.
    """
    ruling = ruling.checked()
    case = get_locked(session, case_id, organisation_id)
    if decision := _find_same(session, case, ruling, leave_out, holder):
        return decision
    require_held(session, case, holder, now)
    return apply(session, case, ruling, holder=holder, now=now, leaves_at=now + UNDO, leave_out=leave_out)


def apply(
    session: Session,
    case: Case,
    ruling: Ruling,
    *,
    holder: str,
    now: datetime,
    leaves_at: datetime,
    leave_out: Collection[str] = (),
    bulk_id: str | None = None,
) -> CaseDecision:
    """Store a checked ruling about a locked case. Raises as `decide`."""
    included = _include(session, case, leave_out, is_accusing=ruling.code in ACCUSING)
    decision = CaseDecision(
        id=new_id("dec", now),
        case_id=case.id,
        **asdict(ruling),
        holder=holder,
        person_id=person_of(holder),
        bulk_id=bulk_id,
        state_before=case.state,
        decided_at=now,
        leaves_at=leaves_at,
    )
    session.add(decision)
    case.state = State.DECIDED
    case.lease_holder = case.lease_until = None
    details = {**asdict(ruling), "decision": decision.id, "listings": included, "bulk": bulk_id}
    timeline.append(session, case, "decided", details, at=now, holder=holder)
    return decision


def _find_same(
    session: Session, case: Case, ruling: Ruling, leave_out: Collection[str], holder: str
) -> CaseDecision | None:
    """Return the decision of a locked case if this reader has made the same one, about the same listings."""
    decision = find_decision(session, case.id) if case.state in {State.DECIDED, State.EFFECTIVE} else None
    if decision is None or decision.holder != holder or decision.bulk_id is not None:
        return None
    stored = Ruling(**{name: getattr(decision, name) for name in asdict(ruling)})
    judged = [item for item in case.items if item.included is not None]  # the others joined later
    chosen = _choose(session, case, leave_out, is_accusing=ruling.code in ACCUSING)
    is_same = stored == ruling and all(item.included == (item.listing_id in chosen) for item in judged)
    return decision if is_same else None


def _choose(session: Session, case: Case, leave_out: Collection[str], *, is_accusing: bool) -> list[str]:
    """Return the ids of the listings that a decision is about, see `decide`."""
    reported = hits.reported_as(session, case.id)
    return [
        item.listing_id
        for item in case.items
        if item.listing_id not in leave_out
        and (not is_accusing or item.verdict in SUSPECT or (item.listing_id, item.verdict) in reported)
    ]


def _include(session: Session, case: Case, leave_out: Collection[str], *, is_accusing: bool) -> list[str]:
    """Note which listings a decision is about, and return their ids. Raises as `decide`."""
    if is_accusing:
        _refuse_weak_design(session, case)
    included = _choose(session, case, leave_out, is_accusing=is_accusing)
    if not included or set(leave_out) - {item.listing_id for item in case.items}:
        raise Rejected(
            "Decide about at least one listing of this case, and leave out only listings of the case.",
            code="case.items",
            case=case.id,
        )
    for item in case.items:
        item.included = item.listing_id in included
    return included


def _refuse_weak_design(session: Session, case: Case) -> None:
    """Raise Conflict (`case.design`) unless the design is evidence against a seller."""
    state = session.scalars(select(Design.state).where(Design.id == case.design_id)).one()
    if state in {"disputed", "retired"}:
        raise Conflict(
            f"The design of this case is {state}, so it is evidence against nobody. Decide not_infringing,"
            " wrong_match or cannot_tell, or escalate the case.",
            code="case.design",
            case=case.id,
            state=state,
        )


def undo(session: Session, case_id: str, *, organisation_id: str, holder: str, now: datetime) -> list[Case]:
    """Take a decision back before it leaves, with all decisions of the same bulk, and return their cases.

    The reader holds the named case again.

    Raises NotFound (`case.not_found`), Conflict (`decision.none` without a decision, `decision.not_yours`,
    `decision.left` after it has left).
    """
    case = get_case(session, case_id, organisation_id=organisation_id)
    pending = find_decision(session, case.id)
    if pending is None:
        raise Conflict("This case has no decision to undo.", code="decision.none", case=case.id)
    decisions = _with_bulk(session, pending)
    cases = [get_locked(session, decision.case_id, organisation_id) for decision in decisions]
    decisions = _with_bulk(session, pending)  # once more: others may have left while we waited for the locks
    if pending.undone_at is not None:
        raise Conflict("The decision is undone already.", code="decision.none", case=case.id)
    if pending.holder != holder:
        by = name_of(session, pending.holder)
        raise Conflict(f"Only {by} can undo this decision.", code="decision.not_yours", case=case.id, by=by)
    has_left = any(decision.effective_at is not None for decision in decisions)
    if has_left or now >= pending.leaves_at:
        raise Conflict(
            "The decision has left already. Reverse it instead.", code="decision.left", case=case.id
        )
    for case, decision in zip(cases, decisions, strict=True):
        decision.undone_at = now
        case.state = decision.state_before
        for item in case.items:
            item.included = None
        details = {"decision": decision.id}
        timeline.append(session, case, "undone", details, at=now, holder=holder)
        if case.id == pending.case_id:
            lease(case, holder, now)
    session.flush()
    return cases


def reverse(
    session: Session, case_id: str, *, note: str, organisation_id: str, holder: str, now: datetime
) -> Case:
    """Take back a decision that is effective, with a note that says why.

    The same evidence does not open the case again.

    Raises NotFound (`case.not_found`), Rejected (`case.note`), Conflict (`decision.not_effective`),
    Forbidden (`case.interest`).
    """
    note = checked_text(note, "case.note")
    case = get_locked(session, case_id, organisation_id)
    decision = find_decision(session, case.id)
    if case.state != State.EFFECTIVE or decision is None:
        raise Conflict(
            "Only a decision in effect can be reversed, as long as complaints are possible.",
            code="decision.not_effective",
            case=case.id,
            state=case.state,
        )
    refuse_interest(session, case, holder)
    decision.reversed_at = now
    case.state = State.REVERSED
    details = {"decision": decision.id, "note": note}
    timeline.append(session, case, "reversed", details, at=now, holder=holder)
    record_at_commit(session, [facts.decision_reversed(case, now)])
    return case


def find_decision(session: Session, case_id: str) -> CaseDecision | None:
    """Return the newest decision of a case that was not undone."""
    query = select(CaseDecision).where(CaseDecision.case_id == case_id, CaseDecision.undone_at.is_(None))
    return session.scalar(query.order_by(CaseDecision.id.desc()).limit(1))


def _with_bulk(session: Session, decision: CaseDecision) -> Sequence[CaseDecision]:
    """Return a decision with those of the same bulk as they are now, in the order of their cases."""
    is_one = CaseDecision.id == decision.id
    query = select(CaseDecision).where(
        or_(is_one, CaseDecision.bulk_id == decision.bulk_id) if decision.bulk_id else is_one
    )
    query = query.order_by(CaseDecision.case_id).execution_options(populate_existing=True)
    return session.scalars(query).all()
