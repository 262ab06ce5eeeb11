"""Flow: moderators take cases in the published order, hold them alone, and pass them on."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import cases_made
import make
import people_made
import pytest
import shops_made

from authcheck.cases import leases, order, questions, timeline
from authcheck.cases.tables import Case
from authcheck.errors import AuthcheckError
from authcheck.members import api_keys, organisations
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql


@pytest.fixture
def kite(workspace: Workspace) -> str:
    """Return acme's design of seed 1."""
    return make.register(workspace, seed=1).design.id


def take(work: Workspace, holder: str = "per_1", hours: float = 0.1, by: str = "bazaar") -> Case | None:
    """Take the next case."""
    with work.database.writing() as session:
        member = organisations.get_organisation(session, by)
        now = make.NOW + timedelta(hours=hours)
        return leases.take_next(session, organisation_id=member.id, holder=holder, now=now)


def act(
    work: Workspace,
    what: Callable[..., Any],
    case: Case,
    holder: str = "per_1",
    hours: float = 0.1,
    **words: Any,
) -> str:
    """Act on a case and return "ok" or the code of the error."""
    try:
        with work.database.writing() as session:
            now = make.NOW + timedelta(hours=hours)
            what(session, case.id, organisation_id=case.organisation_id, holder=holder, now=now, **words)
    except AuthcheckError as error:
        return error.code
    return "ok"


def test_the_worst_comes_first_and_nothing_starves(workspace: Workspace, kite: str) -> None:
    """Severity, units sold and a low price make a case urgent. What is due comes before all, and days count."""
    with workspace.database.writing() as session:
        acme = organisations.get_organisation(session, "acme")
        shops_made.add(
            session, acme, marketplace="bigmarket", shop_id="own", url="https://bigmarket/own", now=make.NOW
        )
    cases_made.hand_in(workspace, "L-0", seller="own", price="100 EUR")
    cases_made.hand_in(workspace, "L-1", seller="plain", price="90 EUR")
    cases_made.hand_in(workspace, "L-2", seller="cheap", price="19 EUR")
    cases_made.hand_in(workspace, "L-3", seller="busy", sold_30d="999")
    cases_made.hand_in(workspace, "L-4", seller="fake", certificate_code="0000000000000")
    seen = []
    for number in range(4):
        case = take(workspace, f"ack_{number}")
        assert case is not None
        seen.append((case.seller, order.priority_at(case, make.NOW)))
    assert take(workspace, "ack_5") is None
    assert [points for _, points in seen] == [8.0, 3.0, 3.0, 2.0]
    assert dict(seen) == {"busy": 8.0, "cheap": 3.0, "fake": 3.0, "plain": 2.0}
    cases_made.hand_in(workspace, "L-9", seller="new", later_h=71, sold_30d="99999")
    due = take(workspace, "ack_9", hours=73)
    assert due is not None
    assert due.seller == "fake"  # due after 24 hours, the others after 72


def test_new_weights_sort_all_cases_again(workspace: Workspace, kite: str) -> None:
    """The terms of each case say which weights it was sorted by. A second start has nothing to do."""
    cases_made.hand_in(workspace, "L-1", seller="plain")
    cases_made.hand_in(workspace, "L-2", seller="fake", certificate_code="0000000000000", later_h=1)
    settings = workspace.settings.model_copy(
        update={"case_weight_high": 0.5, "case_weight_medium": 7.0, "case_weight_day": 48.0}
    )
    assert order.sort_again(workspace.database, workspace.settings) == 0
    assert order.sort_again(workspace.database, settings) == 2
    assert order.sort_again(workspace.database, settings) == 0
    shown = {
        case.seller: (case.priority, order.priority_at(case, make.NOW + timedelta(hours=2)))
        for case in cases_made.cases_of(workspace)
    }
    assert shown["plain"][0]["severity"] == 7.0
    assert {seller: points for seller, (_, points) in shown.items()} == {"plain": 7 + 4, "fake": 0.5 + 2}
    first = take(workspace, hours=2)
    assert first is not None
    assert first.seller == "plain"


