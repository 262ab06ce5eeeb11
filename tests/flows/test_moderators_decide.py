"""Flow: a moderator decides a case, takes it back or lets it leave, and the ledger and the evidence follow."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import cases_made
import licences_made
import licensees_made
import make
import people_made
import pytest
import shops_made
from sqlalchemy import select, update

from authcheck.audit.log import audit
from authcheck.cases import decisions, leases, questions, timeline
from authcheck.cases.rulings import ACCUSING, REASONS, Code, Ruling, restrictions_of, suggest
from authcheck.cases.settling import settle
from authcheck.cases.tables import Case, CaseDecision, CaseEvent
from authcheck.errors import AuthcheckError, Rejected
from authcheck.ledger.publishing import ledger_signer
from authcheck.ledger.tables import Entry
from authcheck.listings import holds
from authcheck.members import organisations
from authcheck.registry.tables import Design
from authcheck.workspace import Workspace

UNLICENSED = Ruling(code="unlicensed_use", reason="listing.no_licence", restriction="remove", note=" copies ")
WRONG = Ruling(code="wrong_match", reason="match.common_motif", restriction="none")
HOUR = timedelta(hours=1)


@pytest.fixture
def kite(workspace: Workspace) -> str:
    """Return acme's design of seed 1."""
    return make.register(workspace, seed=1).design.id


def at(hours: float = 0.1, seconds: float = 0) -> datetime:
    """Return a time after the cases were opened."""
    return make.NOW + timedelta(hours=hours, seconds=seconds)


def held(work: Workspace, holder: str = "ack_1", hours: float = 0.1) -> Case:
    """Lease the next case."""
    with work.database.writing() as session:
        member = organisations.get_organisation(session, "bazaar")
        case = leases.take_next(session, organisation_id=member.id, holder=holder, now=at(hours))
    assert case is not None
    return case


def act(
    work: Workspace,
    what: Callable[..., Any],
    case: Case,
    *words: Any,
    holder: str = "ack_1",
    now: datetime | None = None,
    **named: Any,
) -> str:
    """Act on a case and return "ok" or the code of the error."""
    try:
        with work.database.writing() as session:
            what(
                session,
                case.id,
                *words,
                organisation_id=case.organisation_id,
                holder=holder,
                now=now or at(),
                **named,
            )
    except AuthcheckError as error:
        return error.code
    return "ok"


def only(work: Workspace) -> Case:
    """Return the only case."""
    (case,) = cases_made.cases_of(work)
    return case


def kinds(work: Workspace, case: Case) -> list[str]:
    """Return the kinds of the rows of a case's timeline, which is whole."""
    events = cases_made.events_of(work, case)
    with work.database.reading() as session:
        assert timeline.first_broken(session.get_one(Case, case.id), events) is None
    return [event.kind for event in events]


def entries(work: Workspace, kind: str) -> list[Entry]:
    """Return the entries of a type."""
    with work.database.reading() as session:
        return list(session.scalars(select(Entry).where(Entry.type == kind)))


def findings(work: Workspace) -> list[str]:
    """Return what the audit finds about cases."""
    public_key = ledger_signer(work.settings, work.settings.ledger_origin).verifier.public_key
    with work.database.snapshot() as session:
        return [found.problem for found in audit(session, public_key) if found.what.startswith("cases")]


@pytest.mark.postgresql
def test_a_decision_leaves_after_ten_seconds(workspace: Workspace, kite: str) -> None:
    """Until then nobody outside knows. Then the ledger has its hash, and the evidence waits for complaints."""
    cases_made.hand_in(workspace)
    case = held(workspace)
    assert act(workspace, decisions.decide, case, UNLICENSED) == "ok"
    assert settle(workspace.database, at(seconds=9.9)) == 0
    assert (only(workspace).state, entries(workspace, "case.decide")) == ("decided", [])
    assert settle(workspace.database, at(seconds=10)) == 1
    assert settle(workspace.database, at(seconds=11)) == 0
    decided = only(workspace)
    assert (decided.state, decided.open_key, decided.lease_holder) == ("effective", None, None)
    assert kinds(workspace, case) == ["opened", "decided", "effective"]
    (entry,) = entries(workspace, "case.decide")
    assert (entry.subject, decided.head.encode() in entry.body) == (case.id, True)
    assert b"no_licence" not in entry.body
    with workspace.database.reading() as session:
        (hold,) = holds.open_holds(session, case.id)
        decision = session.scalars(select(CaseDecision)).one()
    assert findings(workspace) == []
    assert hold.until == decided.closes_at == at(seconds=10) + timedelta(days=184)
    assert (decision.note, decision.holder, decision.effective_at) == ("copies", "ack_1", at(seconds=10))


