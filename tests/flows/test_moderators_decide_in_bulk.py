"""Flow: a moderator decides about all listings with one picture, sees what differs, and takes it back."""

from datetime import datetime, timedelta
from typing import Any

import cases_made
import make
import people_made
import pytest
import shops_made
from starlette.testclient import TestClient

from api.app import create_app
from authcheck.cases import bulk, decisions, leases
from authcheck.cases.listing import get_case
from authcheck.cases.rulings import Ruling
from authcheck.cases.settling import settle
from authcheck.cases.tables import Case
from authcheck.errors import AuthcheckError
from authcheck.members import organisations
from authcheck.workspace import Workspace

RULING = Ruling(code="unlicensed_use", reason="listing.no_licence", restriction="remove")
SELLERS = ("a", "b", "c")
pytestmark = pytest.mark.postgresql


@pytest.fixture
def listings(workspace: Workspace) -> dict[str, str]:
    """Return the ids of one listing of each of three sellers with one picture, by seller."""
    make.register(workspace, seed=1)
    return {seller: cases_made.hand_in(workspace, f"L-{seller}", seller=seller).id for seller in SELLERS}


def now(seconds: float = 0) -> datetime:
    """Return a time after all cases were opened."""
    return make.NOW + timedelta(hours=0.1, seconds=seconds)


def held(work: Workspace, seller: str = "a", holder: str = "ack_1") -> Case:
    """Lease the case of a seller."""
    (case,) = [case for case in cases_made.cases_of(work) if case.seller == seller]
    with work.database.writing() as session:
        words = {"organisation_id": case.organisation_id, "holder": holder}
        return leases.take(session, case.id, **words, now=now())


def decide(work: Workspace, case: Case, *listings: str, ruling: Ruling = RULING) -> Any:
    """Decide about listings together, and return the bulk or the code of the error."""
    try:
        with work.database.writing() as session:
            return bulk.decide_alike(
                session,
                case.id,
                ruling,
                listings=listings,
                organisation_id=case.organisation_id,
                holder="ack_1",
                now=now(),
            )
    except AuthcheckError as error:
        return error.code


def alike(work: Workspace, case: Case) -> list[tuple[str, str]]:
    """Return seller and difference of the listings that are like those of a case."""
    with work.database.reading() as session:
        found = bulk.find_alike(session, session.get_one(Case, case.id), holder="ack_1", now=now())
        return [(one.case.seller, one.differs) for one in found]


def states(work: Workspace) -> dict[str, str]:
    """Return the states of the cases by seller."""
    return {case.seller: case.state for case in cases_made.cases_of(work)}


def test_one_decision_reaches_every_seller(workspace: Workspace, listings: dict[str, str]) -> None:
    """Each seller's case gets a decision of its own, one undo takes all back, and so does one reversal."""
    case = held(workspace)
    assert sorted(alike(workspace, case)) == [("a", ""), ("b", ""), ("c", "")]
    made = decide(workspace, case, listings["a"], listings["b"])
    assert (len(made.decisions), made.left, made.leaves_at) == (2, [], now(10))
    assert states(workspace) == {"a": "decided", "b": "decided", "c": "open"}
    words = {"organisation_id": case.organisation_id, "holder": "ack_1"}
    with workspace.database.writing() as session:
        decisions.undo(session, made.decisions[1].case_id, **words, now=now(9))
    assert set(states(workspace).values()) == {"open"}
    made = decide(workspace, held(workspace), *listings.values())
    settle(workspace.database, now(10))
    assert set(states(workspace).values()) == {"effective"}
    with workspace.database.writing() as session:
        cases = bulk.reverse_bulk(session, made.id, note="Wrong design.", **words, now=now(20))
    assert len(cases) == 3
    assert set(states(workspace).values()) == {"reversed"}
    for name, member, code in (
        (made.id, case.organisation_id, "decision.not_effective"),
        (made.id, cases_made.market(workspace, "souk"), "bulk.not_found"),
        ("blk_0", case.organisation_id, "bulk.not_found"),
        ("\0", case.organisation_id, "bulk.not_found"),
    ):
        with workspace.database.writing() as session, pytest.raises(AuthcheckError) as refused:
            bulk.reverse_bulk(session, name, note="No.", organisation_id=member, holder="ack_1", now=now(30))
        assert refused.value.code == code


