"""Flow: a brand reports listings of a marketplace, and follows each of them to its end."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cases_made
import database_work
import licences_made
import make
import notices_made
import pytest
import shops_made
from notices_made import file, refused, told
from sqlalchemy import select

from authcheck.cases import decisions, filing, leases, notices, settling, stages, timeline
from authcheck.cases.filing import Named
from authcheck.cases.notice_tables import Hit, Notice
from authcheck.cases.rulings import REASONS, Code, Ruling, restrictions_of
from authcheck.cases.tables import Case, ClusteredPicture
from authcheck.errors import NotFound, Rejected
from authcheck.listings import holds
from authcheck.members import organisations
from authcheck.members.reach import Reach
from authcheck.registry.tables import Design
from authcheck.workspace import Workspace

REPORTED, OTHER = ("reported", None), 9  # a picture of nothing registered


@pytest.fixture
def kite(workspace: Workspace) -> str:
    """Return acme's design of seed 1."""
    return make.register(workspace, seed=1).design.id


def add_shop(work: Workspace, owner: str, shop_id: str) -> None:
    """List an official shop of an organisation."""
    with work.database.writing() as session:
        seller = organisations.get_organisation(session, owner)
        url = f"https://bigmarket/{shop_id}"
        shops_made.add(session, seller, marketplace="bigmarket", shop_id=shop_id, url=url, now=make.NOW)


def decide(work: Workspace, case: Case, hours: float, code: str = "counterfeit", **words: Any) -> None:
    """Let a moderator decide a case, and let the decision take effect."""
    reason = REASONS[Code(code)][0]
    ruling = Ruling(code=code, reason=reason, restriction=restrictions_of(Code(code), reason)[-1])
    who = {"organisation_id": case.organisation_id, "holder": "key_mo"}
    with work.database.writing() as session:
        leases.take(session, case.id, now=notices_made.at(hours), **who)
        decisions.decide(session, case.id, ruling, now=notices_made.at(hours), **who, **words)
    settling.settle(work.database, notices_made.at(hours + 0.1))


def test_a_notice_joins_the_case_that_the_machine_opened(workspace: Workspace, kite: str) -> None:
    """The case has the notice in its timeline, without a person, and tells it to the moderator."""
    listing = cases_made.hand_in(workspace)
    notice = file(workspace, kite, listing.id, note="A copy of our\n\nspring print.\u202e")
    assert told(notice) == [REPORTED]
    (case,) = cases_made.cases_of(workspace)
    events = cases_made.events_of(workspace, case)
    assert [event.kind for event in events] == ["opened", "reported"]
    assert timeline.first_broken(case, events) is None
    assert events[1].person_id is None
    assert events[1].details == {
        "notice": notice.id, "organisation": notice.organisation_id, "listing": listing.id,
        "claim": "unlicensed_use", "verdict": "unlicensed_use",
    }  # fmt: skip
    with workspace.database.reading() as session:
        (received,) = notices.of_case(session, case.id)
    assert (received.notice.organisation.handle, received.listing_ids) == ("acme", (listing.id,))
    assert received.notice.note == "A copy of our\n\nspring print."


@pytest.mark.slow
def test_a_brand_may_know_better_than_the_machine(workspace: Workspace, kite: str) -> None:
    """A picture in which we found nothing opens a case with a low severity, which no other picture joins."""
    listing = cases_made.hand_in(workspace, seed=OTHER)
    assert listing.verdict == "none"
    notice = file(workspace, kite, Named(reference=" L-1 ", marketplace="Bazaar"))
    assert told(notice) == [REPORTED]
    (case,) = cases_made.cases_of(workspace)
    assert (case.verdict, case.severity, case.design_id) == ("none", "low", kite)
    with workspace.database.reading() as session:
        assert session.scalars(select(ClusteredPicture.joined_by)).all() == ["notice"]
        (held,) = holds.open_holds(session, case.id)
        assert held.listing_id == listing.id
        assert session.scalars(select(Hit)).all() == []
    same = cases_made.hand_in(workspace, "L-2", seed=OTHER, later_h=2)
    file(workspace, kite, same.id, later_h=3)
    (joined,) = cases_made.cases_of(workspace)
    assert [item.listing_id for item in joined.items] == [listing.id, same.id]


