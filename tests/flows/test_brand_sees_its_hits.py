"""Flow: a brand sees which listings show its designs, in groups of one picture, and nothing more."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import cases_made
import licences_made
import make
import notices_made
import pytest
import shops_made
from sqlalchemy import select

from authcheck.cases import hit_search
from authcheck.cases.hit_search import Filter, Group
from authcheck.cases.notice_tables import Hit
from authcheck.cases.stages import OF_HITS, Stage, stage_of_hit
from authcheck.cases.tables import Case
from authcheck.listings.policies import ListingVerdict
from authcheck.listings.tables import Listing
from authcheck.members import organisations
from authcheck.members.reach import WHOLE, Reach
from authcheck.workspace import Workspace

ALL = Filter(verdicts=())


@pytest.fixture
def kite(workspace: Workspace) -> str:
    """Return acme's design of seed 1."""
    return make.register(workspace, seed=1).design.id


def owner_id(work: Workspace, handle: str = "acme") -> str:
    """Return the id of a brand."""
    with work.database.reading() as session:
        return organisations.get_organisation(session, handle).id


def found(work: Workspace, wanted: Filter = ALL, handle: str = "acme", **words: Any) -> list[str]:
    """Return the references of the hits that a brand finds, sorted."""
    with work.database.reading() as session:
        owner = organisations.get_organisation(session, handle).id
        rows = hit_search.list_hits(session, wanted, owner_id=owner, **words)
        reach = words.get("reach", WHOLE)
        assert hit_search.count_hits(session, wanted, owner_id=owner, reach=reach) == len(rows)
        return sorted(row.listing.reference for row in rows)


def groups(work: Workspace, wanted: Filter = ALL, **words: Any) -> list[Group]:
    """Return the groups of acme's hits."""
    with work.database.reading() as session:
        owner = organisations.get_organisation(session, "acme").id
        return hit_search.list_groups(session, wanted, owner_id=owner, **words)


def licensed_shop(work: Workspace, kite: str, shop: str) -> None:
    """License maker for the design, and list a shop of maker."""
    licences_made.licence(work, designs=(kite,), licensee="maker")
    with work.database.writing() as session:
        maker = organisations.get_organisation(session, "maker")
        shops_made.add(
            session, maker, marketplace="bigmarket", shop_id=shop, url=f"https://b/{shop}", now=make.NOW
        )


def test_a_brand_sees_marketplaces_and_itself(workspace: Workspace, kite: str) -> None:
    """Neither what another brand or a licensee checks for itself, nor what shows no design, is a hit."""
    cases_made.hand_in(workspace, "L-1")
    cases_made.hand_in(workspace, "L-2", by="souk")
    cases_made.hand_in(workspace, "L-3", by="acme")
    for handle, kind in (("globex", "brand"), ("tailor", "licensee")):
        cases_made.market(workspace, handle, kind)
        cases_made.hand_in(workspace, "P-1", by=handle)
    cases_made.hand_in(workspace, "N-1", seed=9)
    assert found(workspace) == ["L-1", "L-2", "L-3"]
    assert found(workspace, handle="globex") == []


@pytest.mark.slow
def test_a_hit_is_about_one_design(workspace: Workspace, kite: str) -> None:
    """Of a picture with designs of two brands, each reads the verdict and the reasons about its own."""
    cases_made.hand_in(workspace, "L-1")
    with workspace.database.writing() as session:
        listing = session.scalars(select(Listing)).one()
        (mine,) = listing.evidence["designs"]
        words = {"design_id": "dsn_other", "reference": "G-1", "owner": "globex", "disputed": True}
        listing.evidence = {**listing.evidence, "designs": [{**mine, **words}, mine]}
    with workspace.database.reading() as session:
        acme = organisations.get_organisation(session, "acme").id
        (hit,) = hit_search.list_hits(session, ALL, owner_id=acme)
        (reasons,) = hit_search.reasons_of(session, [hit], owner_id=acme).values()
    assert {reason["code"] for reason in reasons} == {"listing.no_licence", "listing.seller_unknown"}
    assert "globex" not in str(reasons)


@pytest.mark.slow
def test_what_is_licensed_now_leaves_the_view(workspace: Workspace, kite: str) -> None:
    """A suspect listing that is licensed later is found by its verdict alone, and its notice stays with it."""
    listing = cases_made.hand_in(workspace, seller="maker")
    notice = notices_made.file(workspace, kite, listing.id)
    assert found(workspace, Filter()) == ["L-1"]
    licensed_shop(workspace, kite, "maker")
    cases_made.hand_in(workspace, seller="maker", later_h=2)
    assert found(workspace, Filter()) == []
    assert found(workspace, Filter(verdicts=(ListingVerdict.LICENSED,))) == ["L-1"]
    with workspace.database.reading() as session:
        (hit,) = session.scalars(select(Hit)).all()
        assert (hit.notice_id, hit.case_id) == (notice.id, notice.rows[0].case_id)
    cases_made.hand_in(workspace, seller="maker", seed=9, later_h=3)
    assert found(workspace) == []