@pytest.mark.postgresql
def test_the_evidence_goes_when_nobody_can_complain_any_more(workspace: Workspace, kite: str) -> None:
    """The case is closed at the end of the time for complaints, and the sweep releases what it held."""
    cases_made.hand_in(workspace)
    case = held(workspace)
    act(workspace, decisions.decide, case, UNLICENSED)
    settle(workspace.database, at(seconds=10))
    after = at(seconds=10) + timedelta(days=184)
    assert settle(workspace.database, after) == 1
    holds.sweep(workspace.database, workspace.copies, after)
    assert only(workspace).state == "closed"
    assert kinds(workspace, case)[-1] == "closed"
    with workspace.database.reading() as session:
        assert holds.open_holds(session, case.id) == []


@pytest.mark.postgresql
def test_an_undone_decision_never_was(workspace: Workspace, kite: str) -> None:
    """The reader holds the case again, nothing reached the ledger, and the timeline says both."""
    cases_made.hand_in(workspace)
    case = held(workspace)
    assert act(workspace, decisions.undo, case) == "decision.none"
    act(workspace, decisions.decide, case, UNLICENSED)
    assert act(workspace, decisions.undo, case, holder="ack_2") == "decision.not_yours"
    assert act(workspace, decisions.undo, case, now=at(seconds=9)) == "ok"
    again = only(workspace)
    assert (again.state, again.lease_holder, again.items[0].included) == ("open", "ack_1", None)
    assert act(workspace, decisions.undo, case, now=at(seconds=9)) == "decision.none"
    assert settle(workspace.database, at(seconds=60)) == 0
    assert kinds(workspace, case) == ["opened", "decided", "undone"]
    assert entries(workspace, "case.decide") == []
    assert act(workspace, decisions.decide, case, WRONG, now=at(seconds=60)) == "ok"


@pytest.mark.parametrize("is_settled", [False, True])
def test_what_has_left_is_not_undone(workspace: Workspace, kite: str, *, is_settled: bool) -> None:
    """After ten seconds there is no undo, whether or not the service has noticed yet."""
    cases_made.hand_in(workspace)
    case = held(workspace)
    act(workspace, decisions.decide, case, UNLICENSED)
    if is_settled:
        settle(workspace.database, at(seconds=10))
    assert act(workspace, decisions.undo, case, now=at(seconds=10)) == "decision.left"


def test_a_decision_needs_a_lease_that_lasts(workspace: Workspace, kite: str) -> None:
    """Without a lease, with another's or with one that has run out, nothing is decided."""
    cases_made.hand_in(workspace)
    case = only(workspace)
    assert act(workspace, decisions.decide, case, UNLICENSED) == "case.lease"
    held(workspace)
    assert act(workspace, decisions.decide, case, UNLICENSED, holder="ack_2") == "case.lease"
    assert act(workspace, decisions.decide, case, UNLICENSED, now=at() + leases.LASTS) == "case.lease"
    assert kinds(workspace, case) == ["opened"]


@pytest.mark.postgresql
def test_of_two_decisions_at_once_one_wins(workspace: Workspace, kite: str) -> None:
    """The other is told who decided, and what."""
    person = people_made.person(
        workspace.database, "mo@bazaar.example", owner="bazaar", kinds=("marketplace",), roles=("moderator",)
    )
    cases_made.hand_in(workspace)
    case = held(workspace, person.id)

    def decide(ruling: Ruling) -> str:
        try:
            with workspace.database.writing() as session:
                decisions.decide(
                    session,
                    case.id,
                    ruling,
                    organisation_id=case.organisation_id,
                    holder=person.id,
                    now=at(),
                )
        except AuthcheckError as error:
            return f"{error.code} by {error.params['by']}"
        return "ok"

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(decide, [UNLICENSED, WRONG]))
    assert answers == [f"case.decided by {person.name}", "ok"]
    assert kinds(workspace, case) == ["opened", "decided"]


