"""Flow: cases change while somebody acts on them, and one case that fails holds up no other."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import cases_made
import make
import notices_made
import pytest
from sqlalchemy import update

from authcheck.cases import bulk, buyer_reports, decisions, leases, proposals, questions, settling
from authcheck.cases.buyer_reports import NewReport
from authcheck.cases.leases import get_locked
from authcheck.cases.rulings import Ruling
from authcheck.cases.settling import settle
from authcheck.cases.tables import Case
from authcheck.errors import AuthcheckError
from authcheck.listings.tables import Listing
from authcheck.members.reach import WHOLE
from authcheck.registry.tables import Design
from authcheck.workspace import Workspace

UNLICENSED = Ruling(code="unlicensed_use", reason="listing.no_licence", restriction="remove")
WRONG = Ruling(code="wrong_match", reason="match.common_motif", restriction="none")


@pytest.fixture
def kite(workspace: Workspace) -> str:
    """Return acme's design of seed 1."""
    return make.register(workspace, seed=1).design.id


def at(seconds: float = 0) -> datetime:
    """Return a time after the cases were opened."""
    return make.NOW + timedelta(hours=2, seconds=seconds)


def held(work: Workspace, seller: str = "kites") -> Case:
    """Lease the case of a seller to the key `ack_1`."""
    (case,) = [case for case in cases_made.cases_of(work) if case.seller == seller]
    with work.database.writing() as session:
        words = {"organisation_id": case.organisation_id, "holder": "ack_1"}
        return leases.take(session, case.id, **words, now=at())


def decide(work: Workspace, case: Case, ruling: Ruling = UNLICENSED, **words: object) -> str:
    """Decide a case and return the decision's id, or the code of the error."""
    fields = {"organisation_id": case.organisation_id, "holder": "ack_1", "now": at(), **words}
    try:
        with work.database.writing() as session:
            return decisions.decide(session, case.id, ruling, **fields).id  # type: ignore[arg-type]
    except AuthcheckError as error:
        return error.code


def undo(work: Workspace, case: Case, now: datetime) -> str:
    """Undo a decision and return "ok" or the code of the error."""
    try:
        with work.database.writing() as session:
            words = {"organisation_id": case.organisation_id, "holder": "ack_1"}
            decisions.undo(session, case.id, **words, now=now)
    except AuthcheckError as error:
        return error.code
    return "ok"


@pytest.mark.postgresql
def test_a_decision_waits_for_the_verdict_that_changes(workspace: Workspace, kite: str) -> None:
    """A listing becomes licensed while a decision waits for the case: the decision does not accuse it."""
    cases_made.hand_in(workspace)
    case = held(workspace)
    with ThreadPoolExecutor(1) as pool, workspace.database.writing() as session:
        locked = get_locked(session, case.id, None)
        waiting = pool.submit(decide, workspace, case)
        time.sleep(0.1)  # the other transaction has looked at the case, and waits for its lock
        locked.items[0].verdict = "licensed"
        session.commit()
        assert waiting.result() == "case.items"


@pytest.mark.postgresql
def test_a_notice_takes_cases_in_the_order_of_bulks(workspace: Workspace, kite: str) -> None:
    """A notice names its listings against the order of their cases. No bulk waits for it in a circle."""
    ids = {seller: cases_made.hand_in(workspace, f"L-{seller}", seller=seller).id for seller in ("a", "b")}
    first, second = sorted(cases_made.cases_of(workspace), key=lambda case: case.id)
    with ThreadPoolExecutor(1) as pool, workspace.database.writing() as session:
        get_locked(session, first.id, None)
        waiting = pool.submit(notices_made.file, workspace, kite, ids[second.seller], ids[first.seller])
        time.sleep(0.2)
        get_locked(session, second.id, None)
        session.commit()
        notice = waiting.result()
    assert [row.case_id for row in notice.rows] == [second.id, first.id]


def report_as_buyer(work: Workspace) -> str:
    """Report the listing L-1 and return the id of its case."""
    word = NewReport(claim="copy", marketplace="bazaar", reference="L-1")
    with work.database.writing() as session:
        return buyer_reports.report(work, session, word, at()).case_id


@pytest.mark.postgresql
@pytest.mark.parametrize("by", ["brand", "buyer"])
def test_a_report_waits_for_the_listing_that_changes(workspace: Workspace, kite: str, by: str) -> None:
    """A listing gets another seller while a report waits for it: the case is about the new seller."""
    listing_id = cases_made.hand_in(workspace).id

    def report() -> str:
        if by == "buyer":
            return report_as_buyer(workspace)
        (row,) = notices_made.file(workspace, kite, listing_id).rows
        return str(row.case_id)

    with ThreadPoolExecutor(1) as pool, workspace.database.writing() as session:
        session.get_one(Listing, listing_id, with_for_update=True)
        waiting = pool.submit(report)
        time.sleep(0.2)
        session.execute(update(Listing).where(Listing.id == listing_id).values(seller="another"))
        session.commit()
        case_id = waiting.result()
    cases = {case.id: case.seller for case in cases_made.cases_of(workspace)}
    assert cases[case_id] == "another"