def test_what_differs_is_named_and_left(workspace: Workspace, listings: dict[str, str]) -> None:
    """Another verdict, another picture, another reader and another marketplace are out, each with its reason."""
    case = held(workspace)
    with workspace.database.writing() as session:
        seller = organisations.create_organisation(
            session, handle="bees", name="Bees", roles=("licensee",), now=make.NOW
        )
        shops_made.add(session, seller, marketplace="bigmarket", shop_id="b", url="https://b/", now=make.NOW)
        acme = organisations.get_organisation(session, "acme")
        shops_made.add(session, acme, marketplace="bigmarket", shop_id="d", url="https://d/", now=make.NOW)
    held(workspace, "c", "ack_2")
    foreign = cases_made.hand_in(workspace, "F-1", by="souk", seller="z").id
    cases_made.hand_in(workspace, "L-e", seller="e")
    cases_made.hand_in(workspace, "L-e", seller="e", seed=9, later_h=0.05)
    cases_made.hand_in(workspace, "L-b", seller="b", certificate_code="0000000000000", later_h=0.05)
    found = alike(workspace, case)
    assert found[0] == ("e", "picture")
    assert sorted(found) == [("a", ""), ("b", "verdict"), ("c", "held"), ("e", "picture")]
    left = decide(workspace, case, listings["a"], listings["c"], foreign, "lst_0", "\0").left
    assert sorted((one.listing_id, one.code) for one in left) == sorted(
        [
            (listings["c"], "case.lease"),
            (foreign, "listing.not_found"),
            ("lst_0", "listing.not_found"),
            ("\0", "listing.not_found"),
        ]
    )
    assert (states(workspace)["a"], states(workspace)["c"]) == ("decided", "open")


def test_the_case_in_hand_is_part_of_it(workspace: Workspace, listings: dict[str, str]) -> None:
    """A bulk without a listing of the held case, without a lease, or of too many listings is refused whole."""
    case = held(workspace)
    assert decide(workspace, case, listings["b"]) == "case.items"
    assert decide(workspace, case, *map(str, range(301))) == "bulk.too_many"
    (other,) = [one for one in cases_made.cases_of(workspace) if one.seller == "b"]
    assert decide(workspace, other, listings["b"]) == "case.lease"
    assert set(states(workspace).values()) == {"open"}


def test_a_moderator_of_one_seller_leaves_that_seller(workspace: Workspace, listings: dict[str, str]) -> None:
    """Who belongs to one of many sellers decides about the others only. What was decided before is left."""
    person = people_made.person(
        workspace.database, "mo@bazaar.example", owner="bazaar", kinds=("marketplace",), roles=("moderator",)
    )
    people_made.person(workspace.database, "mo@bazaar.example", owner="bees", kinds=("licensee",))
    with workspace.database.writing() as session:
        bees = organisations.get_organisation(session, "bees")
        shops_made.add(session, bees, marketplace="bigmarket", shop_id="b", url="https://b/", now=make.NOW)
    decide(workspace, held(workspace, "c"), listings["c"])
    case = held(workspace, holder=person.id)
    with workspace.database.writing() as session:
        made = bulk.decide_alike(
            session,
            case.id,
            RULING,
            listings=list(listings.values()),
            organisation_id=case.organisation_id,
            holder=person.id,
            now=now(),
        )
    assert {left.listing_id: left.code for left in made.left} == {
        listings["b"]: "case.interest",
        listings["c"]: "case.decided",
    }


def test_many_listings_have_five_minutes(workspace: Workspace) -> None:
    """More than 20 listings of one seller: nothing leaves for five minutes."""
    make.register(workspace, seed=1)
    ids = [cases_made.hand_in(workspace, f"L-{number}", seller="a").id for number in range(21)]
    made = decide(workspace, held(workspace), *ids)
    assert made.leaves_at == now(300)
    assert settle(workspace.database, now(299)) == 0
    assert settle(workspace.database, now(300)) == 1


def test_over_http(workspace: Workspace, listings: dict[str, str]) -> None:
    """The grid, the decision and what was left."""
    headers = {"Authorization": f"Bearer {make.key(workspace, 'cases:decide', owner='bazaar')}"}
    with TestClient(create_app(workspace.settings)) as client:
        case_id = client.post("/v1/cases/next", headers=headers).json()["id"]
        grid = client.get(f"/v1/cases/{case_id}/alike", headers=headers).json()
        assert [row["distance_bits"] for row in grid] == [0, 0, 0]
        body = {"decision": RULING.code, "reason": RULING.reason, "listings": [*listings.values(), "lst_0"]}
        made = client.post(f"/v1/cases/{case_id}/alike/decision", json=body, headers=headers)
    answer = made.json()
    assert (made.status_code, len(answer["decisions"])) == (201, 3)
    assert answer["left"] == [{"listing": "lst_0", "code": "listing.not_found"}]
    with workspace.database.reading() as session:
        stored = get_case(session, case_id, organisation_id=None)
        assert (stored.state, answer["decisions"][case_id]["bulk"]) == ("decided", answer["bulk"])
