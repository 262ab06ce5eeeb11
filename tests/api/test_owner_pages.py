"""The owner's page, and the page that says what we keep and forgets a phone."""

import re
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

BROWSER = {"User-Agent": "Mozilla/5.0 (iPhone)", "Sec-Fetch-Site": "same-origin"}


@pytest.fixture
def unit(workspace: Workspace) -> Certificate:
    """A unit with a PIN."""
    now = utc_now()
    return units_made.issue(workspace, units_made.brand_with_key(workspace), count=1, pins=True, now=now)[0]


def post(client: TestClient, path: str, **fields: str) -> str:
    """Send a form and return the page."""
    return client.post(path, data=fields or {"x": ""}, headers=BROWSER).text


def test_an_owner_claims_and_explains_scans(
    client: TestClient, workspace: Workspace, unit: Certificate
) -> None:
    """A wrong PIN says so, the right one shows a secret once, and the secret takes warnings back."""
    path = f"/c/{unit.code}/owner"
    pin = pin_of(open_vault(workspace.settings), unit)
    assert pin is not None
    assert path in client.get(f"/c/{unit.code}").text
    assert 'name="pin"' in client.get(path).text
    assert "This PIN is wrong" in post(client, path, pin="x" + pin)
    made.copied(workspace, unit, at=utc_now() - timedelta(days=20))
    claimed = post(client, path, pin=pin)
    secret = re.findall(r'class="copied">([\w-]{20,})<', claimed)
    assert len(secret) == 1
    again = client.get(path).text
    assert ("Somebody claimed this item" in again, secret[0] in again, 'name="pin"' in again) == (
        True,
        False,
        False,
    )
    assert "Be careful" in client.get(f"/c/{unit.code}").text
    assert "not the secret" in post(client, path, secret="x" * 9)
    assert "Number of warnings taken back: 1" in post(client, path, secret=f" {secret[0]} ")
    page = client.get(f"/c/{unit.code}").text
    assert ("Verified" in page, "An owner claimed this item on" in page) == (True, True)
    assert client.get(f"/v1/certificates/{unit.code}").json()["claimed_at"]


def test_a_label_without_a_pin_has_no_owner(
    client: TestClient, workspace: Workspace, unit: Certificate
) -> None:
    """Its page offers no claim, and an unknown code has no page."""
    bare = units_made.issue(workspace, unit.design_id, request_key="bare", count=1, now=utc_now())[0]
    assert "/owner" not in client.get(f"/c/{bare.code}").text
    assert "has no PIN" in client.get(f"/c/{bare.code}/owner").text
    assert client.get("/c/0000000000000/owner").status_code == 404
    answer = client.post(
        f"/c/{unit.code}/owner", data={"pin": "1"}, headers={**BROWSER, "Sec-Fetch-Site": "cross-site"}
    )
    assert answer.status_code == 403


def test_a_phone_is_forgotten(client: TestClient, workspace: Workspace, unit: Certificate) -> None:
    """The button makes its scans belong to nobody. The page names the days."""
    body = {"code": unit.code, "visit": "a-visit-of-an-app-1"}
    client.post("/v1/scans", json=body, headers=BROWSER)
    before = made.sessions_of(workspace, unit)[0].visitor
    assert "90 days" in client.get("/privacy").text
    assert "belong to nobody now: 1" in post(client, "/privacy")
    (session,) = made.sessions_of(workspace, unit)
    assert session.visitor not in {before, ""}
    assert "belong to nobody now: 0" in post(client, "/privacy")
    assert "90 天" in client.get("/privacy?lang=zh").text


def test_a_buyer_tells_the_brand(client: TestClient, workspace: Workspace, unit: Certificate) -> None:
    """Reports are counted in one alert of the brand. They warn nobody, and a wrong choice says so."""
    path = f"/c/{unit.code}/report"
    assert path in client.get(f"/c/{unit.code}").text
    assert 'value="seller"' in client.get(path).text
    assert "Choose what is wrong" in post(client, path, claim="odd")
    for claim in ("item", "seller", "item"):
        assert "Thank you" in post(client, path, claim=claim)
    (alert,) = made.alerts_in(workspace)
    assert (alert.kind, alert.params, alert.is_grave) == (
        "reported", {"reports": 3, "claims": ["item", "seller"]}, False,
    )  # fmt: skip
    assert "Verified" in client.get(f"/c/{unit.code}").text
    posts = [client.post(path, data={"claim": "other"}, headers=BROWSER).status_code for _ in range(6)]
    assert 503 in posts or 429 in posts
    assert client.get("/c/0000000000000/report").status_code == 404