@pytest.mark.slow
@pytest.mark.postgresql
def test_bad_rows_stop_no_good_ones(workspace: Workspace, kite: str) -> None:
    """Each wrong row is told why. The others go on, and the notice keeps all of them."""
    good, other = cases_made.hand_in(workspace), cases_made.hand_in(workspace, "L-2", seller="else")
    cases_made.market(workspace, "globex", "brand")
    private = cases_made.hand_in(workspace, "P-1", by="globex")
    mine = cases_made.hand_in(workspace, "M-1", by="acme")
    assert told(
        file(
            workspace,
            kite,
            good.id,
            good.id.lower(),
            Named(reference="L-2", marketplace="bazaar"),
            "lst_" + "0" * 26,
            private.id,
            mine.id,
            Named(reference="L-1"),
            Named(listing=good.id, reference="L-1", marketplace="bazaar"),
            "\0",
            "",
            Named(reference="L-1", marketplace="souk"),
            Named(code="row.malformed", detail="This line is not CSV."),
        )
    ) == [
        REPORTED,
        ("refused", "notice.repeated"),
        REPORTED,
        ("refused", "notice.listing_not_found"),
        ("refused", "notice.listing_not_found"),
        ("refused", "notice.no_marketplace"),
        ("refused", "notice.row"),
        ("refused", "notice.row"),
        ("refused", "notice.row"),
        ("refused", "notice.row"),
        ("refused", "notice.listing_not_found"),
        ("refused", "row.malformed"),
    ]
    assert {case.seller for case in cases_made.cases_of(workspace)} == {"kites", other.seller}


def test_a_foreign_listing_is_told_like_none(workspace: Workspace, kite: str) -> None:
    """A private listing of another brand takes the same words, statements and rows as no listing at all."""
    cases_made.market(workspace, "globex", "brand")
    private = cases_made.hand_in(workspace, "P-1", by="globex")
    work, words = [], []
    for named in (private.id, "lst_" + "0" * 26):
        with database_work.work_of(workspace) as done:
            (row,) = file(workspace, kite, named).rows
        work.append(done)
        words.append((row.code, row.detail, row.listing_id, row.case_id))
    assert words[0] == words[1]
    assert work[0] == work[1]


def test_a_listing_is_reported_once(workspace: Workspace, kite: str) -> None:
    """A second notice about an open case doubles nothing, and says so. Another brand's notice is another case."""
    listing = cases_made.hand_in(workspace)
    file(workspace, kite, listing.id)
    notice = file(workspace, kite, listing.id, later_h=2)
    assert told(notice) == [("reported", "notice.reported_before")]
    (case,) = cases_made.cases_of(workspace)
    assert notice.rows[0].case_id == case.id
    assert [event.kind for event in cases_made.events_of(workspace, case)] == ["opened", "reported"]


@pytest.mark.slow
@pytest.mark.parametrize("is_reversed", [False, True])
def test_a_decided_case_does_not_open_again(workspace: Workspace, kite: str, is_reversed: bool) -> None:
    """The same evidence is decided. After the listing's verdict has changed, a notice opens a new case."""
    listing = cases_made.hand_in(workspace)
    first = file(workspace, kite, listing.id)
    (case,) = cases_made.cases_of(workspace)
    decide(workspace, case, 2)
    stage = "decided"
    if is_reversed:
        who = {"organisation_id": case.organisation_id, "holder": "key_mo"}
        with workspace.database.writing() as session:
            decisions.reverse(session, case.id, note="An error.", now=notices_made.at(3), **who)
        stage = "reversed"
    assert told(notices_made.again(workspace, first)) == [(stage, None)]
    second = file(workspace, kite, listing.id, later_h=4)
    assert told(second) == [("decided_before", "notice.decided_before")]
    assert len(cases_made.cases_of(workspace)) == 1
    cases_made.hand_in(workspace, certificate_code="0000000000000", later_h=5)
    assert told(file(workspace, kite, listing.id, later_h=6)) == [REPORTED]
    assert len(cases_made.cases_of(workspace)) == 2