@pytest.mark.slow
def test_groups_show_one_picture_each(workspace: Workspace, kite: str) -> None:
    """Copies of one picture are one group, with its sellers and verdicts. The pages leave nothing out."""
    make.register(workspace, "REF-2", seed=2)
    cases_made.hand_in(workspace, "L-1")
    cases_made.hand_in(workspace, "L-2", seller="else", later_h=1)
    cases_made.hand_in(workspace, "L-3", seed=2, certificate_code="0000000000000", later_h=2)
    newest, oldest = groups(workspace)
    assert (newest.design.reference, newest.count, newest.verdicts) == (
        "REF-2",
        1,
        {"certificate_invalid": 1},
    )
    assert (oldest.count, oldest.sellers, oldest.spread_bits) == (2, 2, 0)
    assert [hit.listing.reference for hit in oldest.examples] == ["L-2", "L-1"]
    first = groups(workspace, limit=1)
    second = groups(workspace, limit=1, before=first[0].key)
    assert [group.key for group in first + second] == [newest.key, oldest.key]
    assert groups(workspace, before=oldest.key) == []
    assert groups(workspace, before="\0") == []
    assert found(workspace, Filter(groups=(oldest.key,)), unreported_first=True) == ["L-1", "L-2"]


def test_filters(workspace: Workspace, kite: str) -> None:
    """Each facet narrows the hits. A text that a database cannot hold finds nothing."""
    cases_made.hand_in(workspace, "L-1")
    cases_made.hand_in(workspace, "L-2", by="souk", seller="=1+1", territory="FR")
    later = cases_made.DAY + timedelta(days=1)
    cases_made.hand_in(workspace, "L-3", listed_on=later, certificate_code="0000000000000")
    for wanted, references in (
        (Filter(design="REF-1"), ["L-1", "L-2", "L-3"]),
        (Filter(design=kite.lower()), ["L-1", "L-2", "L-3"]),
        (Filter(design="REF-9"), []),
        (Filter(marketplace="Souk"), ["L-2"]),
        (Filter(marketplace="nowhere"), []),
        (Filter(seller="=1+1"), ["L-2"]),
        (Filter(verdicts=("certificate_invalid",)), ["L-3"]),
        (Filter(since=later), ["L-3"]),
        (Filter(seller="\0"), []),
        (Filter(groups=("\ud800",)), []),
    ):
        assert found(workspace, wanted) == references, wanted
    assert found(workspace, reach=Reach(territories=frozenset({"FR"}))) == ["L-2"]
    assert found(workspace, reach=Reach(designs=frozenset({"dsn_other"}))) == []
    with workspace.database.reading() as session:
        assert hit_search.marketplaces_of(session, owner_id(workspace)) == ["bazaar", "souk"]


@pytest.mark.slow
def test_stages(workspace: Workspace, kite: str) -> None:
    """The condition of each stage finds exactly the hits that have it, whatever the state of their case is."""
    states = [None, "open", "waiting", "escalated", "decided", "effective", "closed", "reversed"]
    listings = [cases_made.hand_in(workspace, f"L-{number}", seller=f"s{number}") for number in range(16)]
    notice = notices_made.file(workspace, kite, *[listing.id for listing in listings[8:]])
    with workspace.database.writing() as session:
        for hit in session.scalars(select(Hit)):
            state = states[int(hit.seller.removeprefix("s")) % 8]
            assert hit.case_id is not None
            session.get_one(Case, hit.case_id).state = state or "open"
            hit.case_id = hit.case_id if state else None
    assert notice.id
    told: dict[Stage, list[str]] = {stage: [] for stage in OF_HITS}
    with workspace.database.reading() as session:
        for hit in hit_search.list_hits(session, ALL, owner_id=owner_id(workspace)):
            told[stage_of_hit(hit)].append(hit.listing.reference)
    told = {stage: sorted(references) for stage, references in told.items()}
    for stage, references in told.items():
        assert found(workspace, Filter(stage=stage)) == references
    assert told[Stage.NOT_REPORTED] == ["L-0", "L-1", "L-2", "L-3", "L-4", "L-8"]
    assert told[Stage.DECIDED] == ["L-13", "L-14", "L-5", "L-6"]


@pytest.mark.slow
def test_prices_are_compared_with_licensed_listings(workspace: Workspace, kite: str) -> None:
    """The median is that of the licensed listings that the brand may see, in the same currency."""
    licensed_shop(workspace, kite, "maker")
    for number, price in enumerate(("40 EUR", "44 EUR", "90 EUR")):
        cases_made.hand_in(workspace, f"G-{number}", seller="maker", price=price)
    cases_made.hand_in(workspace, "L-1", price="11 EUR")
    cases_made.hand_in(workspace, "L-2", price="11 USD")
    cases_made.hand_in(workspace, "L-3")
    with workspace.database.reading() as session:
        acme = organisations.get_organisation(session, "acme").id
        medians = hit_search.licensed_medians(session, acme, [kite])
        rows = hit_search.list_hits(session, Filter(), owner_id=acme)
        shares = {hit.listing.reference: hit_search.price_share(hit, medians) for hit in rows}
    assert medians == {(kite, "EUR"): Decimal(44)}
    assert shares == {"L-1": Decimal("0.25"), "L-2": None, "L-3": None}
