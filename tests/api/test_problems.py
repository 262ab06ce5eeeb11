"""Problems: the error answers of the API and the framework."""

import json
import logging
from typing import Any

import pytest
from starlette.testclient import TestClient

from api.middleware import CONTENT_SECURITY_POLICY
from authcheck.errors import DatabaseBusy, StorageFailed, Unavailable
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql

Headers = dict[str, str]
MEMBERS = {"type", "title", "status", "detail", "code", "request_id", "errors", "params"}


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "route.not_found"),
        ("GET", "/v1/designs/dsn_%00", 404, "route.not_found"),
        ("PUT", "/v1/checks", 405, "route.method"),
        ("POST", "/v1/checks", 415, "request.content_type"),
        ("GET", "/v1/me", 401, "auth.missing"),
        ("GET", "/v1/checks/chk_NOBODY", 404, "check.not_found"),
        ("GET", "/v1/checks/' OR 1=1 --", 404, "check.not_found"),
        ("GET", "/v1/checks/" + "x" * 5000, 404, "check.not_found"),
        ("GET", "/v1/checks/%ED%A0%80", 404, "check.not_found"),
        ("GET", "/v1/designs/%F0%9F%90%9F/preview", 404, "design.not_found"),
    ],
)
def test_every_refusal_is_a_problem(
    client: TestClient, method: str, path: str, status: int, code: str
) -> None:
    """Our refusals and the framework's refusals have the same shape."""
    answer = client.request(method, path)
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert set(body) == MEMBERS
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
    assert body["type"] == f"/errors#{code}"
    assert body["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_a_405_says_what_is_allowed(client: TestClient) -> None:
    """A 405 has the Allow header."""
    assert "GET" in client.put("/v1/me").headers["allow"]


def test_a_fault_of_ours_is_a_500_that_tells_nothing(
    client: TestClient,
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The caller gets an id and the log gets the details. Security headers are present."""

    def fail() -> Any:
        raise RuntimeError("secret of the inside")

    monkeypatch.setattr(type(workspace.database), "reading", lambda _self: fail())
    with caplog.at_level(logging.ERROR, "authcheck.api"):
        answer = client.get("/v1/checks/chk_X")
    assert (answer.status_code, answer.json()["code"]) == (500, "server.error")
    assert "secret" not in answer.text
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
    assert answer.json()["request_id"] in caplog.text


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (DatabaseBusy(), 503),
        (Unavailable("The database cannot be reached.", code="database.unreachable"), 503),
        (StorageFailed("The folder /srv/x is read-only.", code="storage.read_only", path="/srv/x"), 503),
        (StorageFailed(code="storage.full"), 507),
    ],
    ids=["locked", "gone", "read-only", "full"],
)
def test_a_server_in_trouble_says_when_to_come_back(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, error: Unavailable, status: int
) -> None:
    """Locked, missing, read-only and full have different codes and Retry-After, without the operator's numbers."""

    def fail(*_args: object, **_kwargs: object) -> None:
        raise error

    monkeypatch.setattr("authcheck.checks.records.get_check", fail)
    answer = client.get("/v1/checks/chk_X")
    assert (answer.status_code, answer.json()["code"]) == (status, error.code)
    assert answer.headers["retry-after"]
    assert answer.json()["params"] == {}


@pytest.mark.slow
@pytest.mark.parametrize("given", ["abc-1.2_3", "A" * 64])
def test_a_sane_request_id_is_kept(client: TestClient, given: str) -> None:
    """A caller's own request id is kept, so that both logs have it."""
    assert client.get("/livez", headers={"X-Request-Id": given}).headers["x-request-id"] == given


@pytest.mark.slow
@pytest.mark.parametrize(
    "given", ["", "a b", "x" * 65, "a\r\nSet-Cookie: x=1", "<script>", "caf\u00e9", "a\x00b"]
)
def test_a_request_id_that_is_not_sane_is_replaced(client: TestClient, given: str) -> None:
    """A bad request id is never echoed, so a line break cannot start a header."""
    answer = client.get("/livez", headers={"X-Request-Id": given.encode("latin-1")})  # type: ignore[dict-item]
    assert answer.headers["x-request-id"].startswith("req_")
    assert "set-cookie" not in answer.headers


def test_security_headers_are_on_everything(client: TestClient) -> None:
    """Pages, API, static files and errors have security headers. Answers of the API may not be cached."""
    for path in ("/", "/v1/me", "/static/site.css", "/nothing", "/livez"):
        headers = client.get(path).headers
        assert headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert headers["permissions-policy"] == "camera=(self), microphone=(), geolocation=()"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["x-frame-options"] == "DENY"
    assert client.get("/v1/me").headers["cache-control"] == "no-store"


def test_a_message_with_a_lone_surrogate_can_be_sent(client: TestClient, admin: Headers) -> None:
    """Input that UTF-8 cannot encode is answered with a question mark, not with a 500."""
    body = json.dumps({"handle": "x", "name": "n", "roles": ["brand"], "\ud800": 1}).encode()
    headers = {**admin, "Content-Type": "application/json"}
    answer = client.post("/v1/organisations", headers=headers, content=body)
    assert answer.status_code in {400, 422}
    assert answer.json()["detail"]


@pytest.mark.parametrize(("method", "status"), [("GET", 404), ("DELETE", 405)])
@pytest.mark.parametrize("path", ["/nope", "/v1/nope", "/static/nope.css"])
def test_a_browser_gets_a_page_where_nothing_is(
    client: TestClient, method: str, status: int, path: str
) -> None:
    """A browser reads what it can do instead, in its language. Programs, and the API's addresses, get JSON."""
    address = "/" if status == 405 and path == "/nope" else path
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Language": "zh-CN"}
    page = client.request(method, address, headers=browser)
    program = client.request(method, address)
    assert program.headers["content-type"] == "application/problem+json"
    assert page.status_code == program.status_code
    if path != "/nope":
        assert page.headers["content-type"] == "application/problem+json"
        return
    assert page.status_code == status
    assert "此地址没有内容" in page.text
    assert 'href="/c/"' in page.text
    assert page.headers.get("allow") == program.headers.get("allow")


def test_the_document_of_the_api_is_where_generators_look(client: TestClient) -> None:
    """Both addresses answer the same document."""
    assert client.get("/openapi.json").json() == client.get("/v1/openapi.json").json()
