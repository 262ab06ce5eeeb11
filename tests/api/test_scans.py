"""Scans, alerts, marks and claims over HTTP."""

from collections.abc import Callable
from datetime import timedelta

import pytest
import scans_made as made
import units_made
from starlette.testclient import TestClient

from authcheck.certificates.signing_keys import open_vault
from authcheck.certificates.tables import Certificate
from authcheck.scans.claims import pin_of
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

Headers = dict[str, str]
PHONE = {"User-Agent": "Shop app 4 (iPhone)"}


@pytest.fixture
def units(workspace: Workspace) -> list[Certificate]:
    """Two units of Acme with PINs."""
    return units_made.issue(workspace, units_made.brand_with_key(workspace), pins=True, now=utc_now())


@pytest.fixture
def acme(login: Callable[..., Headers], units: list[Certificate]) -> Headers:
    """A key of Acme that reads scans and handles alerts."""
    return login("scans:write")


def test_an_app_records_what_it_scans(
    client: TestClient, workspace: Workspace, units: list[Certificate]
) -> None:
    """The same visit is one scan, an id of the public ledger is none, and neither is a crawler."""
    body = {"code": units[0].code, "visit": "a-visit-of-an-app-1"}
    for _ in range(2):
        answer = client.post("/v1/scans", json=body, headers=PHONE)
        assert (answer.status_code, answer.json()["advice"], answer.json()["cautions"]) == (
            200,
            "verified",
            [],
        )
    client.post("/v1/scans", json={"code": units[0].id}, headers=PHONE)
    client.post("/v1/scans", json={"code": units[0].code}, headers={"User-Agent": "Googlebot"})
    (session,) = made.sessions_of(workspace, units[0])
    assert (session.requests, session.way, session.visit) == (2, "api", "a-visit-of-an-app-1")
    assert client.post("/v1/scans", json={"code": "0000000000000"}, headers=PHONE).status_code == 404
    assert client.post("/v1/scans", json={**body, "visit": "a b"}, headers=PHONE).status_code == 422


def test_the_scan_that_shows_the_copy_says_so(
    client: TestClient, workspace: Workspace, units: list[Certificate]
) -> None:
    """The answer has the caution that this scan has shown, in place of `verified`."""
    made.copied(workspace, units[0], at=utc_now() - timedelta(days=20))
    answer = client.post("/v1/scans", json={"code": units[0].code}, headers=PHONE).json()
    assert (answer["outcome"], answer["advice"]) == ("good", "careful")
    assert answer["cautions"][0]["code"] == "scans.places"
    assert client.get(f"/v1/certificates/{units[0].code}").json()["advice"] == "careful"


def test_a_brand_reads_its_scans(
    client: TestClient, workspace: Workspace, units: list[Certificate], acme: Headers
) -> None:
    """Page by page, filtered, and as a table. The label's code is in none of them."""
    made.copied(workspace, units[0], at=utc_now() - timedelta(days=20))
    first = client.get("/v1/scans?limit=3", headers=acme).json()
    rest = client.get(f"/v1/scans?limit=3&after={first['next']}", headers=acme).json()
    assert (len(first["items"]), len(rest["items"]), rest["next"]) == (3, 2, None)
    assert first["items"][0]["unit"]["id"] == units[0].id
    assert len(client.get("/v1/scans?country=us&advice=verified", headers=acme).json()["items"]) == 2
    assert client.get("/v1/scans?since=2099-01-01", headers=acme).json()["items"] == []
    assert client.get("/v1/scans?advice=odd", headers=acme).status_code == 422
    table = client.get("/v1/scans/csv", headers=acme)
    assert table.headers["content-type"].startswith("text/csv")
    assert len(table.text.splitlines()) == 6
    figures = client.get("/v1/scans/figures", headers=acme).json()
    assert (figures["sessions"], figures["first"], figures["flagged"]) == (5, 1, {"places": 1})
    assert figures["batches"][0]["never"] == 1
    assert client.get("/v1/scans/figures?since=2020-01-01", headers=acme).json()["code"] == "scan.period"
    texts = [client.get(path, headers=acme).text for path in ("/v1/scans", "/v1/scans/csv", "/v1/alerts")]
    assert not any(units[0].code in text for text in texts)