@pytest.mark.postgresql
def test_a_proposal_is_answered_once(workspace: Workspace, kite: str) -> None:
    """Of two answers at once, the second one is told that nothing waits for it."""
    cases_made.hand_in(workspace)
    decision_id = decide(workspace, held(workspace), WRONG)
    settle(workspace.database, at(10))
    with workspace.database.reading() as session:
        owner_id = session.get_one(Design, kite).owner_id

    def decline() -> str:
        try:
            with workspace.database.writing() as session:
                proposals.decline(session, decision_id, owner_id=owner_id, now=at(20), reach=WHOLE)
        except AuthcheckError as error:
            return error.code
        return "ok"

    with ThreadPoolExecutor(1) as pool, workspace.database.writing() as session:
        proposals.decline(session, decision_id, owner_id=owner_id, now=at(19), reach=WHOLE)
        session.flush()
        waiting = pool.submit(decline)
        time.sleep(0.1)
        session.commit()
        assert waiting.result() == "proposal.not_found"


def test_a_bulk_of_which_a_part_has_left_is_not_undone(workspace: Workspace, kite: str) -> None:
    """An undo that came in time, and waited while another case of the bulk left, undoes nothing."""
    ids = [cases_made.hand_in(workspace, f"L-{seller}", seller=seller).id for seller in ("a", "b")]
    case = held(workspace, "b")
    with workspace.database.writing() as session:
        bulk.decide_alike(
            session, case.id, UNLICENSED, listings=ids, organisation_id=case.organisation_id, holder="ack_1",
            now=at(),
        )  # fmt: skip
    (other_id,) = [one.id for one in cases_made.cases_of(workspace) if one.id != case.id]
    with workspace.database.writing() as session:
        assert settling._settle_case(session, other_id, at(10))
    assert undo(workspace, case, at(9)) == "decision.left"
    assert sorted(one.state for one in cases_made.cases_of(workspace)) == ["decided", "effective"]
    assert settle(workspace.database, at(10)) == 1


def test_a_case_that_fails_holds_up_no_other(
    workspace: Workspace, kite: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The first case cannot be moved: the second one leaves all the same, and the log names the first."""
    for seller in ("a", "b"):
        cases_made.hand_in(workspace, f"L-{seller}", seller=seller)
        decide(workspace, held(workspace, seller))
    first, second = sorted(cases_made.cases_of(workspace), key=lambda case: case.id)
    real = settling._take_effect

    def fail(session: object, case: Case, *words: object) -> None:
        if case.id == first.id:
            raise RuntimeError("broken")
        real(session, case, *words)  # type: ignore[arg-type]

    monkeypatch.setattr(settling, "_take_effect", fail)
    assert settle(workspace.database, at(10)) == 1
    states = {case.id: case.state for case in cases_made.cases_of(workspace)}
    assert states == {first.id: "decided", second.id: "effective"}
    assert first.id in caplog.text
    monkeypatch.undo()
    assert settle(workspace.database, at(12)) == 1


def test_a_decision_can_be_sent_again(workspace: Workspace, kite: str) -> None:
    """A client whose answer was lost repeats the decision, and gets the first one: nothing is decided twice."""
    listing = cases_made.hand_in(workspace)
    other = cases_made.hand_in(workspace, "L-2")
    case = held(workspace)
    first = decide(workspace, case, leave_out=[other.id])
    assert first.startswith("dec_")
    assert decide(workspace, case, leave_out=[other.id], now=at(5)) == first
    assert decide(workspace, case, leave_out=[listing.id]) == "case.decided"
    assert decide(workspace, case) == "case.decided"
    assert decide(workspace, case, WRONG, leave_out=[other.id]) == "case.decided"
    assert decide(workspace, case, leave_out=[other.id], holder="ack_2") == "case.decided"
    settle(workspace.database, at(10))
    assert decide(workspace, case, leave_out=[other.id], now=at(30)) == first
    assert [event.kind for event in cases_made.events_of(workspace, case)].count("decided") == 1


def test_a_decided_case_waits_for_nothing(workspace: Workspace, kite: str) -> None:
    """A case is decided before the answer to its question comes. In effect, it says no day until which it waits."""
    cases_made.hand_in(workspace)
    case = held(workspace)
    with workspace.database.writing() as session:
        words = {"organisation_id": case.organisation_id, "holder": "ack_1"}
        questions.ask(session, case.id, of="owner", text="Yours?", **words, now=at())
    decide(workspace, held(workspace))
    settle(workspace.database, at(10))
    (again,) = cases_made.cases_of(workspace)
    assert (again.state, again.waits_until) == ("effective", None)


def test_an_undone_decision_is_not_sent_again(workspace: Workspace, kite: str) -> None:
    """After an undo the same decision is a new one."""
    cases_made.hand_in(workspace)
    case = held(workspace)
    first = decide(workspace, case)
    assert undo(workspace, case, at(5)) == "ok"
    assert decide(workspace, case, now=at(6)) not in {first, "case.decided"}
