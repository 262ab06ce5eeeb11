"""What time does to cases: decisions take effect, questions go unanswered, the time for complaints ends."""

import logging
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.cases import buyer_reports, facts, hits, timeline
from authcheck.cases.decisions import find_decision
from authcheck.cases.leases import get_locked
from authcheck.cases.opening import Place, add_item, find_or_open, put_in_order
from authcheck.cases.questions import go_on
from authcheck.cases.states import SUSPECT, State
from authcheck.cases.tables import Case, CaseDecision
from authcheck.config import Settings
from authcheck.errors import Unavailable
from authcheck.ledger.journal import record_at_commit
from authcheck.listings import holds
from authcheck.storage.database import SETTINGS, Database

AT_ONCE = 100
log = logging.getLogger("authcheck.cases.settling")


def settle(database: Database, now: datetime) -> int:
    """Move all cases whose time has come, each in a transaction of its own, and return their number.

    Processes may do it at the same time. A case that cannot be moved is logged and holds up no other case.
    Raises Unavailable when the database or the ledger takes nothing.
    """
    count = 0
    failed = set[str]()
    while True:
        with database.reading() as session:
            due = _find_due(session, now)
        moved = 0
        for case_id in due:
            if case_id in failed:
                continue
            try:
                with database.writing() as session:
                    moved += _settle_case(session, case_id, now)
            except Unavailable:
                raise
            except Exception:
                failed.add(case_id)
                log.exception("%s cannot be moved, and waits for the next round", case_id)
        count += moved
        if not moved:
            return count


def _find_due(session: Session, now: datetime) -> list[str]:
    """Return the ids of cases whose time has come, at most 100 of each kind."""
    left = (
        select(Case.id)
        .join(CaseDecision)
        .where(
            Case.state == State.DECIDED,
            CaseDecision.effective_at.is_(None),
            CaseDecision.undone_at.is_(None),
            CaseDecision.leaves_at <= now,
        )
    )
    unanswered = select(Case.id).where(Case.state == State.WAITING, Case.waits_until <= now)
    over = select(Case.id).where(Case.state == State.EFFECTIVE, Case.closes_at <= now)
    queries = left, unanswered, over
    return [case_id for query in queries for case_id in session.scalars(query.limit(AT_ONCE))]


def _settle_case(session: Session, case_id: str, now: datetime) -> bool:
    """Move a case if its time has come, which another process may have seen first."""
    case = get_locked(session, case_id, None)
    if case.state == State.DECIDED:
        decision = find_decision(session, case.id)
        if decision is None or decision.leaves_at > now:
            return False
        _take_effect(session, case, decision, now)
    elif case.state == State.WAITING and case.waits_until is not None and case.waits_until <= now:
        go_on(session, case, now)
        timeline.append(session, case, "unanswered", {}, at=now)
    elif case.state == State.EFFECTIVE and case.closes_at is not None and case.closes_at <= now:
        case.state = State.CLOSED
        buyer_reports.forget_words(session, case.id)
        timeline.append(session, case, "closed", {}, at=now)
    else:
        return False
    return True


def _take_effect(session: Session, case: Case, decision: CaseDecision, now: datetime) -> None:
    """Let a decision take effect: the ledger records it, and complaints are possible from now on.

    The evidence is held as long as complaints are possible.
    """
    settings: Settings = session.info[SETTINGS]
    decision.effective_at = now
    case.state, case.open_key = State.EFFECTIVE, None
    case.waits_since = case.waits_until = None  # it may have been decided before the answer came
    case.closes_at = now + timedelta(days=settings.complaint_days)
    timeline.append(session, case, "effective", {"decision": decision.id}, at=now)
    _move_left_out(session, case, now)
    holds.end_at(session, case.id, case.closes_at)
    record_at_commit(session, [facts.decided(case, now)])


def _move_left_out(session: Session, case: Case, now: datetime) -> None:
    """Open a case for the suspect and reported listings that the decision is not about, with their evidence.

    Listings that joined the case after the decision are among them.
    """
    reported = hits.reported_as(session, case.id)
    left = [
        item
        for item in case.items
        if not item.included and (item.verdict in SUSPECT or (item.listing_id, item.verdict) in reported)
    ]
    if not left:
        return
    first = left[0]
    new = find_or_open(session, first.listing, Place.of(case), now, verdict=first.verdict, least="low")
    for item in left:
        add_item(session, new, item.listing, now, verdict=item.verdict)
    put_in_order(session, new)
    ids = {item.listing_id for item in left}
    holds.move(session, ids, of_case_id=case.id, to_case_id=new.id)
    hits.move(session, ids, of_case_id=case.id, to_case_id=new.id)
    timeline.append(session, new, "split", {"from": case.id}, at=now)
