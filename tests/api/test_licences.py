"""Licences over HTTP: offer, accept, amend and revoke. Only owner and licensee see the licence."""

from collections.abc import Callable
from typing import Any

import licences_made as made
import pytest
from starlette.testclient import TestClient

from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql

Headers = dict[str, str]


@pytest.fixture
def owner(login: Callable[..., Headers]) -> Headers:
    """Acme, an owner that grants licences."""
    return login("licences:write", "designs:write")


@pytest.fixture
def taker(workspace: Workspace, login: Callable[..., Headers]) -> Headers:
    """A licensee that makes shirts."""
    made.organisation(workspace, "maker")
    return login("licences:write", owner="maker")


@pytest.fixture
def offer(
    client: TestClient, owner: Headers, taker: Headers, new_design: Callable[..., dict[str, Any]]
) -> Callable[..., dict[str, Any]]:
    """Offer the maker a licence and return the answer: `offer(territories=["FR"])`."""
    design = new_design()["id"]

    def make_offer(**terms: Any) -> dict[str, Any]:
        body = {"licensee": "maker", "terms": {"designs": [design], "starts_on": "2026-01-01", **terms}}
        answer = client.post("/v1/licences", headers=owner, json=body)
        found: dict[str, Any] = {"status": answer.status_code, **answer.json()}
        return found

    return make_offer


@pytest.mark.slow
def test_a_licence_is_offered_and_accepted(
    client: TestClient, owner: Headers, taker: Headers, offer: Callable[..., dict[str, Any]]
) -> None:
    """The answer has the state, the normalised terms and the ledger's entry."""
    offered = offer(territories=["it", "FR"], goods=[25, 25], cap=9000, channels=["BigMarket"])
    assert (offered["status"], offered["state"], offered["owner"], offered["units"]) == (
        201,
        "offered",
        "acme",
        0,
    )
    assert offered["terms"]["territories"] == ["FR", "IT"]
    assert (offered["terms"]["goods"], offered["terms"]["channels"]) == ([25], ["bigmarket"])
    path = f"/v1/licences/{offered['id']}"
    assert client.post(f"{path}/accept", headers=taker).json()["state"] == "active"
    assert client.get(path, headers=owner).json()["state"] == "active"
    assert client.get(f"/v1/tx/{offered['tx_id']}").json()["type"] == "licence.grant"
    amended = client.post(f"{path}/amend", headers=owner, json={**offered["terms"], "cap": 12_000})
    assert (amended.status_code, amended.json()["version"]) == (201, 2)
    listed = client.get("/v1/licences?role=licensee", headers=taker).json()["items"]
    assert [(one["version"], one["state"]) for one in listed] == [(1, "active"), (2, "offered")]
    assert client.get("/v1/licences?role=licensee", headers=owner).json()["items"] == []
    ended = client.post(f"{path}/revoke", headers=owner, json={"reason": "unpaid"})
    assert (ended.json()["state"], ended.json()["revocation_reason"]) == ("revoked", "unpaid")


def test_strangers_see_nothing(
    client: TestClient, taker: Headers, login: Callable[..., Headers], offer: Callable[..., dict[str, Any]]
) -> None:
    """A third organisation cannot find the licence. A key without the scope is refused.

    The licensee may not revoke.
    """
    path = f"/v1/licences/{offer()['id']}"
    third = login("licences:write", owner="globex")
    assert client.get("/v1/licences", headers=third).json()["items"] == []
    assert client.get(path, headers=third).status_code == 404
    for act, body in (("accept", None), ("decline", None), ("revoke", {"reason": "other"})):
        assert client.post(f"{path}/{act}", headers=third, json=body).status_code == 404
    assert client.post(f"{path}/revoke", headers=taker, json={"reason": "other"}).status_code == 404
    assert client.get(path, headers=login("designs:write")).status_code == 403
    assert client.get(path).status_code == 401


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"designs": []}, "licence.terms"),
        ({"designs": ["dsn_unknown"]}, "design.not_found"),
        ({"territories": ["XX"]}, "licence.territory"),
        ({"territories": ["*", "FR"]}, "licence.territory"),
        ({"except_territories": ["FR"], "territories": ["IT"]}, "licence.territory"),
        ({"goods": [46]}, "licence.goods"),
        ({"channels": ["/4711"]}, "licence.channel"),
        ({"ends_on": "2025-12-31"}, "licence.period"),
        ({"cap": 0}, "licence.cap"),
    ],
)
def test_terms_that_cannot_be_are_refused(
    offer: Callable[..., dict[str, Any]], terms: dict[str, Any], code: str
) -> None:
    """Invalid terms are refused with a code of their own, and nothing is stored."""
    refused = offer(**terms)
    assert (refused["code"], refused["status"] in {404, 422}) == (code, True)


def test_exclusivity_names_the_other(
    client: TestClient,
    workspace: Workspace,
    taker: Headers,
    owner: Headers,
    offer: Callable[..., dict[str, Any]],
) -> None:
    """The refusal names the owner's licence that conflicts with the offer."""
    first = offer(exclusive=True)
    client.post(f"/v1/licences/{first['id']}/accept", headers=taker)
    made.organisation(workspace, "other")
    body = {"licensee": "other", "terms": {"designs": first["terms"]["designs"], "starts_on": "2026-01-01"}}
    refused = client.post("/v1/licences", headers=owner, json=body)
    assert (refused.status_code, refused.json()["code"]) == (409, "licence.exclusive")
    assert refused.json()["params"]["licence"] == first["id"]


@pytest.mark.slow
def test_an_offer_is_withdrawn_or_replaced(
    client: TestClient, owner: Headers, taker: Headers, offer: Callable[..., dict[str, Any]]
) -> None:
    """Only its owner withdraws an offer. `read` says which version was read, and replaces an open offer."""
    offered = offer(cap=5)
    path = f"/v1/licences/{offered['id']}"
    body = {**offered["terms"], "cap": 7}
    assert client.post(f"{path}/amend", headers=owner, json=body).json()["code"] == "licence.state"
    newer = client.post(f"{path}/amend?read={offered['id']}", headers=owner, json=body)
    assert (newer.status_code, newer.json()["version"], newer.json()["terms"]["cap"]) == (201, 2, 7)
    late = client.post(f"{path}/amend?read={offered['id']}", headers=owner, json=body).json()
    assert (late["code"], late["params"]["newest"]) == ("licence.changed", newer.json()["id"])
    assert client.get(path, headers=owner).json()["state"] == "declined"
    path = f"/v1/licences/{newer.json()['id']}"
    assert client.post(f"{path}/withdraw", headers=taker).status_code == 404
    assert client.post(f"{path}/withdraw", headers=owner).json()["state"] == "declined"
    assert client.post(f"{path}/withdraw", headers=owner).json()["code"] == "licence.state"
    assert client.post(f"{path}/accept", headers=taker).json()["code"] == "licence.state"