@pytest.mark.slow
def test_a_moderator_may_follow_the_brand(workspace: Workspace, kite: str) -> None:
    """A listing that only the brand suspects can be decided against the seller, as long as its verdict stays."""
    alone = cases_made.hand_in(workspace, seed=OTHER)
    notice = file(workspace, kite, alone.id)
    (case,) = cases_made.cases_of(workspace)
    decide(workspace, case, 2)
    assert told(notices_made.again(workspace, notice)) == [("decided", None)]
    with workspace.database.reading() as session:
        (decision,) = stages.decisions_about(session, [(case.id, alone.id)]).values()
    assert (decision.code, decision.restriction) == ("counterfeit", "remove")
    other = cases_made.hand_in(workspace, "L-2", seller="maker")
    file(workspace, kite, other.id, later_h=3)
    licences_made.licence(workspace, designs=(kite,), licensee="maker")
    add_shop(workspace, "maker", "maker")
    assert cases_made.hand_in(workspace, "L-2", seller="maker", later_h=4).verdict == "licensed"
    (second,) = [case for case in cases_made.cases_of(workspace) if case.seller == "maker"]
    with pytest.raises(Rejected) as caught:
        decide(workspace, second, 5)
    assert caught.value.code == "case.items"


@pytest.mark.slow
def test_nobody_buries_the_moderators(
    workspace: Workspace, kite: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A brand has few open reports that our check does not support. Suspects, and later reports, go on."""
    monkeypatch.setattr(filing, "MOST_UNSUPPORTED", 2)
    odd = [cases_made.hand_in(workspace, f"N-{n}", seed=OTHER, seller=f"s{n}").id for n in range(4)]
    suspect = cases_made.hand_in(workspace)
    assert told(file(workspace, kite, odd[0])) == [REPORTED]
    refusal = ("refused", "notice.unsupported")
    assert told(file(workspace, kite, *odd[1:3], suspect.id, later_h=2)) == [REPORTED, refusal, REPORTED]
    first = next(case for case in cases_made.cases_of(workspace) if case.seller == "s0")
    decide(workspace, first, 3, "not_infringing")
    assert told(file(workspace, kite, *odd[2:], later_h=4)) == [REPORTED, refusal]


@pytest.mark.slow
def test_a_listing_that_is_left_out_keeps_its_notice(workspace: Workspace, kite: str) -> None:
    """Left-out listings get a case of their own, and the rows of the notice and the hits follow it."""
    both = [cases_made.hand_in(workspace, f"L-{number}").id for number in range(2)]
    both.append(cases_made.hand_in(workspace, "L-2", seed=OTHER).id)
    notice = file(workspace, kite, *both)
    (large,) = [case for case in cases_made.cases_of(workspace) if len(case.items) == 2]
    decide(workspace, large, 2, leave_out=both[:1])
    rows = notices_made.again(workspace, notice).rows
    assert [str(stages.stage_of_row(row)) for row in rows] == ["reported", "decided", "reported"]
    with workspace.database.reading() as session:
        hits = session.execute(select(Hit.listing_id, Hit.case_id)).all()
    assert dict(hits) == {row.listing_id: row.case_id for row in rows[:2]}


def test_a_licensee_is_not_reported_for_having_no_licence(workspace: Workspace, kite: str) -> None:
    """The brand's licence contradicts that claim. Another claim goes on, and the moderator sees the contradiction."""
    licences_made.licence(workspace, designs=(kite,), licensee="maker")
    add_shop(workspace, "maker", "kites")
    listing = cases_made.hand_in(workspace)
    assert listing.verdict == "licensed"
    assert told(file(workspace, kite, listing.id)) == [("refused", "notice.licensed")]
    assert cases_made.cases_of(workspace) == []
    notice = file(workspace, kite, listing.id, claim="licence_breach", later_h=2)
    assert told(notice) == [("reported", "notice.contradicted")]
    (case,) = cases_made.cases_of(workspace)
    reported = cases_made.events_of(workspace, case)[-1]
    assert (reported.details["claim"], reported.details["verdict"]) == ("licence_breach", "licensed")


def test_the_own_shop_is_not_reported(workspace: Workspace, kite: str) -> None:
    """Nobody accuses itself by mistake, whatever the claim is."""
    add_shop(workspace, "acme", "kites")
    listing = cases_made.hand_in(workspace)
    for claim in notices.CLAIMS:
        assert told(file(workspace, kite, listing.id, claim=claim)) == [("refused", "notice.own_shop")]


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("notice.claim", {"claim": "not_infringing"}),
        ("notice.statements", {"good_faith": False}),
        ("notice.statements", {"accuracy": False}),
        ("notice.note", {"note": "x" * 2_001}),
        ("accepted", {"note": "x" * 2_000}),
        ("design.not_found", {"owner": "globex"}),
        ("design.not_found", {"reach": Reach(designs=frozenset({"dsn_other"}))}),
    ],
)
def test_a_notice_is_refused_early(workspace: Workspace, kite: str, code: str, words: dict[str, Any]) -> None:
    """A notice that accuses with nothing, or with somebody else's design, stores nothing."""
    listing = cases_made.hand_in(workspace)
    assert refused(workspace, kite, listing.id, **words) == code
    with workspace.database.reading() as session:
        assert len(session.scalars(select(Notice)).all()) == (code == "accepted")


