"""The forms of the review page: each does one thing, and says in words why it does not."""

import re
from datetime import timedelta
from typing import Any

import cases_made
import make
import people_made
import pytest
from case_browsers import CANNOT_TELL, UNLICENSED, send, sign_in
from sqlalchemy import select, update
from starlette.testclient import TestClient

from api.app import create_app
from authcheck.cases.settling import settle
from authcheck.cases.tables import Case, CaseDecision
from authcheck.config import Settings
from authcheck.registry.tables import Design
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

pytestmark = pytest.mark.slow  # each test signs people in


@pytest.fixture
def kite(workspace: Workspace) -> str:
    """Return acme's design of seed 1."""
    return make.register(workspace, seed=1).design.id


def cases(workspace: Workspace, count: int = 2) -> list[str]:
    """Open cases of as many sellers, and return their ids."""
    for number in range(count):
        cases_made.hand_in(workspace, f"L-{number}", seller=f"shop-{number}")
    return [case.id for case in cases_made.cases_of(workspace)]


def take(client: TestClient) -> str:
    """Take the next case and return its path."""
    return str(send(client, "/cases/next").url.path)


def case_at(workspace: Workspace, path: str) -> Case:
    """Return the case of a page."""
    return next(case for case in cases_made.cases_of(workspace) if path.endswith(case.id))


def decisions_in(workspace: Workspace) -> list[CaseDecision]:
    """Return all decisions."""
    with workspace.database.reading() as session:
        return list(session.scalars(select(CaseDecision).order_by(CaseDecision.id)))


def let_leave(workspace: Workspace) -> None:
    """Let all decisions take effect."""
    with workspace.database.writing() as session:
        session.execute(update(CaseDecision).values(leaves_at=utc_now() - timedelta(seconds=1)))
    settle(workspace.database, utc_now())


def test_decide_next_and_undo(client: TestClient, workspace: Workspace, kite: str) -> None:
    """The next case has a bar about the decision. Its undo leads back, and after ten seconds it is too late."""
    cases(workspace)
    me = sign_in(client, workspace)
    first = take(client)
    page = send(client, f"{first}/decide", **UNLICENSED)
    assert page.url.path != first
    assert "Decided: Use without a licence" in page.text
    (decision,) = decisions_in(workspace)
    assert (decision.person_id, decision.reason, decision.restriction) == (me, "listing.no_licence", "remove")
    page = send(client, f"{first}/undo")
    assert (page.url.path, "The decision is undone." in page.text) == (first, True)
    send(client, f"{first}/decide", **UNLICENSED)
    let_leave(workspace)
    late = send(client, f"{first}/undo")
    assert (late.status_code, "ten seconds are over" in late.text) == (409, True)
    assert "It is in effect." in late.text


def test_what_cannot_be_asked_for_is_not_asked(client: TestClient, workspace: Workspace, kite: str) -> None:
    """A decision that accuses nobody, and too many units, ask the marketplace for nothing, whatever is sent."""
    cases(workspace)
    sign_in(client, workspace)
    send(client, f"{take(client)}/decide", **CANNOT_TELL)
    send(
        client,
        f"{take(client)}/decide",
        decision="licence_breach",
        reason_licence_breach="licence.over_cap",
        restriction="remove",
    )
    assert [decision.restriction for decision in decisions_in(workspace)] == ["none", "none"]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({}, "Choose one of the seven decisions."),
        ({"decision": "guilty"}, "Choose one of the seven decisions."),
        (
            {"decision": "counterfeit", "reason_counterfeit": "use.parody"},
            "Choose a reason of this decision.",
        ),
        ({**UNLICENSED, "restriction": "burn"}, "Choose what the marketplace is asked to do."),
        ({**UNLICENSED, "note": "n" * 2_001}, "A note has at most 2,000 characters."),
        ({**UNLICENSED, "note": "<b>\x00"}, "A note has at most"),
    ],
)
def test_a_refused_decision_says_why_and_keeps_what_was_typed(
    client: TestClient, workspace: Workspace, kite: str, fields: dict[str, Any], words: str
) -> None:
    """The case stays with its reader, the form is still there, and nothing was decided."""
    cases(workspace, 1)
    sign_in(client, workspace)
    path = take(client)
    page = send(client, f"{path}/decide", **fields)
    assert (page.status_code, words in page.text) == (422, True)
    assert "You hold it" in page.text
    assert "<b>" not in page.text
    if "note" in fields:
        assert fields["note"][:5] in page.text.replace("&lt;", "<").replace("&gt;", ">")
    assert decisions_in(workspace) == []


