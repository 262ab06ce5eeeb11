"""Flow: a buyer reports a listing without an account, follows the report, and cannot bury the moderators."""

from datetime import timedelta
from typing import Any

import cases_made
import make
import pytest
import shops_made
from sqlalchemy import select

from authcheck.cases import buyer_reports, decisions, leases
from authcheck.cases.buyer_reports import NewReport
from authcheck.cases.notice_tables import BuyerReport
from authcheck.cases.rulings import Ruling
from authcheck.cases.settling import settle
from authcheck.cases.tables import CaseEvent
from authcheck.errors import AuthcheckError
from authcheck.ledger.tables import Entry
from authcheck.members import organisations
from authcheck.registry.tables import Design
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql
URL = "https://www.bigmarket.example/Item/1?x=2"
RULING = Ruling(code="counterfeit", reason="goods.test_purchase", restriction="remove")


@pytest.fixture
def kite(workspace: Workspace) -> str:
    """Return acme's design of seed 1, whose own shop is known."""
    design = make.register(workspace, seed=1).design.id
    with workspace.database.writing() as session:
        acme = organisations.get_organisation(session, "acme")
        shops_made.add(
            session, acme, marketplace="bigmarket", shop_id="own", url="https://own/", now=make.NOW
        )
    return design


def send(work: Workspace, later_h: float = 1, **words: Any) -> Any:
    """Report a listing, and return the stage of the report or the code of the error."""
    new = NewReport(**{"claim": "copy", "address": URL, **words})
    try:
        with work.database.writing() as session:
            row = buyer_reports.report(work, session, new, make.NOW + timedelta(hours=later_h))
            return buyer_reports.stage_of_report(row).value
    except AuthcheckError as error:
        return error.code


def kinds(work: Workspace) -> list[str]:
    """Return the kinds of the rows of the only case's timeline."""
    (case,) = cases_made.cases_of(work)
    return [event.kind for event in cases_made.events_of(work, case)]


def test_a_report_joins_the_open_case(workspace: Workspace, kite: str) -> None:
    """The address is found however it was copied. Words stay out of the timeline and the ledger."""
    cases_made.hand_in(workspace, url=URL)
    cases_made.market(workspace, "globex", "brand")
    cases_made.hand_in(workspace, "OWN-1", by="globex", url=URL)  # a brand's own check of the same offer
    for address in (URL, "bigmarket.example/Item/1?x=2", "http://BIGMARKET.example/Item/1?x=2#top "):
        assert send(workspace, address=address, words="Nina sold me this") == "reported"
    assert send(workspace, address="", marketplace="Bazaar", reference=" L-1 ") == "reported"
    assert kinds(workspace) == ["opened", *["buyer_report"] * 4]
    with workspace.database.reading() as session:
        stored = [str(row.details) for row in session.scalars(select(CaseEvent))]
        bodies = [entry.body for entry in session.scalars(select(Entry))]
    assert not any("Nina" in text for text in stored)
    assert not any(b"Nina" in body for body in bodies)


def test_a_report_opens_a_case_about_a_licensed_listing(workspace: Workspace, kite: str) -> None:
    """A buyer who holds the goods may know better. The case is of low severity, and can accuse."""
    assert cases_made.hand_in(workspace, url=URL, seller="own").verdict == "licensed"
    assert cases_made.cases_of(workspace) == []
    assert send(workspace) == "reported"
    (case,) = cases_made.cases_of(workspace)
    assert (case.verdict, case.severity) == ("licensed", "low")
    words = {"organisation_id": case.organisation_id, "holder": "ack_1"}
    now = make.NOW + timedelta(hours=2)
    with workspace.database.writing() as session:
        leases.take(session, case.id, **words, now=now)
        decisions.decide(session, case.id, RULING, **words, now=now)
    settle(workspace.database, now + timedelta(minutes=1))
    assert send(workspace, later_h=3) == "decided_before"
    assert kinds(workspace) == ["opened", "buyer_report", "decided", "effective"]


