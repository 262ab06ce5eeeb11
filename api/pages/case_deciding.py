"""The decision of a case on its page: what can be decided, what was decided, what can be undone."""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from authcheck.cases.decisions import find_decision
from authcheck.cases.leases import SKIP_REASONS, name_of
from authcheck.cases.listing import get_case
from authcheck.cases.questions import ASKED
from authcheck.cases.rulings import (
    ACCUSING,
    CONTRACT_ONLY,
    MOST_NOTE_CHARS,
    REASONS,
    RESTRICTIONS,
    Code,
    restrictions_of,
    suggest,
)
from authcheck.cases.states import WORKABLE, State
from authcheck.cases.tables import Case, CaseDecision, CaseItem
from authcheck.errors import NotFound

WEAK = frozenset({"disputed", "retired"})  # states of a design that is evidence against nobody


def deciding_of(session: Session, case: Case, seen: Sequence[str]) -> dict[str, Any]:
    """Return what the page offers for the decision, and the decision that was made, None for none.

    `seen` are the codes of the reasons, the weightiest first: they choose the likely reason.
    """
    decision = find_decision(session, case.id)
    is_weak = case.design.state in WEAK
    return {
        "is_workable": case.state in WORKABLE,
        "choices": [_choice(code, key, seen, is_weak=is_weak) for key, code in enumerate(Code, 1)],
        "restrictions": RESTRICTIONS[::-1],
        "contract_only": sorted(CONTRACT_ONLY),
        "skip_reasons": SKIP_REASONS,
        "asked": ASKED,
        "may_ask": case.asked_at is None,
        "most_chars": MOST_NOTE_CHARS,
        "waits_until": case.waits_until,
        "closes_at": case.closes_at,
        "alike": _count_alike(session, case),
        "decision": _decision(session, decision) if decision else None,
    }


def _choice(code: Code, key: int, seen: Sequence[str], *, is_weak: bool) -> dict[str, Any]:
    suggested = suggest(code, seen)
    return {
        "code": code.value,
        "key": key,
        "reasons": REASONS[code],
        "suggested": suggested,
        "is_accusing": code in ACCUSING,
        "is_refused": is_weak and code in ACCUSING,
        "usual": restrictions_of(code, suggested)[-1],
    }


def _decision(session: Session, decision: CaseDecision) -> dict[str, Any]:
    return {
        "code": decision.code,
        "reason": decision.reason,
        "restriction": decision.restriction,
        "note": decision.note,
        "bulk": decision.bulk_id,
        "by": name_of(session, decision.holder),
        "decided_at": decision.decided_at,
        "effective_at": decision.effective_at,
        "reversed_at": decision.reversed_at,
    }


def undo_of(
    session: Session, case_id: str, organisation_id: str, holder: str, now: datetime
) -> dict[str, Any] | None:
    """Return the decision of a case that this reader can still undo, or None."""
    if not case_id:
        return None
    try:
        case = get_case(session, case_id, organisation_id=organisation_id)
    except NotFound:
        return None
    decision = find_decision(session, case.id) if case.state == State.DECIDED else None
    if decision is None or decision.holder != holder or decision.leaves_at <= now:
        return None
    return {
        "case": case.id,
        "code": decision.code,
        "seller": case.seller,
        "cases": 1 if decision.bulk_id is None else _count(session, decision.bulk_id),
        "until": decision.leaves_at,
        "seconds": math.ceil((decision.leaves_at - now).total_seconds()),
    }


def _count(session: Session, bulk_id: str) -> int:
    query = select(func.count()).select_from(CaseDecision).where(CaseDecision.bulk_id == bulk_id)
    return session.scalar(query) or 0


def _count_alike(session: Session, case: Case) -> int:
    """Return how many listings of undecided cases show the same picture, with those of this case."""
    query = (
        select(func.count())
        .select_from(CaseItem)
        .join(Case, Case.id == CaseItem.case_id)
        .where(
            Case.cluster_id == case.cluster_id,
            Case.organisation_id == case.organisation_id,
            Case.state.in_(WORKABLE),
        )
    )
    return session.scalar(query) or 0