def test_a_case_has_one_reader(workspace: Workspace, kite: str) -> None:
    """Nobody else gets a held case. Its reader gets it again, until the lease is over."""
    cases_made.hand_in(workspace)
    case = take(workspace)
    assert case is not None
    assert take(workspace, "per_2") is None
    again = take(workspace, hours=0.2)
    assert again is not None
    assert again.id == case.id
    assert act(workspace, leases.take, case, hours=0.3) == "ok"
    assert act(workspace, leases.take, case, "per_2", hours=0.3) == "case.lease"
    assert take(workspace, "per_2", hours=0.46) is None
    assert take(workspace, "per_2", hours=0.6) is not None
    assert act(workspace, leases.take, case, hours=0.6) == "case.lease"
    assert act(workspace, leases.free, case, hours=0.6) == "ok"
    assert act(workspace, leases.take, case, "per_2", hours=0.6) == "ok"
    assert act(workspace, leases.free, case, "per_2", hours=0.6) == "ok"
    assert take(workspace, "per_3", hours=0.6) is not None


def test_many_readers_at_once_never_share_a_case(workspace: Workspace, kite: str) -> None:
    """Four readers who ask at the same moment get four cases."""
    for number in range(4):
        cases_made.hand_in(workspace, f"L-{number}", seller=f"s{number}")
    with ThreadPoolExecutor(4) as pool:
        cases = list(pool.map(lambda number: take(workspace, f"per_{number}"), range(4)))
    assert len({case.id for case in cases if case is not None}) == 4


def test_three_skips_escalate(workspace: Workspace, kite: str) -> None:
    """A reader does not get a skipped case again. The timeline has the reasons, and whole it stays."""
    cases_made.hand_in(workspace)
    for number in range(3):
        case = take(workspace, f"ack_{number}")
        assert case is not None
        assert act(workspace, leases.skip, case, f"ack_{number}", reason="boring") == "case.skip"
        assert act(workspace, leases.skip, case, f"ack_{number}", reason="language") == "ok"
        assert take(workspace, f"ack_{number}") is None
    assert take(workspace, "ack_9") is None
    (stored,) = cases_made.cases_of(workspace)
    events = cases_made.events_of(workspace, stored)
    assert stored.state == "escalated"
    assert [event.kind for event in events] == ["opened", "skipped", "skipped", "skipped", "escalated"]
    assert timeline.first_broken(stored, events) is None
    assert act(workspace, leases.skip, stored, "ack_9", reason="later") == "case.lease"


@pytest.mark.parametrize("side", ["owner", "seller"])
def test_nobody_decides_about_the_own_organisation(workspace: Workspace, kite: str, side: str) -> None:
    """A moderator who also belongs to the brand, or to the shop's organisation, does not get the case."""
    cases_made.hand_in(workspace)
    person = people_made.person(
        workspace.database, "mo@bazaar.example", owner="bazaar", kinds=("marketplace",), roles=("moderator",)
    )
    if side == "owner":
        people_made.person(workspace.database, "mo@bazaar.example", owner="acme")
    else:
        people_made.person(workspace.database, "mo@bazaar.example", owner="kiteco", kinds=("licensee",))
        with workspace.database.writing() as session:
            seller = organisations.get_organisation(session, "kiteco")
            url = "https://bigmarket/kites"
            shops_made.add(session, seller, marketplace="bigmarket", shop_id="kites", url=url, now=make.NOW)
    assert take(workspace, person.id) is None
    assert take(workspace, "per_other") is not None


def test_a_marketplace_with_a_brand_does_not_decide_about_it_by_a_key(
    workspace: Workspace, kite: str
) -> None:
    """The organisation has both roles: its key gets no case about its own design, as its people get none."""
    with workspace.database.writing() as session:
        acme = organisations.get_organisation(session, "acme")
        acme.roles = ["brand", "marketplace"]
        key, _ = api_keys.create_key(session, acme, label="desk", scopes=["cases:decide"], now=make.NOW)
    cases_made.hand_in(workspace, by="acme")
    (case,) = cases_made.cases_of(workspace)
    assert take(workspace, key.id, by="acme") is None
    assert act(workspace, leases.take, case, key.id) == "case.interest"


def test_an_escalated_case_has_its_time_back(workspace: Workspace, kite: str) -> None:
    """A case that waits for information is escalated instead: its clock goes on from now."""
    cases_made.hand_in(workspace)
    case = take(workspace, "ack_1")
    assert case is not None
    due_at = case.due_at
    assert act(workspace, questions.ask, case, "ack_1", of="owner", text="Is this yours?") == "ok"
    assert act(workspace, leases.take, case, "ack_1", hours=5.1) == "ok"
    assert act(workspace, leases.escalate, case, "ack_1", hours=5.1, note="They do not answer.") == "ok"
    (again,) = cases_made.cases_of(workspace)
    assert (again.state, again.waits_until) == ("escalated", None)
    assert again.due_at == due_at + timedelta(hours=5)