@pytest.mark.parametrize(
    ("ruling", "code"),
    [
        ({"code": "guilty"}, "decision.code"),
        ({"reason": "licence.territory"}, "decision.reason"),
        ({"restriction": "arrest"}, "decision.restriction"),
        ({"code": "wrong_match", "reason": "match.backdrop"}, "decision.restriction"),
        ({"code": "licence_breach", "reason": "licence.over_cap"}, "decision.restriction"),
        ({"note": "x" * 2001}, "decision.note"),
        ({"note": "a\x00b"}, "decision.note"),
    ],
)
def test_a_ruling_is_whole(workspace: Workspace, kite: str, ruling: dict[str, str], code: str) -> None:
    """Each decision has reasons and requests of its own. Nobody is accused for a contract between others."""
    usual = {"code": "unlicensed_use", "reason": "listing.no_licence", "restriction": "remove"}
    with pytest.raises(Rejected) as refused:
        Ruling(**{**usual, **ruling}).checked()
    assert refused.value.code == code


def test_a_note_has_lines_and_any_language(workspace: Workspace, kite: str) -> None:
    """A note is kept as it was written, without the white space around it."""
    ruling = Ruling(code="cannot_tell", reason="unclear.right", restriction="none", note=" 看\n\tWho? \n")
    assert ruling.checked().note == "看\n\tWho?"


def test_the_documented_decisions_are_those_of_the_code() -> None:
    """docs/decisions.md has a row for each decision, in the order of the keys, with its reasons."""
    text = (Path(__file__).parents[2] / "docs" / "decisions.md").read_text()
    rows = [line.split("|")[1:-1] for line in text.splitlines() if re.match(r"\| [1-7] ", line)]
    documented = {Code(row[1].strip(" `")): tuple(re.findall(r"`([a-z_.]+)`", row[3])) for row in rows}
    assert documented == REASONS


def test_every_decision_has_reasons_and_a_usual_one() -> None:
    """A reason that a listing's verdict gave comes before the first of the list."""
    assert set(REASONS) == set(Code)
    for code in Code:
        assert len(restrictions_of(code, REASONS[code][0])) == (4 if code in ACCUSING else 1)
    assert suggest(Code.LICENCE_BREACH, ["image.exact_copy", "licence.goods"]) == "licence.goods"
    assert suggest(Code.COUNTERFEIT, ["licence.goods"]) == "goods.false_mark"


@pytest.mark.parametrize("state", ["disputed", "retired"])
def test_a_weak_design_accuses_nobody(workspace: Workspace, kite: str, state: str) -> None:
    """A design that is disputed or retired underneath the queue leaves the decisions that accuse nobody."""
    cases_made.hand_in(workspace)
    case = held(workspace)
    with workspace.database.writing() as session:
        session.get_one(Design, kite).state = state
    assert act(workspace, decisions.decide, case, UNLICENSED) == "case.design"
    assert act(workspace, decisions.decide, case, WRONG) == "ok"


@pytest.mark.parametrize("side", ["acme", "kites"])
def test_nobody_decides_about_the_own_side(workspace: Workspace, kite: str, side: str) -> None:
    """A moderator who joins the brand or the seller after the lease is refused, and so is one who said it."""
    person = people_made.person(
        workspace.database, "mo@bazaar.example", owner="bazaar", kinds=("marketplace",), roles=("moderator",)
    )
    cases_made.hand_in(workspace)
    case = held(workspace, person.id)
    if side == "acme":
        people_made.person(workspace.database, "mo@bazaar.example", owner="acme")
    else:
        said = {"holder": person.id, "reason": "conflict_of_interest"}
        assert act(workspace, leases.skip, case, **said) == "ok"
        assert act(workspace, leases.take, case, holder=person.id) == "case.interest"
    assert act(workspace, leases.take, case, holder=person.id) == "case.interest"
    wanted = "case.interest" if side == "acme" else "case.lease"
    assert act(workspace, decisions.decide, case, WRONG, holder=person.id) == wanted


