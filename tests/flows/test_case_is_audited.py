"""Flow: somebody writes to the tables of cases, past the service. The audit finds it."""

from datetime import datetime, timedelta
from typing import Any

import cases_made
import make
import pytest
from sqlalchemy import delete, update

from authcheck.audit.log import audit
from authcheck.cases import decisions, leases, questions
from authcheck.cases.rulings import Ruling
from authcheck.cases.settling import settle
from authcheck.cases.tables import Case, CaseDecision, CaseItem
from authcheck.ledger.publishing import ledger_signer
from authcheck.workspace import Workspace

UNLICENSED = Ruling(code="unlicensed_use", reason="listing.no_licence", restriction="remove", note="a copy")


def at(seconds: float) -> datetime:
    """Return a time after the cases were opened."""
    return make.NOW + timedelta(hours=2, seconds=seconds)


def findings(work: Workspace) -> list[str]:
    """Return what the audit finds about cases."""
    public_key = ledger_signer(work.settings, work.settings.ledger_origin).verifier.public_key
    with work.database.snapshot() as session:
        return [found.problem for found in audit(session, public_key) if found.what.startswith("cases")]


@pytest.fixture
def case(workspace: Workspace) -> Case:
    """Return a case with two listings after all that can happen to one: it is escalated, reversed at last."""
    make.register(workspace, seed=1)
    cases_made.hand_in(workspace)
    other = cases_made.hand_in(workspace, "L-2").id
    (case,) = cases_made.cases_of(workspace)
    clock = iter(range(100))

    def act(what: Any, *words: Any, **named: Any) -> None:
        with workspace.database.writing() as session:
            who = {"organisation_id": case.organisation_id, "holder": "ack_1"}
            what(session, case.id, *words, **who, **named, now=at(next(clock)))

    act(leases.take)
    act(leases.escalate, note="a lead should see this")
    act(leases.take)
    act(questions.ask, of="owner", text="Is this yours?")
    act(leases.take)
    act(questions.resume, answer="No.")
    assert cases_made.cases_of(workspace)[0].state == "escalated"
    act(decisions.decide, UNLICENSED)
    act(decisions.undo)
    act(decisions.decide, UNLICENSED, leave_out=[other])
    settle(workspace.database, at(60))
    act(decisions.reverse, note="the seller has a licence")
    return case


def test_the_whole_life_of_a_case_is_consistent(workspace: Workspace, case: Case) -> None:
    """Rows that the service wrote agree, and each listing of the case is in its timeline."""
    assert findings(workspace) == []
    events = cases_made.events_of(workspace, case)
    joined = {event.details["listing"] for event in events if event.kind in {"opened", "joined"}}
    assert joined == {item.listing_id for item in case.items}
    assert {event.details["by"] for event in events if event.kind in {"decided", "asked"}} == {"ack_1"}


@pytest.mark.parametrize(
    ("attack", "problem"),
    [
        (update(CaseDecision).values(code="not_infringing"), "rulings"),
        (update(CaseDecision).values(note="another note"), "rulings"),
        (update(CaseDecision).values(restriction="none"), "rulings"),
        (update(CaseDecision).values(holder="ack_2"), "rulings"),
        (update(CaseDecision).values(undone_at=None), "rulings"),
        (update(CaseDecision).values(reversed_at=None), "rulings"),
        (delete(CaseDecision), "rulings"),
        (update(CaseItem).values(included=True), "listings decided about"),
        (update(Case).values(state="effective"), "state"),
    ],
)
def test_a_changed_decision_is_noticed(workspace: Workspace, case: Case, attack: Any, problem: str) -> None:
    """The tables of decisions are not in the chain, but what they say is."""
    with workspace.database.writing() as session:
        session.execute(attack if problem == "listings decided about" else attack.where(_of(attack, case)))
    assert f"differs from its entries: {problem}" in findings(workspace)


def _of(attack: Any, case: Case) -> Any:
    return Case.id == case.id if attack.table.name == "cases" else CaseDecision.case_id == case.id
