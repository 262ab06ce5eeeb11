"""Flow: a brand takes a notice back. Cases that nobody else supports end, and others go on."""

import cases_made
import make
import notices_made as made
import pytest
from sqlalchemy import select

from authcheck.audit.log import audit
from authcheck.cases import decisions, leases, withdrawal
from authcheck.cases.notice_tables import Notice
from authcheck.cases.rulings import Ruling
from authcheck.cases.settling import settle
from authcheck.errors import AuthcheckError
from authcheck.ledger.publishing import ledger_signer
from authcheck.ledger.tables import Entry
from authcheck.listings import holds
from authcheck.registry.tables import Design
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql
RULING = Ruling(code="counterfeit", reason="goods.admitted", restriction="remove")


@pytest.fixture
def kite(workspace: Workspace) -> str:
    """Return acme's design of seed 1."""
    return make.register(workspace, seed=1).design.id


def unsuspected(work: Workspace, reference: str = "L-1") -> str:
    """Hand a listing in whose picture shows nothing, and return its id."""
    return str(cases_made.hand_in(work, reference, seed=9, url=f"https://b.example/{reference}").id)


def withdraw(work: Workspace, notice: Notice, later_h: float = 2) -> Notice | str:
    """Take a notice back. Return it, or the code of the error."""
    try:
        with work.database.writing() as session:
            words = {"organisation_id": notice.organisation_id, "now": made.at(later_h)}
            return withdrawal.withdraw(session, notice.id, **words)
    except AuthcheckError as error:
        return error.code


def test_a_case_that_nobody_supports_ends(workspace: Workspace, kite: str) -> None:
    """Its evidence is released, the ledger and the audit follow, and the reader is told. A new notice is a new case."""
    listing = unsuspected(workspace)
    notice = made.file(workspace, kite, listing)
    (case,) = cases_made.cases_of(workspace)
    who = {"organisation_id": case.organisation_id, "holder": "ack_1"}
    with workspace.database.writing() as session:
        leases.take(session, case.id, **who, now=made.at(1.5))
    answer = withdraw(workspace, notice)
    assert not isinstance(answer, str)
    assert made.told(answer) == [("withdrawn", "notice.withdrawn")]
    (ended,) = cases_made.cases_of(workspace)
    assert (ended.state, ended.open_key, ended.lease_holder) == ("withdrawn", None, None)
    kinds = [event.kind for event in cases_made.events_of(workspace, case)]
    assert kinds == ["opened", "reported", "notice_withdrawn", "withdrawn"]
    holds.sweep(workspace.database, workspace.copies, made.at(3))
    with workspace.database.writing() as session:
        assert holds.open_holds(session, case.id) == []
        (entry,) = session.scalars(select(Entry).where(Entry.type == "case.withdraw"))
        assert ended.head.encode() in entry.body
        with pytest.raises(AuthcheckError) as refused:
            decisions.decide(session, case.id, RULING, **who, now=made.at(2))
        assert refused.value.code == "case.withdrawn"
    key = ledger_signer(workspace.settings, workspace.settings.ledger_origin).verifier.public_key
    with workspace.database.snapshot() as session:
        assert [str(found) for found in audit(session, key) if found.what.startswith("cases")] == []
    assert withdraw(workspace, notice) == "notice.not_open"
    assert made.told(made.file(workspace, kite, listing, later_h=4))[0][0] == "reported"
    assert [row.state for row in cases_made.cases_of(workspace)] == ["withdrawn", "open"]


@pytest.mark.parametrize("support", ["verdict", "second notice"])
def test_a_case_that_others_support_goes_on(workspace: Workspace, kite: str, support: str) -> None:
    """The check's suspicion and another report stay. The brand's row is withdrawn all the same."""
    listing = cases_made.hand_in(workspace).id if support == "verdict" else unsuspected(workspace)
    notice = made.file(workspace, kite, listing)
    if support == "second notice":
        made.file(workspace, kite, listing, later_h=1.5)
    answer = withdraw(workspace, notice)
    assert not isinstance(answer, str)
    assert made.told(answer) == [("withdrawn", "notice.withdrawn")]
    (case,) = cases_made.cases_of(workspace)
    assert case.state == "open"
    assert cases_made.events_of(workspace, case)[-1].kind == "notice_withdrawn"


def test_what_is_decided_is_not_taken_back(workspace: Workspace, kite: str) -> None:
    """A decided row stays, an undecided one goes, and another brand's notice is not there."""
    first, second = unsuspected(workspace, "L-1"), unsuspected(workspace, "L-2")
    third = cases_made.hand_in(workspace, "L-3", seller="else", seed=9).id
    notice = made.file(workspace, kite, first, second, third)
    (case, _) = sorted(cases_made.cases_of(workspace), key=lambda row: row.seller != "kites")
    who = {"organisation_id": case.organisation_id, "holder": "ack_1", "now": made.at(1.5)}
    with workspace.database.writing() as session:
        leases.take(session, case.id, **who)
        decisions.decide(session, case.id, RULING, **who)
    settle(workspace.database, made.at(1.6))
    answer = withdraw(workspace, notice)
    assert not isinstance(answer, str)
    assert [stage for stage, _ in made.told(answer)] == ["decided", "decided", "withdrawn"]
    globex = made.reporter(workspace, "globex").organisation_id
    with workspace.database.writing() as session, pytest.raises(AuthcheckError) as refused:
        withdrawal.withdraw(session, notice.id, organisation_id=globex, now=made.at(2))
    assert refused.value.code == "notice.not_found"


def test_a_disputed_design_keeps_its_cases_out_of_the_queue(workspace: Workspace, kite: str) -> None:
    """Nobody gets such a case as the next one. It can be taken by its id, and comes back after the ruling."""
    cases_made.hand_in(workspace)
    (case,) = cases_made.cases_of(workspace)
    who = {"organisation_id": case.organisation_id, "now": made.at(1)}
    with workspace.database.writing() as session:
        session.get_one(Design, kite).state = "disputed"
        session.flush()
        assert leases.take_next(session, holder="ack_1", **who) is None
        leases.take(session, case.id, holder="ack_2", **who)
        leases.free(session, case.id, holder="ack_2", **who)
        session.get_one(Design, kite).state = "registered"
        session.flush()
        assert leases.take_next(session, holder="ack_1", **who) is not None
