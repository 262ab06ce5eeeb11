"""The page *Feedback*: a brand reads what was decided, and answers the pictures that moderators propose."""

import cases_made
import make
import people_made
import pytest
from browsers_made import Browser
from starlette.testclient import TestClient

from authcheck.cases import decisions, leases
from authcheck.cases.rulings import Ruling
from authcheck.cases.settling import settle
from authcheck.members import organisations
from authcheck.registry import negatives
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

WRONG = Ruling(code="wrong_match", reason="match.common_motif", restriction="none")


def propose(work: Workspace, picture: bytes, reference: str) -> str:
    """Have a moderator call the picture of a listing no match. Return the id of the decision."""
    cases_made.hand_in(work, reference, seller=reference, picture=picture, title="<b>Kite</b>")
    (case,) = [case for case in cases_made.cases_of(work) if case.state == "open"]
    words = {"organisation_id": case.organisation_id, "holder": "ack_1", "now": make.NOW}
    with work.database.writing() as session:
        leases.take(session, case.id, **words)
        decision = decisions.decide(session, case.id, WRONG, **words)
    settle(work.database, utc_now())
    return decision.id


@pytest.fixture
def mei(client: TestClient, workspace: Workspace) -> Browser:
    """Return the browser of acme's admin."""
    make.register(workspace, title="Kite & string", seed=1)
    people_made.person(workspace.database, now=utc_now())
    browser = Browser(client)
    browser.sign_in()
    return browser


def test_a_brand_answers_what_moderators_propose(mei: Browser, workspace: Workspace) -> None:
    """A blurred picture is ignored after a yes, a copy is refused with a reason, and a no ends it."""
    assert "No case about your designs was decided yet." in mei.get("/feedback").text
    blurred = make.encode(make.picture(1).resize((10, 8)).resize((320, 256)), "JPEG", quality=80)
    harmless = propose(workspace, blurred, "L-1")
    copy = propose(workspace, make.picture_bytes(1, "JPEG", quality=70), "L-2")
    page = mei.get("/feedback").text
    assert "0 of 2" in page
    assert page.count("Kite &amp; string") == 4  # title and alternative text of each picture
    assert mei.get(f"/feedback/picture?proposal={copy}").headers["content-type"] == "image/webp"
    refused = mei.post("/feedback/answer", proposal=copy, answer="add")
    assert (refused.status_code, "checks would miss the design" in refused.text) == (409, True)
    assert mei.post("/feedback/answer", proposal=copy, answer="maybe").status_code == 400
    added = mei.post("/feedback/answer", proposal=harmless, answer="add")
    assert added.headers["location"] == "/feedback?notice=added#proposals"
    declined = mei.post("/feedback/answer", proposal=copy, answer="decline")
    assert declined.headers["location"] == "/feedback?notice=declined#proposals"
    assert "No picture waits for your answer." in mei.get("/feedback").text
    again = mei.post("/feedback/answer", proposal=copy, answer="add")
    assert (again.status_code, "any more" in again.text) == (404, True)
    with workspace.database.reading() as session:
        acme = organisations.get_organisation(session, "acme")
        assert len(negatives.list_negatives(session, owner_id=acme.id)) == 1


def test_another_brand_sees_nothing(mei: Browser, client: TestClient, workspace: Workspace) -> None:
    """Neither the picture nor the numbers of a case cross the wall."""
    proposal = propose(workspace, make.picture_bytes(1, "JPEG", quality=70), "L-1")
    people_made.person(workspace.database, "zoe@globex.example", owner="globex", now=utc_now())
    zoe = Browser(client)
    zoe.sign_in("zoe@globex.example")
    assert "No case about your designs was decided yet." in zoe.get("/feedback").text
    assert zoe.get(f"/feedback/picture?proposal={proposal}").status_code == 404
    assert zoe.post("/feedback/answer", proposal=proposal, answer="decline").status_code == 404
    assert mei.get(f"/feedback/picture?proposal={proposal}").status_code == 200
