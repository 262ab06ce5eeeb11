"""Flow: a marketplace's suspect listings open cases, which are joined, chained and written into the ledger."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import cases_made
import make
import pytest
import shops_made
from sqlalchemy import delete, select, update

from authcheck.audit.log import audit
from authcheck.cases import leases, timeline
from authcheck.cases import listing as case_list
from authcheck.cases.notice_tables import Hit
from authcheck.cases.opening import open_for
from authcheck.cases.tables import Case, CaseEvent, CaseItem
from authcheck.errors import NotFound
from authcheck.ledger.publishing import ledger_signer
from authcheck.ledger.tables import Entry
from authcheck.listings import holds
from authcheck.members import organisations
from authcheck.registry.tables import Design
from authcheck.terminal.output import console
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql


@pytest.fixture
def kite(workspace: Workspace) -> str:
    """Return acme's design of seed 1."""
    return make.register(workspace, seed=1).design.id


def test_a_suspect_listing_opens_a_case(workspace: Workspace, kite: str) -> None:
    """The case names seller, design and picture, is due in time, and the ledger holds its opening without a name."""
    listing = cases_made.hand_in(workspace)
    (case,) = cases_made.cases_of(workspace)
    assert (case.seller, case.design_id, case.verdict, case.severity) == (
        "kites",
        kite,
        "unlicensed_use",
        "medium",
    )
    assert case.due_at - case.opened_at == timedelta(hours=72)
    assert [item.listing_id for item in case.items] == [listing.id]
    (event,) = cases_made.events_of(workspace, case)
    with workspace.database.reading() as session:
        entry = session.scalars(select(Entry).where(Entry.type == "case.open")).one()
    assert (entry.subject, event.hash.encode() in entry.body) == (case.id, True)
    assert b"kites" not in entry.body


def test_a_case_keeps_what_it_was_opened_with(workspace: Workspace, kite: str) -> None:
    """The listing may be handed in anew and its picture be swept: the case still has both."""
    cases_made.hand_in(workspace, title="Kite, handmade")
    cases_made.hand_in(workspace, title="Nothing to see", seed=9, later_h=1)
    later = make.NOW + timedelta(days=60)
    workspace.copies.sweep(later)
    (case,) = cases_made.cases_of(workspace)
    with workspace.database.reading() as session:
        (held,) = holds.open_holds(session, case.id)
        assert holds.held_listing(held).title == "Kite, handmade"
        (picture,) = held.pictures
        assert picture.has_copy
        check = picture.check
    assert workspace.copies.get(check.picture_sha256, check.asked_at, later) is not None


def test_cases_are_joined_and_not_doubled(workspace: Workspace, kite: str) -> None:
    """Listings of one seller with one picture share a case. Another seller, design or marketplace does not."""
    make.register(workspace, "REF-2", seed=2)
    cases_made.hand_in(workspace, "L-1")
    cases_made.hand_in(workspace, "L-2", later_h=1)
    cases_made.hand_in(workspace, "L-2", later_h=2)
    cases_made.hand_in(workspace, "L-3", seller="other")
    cases_made.hand_in(workspace, "L-4", seed=2)
    cases_made.hand_in(workspace, "L-1", by="souk")
    cases = cases_made.cases_of(workspace)
    found = sorted((case.seller, len(case.items)) for case in cases)
    assert found == [("kites", 1), ("kites", 1), ("kites", 2), ("other", 1)]
    (joined,) = [case for case in cases if len(case.items) == 2]
    assert [event.kind for event in cases_made.events_of(workspace, joined)] == ["opened", "joined"]
    assert len({case.cluster_id for case in cases}) == 2


def test_a_licensed_listing_is_no_case(workspace: Workspace, kite: str) -> None:
    """Neither the owner's shop nor a picture of nothing opens a case, and a brand's own check does not either."""
    with workspace.database.writing() as session:
        acme = organisations.get_organisation(session, "acme")
        shops_made.add(
            session, acme, marketplace="bigmarket", shop_id="own", url="https://bigmarket/own", now=make.NOW
        )
    cases_made.market(workspace, "globex", "brand")
    assert cases_made.hand_in(workspace, "L-1", seller="own").verdict == "licensed"
    assert cases_made.hand_in(workspace, "L-2", seed=9).verdict == "none"
    assert cases_made.hand_in(workspace, "L-3", by="globex").verdict == "unlicensed_use"
    assert cases_made.cases_of(workspace) == []


@pytest.mark.parametrize("fault", ["no organisation", "no picture", "disputed"])
def test_what_is_no_case(workspace: Workspace, kite: str, fault: str) -> None:
    """A suspicion without a marketplace, without a picture of the design, or about a disputed design is none."""
    listing = cases_made.hand_in(workspace, by="globex-market")
    (opened,) = cases_made.cases_of(workspace)
    check = listing.pictures[0].check
    with workspace.database.writing() as session:
        session.execute(delete(Hit))
        session.execute(delete(CaseItem))
        session.execute(delete(CaseEvent))
        session.execute(delete(Case))
        if fault == "disputed":
            session.get_one(Design, kite).state = "disputed"
        if fault == "no organisation":
            listing.organisation_id = None
        assert (
            open_for(workspace, session, listing, [] if fault == "no picture" else [check], make.NOW) is None
        )
    assert opened.design_id == kite
    assert cases_made.cases_of(workspace) == []


