"""Authentication and scopes of every route."""

from collections.abc import Callable
from typing import Any

import make
import pytest
from app_routes import routes_of
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from api.app import create_app
from api.deps import Authorised, KeyFirst, optional_checker
from api.pages.person import NeedsPerson, PersonRoute, read_form
from api.pages.register_sent import read_register
from api.pages.sent_files import read_sent
from authcheck.config import Settings
from authcheck.members import api_keys
from authcheck.workspace import Workspace

Headers = dict[str, str]

PUBLIC = {
    "GET /apply",
    "POST /apply",
    "GET /apply/{secret}",
    "POST /apply/{secret}",
    "GET /",
    "POST /",
    "GET /checks/{check_id}",
    "POST /v1/checks",
    "GET /v1/checks/{check_id}",
    "GET /v1/checks/{check_id}/evidence",
    "GET /v1/designs/{design_id}/preview",
    "GET /v1/certificates/{code}",
    "GET /v1/certificates/{code}/bundle",
    "GET /v1/certificates/{code}/credential",
    "GET /v1/certificates/{code}/passport",
    "GET /v1/tx/{tx_id}",
    "GET /v1/storefronts/{storefront_id}",
    "GET /v1/storefronts/{storefront_id}/badge",
    "GET /v1/status-lists/{handle}/{number}",
    "GET /trust.json",
    "GET /.well-known/did.json",
    "GET /.well-known/gs1resolver",
    "GET /brands/{handle}/did.json",
    "GET /c",
    "POST /c",
    "GET /c/{code}",
    "GET /C/{code}",
    "GET /01/{gtin}/10/{lot:path}/21/{serial:path}",
    "GET /01/{gtin}/21/{serial:path}",
    "GET /01/{numbers:path}",
    "GET /ledger/checkpoint",
    "GET /ledger/tile/{path:path}",
    "POST /v1/certificates/{code}/claim",
    "POST /v1/certificates/{code}/clearance",
    "POST /c/{code}/scans",
    "POST /v1/scans",
    "GET /c/{code}/owner",
    "POST /c/{code}/owner",
    "GET /c/{code}/report",
    "POST /c/{code}/report",
    "GET /privacy",
    "GET /help",
    "GET /robots.txt",
    "GET /.well-known/security.txt",
    "GET /product-pictures/{picture_id}",
    "POST /privacy",
    "POST /v1/labels/read",
    "POST /v1/reports",
    "GET /v1/reports/{report_id}",
    "GET /report",
    "POST /report",
    "GET /report/{report_id}",
    "GET /shops/{storefront_id}",
    "GET /docs",
    "GET /errors",
    "GET /sign-in",
    "POST /sign-in",
    "GET /sign-in/code",
    "POST /sign-in/code",
    "GET /sign-in/forgot",
    "POST /sign-in/forgot",
    "POST /sign-out",
    "GET /join/{secret}",
    "POST /join/{secret}",
    "GET /new-password/{secret}",
    "POST /new-password/{secret}",
    "GET /set-up",
    "POST /set-up",
    "GET /livez",
    "GET /readyz",
    "GET /metrics",
}
DESIGN_ROUTES = [
    ("GET", "/v1/designs/{id}"),
    ("PATCH", "/v1/designs/{id}"),
    ("POST", "/v1/designs/{id}/retire"),
    ("POST", "/v1/designs/{id}/views"),
    ("DELETE", "/v1/designs/{id}/views/{sha256}"),
    ("GET", "/v1/designs/{id}/views/{sha256}/picture"),
]


def _calls(route: APIRoute) -> set[Any]:
    """Return all functions that run before the endpoint."""
    waiting, found = [route.dependant], set[Any]()
    while waiting:
        dependant = waiting.pop()
        found.add(dependant.call)
        waiting += dependant.dependencies
    return found


def test_every_route_is_public_by_name_or_asks_for_a_key(settings: Settings) -> None:
    """Each endpoint is on the list of public routes, or `Authorised` runs before it."""
    open_to_all = set()
    routes = list(routes_of(create_app(settings)))
    for route in routes:
        calls = _calls(route)
        if not any(isinstance(call, Authorised | NeedsPerson) for call in calls):
            open_to_all |= {f"{method} {route.path}" for method in route.methods or ()}
        elif any(isinstance(call, Authorised) for call in calls):
            assert isinstance(route, KeyFirst)  # the key is looked at before the body is read
        if optional_checker in calls:
            assert route.path.startswith("/v1/checks")
    assert open_to_all == PUBLIC
    assert len(routes) > len(PUBLIC)