@pytest.mark.postgresql
def test_listings_that_are_left_out_are_a_case_again(workspace: Workspace, kite: str) -> None:
    """The evidence about them moves with them. What joined after the decision is among them."""
    one, two = cases_made.hand_in(workspace, "L-1"), cases_made.hand_in(workspace, "L-2", later_h=0.01)
    case = held(workspace)
    assert act(workspace, decisions.decide, case, UNLICENSED, leave_out=[one.id, two.id]) == "case.items"
    assert act(workspace, decisions.decide, case, UNLICENSED, leave_out=["lst_1"]) == "case.items"
    assert act(workspace, decisions.decide, case, UNLICENSED, leave_out=[two.id]) == "ok"
    cases_made.hand_in(workspace, "L-3", later_h=0.1)
    settle(workspace.database, at(seconds=10))
    old, new = cases_made.cases_of(workspace)
    assert (old.id, old.state, new.state) == (case.id, "effective", "open")
    assert [(item.listing.reference, item.included) for item in old.items] == [
        ("L-1", True),
        ("L-2", False),
        ("L-3", None),
    ]
    assert sorted(item.listing.reference for item in new.items) == ["L-2", "L-3"]
    assert kinds(workspace, new)[-1] == "split"
    with workspace.database.reading() as session:
        assert [hold.listing_id for hold in holds.open_holds(session, old.id)] == [one.id]
        assert [hold.until for hold in holds.open_holds(session, new.id)] == [None, None]


def test_the_same_evidence_opens_no_second_case(workspace: Workspace, kite: str) -> None:
    """A listing that comes every night stays decided, also when the decision is reversed. A new one does not."""
    cases_made.hand_in(workspace)
    case = held(workspace)
    act(workspace, decisions.decide, case, UNLICENSED)
    settle(workspace.database, at(seconds=10))
    cases_made.hand_in(workspace, later_h=24)
    assert act(workspace, decisions.reverse, case, note="The seller is the author.", now=at(25)) == "ok"
    cases_made.hand_in(workspace, later_h=48)
    assert only(workspace).state == "reversed"
    cases_made.hand_in(workspace, "L-2", later_h=48)
    cases_made.hand_in(workspace, later_h=49, certificate_code="0000000000000")
    states = [(row.state, len(row.items)) for row in cases_made.cases_of(workspace)]
    assert states == [("reversed", 1), ("open", 2)]


@pytest.mark.postgresql
def test_a_reversal_is_recorded(workspace: Workspace, kite: str) -> None:
    """Only what is in effect is reversed, with a note. Whoever changes a row afterwards is found."""
    cases_made.hand_in(workspace)
    case = held(workspace)
    act(workspace, decisions.decide, case, UNLICENSED)
    assert act(workspace, decisions.reverse, case, note="No.") == "decision.not_effective"
    settle(workspace.database, at(seconds=10))
    assert act(workspace, decisions.reverse, case, note="") == "case.note"
    assert act(workspace, decisions.reverse, case, note="No.", now=at(1)) == "ok"
    assert act(workspace, decisions.reverse, case, note="No.", now=at(1)) == "decision.not_effective"
    assert kinds(workspace, case)[-1] == "reversed"
    (entry,) = entries(workspace, "case.reverse")
    assert only(workspace).head.encode() in entry.body
    assert findings(workspace) == []
    with workspace.database.writing() as session:
        session.execute(update(CaseEvent).where(CaseEvent.kind == "effective").values(kind="seen"))
    assert ["decisions" in problem for problem in findings(workspace)] == [True]


def test_a_question_stops_the_clock_once(workspace: Workspace, kite: str) -> None:
    """The case waits for a week at most, goes on with or without an answer, and has its time for it."""
    cases_made.hand_in(workspace)
    case = held(workspace)
    due_at = case.due_at
    question = {"of": "owner", "text": "Is this yours?"}
    assert act(workspace, questions.ask, case, of="police", text="?") == "case.asked_whom"
    assert act(workspace, questions.ask, case, of="owner", text=" ") == "case.question"
    assert act(workspace, questions.resume, case, answer="Yes.") == "case.not_waiting"
    assert act(workspace, questions.ask, case, **question) == "ok"
    waiting = only(workspace)
    assert (waiting.state, waiting.lease_holder, waiting.waits_until) == (
        "waiting",
        None,
        at() + timedelta(days=7),
    )
    assert act(workspace, leases.take, case, now=at(24.1)) == "ok"
    assert act(workspace, questions.resume, case, answer="Yes, ours.", now=at(24.1)) == "ok"
    again = only(workspace)
    assert (again.state, again.due_at) == ("open", due_at + timedelta(hours=24))
    assert act(workspace, questions.ask, case, now=at(24.1), **question) == "case.asked"
    assert kinds(workspace, case) == ["opened", "asked", "answered"]