def test_a_listing_that_is_judged_again_is_noted(workspace: Workspace, kite: str) -> None:
    """The case keeps its listing, and its timeline says that the verdict is another one now."""
    cases_made.hand_in(workspace)
    cases_made.hand_in(workspace, seed=9, later_h=1)
    (case,) = cases_made.cases_of(workspace)
    assert [item.verdict for item in case.items] == ["none"]
    assert [event.kind for event in cases_made.events_of(workspace, case)] == ["opened", "judged_again"]
    cases_made.hand_in(workspace, seed=9, later_h=2)
    assert len(cases_made.events_of(workspace, case)) == 2


def test_a_worse_verdict_is_due_earlier(workspace: Workspace, kite: str) -> None:
    """A false certificate beside the same picture makes the case urgent."""
    cases_made.hand_in(workspace)
    cases_made.hand_in(workspace, "L-2", later_h=1, certificate_code="0000000000000")
    (case,) = cases_made.cases_of(workspace)
    assert case.severity == "high"
    assert case.due_at == make.NOW + timedelta(hours=25)


def test_two_rows_at_once_open_one_case(workspace: Workspace, kite: str) -> None:
    """Two listings of one seller that are stored at the same moment share a case."""
    cases_made.market(workspace)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda number: cases_made.hand_in(workspace, f"L-{number}"), range(4)))
    (case,) = cases_made.cases_of(workspace)
    assert len(case.items) == 4
    assert timeline.first_broken(case, cases_made.events_of(workspace, case)) is None


@pytest.mark.parametrize("attack", ["details", "deleted", "added", "head"])
def test_a_changed_timeline_is_noticed(workspace: Workspace, kite: str, attack: str) -> None:
    """A row that is changed, deleted or added in the database breaks the chain, and the audit names the case."""
    cases_made.hand_in(workspace)
    cases_made.hand_in(workspace, "L-2", later_h=1)
    (case,) = cases_made.cases_of(workspace)
    with workspace.database.writing() as session:
        rows = update(CaseEvent).where(CaseEvent.case_id == case.id, CaseEvent.number == 0)
        if attack == "details":
            session.execute(rows.values(details={"verdict": "none"}))
        elif attack == "head":
            session.execute(update(Case).values(head="0" * 64))
        elif attack == "deleted":
            session.delete(session.get_one(CaseEvent, (case.id, 1)))
        else:
            session.add(
                CaseEvent(case_id=case.id, number=2, at=make.NOW, kind="x", details={}, hash="0" * 64)
            )
    with workspace.database.reading() as session:
        changed = case_list.get_case(session, case.id, organisation_id=None)
    assert timeline.first_broken(changed, cases_made.events_of(workspace, case)) is not None
    public_key = ledger_signer(workspace.settings, workspace.settings.ledger_origin).verifier.public_key
    with workspace.database.snapshot() as session:
        findings = [finding.what for finding in audit(session, public_key)]
    assert f"cases {case.id}" in findings


def test_a_case_of_another_marketplace_is_not_there(workspace: Workspace, kite: str) -> None:
    """Foreign and unknown cases get the same answer."""
    cases_made.hand_in(workspace)
    (case,) = cases_made.cases_of(workspace)
    souk = cases_made.market(workspace, "souk")
    with workspace.database.reading() as session:
        for case_id in (case.id, "cas_" + "0" * 26, "", "\0"):
            with pytest.raises(NotFound) as caught:
                case_list.get_case(session, case_id, organisation_id=souk)
            assert caught.value.code == "case.not_found"


def test_cases_at_the_command_line(
    workspace: Workspace, kite: str, cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list fits 80 columns, and says state and reader. A broken timeline ends with 1."""
    cases_made.hand_in(workspace)
    (case,) = cases_made.cases_of(workspace)
    listed = cli("cases", "list", "--org", "bazaar")
    assert (listed.out.count("\n"), "1 case: 1 open." in listed.err) == (1, True)
    assert f"{case.id}  open " in listed.out
    assert "held by" not in listed.out
    with workspace.database.writing() as session:
        words = {"organisation_id": case.organisation_id, "holder": "ack_1"}
        leases.take(session, case.id, **words, now=datetime.now(UTC))
    monkeypatch.setattr(console, "PIPE_WIDTH", 80)
    lines = cli("cases", "list").out.splitlines()
    assert (len(lines), lines[1].endswith("held by ack_1")) == (2, True)
    assert max(map(len, lines)) <= 80
    assert cli("cases", "list", "--state", "escalated", "--json").out == ""
    shown = cli("cases", "show", case.id)
    assert case.items[0].listing_id in shown.out  # for --leave-out
    (facts,) = cli("cases", "show", case.id, "--json").objects
    assert (facts["held_by"], "decision" in facts) == ("ack_1", False)
    assert (shown.code, "opened" in shown.out, "L-1" in shown.out) == (0, True, True)
    with workspace.database.writing() as session:
        session.execute(update(CaseEvent).values(kind="closed"))
    broken = cli("cases", "show", case.id)
    assert (broken.code, "case.timeline" in broken.err) == (1, True)