def test_an_alert_is_handled(
    client: TestClient, workspace: Workspace, units: list[Certificate], acme: Headers
) -> None:
    """In both languages, with its states, and for its brand only."""
    made.copied(workspace, units[0], at=utc_now() - timedelta(days=20))
    (alert,) = client.get("/v1/alerts?state=new&kind=places", headers=acme).json()["items"]
    assert alert["text"].startswith("5 phones scanned the label")
    assert (alert["grave"], alert["unit"]["id"]) == (True, units[0].id)
    path = f"/v1/alerts/{alert['id']}"
    chinese = client.get(path, headers={**acme, "Accept-Language": "zh"}).json()
    assert "部手机" in chinese["text"]
    assert client.post(f"{path}/state", json={"state": "cleared"}, headers=acme).json()["code"] == "alert.why"
    body = {"state": "cleared", "why": "shown at a fair"}
    cleared = client.post(f"{path}/state", json=body, headers=acme).json()
    assert (cleared["state"], cleared["why"]) == ("cleared", "shown at a fair")
    assert client.get(f"/v1/certificates/{units[0].code}").json()["advice"] == "verified"
    assert client.post(f"{path}/state", json={"state": "seen"}, headers=acme).json()["state"] == "seen"


def test_units_are_marked(client: TestClient, units: list[Certificate], acme: Headers) -> None:
    """Units are marked, and a batch is expected somewhere."""
    body = {"mark": "blocked", "reason": "stolen", "codes": [units[0].code]}
    assert client.post("/v1/marks", json=body, headers=acme).json() == {"changed": 1}
    blocked = client.get(f"/v1/certificates/{units[0].code}").json()
    assert (blocked["advice"], blocked["cautions"]) == (
        "careful",
        [{"code": "scans.blocked", "params": {"reason": "stolen"}}],
    )
    assert client.post(
        "/v1/marks", json={"mark": "sold", "batch": units[0].batch_id}, headers=acme
    ).json() == {"changed": 2}
    path = f"/v1/batches/{units[0].batch_id}/expectation"
    assert client.get(path, headers=acme).json() == {"markets": [], "use_by": None, "said_at": None}
    said = client.put(path, json={"markets": ["de", "China"], "use_by": "2026-01-01"}, headers=acme).json()
    assert (said["markets"], said["use_by"]) == (["CN", "DE"], "2026-01-01")
    assert client.get(path, headers=acme).json() == said
    assert client.put(path, json={"markets": ["Mars"]}, headers=acme).json()["code"] == "batch.markets"


def test_an_owner_claims(client: TestClient, workspace: Workspace, units: list[Certificate]) -> None:
    """A wrong PIN is counted although it is refused, and the right one gives a secret once."""
    pin = pin_of(open_vault(workspace.settings), units[0])
    wrong = "000000" if pin != "000000" else "111111"
    path = f"/v1/certificates/{units[0].code}"
    refused = client.post(f"{path}/claim", json={"pin": wrong})
    assert (refused.status_code, refused.json()["code"]) == (401, "claim.pin")
    claimed = client.post(f"{path}/claim", json={"pin": pin})
    assert claimed.status_code == 201
    assert client.post(f"{path}/claim", json={"pin": pin}).json()["code"] == "claim.claimed"
    assert client.post(f"{path}/clearance", json=claimed.json()).json() == {"cleared": 0}
    assert client.post(f"{path}/clearance", json={"secret": "x"}).json()["code"] == "claim.secret"
    other = f"/v1/certificates/{units[1].code}/claim"
    codes = [client.post(other, json={"pin": wrong}).json()["code"] for _ in range(6)]
    assert codes == ["claim.pin"] * 5 + ["claim.paused"]
    assert client.post("/v1/certificates/0000000000000/claim", json={"pin": wrong}).status_code == 404


def test_scans_need_their_scope(
    client: TestClient, login: Callable[..., Headers], units: list[Certificate]
) -> None:
    """A reader does not mark, and a rival reads nothing."""
    reader = login("scans:read")
    assert client.get("/v1/scans", headers=reader).status_code == 200
    assert (
        client.post("/v1/marks", json={"mark": "sold", "codes": [units[0].code]}, headers=reader).json()[
            "code"
        ]
        == "auth.scope"
    )
    rival = login("scans:write", owner="globex")
    assert (
        client.post("/v1/marks", json={"mark": "sold", "codes": [units[0].code]}, headers=rival).status_code
        == 404
    )