def test_nobody_decides_the_case_of_another_reader(
    client: TestClient, workspace: Workspace, kite: str
) -> None:
    """Without the lease nothing happens. Who comes second is told who decided."""
    cases(workspace, 1)
    sign_in(client, workspace)
    path = take(client)
    other = TestClient(client.app)
    sign_in(other, workspace, name="ann")
    refused = send(other, f"{path}/decide", **UNLICENSED)
    assert (refused.status_code, "moderator</bdi> holds it" in refused.text) == (409, True)
    assert "case.lease" in refused.text
    assert send(other, f"{path}/take").status_code == 409
    send(client, f"{path}/decide", **UNLICENSED)
    late = send(other, f"{path}/decide", **CANNOT_TELL)
    assert (late.status_code, "moderator has decided this case already" in late.text) == (409, True)
    assert send(other, f"{path}/undo").status_code == 409
    assert [decision.undone_at for decision in decisions_in(workspace)] == [None]


def test_a_lease_that_ran_out_decides_nothing(client: TestClient, workspace: Workspace, kite: str) -> None:
    """The page says so, and the button to take the case again is there."""
    cases(workspace, 1)
    sign_in(client, workspace)
    path = take(client)
    with workspace.database.writing() as session:
        session.execute(update(Case).values(lease_until=utc_now() - timedelta(seconds=1)))
    page = send(client, f"{path}/decide", **UNLICENSED)
    assert (page.status_code, "You do not hold this case, or no longer." in page.text) == (409, True)
    assert f'action="{path}/take"' in page.text
    assert "You hold the case now" in send(client, f"{path}/take").text


def test_people_of_the_brand_do_not_decide(client: TestClient, workspace: Workspace, kite: str) -> None:
    """A moderator who also belongs to the brand gets no such case, also not by its address."""
    (case_id,) = cases(workspace, 1)
    sign_in(client, workspace)
    people_made.person(workspace.database, "moderator@bazaar.example", owner="acme", now=utc_now())
    assert send(client, "/cases/next").url.path == "/cases"
    page = send(client, f"/cases/{case_id}/take")
    assert (page.status_code, "You belong to the brand or the shop of this case" in page.text) == (403, True)


def test_a_design_that_was_retired_meanwhile(client: TestClient, workspace: Workspace, kite: str) -> None:
    """The moderator who has the page open is told, and decides something else."""
    cases(workspace, 1)
    sign_in(client, workspace)
    path = take(client)
    with workspace.database.writing() as session:
        session.execute(update(Design).values(state="retired"))
    page = send(client, f"{path}/decide", **UNLICENSED)
    assert (page.status_code, "it is evidence against nobody" in page.text) == (409, True)
    assert send(client, f"{path}/decide", **CANNOT_TELL).status_code == 200
    assert len(decisions_in(workspace)) == 1


def test_a_case_is_passed_on_escalated_asked_about_and_answered(
    client: TestClient, workspace: Workspace, kite: str
) -> None:
    """Each form says what was done, or what is missing."""
    cases(workspace, 4)
    sign_in(client, workspace)
    first = take(client)
    assert "Choose why you pass the case on." in send(client, f"{first}/skip", reason="bored").text
    assert "The other case is passed on." in send(client, f"{first}/skip", reason="language").text
    second = take(client)
    assert "Write why" in send(client, f"{second}/escalate", note=" ").text
    assert "with a lead now" in send(client, f"{second}/escalate", note="Ask Ann").text
    third = take(client)
    assert "Choose whom you ask." in send(client, f"{third}/ask", of="police", text="?").text
    assert "Write a question" in send(client, f"{third}/ask", of="seller", text="").text
    assert "waits for an answer now" in send(client, f"{third}/ask", of="seller", text="Your shop?").text
    states = [case_at(workspace, path).state for path in (first, second, third)]
    assert states == ["open", "escalated", "waiting"]
    assert "moderator</bdi> gave this case to a lead." in client.get(second).text
    assert "Ask Ann" in client.get(second).text
    assert "Your shop?" in send(client, f"{third}/take").text
    assert "Write the answer" in send(client, f"{third}/answer", text="").text
    assert "The answer is noted." in send(client, f"{third}/answer", text="Yes").text
    assert "stopped once already" in send(client, f"{third}/ask", of="seller", text="Sure?").text
    assert send(client, f"{third}/close").url.path == "/cases"
    assert case_at(workspace, third).lease_holder is None


