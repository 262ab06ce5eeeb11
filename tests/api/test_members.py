"""Organisations and keys over HTTP."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from authcheck.storage.opening import utc_now

Headers = dict[str, str]


def _join(client: TestClient, admin: Headers, handle: str = "acme", **other: Any) -> Any:
    body = {"handle": handle, "name": "Acme Prints", "roles": ["brand"], **other}
    return client.post("/v1/organisations", headers=admin, json=body)


def test_an_organisation_joins_and_gets_a_key_that_works_until_revoked(
    client: TestClient, admin: Headers
) -> None:
    """The operator adds a member, gives it a key, and revokes the key."""
    joined = _join(client, admin)
    assert joined.status_code == 201
    whole = client.get(joined.headers["location"], headers=admin).json()
    assert whole == {**joined.json(), "domains": [], "looks_like": []}

    made = client.post(
        "/v1/keys", headers=admin, json={"organisation": "acme", "label": "shop", "scopes": ["designs:write"]}
    )
    assert made.status_code == 201
    key = {"Authorization": f"Bearer {made.json()['token']}"}
    assert client.get("/v1/me", headers=key).json()["organisation"] == "acme"

    listed = client.get("/v1/keys", headers=admin, params={"organisation": "acme"}).json()["items"]
    assert [item["id"] for item in listed] == [made.json()["id"]]
    assert "token" not in listed[0]
    assert "secret" not in str(listed)

    revoked = client.delete(f"/v1/keys/{made.json()['id']}", headers=admin)
    assert revoked.json()["revoked_at"] is not None
    assert client.delete(f"/v1/keys/{made.json()['id']}", headers=admin).json() == revoked.json()
    assert client.get("/v1/me", headers=key).json()["code"] == "auth.key_revoked"


@pytest.mark.slow
def test_a_handle_is_taken_once(client: TestClient, admin: Headers) -> None:
    """A second member with the same handle gets 409."""
    _join(client, admin)
    again = _join(client, admin)
    assert (again.status_code, again.json()["code"]) == (409, "organisation.exists")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"handle": "Not A Handle"}, "organisation.handle"),
        ({"roles": ["pirate"]}, "organisation.roles"),
        ({"name": "   "}, "organisation.name"),
        ({"name": "nul\x00"}, "request.invalid"),
        ({"name": "lone \ud800"}, "request.invalid"),
        ({"name": "x" * 201}, "request.invalid"),
        ({"nmae": "typo"}, "request.invalid"),
        ({"roles": []}, "request.invalid"),
        ({"name": 7}, "request.invalid"),
    ],
)
def test_what_cannot_be_an_organisation_is_refused(
    client: TestClient, admin: Headers, change: dict[str, Any], code: str
) -> None:
    """An invalid organisation gets 422 with a code, and a pointer to the value where the value is known."""
    body = {"handle": "acme", "name": "Acme", "roles": ["brand"], **change}
    answer = client.post(
        "/v1/organisations",
        headers={**admin, "Content-Type": "application/json"},
        content=json.dumps(body).encode(),
    )
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    if code == "request.invalid":
        assert answer.json()["errors"][0]["pointer"].startswith("/body/")


def test_a_key_needs_known_scopes_and_a_known_organisation(client: TestClient, admin: Headers) -> None:
    """An unknown scope and an unknown organisation are refused."""
    _join(client, admin)
    body = {"organisation": "acme", "scopes": ["everything"]}
    assert client.post("/v1/keys", headers=admin, json=body).json()["code"] == "key.scopes"
    body = {"organisation": "nobody", "scopes": ["admin"]}
    answer = client.post("/v1/keys", headers=admin, json=body)
    assert (answer.status_code, answer.json()["code"]) == (404, "organisation.not_found")
    answer = client.delete("/v1/keys/ack_NOBODY", headers=admin)
    assert (answer.status_code, answer.json()["code"]) == (404, "key.not_found")


def test_only_an_admin_manages_accounts(client: TestClient, brand: Headers) -> None:
    """A brand's key can neither list members nor make keys."""
    assert client.get("/v1/organisations", headers=brand).json()["code"] == "auth.scope"
    assert _join(client, brand).json()["code"] == "auth.scope"
    body = {"organisation": "acme", "scopes": ["admin"]}
    assert client.post("/v1/keys", headers=brand, json=body).json()["code"] == "auth.scope"


@pytest.mark.slow
def test_lists_are_read_page_by_page(client: TestClient, admin: Headers) -> None:
    """`next` and the Link header lead through all items once. The last page has neither."""
    for number in range(5):
        _join(client, admin, f"member-{number}")
    seen, url = [], "/v1/organisations?limit=2"
    while url:
        answer = client.get(url, headers=admin)
        seen += [item["handle"] for item in answer.json()["items"]]
        assert (answer.json()["next"] is None) == ("link" not in answer.headers)
        url = answer.links.get("next", {}).get("url", "")
    assert sorted(seen) == sorted({"operator", *(f"member-{number}" for number in range(5))})


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=-1",
        "limit=201",
        "limit=1e9",
        "limit=" + "9" * 400,
        "limit=x",
        "after=%00",
        "after=a%27b",
        "after=" + "a" * 41,
    ],
)
def test_absurd_pages_are_refused(client: TestClient, admin: Headers, query: str) -> None:
    """An invalid limit, or an `after` that no list gave, gets 422, not 500 and not all items."""
    answer = client.get(f"/v1/organisations?{query}", headers=admin)
    assert (answer.status_code, answer.json()["code"]) == (422, "request.invalid")
    assert answer.json()["errors"][0]["pointer"].startswith("/query/")


def test_a_key_that_manages_people_gives_no_more_than_it_has(
    client: TestClient, login: Callable[..., Headers]
) -> None:
    """A key with `people:write` alone makes no admin, no greater key, and no agent with rights that it lacks."""
    headers = login("people:write", owner="acme")
    requests = {
        "/v1/invitations": {"email": "eve@evil.example", "roles": ["admin"]},
        "/v1/keys": {"scopes": ["designs:write"]},
        "/v1/appointments": {"agent": "acme", "scopes": ["designs:read"], "ends_on": str(utc_now().date())},
    }
    answers = {
        path: client.post(path, headers=headers, json=body).json()["code"] for path, body in requests.items()
    }
    assert answers == {
        "/v1/invitations": "person.beyond",
        "/v1/keys": "key.beyond",
        "/v1/appointments": "key.beyond",
    }
