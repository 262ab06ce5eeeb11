"""Hits over HTTP: a brand reads what every buyer sees of a listing, and nothing that the marketplace alone knows."""

import cases_made
import make
import pytest
from starlette.testclient import TestClient

from authcheck.workspace import Workspace

SECRETS = {
    "sold_30d": "4711234567",
    "stock": "4712345678",
    "rank": "4713456789",
    "query": "cheap kite like acme",
}
SHOWN = {
    "url": "https://b.example/1", "title": "Kite <b>", "price": "9.90 EUR", "seller_name": "=HYPERLINK(1)",
    "description": "a long text",
}  # fmt: skip


def bearer(work: Workspace, *scopes: str, owner: str = "acme") -> dict[str, str]:
    """Return the headers of a program."""
    return {"Authorization": f"Bearer {make.key(work, *scopes, owner=owner)}"}


@pytest.mark.slow
def test_a_brand_reads_what_buyers_see(client: TestClient, workspace: Workspace) -> None:
    """Sales, stock, rank and search of the marketplace are in no answer. The hit leads to a notice and its stage."""
    kite = make.register(workspace, seed=1).design.id
    listing = cases_made.hand_in(workspace, **SECRETS, **SHOWN)
    brand = bearer(workspace, "listings:read", "notices:write")
    answer = client.get("/v1/hits", headers=brand)
    (hit,) = answer.json()["items"]
    for secret in (*SECRETS.values(), *SECRETS, "a long text", "evidence", "seller_known"):
        assert secret not in answer.text
    assert {name: hit[name] for name in SHOWN if name != "description"} == {
        name: text for name, text in SHOWN.items() if name != "description"
    }
    assert (hit["listing"], hit["marketplace"], hit["stage"], hit["notice"], hit["decision"]) == (
        listing.id, "bazaar", "not_reported", None, None,
    )  # fmt: skip
    assert hit["reasons"][0]["code"] == "listing.no_licence"
    said = {"design": kite, "claim": "unlicensed_use", "good_faith": True, "accuracy": True}
    rows = [{"listing": hit["listing"]}]
    notice = client.post("/v1/notices", headers=brand, json={**said, "rows": rows}).json()
    (hit,) = client.get("/v1/hits?stage=reported", headers=brand).json()["items"]
    assert (hit["stage"], hit["notice"]) == ("reported", notice["id"])
    assert client.get("/v1/hits", headers=bearer(workspace, "listings:read", owner="globex")).json() == {
        "items": [], "next": None,
    }  # fmt: skip


def test_pages_of_hits_leave_nothing_out(client: TestClient, workspace: Workspace) -> None:
    """Each hit is on one page, and an unknown facet is refused."""
    make.register(workspace, seed=1)
    for number in range(3):
        cases_made.hand_in(workspace, f"L-{number}", later_h=number)
    brand = bearer(workspace, "listings:read")
    first = client.get("/v1/hits?limit=2", headers=brand).json()
    second = client.get(f"/v1/hits?limit=2&after={first['next']}", headers=brand).json()
    assert [hit["reference"] for hit in first["items"] + second["items"]] == ["L-0", "L-1", "L-2"]
    for query in ("verdict=fake", "stage=refused", "since=soon"):
        assert client.get(f"/v1/hits?{query}", headers=brand).status_code == 422