def test_words_are_forgotten_when_the_case_is_closed(workspace: Workspace, kite: str) -> None:
    """What a stranger wrote lasts as long as complaints are possible, and the receipt lasts on."""
    cases_made.hand_in(workspace, url=URL)
    send(workspace, words="A bad seam.")
    (case,) = cases_made.cases_of(workspace)
    words = {"organisation_id": case.organisation_id, "holder": "ack_1"}
    now = make.NOW + timedelta(hours=2)
    with workspace.database.writing() as session:
        leases.take(session, case.id, **words, now=now)
        decisions.decide(session, case.id, RULING, **words, now=now)
    settle(workspace.database, now + timedelta(minutes=1))
    with workspace.database.reading() as session:
        assert [row.words for row in buyer_reports.of_case(session, case.id)] == ["A bad seam."]
    settle(workspace.database, now + timedelta(days=200))
    with workspace.database.reading() as session:
        (row,) = buyer_reports.of_case(session, case.id)
        assert row.words == ""
        assert buyer_reports.stage_of_report(buyer_reports.get_report(session, row.id)) == "decided"


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"claim": "murder"}, "report.claim"),
        ({"words": "x" * 1001}, "report.words"),
        ({"words": "a\x00b"}, "report.words"),
        ({"address": ""}, "report.address"),
        ({"address": "", "reference": "L-1"}, "report.address"),
        ({"reference": "L-1", "marketplace": "bazaar"}, "report.address"),
        ({"address": "x" * 2001}, "report.address"),
        ({"address": "https://[bad"}, "report.not_found"),
        ({"address": "\x00\ud800"}, "report.not_found"),
        ({"address": "", "reference": "L-1\x00", "marketplace": "bazaar"}, "report.not_found"),
        ({"address": "", "reference": "L-1", "marketplace": "acme"}, "report.not_found"),
    ],
)
def test_a_report_is_whole(workspace: Workspace, kite: str, words: dict[str, str], code: str) -> None:
    """Bad words store nothing."""
    cases_made.hand_in(workspace, url=URL)
    assert send(workspace, **words) == code
    assert kinds(workspace) == ["opened"]


@pytest.mark.parametrize("state", ["disputed", "retired"])
def test_a_weak_design_is_reported_by_nobody(workspace: Workspace, kite: str, state: str) -> None:
    """A design without standing, a picture of nothing and a brand's own check open no case."""
    cases_made.market(workspace, "globex", "brand")
    cases_made.hand_in(workspace, "L-2", url="https://b.example/2", by="globex")
    cases_made.hand_in(workspace, "L-3", url="https://b.example/3", seed=9)
    assert [send(workspace, address=f"b.example/{number}") for number in (2, 3)] == ["report.not_found"] * 2
    cases_made.hand_in(workspace, url=URL, seller="own")
    with workspace.database.writing() as session:
        session.get_one(Design, kite).state = state
    assert send(workspace) == "report.not_found"
    assert cases_made.cases_of(workspace) == []


def test_reports_are_bounded(workspace: Workspace, kite: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A case keeps so many reports, and a marketplace so many cases that only buyers suspect."""
    monkeypatch.setattr(buyer_reports, "MOST_OF_CASE", 2)
    monkeypatch.setattr(buyer_reports, "MOST_UNSUPPORTED", 1)
    cases_made.hand_in(workspace, url=URL, seller="own")
    assert [send(workspace) for _ in range(3)] == ["reported", "reported", "report.enough"]
    cases_made.hand_in(workspace, "L-2", url="https://b.example/2", seller="own", seed=1, price="3 EUR")
    other = make.encode(make.picture(1).rotate(180), "JPEG")
    cases_made.hand_in(workspace, "L-3", url="https://b.example/3", seller="own", picture=other)
    assert send(workspace, address="https://b.example/3") == "report.enough"
    cases_made.hand_in(workspace, "L-4", url="https://b.example/4", seller="thief")
    assert send(workspace, address="https://b.example/4") == "reported"
    with workspace.database.reading() as session:
        assert len(session.scalars(select(BuyerReport)).all()) == 3