def test_three_skips_say_who_decides(client: TestClient, workspace: Workspace, kite: str) -> None:
    """The page of a case that three readers have passed on says so."""
    cases(workspace, 1)
    for name in ("ann", "ben", "mo"):
        sign_in(client, workspace, name=name)
        path = take(client)
        page = send(client, f"{path}/skip", reason="cannot_tell")
        assert "No other case waits for you now." in page.text
    assert "Three readers have passed this case on" in client.get(path).text


def test_a_decision_is_reversed_with_all_of_its_bulk(
    client: TestClient, workspace: Workspace, kite: str
) -> None:
    """The grid has all listings with the picture. One form decides them, one takes them back."""
    cases(workspace, 3)
    sign_in(client, workspace)
    path = take(client)
    grid = client.get(f"{path}/alike")
    listings = [case.items[0].listing_id for case in cases_made.cases_of(workspace)]
    assert all(f'value="{listing}" data-counts checked' in grid.text for listing in listings)
    refused = send(client, f"{path}/alike", listing=listings)
    assert (refused.status_code, "Choose one of the seven decisions." in refused.text) == (422, True)
    page = send(client, f"{path}/alike", listing=[listings[0], listings[1], "lst_none"], **UNLICENSED)
    assert "Decided: Use without a licence, in cases: 2." in page.text
    assert "Listings that stay in the queue: 1." in page.text
    send(client, f"{path}/undo")
    assert {case.state for case in cases_made.cases_of(workspace)} == {"open"}
    send(client, f"{path}/alike", listing=listings, **UNLICENSED)
    let_leave(workspace)
    assert "Write why" in send(client, f"{path}/reverse", note="").text
    page = send(client, f"{path}/reverse", note="A licence came to light.", whole="yes")
    assert "The decision is reversed." in page.text
    assert {case.state for case in cases_made.cases_of(workspace)} == {"reversed"}
    assert send(client, f"{path}/reverse", note="Again").status_code == 409


def test_the_next_pictures_are_fetched_ahead_and_nobody_loses_a_lease(
    client: TestClient, workspace: Workspace, kite: str
) -> None:
    """The page names the pictures of the next free case. To fetch them leases nothing."""
    first, second, third = cases(workspace, 3)
    other = TestClient(client.app)
    sign_in(other, workspace, name="ann")
    assert take(other) == f"/cases/{first}"
    sign_in(client, workspace)
    assert take(client) == f"/cases/{second}"
    page = client.get(f"/cases/{second}").text
    assert f'<link rel="prefetch" href="/cases/{third}/pictures/' in page
    assert f'<link rel="prefetch" href="/cases/{first}' not in page
    client.get(f"/cases/{third}")
    holders = [case.lease_holder is not None for case in cases_made.cases_of(workspace)]
    assert holders == [True, True, False]


def test_no_other_site_decides(client: TestClient, workspace: Workspace, kite: str) -> None:
    """A form from elsewhere, and one without our token from a browser that says nothing, change nothing."""
    cases(workspace, 1)
    sign_in(client, workspace)
    path = take(client)
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {}):
        for act in ("decide", "skip", "escalate", "ask", "close", "take", "undo", "alike"):
            answer = client.post(f"{path}/{act}", data=UNLICENSED, headers=headers, follow_redirects=False)
            assert (answer.status_code, "request.cross_site" in answer.text) == (403, True), act
    assert case_at(workspace, path).lease_holder is not None
    assert decisions_in(workspace) == []


def test_a_busy_queue_is_shown_in_the_order_of_work(tmp_path: Any) -> None:
    """The page lists the first fifty of all, says how many there are, and finds the others."""
    with TestClient(create_app(Settings(data_dir=tmp_path / "desk"))) as client:
        workspace: Workspace = client.app.state.workspace  # type: ignore[attr-defined]
        make.register(workspace, seed=1)
        cases(workspace, 52)
        sign_in(client, workspace)
        page = client.get("/cases").text
        assert page.count("data-row") == 50
        assert "The first 50 of 52 are shown." in page
        found = client.get("/cases", params={"q": "shop-51"}).text
        assert (found.count("data-row"), "offered by <bdi>shop-51</bdi>" in found) == (1, True)
        (case_id,) = re.findall(r'href="/cases/(cas_\w+)" data-row', found)
        for search in ("L-51", case_id, case_id.lower()):
            assert client.get("/cases", params={"q": search}).text.count("data-row") == 1, search
        assert "3 of 50+" in client.get(f"/cases/{third_of(page)}").text


def third_of(page: str) -> str:
    """Return the id of the third case of the queue."""
    return re.findall(r'href="/cases/(cas_\w+)" data-row', page)[2]