def test_a_question_without_an_answer_comes_back(workspace: Workspace, kite: str) -> None:
    """After a week the case is in the queue again, with a week more."""
    cases_made.hand_in(workspace)
    case = held(workspace)
    due_at = case.due_at
    act(workspace, questions.ask, case, of="seller", text="Where do you buy?")
    assert settle(workspace.database, at(7 * 24)) == 0
    assert settle(workspace.database, at(7 * 24 + 0.1)) == 1
    assert (only(workspace).state, only(workspace).due_at) == ("open", due_at + timedelta(days=7))
    assert kinds(workspace, case)[-1] == "unanswered"
    assert held(workspace, hours=7 * 24 + 1).id == case.id


def test_a_lead_takes_what_was_escalated(workspace: Workspace, kite: str) -> None:
    """Nobody gets the case as the next one. It is taken by its id and decided."""
    cases_made.hand_in(workspace)
    case = held(workspace)
    assert act(workspace, leases.escalate, case, note="") == "case.note"
    assert act(workspace, leases.escalate, case, note="A famous artist.") == "ok"
    with workspace.database.writing() as session:
        words = {"organisation_id": case.organisation_id, "holder": "ack_9", "now": at()}
        assert leases.take_next(session, **words) is None
    assert act(workspace, leases.take, case, holder="ack_9") == "ok"
    assert act(workspace, leases.take, case, holder="ack_1") == "case.lease"
    assert act(workspace, decisions.decide, case, WRONG, holder="ack_9") == "ok"
    assert act(workspace, decisions.undo, case, holder="ack_9") == "ok"
    assert only(workspace).state == "escalated"


def test_a_moderator_decides_at_the_command_line(cli: Any, workspace: Workspace, kite: str) -> None:
    """The reason that the verdict gave is chosen, a note is kept, and the decision is undone."""
    people_made.person(
        workspace.database, "mo@bazaar.example", owner="bazaar", kinds=("marketplace",), roles=("moderator",)
    )
    people_made.person(
        workspace.database, "an@bazaar.example", owner="bazaar", kinds=("marketplace",), roles=("analyst",)
    )
    cases_made.hand_in(workspace)
    case = only(workspace)
    who = ("--org", "bazaar", "--as", "mo@bazaar.example")
    refused = cli("cases", "next", "--org", "bazaar", "--as", "an@bazaar.example")
    assert (refused.code, "auth.role" in refused.err) == (2, True)
    assert case.id in cli("cases", "next", *who).out
    made = cli("cases", "decide", case.id, *who, "--decision", "unlicensed_use", "--restriction", "hide")
    assert (made.code, "listing.no_licence" in made.out) == (0, True)
    assert "authcheck cases undo" in made.err
    shown = cli("cases", "show", case.id).out
    assert re.search(r"decided by .+: code unlicensed_use", shown)
    assert "undo until" in shown
    assert cli("cases", "next", *who).code == 1
    assert "1 case is open again." in cli("cases", "undo", case.id, *who).err
    assert only(workspace).state == "open"


def test_a_licence_is_revoked_underneath(workspace: Workspace, kite: str) -> None:
    """The case waits as it was, and the same listing of the next night says that the licence is revoked."""
    grant = licences_made.licence(workspace, designs=(kite,), territories=("FR",))
    with workspace.database.writing() as session:
        maker = organisations.get_organisation(session, "maker")
        url = "https://bigmarket/kites"
        shops_made.add(session, maker, marketplace="bigmarket", shop_id="kites", url=url, now=make.NOW)
    assert cases_made.hand_in(workspace).verdict == "licence_breach"
    case = held(workspace)
    licensees_made.revoke(workspace, "acme", grant.id, at(-0.5))
    assert act(workspace, decisions.decide, case, WRONG) == "ok"
    assert act(workspace, decisions.undo, case) == "ok"
    again = cases_made.hand_in(workspace, later_h=0.1)
    assert "licence.revoked" in {reason["code"] for reason in again.reasons}
    ruling = Ruling(code="licence_breach", reason="licence.revoked", restriction="hide")
    assert act(workspace, decisions.decide, case, ruling) == "ok"
    assert settle(workspace.database, at(seconds=10)) == 1
    assert only(workspace).state == "effective"
    assert findings(workspace) == []
