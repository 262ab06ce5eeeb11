"""Withdrawal of a notice: a brand takes back what it has reported, as long as nobody has decided."""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from authcheck.cases import facts, timeline
from authcheck.cases.leases import get_locked
from authcheck.cases.notice_tables import BuyerReport, Hit, Notice, NoticeRow
from authcheck.cases.notices import get_notice
from authcheck.cases.stages import WITHDRAWN_CODE
from authcheck.cases.states import SUSPECT, WORKABLE, State
from authcheck.cases.tables import Case
from authcheck.errors import Conflict
from authcheck.ledger.journal import record_at_commit
from authcheck.listings import holds
from authcheck.members.reach import WHOLE, Reach


def withdraw(
    session: Session,
    notice_id: str,
    *,
    organisation_id: str,
    now: datetime,
    reach: Reach = WHOLE,
) -> Notice:
    """Take back all rows of a notice about which nobody has decided yet, and return the notice.

    A case that the check does not suspect, and that nobody else has reported, is withdrawn with them: nobody
    decides it, and its evidence is released.

    Raises NotFound (`notice.not_found`), Conflict (`notice.not_open`) when no row can be taken back.
    """
    notice = get_notice(session, notice_id, organisation_id=organisation_id, reach=reach)
    case_ids = sorted({row.case_id for row in notice.rows if row.case_id and row.code != WITHDRAWN_CODE})
    cases = [get_locked(session, case_id, None) for case_id in case_ids]
    open_cases = {case.id: case for case in cases if case.state in WORKABLE}
    if not open_cases:
        raise Conflict(
            "Every listing of this notice is decided or was refused, so nothing can be taken back.",
            code="notice.not_open",
            notice=notice.id,
        )
    for row in notice.rows:
        if row.case_id in open_cases:
            row.code, row.detail = WITHDRAWN_CODE, None
    session.execute(update(Hit).where(Hit.notice_id == notice.id).values(notice_id=None))
    session.flush()
    for case in open_cases.values():
        details = {"notice": notice.id, "organisation": organisation_id}
        timeline.append(session, case, "notice_withdrawn", details, at=now)
        if not _has_support(session, case):
            _withdraw_case(session, case, now)
    return get_notice(session, notice.id, organisation_id=organisation_id, reach=reach)


def _has_support(session: Session, case: Case) -> bool:
    """Return whether the check suspects a listing of a case, or somebody else still reports one."""
    reported = select(NoticeRow.number).where(
        NoticeRow.case_id == case.id, NoticeRow.code.is_distinct_from(WITHDRAWN_CODE)
    )
    by_buyers = select(BuyerReport.id).where(BuyerReport.case_id == case.id)
    return (
        any(item.verdict in SUSPECT for item in case.items)
        or session.scalar(reported.limit(1)) is not None
        or session.scalar(by_buyers.limit(1)) is not None
    )


def _withdraw_case(session: Session, case: Case, now: datetime) -> None:
    case.state, case.open_key = State.WITHDRAWN, None
    case.lease_holder = case.lease_until = case.waits_since = case.waits_until = None
    timeline.append(session, case, "withdrawn", {}, at=now)
    holds.end_at(session, case.id, now)
    record_at_commit(session, [facts.withdrawn(case, now)])