@pytest.mark.parametrize("state", ["disputed", "retired"])
def test_a_design_without_standing_accuses_nobody(workspace: Workspace, kite: str, state: str) -> None:
    """A disputed or retired design is no ground for a notice."""
    listing = cases_made.hand_in(workspace)
    with workspace.database.writing() as session:
        session.get_one(Design, kite).state = state
    assert refused(workspace, kite, listing.id) == f"notice.design_{state}"


def test_three_hundred_rows_and_not_one_more(workspace: Workspace, kite: str) -> None:
    """3 bad rows of 300 refuse 3. 301 rows, and none, refuse all."""
    listing = cases_made.hand_in(workspace)
    rows = [Named(reference=f"N-{number}", marketplace="bazaar") for number in range(299)]
    notice = file(workspace, kite, *rows, listing.id)
    assert told(notice)[-1] == REPORTED
    assert len(notice.rows) == 300
    assert refused(workspace, kite, *rows, listing.id, "one more") == "notice.too_many"
    assert refused(workspace, kite) == "notice.empty"


@pytest.mark.slow
def test_a_verdict_about_another_design_says_nothing(workspace: Workspace, kite: str) -> None:
    """The case about acme's design does not borrow the verdict about globex's design in the same picture."""
    make.register(workspace, "G-1", owner="globex", seed=2)
    listing = cases_made.hand_in(workspace, seed=2)
    assert listing.verdict == "unlicensed_use"
    file(workspace, kite, listing.id)
    (case,) = [case for case in cases_made.cases_of(workspace) if case.design_id == kite]
    assert (case.verdict, [item.verdict for item in case.items]) == ("none", ["none"])


@pytest.mark.slow
@pytest.mark.postgresql
def test_two_notices_at_once_report_once(workspace: Workspace, kite: str) -> None:
    """Two notices about one listing at the same moment: one reports it, the other is told so."""
    listing = cases_made.hand_in(workspace, seed=OTHER)
    notices_made.reporter(workspace)
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: file(workspace, kite, listing.id), range(2)))
    assert sorted(told(notice)[0][1] or "" for notice in both) == ["", "notice.reported_before"]
    assert len(cases_made.cases_of(workspace)) == 1


@pytest.mark.postgresql
def test_a_notice_of_another_brand_is_not_there(workspace: Workspace, kite: str) -> None:
    """Foreign and unknown notices get the same answer. An agent reads those within its reach."""
    listing = cases_made.hand_in(workspace)
    notice = file(workspace, kite, listing.id)
    globex = notices_made.reporter(workspace, "globex").organisation_id
    with workspace.database.reading() as session:
        for notice_id in (notice.id, "ntc_" + "0" * 26, "", "\0"):
            with pytest.raises(NotFound) as caught:
                notices.get_notice(session, notice_id, organisation_id=globex)
            assert caught.value.code == "notice.not_found"
        for country, seen in (("DE", 1), ("FR", 0)):
            reach = Reach(territories=frozenset({country}))
            rows = notices.list_notices(session, organisation_id=notice.organisation_id, reach=reach)
            assert len(rows) == seen
        assert notices.count_stages(session, [notice])[notice.id] == {"reported": 1}
