"""The stage of a reported listing, as its reporter reads it. It follows from the state of the case.

Nobody outside the marketplace learns who works on a case and when, so a lease changes no stage. A decision
that can still be undone is no decision yet.
"""

from collections.abc import Collection, Iterable, Mapping
from enum import StrEnum

from sqlalchemy import ColumnElement, and_, exists, or_, select
from sqlalchemy.orm import Session

from authcheck.cases.notice_tables import Hit, NoticeRow
from authcheck.cases.tables import Case, CaseDecision, CaseItem
from authcheck.storage.parameters import in_chunks

DECIDED_BEFORE_CODE, WITHDRAWN_CODE = "notice.decided_before", "notice.withdrawn"


class Stage(StrEnum):
    """How far a listing has come."""

    NOT_REPORTED = "not_reported"  # of a hit without a notice
    REPORTED = "reported"
    UNDER_REVIEW = "under_review"
    DECIDED = "decided"
    REVERSED = "reversed"
    DECIDED_BEFORE = "decided_before"  # of a row: the marketplace had decided before the notice
    WITHDRAWN = "withdrawn"  # of a row: its reporter has taken it back
    REFUSED = "refused"  # of a row: there is no case


STAGE_OF_STATE: Mapping[str, Stage] = {
    "open": Stage.REPORTED,
    "waiting": Stage.UNDER_REVIEW,
    "escalated": Stage.UNDER_REVIEW,
    "decided": Stage.UNDER_REVIEW,  # for some seconds or minutes, in which it can be undone
    "effective": Stage.DECIDED,
    "closed": Stage.DECIDED,
    "reversed": Stage.REVERSED,
    "withdrawn": Stage.WITHDRAWN,
}
OF_HITS = (Stage.NOT_REPORTED, Stage.REPORTED, Stage.UNDER_REVIEW, Stage.DECIDED, Stage.REVERSED)
FINAL = frozenset({Stage.DECIDED, Stage.REVERSED})


def stage_of_state(state: str) -> Stage:
    """Return the stage of a listing whose case has this state. A state of a later release is under review."""
    return STAGE_OF_STATE.get(state, Stage.UNDER_REVIEW)


def stage_of_row(row: NoticeRow) -> Stage:
    """Return the stage of a notice's row, which is loaded with its case."""
    return stage_of(row.case.state if row.case else None, row.code)


def stage_of(state: str | None, code: str | None) -> Stage:
    """Return the stage of a row by the state of its case and its own code."""
    if state is None:
        return Stage.REFUSED
    if code == WITHDRAWN_CODE:
        return Stage.WITHDRAWN
    return Stage.DECIDED_BEFORE if code == DECIDED_BEFORE_CODE else stage_of_state(state)


def stage_of_hit(hit: Hit) -> Stage:
    """Return the stage of a hit, which is loaded with its case.

    The owner reads a decision also about a listing that the owner has not reported. Before the decision such
    a listing is `not_reported`, so that nobody thinks that a notice is under way.
    """
    stage = stage_of_state(hit.case.state) if hit.case else Stage.NOT_REPORTED
    return stage if hit.notice_id is not None or stage in FINAL else Stage.NOT_REPORTED


def has_stage(stage: Stage) -> ColumnElement[bool]:
    """Return the condition that a hit has a stage."""
    if stage is Stage.NOT_REPORTED:
        return or_(Hit.case_id.is_(None), and_(Hit.notice_id.is_(None), ~_has_case(FINAL)))
    return _has_case({stage}) if stage in FINAL else and_(Hit.notice_id.is_not(None), _has_case({stage}))


def _has_case(stages: Collection[Stage]) -> ColumnElement[bool]:
    return exists().where(Case.id == Hit.case_id, Case.state.in_(_states_of(stages)))


def decisions_about(
    session: Session, places: Iterable[tuple[str | None, str | None]]
) -> dict[tuple[str, str], CaseDecision]:
    """Return the decisions in effect about listings in cases, by the ids of case and listing.

    A case may be decided without one of its listings: the decision is not about this listing then.
    """
    query = (
        select(CaseItem.listing_id, CaseDecision)
        .join(CaseDecision, CaseDecision.case_id == CaseItem.case_id)
        .where(CaseItem.included.is_(True))
        .where(CaseDecision.undone_at.is_(None), CaseDecision.effective_at.is_not(None))
        .order_by(CaseDecision.id)
    )
    case_ids = sorted({case_id for case_id, _ in places if case_id})
    return {
        (decision.case_id, listing_id): decision
        for chunk in in_chunks(case_ids)
        for listing_id, decision in session.execute(query.where(CaseItem.case_id.in_(chunk)))
    }


def _states_of(stages: Collection[Stage]) -> list[str]:
    return sorted(state for state, stage in STAGE_OF_STATE.items() if stage in stages)