def test_every_form_of_a_person_refuses_other_sites(settings: Settings) -> None:
    """Each page of people that changes something reads its form through the check of the sending site."""
    pages = [route for route in routes_of(create_app(settings)) if isinstance(route, PersonRoute)]
    unsafe = [route for route in pages if route.methods != {"GET"}]
    assert len(unsafe) > 10
    readers = {read_form, read_sent, read_register}
    assert [route.path for route in unsafe if readers.isdisjoint(_calls(route))] == []


def test_me_names_the_caller(client: TestClient, login: Callable[..., Headers]) -> None:
    """Every valid key gets the identity of its caller."""
    answer = client.get("/v1/me", headers=login("listings:check"))
    assert answer.status_code == 200
    assert answer.json()["organisation"] == "acme"
    assert answer.json()["scopes"] == ["listings:check"]


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "auth.missing"),
        ("", "auth.missing"),
        ("Bearer", "auth.missing"),
        ("Basic YWNtZTpwdw==", "auth.missing"),
        ("Bearer nonsense", "auth.key_unknown"),
        ("Bearer ack_01_wrong", "auth.key_unknown"),
        ("Bearer ack_" + "A" * 5000, "auth.key_unknown"),
        ("Bearer ack_1'; DROP TABLE api_keys;--_x", "auth.key_unknown"),
    ],
)
def test_a_key_that_is_missing_or_unknown_is_refused(
    client: TestClient, header: str | None, code: str
) -> None:
    """The code of the 401 says whether the key is missing or wrong, and the answer says how to send a key."""
    answer = client.get("/v1/me", headers={} if header is None else {"Authorization": header})
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert answer.headers["www-authenticate"].startswith("Bearer")


def test_a_revoked_key_is_refused(client: TestClient, workspace: Workspace) -> None:
    """A revoked key is refused, and the answer says that it is revoked."""
    token = make.key(workspace, "designs:write")
    with workspace.database.writing() as session:
        api_keys.revoke_key(session, "_".join(token.split("_")[:2]), organisation_id=None, now=make.NOW)
    answer = client.get("/v1/me", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["code"]) == (401, "auth.key_revoked")


def test_a_key_without_the_scope_is_refused(client: TestClient, checker: Headers) -> None:
    """A valid key without the scope gets 403, not 401."""
    answer = client.get("/v1/designs", headers=checker)
    assert (answer.status_code, answer.json()["code"]) == (403, "auth.scope")
    assert "www-authenticate" not in answer.headers


@pytest.mark.parametrize(("method", "path"), DESIGN_ROUTES)
def test_another_organisations_design_is_not_there(
    client: TestClient, rival: Headers, new_design: Callable[..., dict[str, object]], method: str, path: str
) -> None:
    """On every route, another organisation's design gets the same answer as an unknown id."""
    design = new_design()
    sha256 = design["views"][0]["sha256"]  # type: ignore[index]
    given = {
        "headers": {**rival, "If-Match": "*"},
        **({"json": {"title": "mine"}} if method == "PATCH" else {}),
        **({"files": {"image": ("a.png", make.picture_bytes(5))}} if path.endswith("views") else {}),
    }
    theirs = client.request(method, path.format(id=design["id"], sha256=sha256), **given)  # type: ignore[arg-type]
    nobodys = client.request(method, path.format(id="dsn_NOBODY", sha256=sha256), **given)  # type: ignore[arg-type]
    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.json()["code"] == nobodys.json()["code"] == "design.not_found"


@pytest.mark.parametrize(("method", "path"), DESIGN_ROUTES)
def test_the_public_reaches_no_design_route(client: TestClient, method: str, path: str) -> None:
    """Without a key no route reveals anything about a design, not even its existence."""
    answer = client.request(method, path.format(id="dsn_X", sha256="0" * 64), json={"title": "x"})
    assert (answer.status_code, answer.json()["code"]) == (401, "auth.missing")
