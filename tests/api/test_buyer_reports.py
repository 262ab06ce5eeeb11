"""Reports of buyers over HTTP and on the page: public, limited, and followed by the receipt's address."""

import cases_made
import make
import people_made
import pytest
from browsers_made import Browser
from starlette.testclient import TestClient

from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

URL = "https://bigmarket.example/1"


@pytest.fixture(autouse=True)
def listing(workspace: Workspace) -> None:
    """A marketplace has handed a listing in."""
    make.register(workspace, seed=1)
    cases_made.hand_in(workspace, url=URL)


def test_a_program_reports(client: TestClient) -> None:
    """The receipt tells the stage and no case. The sixth report of a minute waits."""
    made = client.post("/v1/reports", json={"claim": "copy", "address": URL})
    receipt = made.json()
    assert (made.status_code, set(receipt), receipt["stage"]) == (
        201,
        {"id", "stage", "claim", "reported_at"},
        "reported",
    )
    assert client.get(f"/v1/reports/{receipt['id']}").json() == receipt
    assert client.get("/v1/reports/rpt_0").json()["code"] == "report.unknown"
    answers = [client.post("/v1/reports", json={"claim": "x", "address": URL}) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [422, 422, 422, 422, 429]


def test_moderators_read_the_word(client: TestClient, workspace: Workspace) -> None:
    """The case has the claim and the words, on the page and for programs."""
    client.post("/v1/reports", json={"claim": "label", "address": URL, "words": "No such code."})
    headers = {"Authorization": f"Bearer {make.key(workspace, 'cases:decide', owner='bazaar')}"}
    case = client.post("/v1/cases/next", headers=headers).json()
    (report,) = case["buyer_reports"]
    assert (report["claim"], report["words"], case["notices"]) == ("label", "No such code.", [])
    people_made.person(
        workspace.database, "mo@bazaar.example", owner="bazaar", kinds=("marketplace",),
        roles=("moderator",), now=utc_now(),
    )  # fmt: skip
    mo = Browser(client)
    mo.sign_in("mo@bazaar.example")
    page = mo.get(f"/cases/{case['id']}").text
    assert "A buyer says: The label or its code is wrong." in page
    assert "No such code." in page


def test_a_person_reports_without_an_account(client: TestClient) -> None:
    """What was typed stays after a mistake, the receipt shows the stage, and another site cannot send."""
    buyer = Browser(client)
    assert "Report a listing" in buyer.get("/").text
    wrong = buyer.post("/report", address="<b>nowhere</b>", claim="copy", words="Seam & label")
    assert (wrong.status_code, "We do not know this offer" in wrong.text) == (404, True)
    assert "&lt;b&gt;nowhere" in wrong.text
    assert "Seam &amp; label" in wrong.text
    unchosen = buyer.post("/report", address=URL)
    assert (unchosen.status_code, "Choose what is wrong." in unchosen.text) == (422, True)
    sent = buyer.post("/report", address=URL, claim="label", words="The code\r\ndoes not scan.")
    page = buyer.get(sent.headers["location"])
    assert "Received. A moderator of the marketplace will look at it." in page.text
    assert "收到" in buyer.get(f"{sent.headers['location']}?lang=zh").text
    assert buyer.get("/report/rpt_0").status_code == 404
    foreign = buyer.post("/report", {"Sec-Fetch-Site": "cross-site"}, address=URL, claim="copy")
    assert foreign.status_code == 403
