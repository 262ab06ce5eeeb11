"""Methods, slashes and other sites: what every address answers."""

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

Headers = dict[str, str]


@pytest.mark.parametrize(
    "path", ["/", "/livez", "/readyz", "/trust.json", "/ledger/checkpoint", "/.well-known/did.json",
    "/v1/openapi.json", "/static/site.css", "/v1/certificates/7XK294QMV0HTA", "/c/7XK294QMV0HTA", "/nowhere", "/v1/me"],
)  # fmt: skip
def test_head_answers_as_get_without_a_body(client: TestClient, path: str) -> None:
    """RFC 9110 s9.3.2: monitors and link checkers see the same status and the same headers."""
    get, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (get.status_code, b"")
    same = {"content-type", "content-length", "cache-control", "etag"}
    assert {name: head.headers.get(name) for name in same} == {name: get.headers.get(name) for name in same}


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/livez", "GET, HEAD, OPTIONS"),
        ("/", "GET, HEAD, OPTIONS, POST"),
        ("/v1/designs", "GET, HEAD, OPTIONS, POST"),
        ("/v1/designs/dsn_1", "GET, HEAD, OPTIONS, PATCH"),
        ("/v1/designs/dsn_1/views/ab/mask", "DELETE, GET, HEAD, OPTIONS, PUT"),
        ("/v1/labels/read", "OPTIONS, POST"),
        ("/static/site.css", "GET, HEAD, OPTIONS"),
    ],
)
def test_allow_names_every_method_of_an_address(client: TestClient, path: str, allowed: str) -> None:
    """OPTIONS answers 204 without a key, and a wrong method gets the same list."""
    options, wrong = client.options(path), client.request("TRACE", path)
    assert (options.status_code, options.headers["allow"]) == (204, allowed)
    assert (wrong.status_code, wrong.headers["allow"], wrong.json()["code"]) == (405, allowed, "route.method")


def test_options_of_an_unknown_address_is_not_found(client: TestClient) -> None:
    """OPTIONS does not pretend that an address exists."""
    assert client.options("/nowhere").status_code == 404


@pytest.mark.parametrize("host", ["verify.example", "evil.example"])
@pytest.mark.parametrize("path", ["/c/7XK294QMV0HTA/", "/livez/", "/v1/me/", "//", "/v1/designs//"])
def test_a_slash_at_the_end_changes_nothing(client: TestClient, host: str, path: str) -> None:
    """We never redirect: a redirect would leave https behind a proxy, and follow a forged Host."""
    with_slash = client.get(path, headers={"Host": host}, follow_redirects=False)
    without = client.get(path.rstrip("/") or "/", headers={"Host": host})
    assert "location" not in with_slash.headers
    assert with_slash.status_code == without.status_code


def test_a_post_with_a_slash_at_the_end_arrives(client: TestClient, admin: Headers) -> None:
    """The key is not sent a second time to another address."""
    answer = client.post(
        "/v1/organisations/", headers=admin, json={"handle": "newone", "name": "New One", "roles": ["brand"]}
    )
    assert answer.status_code == 201


@pytest.mark.parametrize(
    "path",
    ["/trust.json", "/.well-known/did.json", "/v1/certificates/7XK294QMV0HTA", "/v1/tx/0", "/ledger/tile/x",
    "/v1/status-lists/acme/1", "/brands/acme/did.json", "/v1/storefronts/sto_1"],
)  # fmt: skip
def test_pages_of_other_sites_may_verify(client: TestClient, path: str) -> None:
    """A verifier on another site reads proofs, and errors too. Its preflight is answered."""
    origin = {"Origin": "https://shop.example"}
    preflight = client.options(path, headers={**origin, "Access-Control-Request-Method": "GET"})
    for answer in (client.get(path, headers=origin), preflight):
        assert answer.headers["access-control-allow-origin"] == "*"
    assert "If-None-Match" in preflight.headers["access-control-allow-headers"]
    assert "GET" in preflight.headers["access-control-allow-methods"]


@pytest.mark.parametrize("path", ["/", "/v1/me", "/v1/designs", "/v1/checks", "/metrics", "/v1/labels/read"])
def test_pages_of_other_sites_may_not_read_the_rest(client: TestClient, path: str) -> None:
    """Only proofs and keys are open to pages of other sites."""
    for method in ("GET", "POST", "OPTIONS"):
        answer = client.request(method, path, headers={"Origin": "https://shop.example"})
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("body", [b"{", b"[" * 50_000, b'{"handle": 1}', b"\xff"])
@pytest.mark.parametrize("path", ["/v1/organisations", "/v1/batches", "/v1/licences", "/v1/storefronts"])
def test_the_key_is_looked_at_before_the_body(client: TestClient, path: str, body: bytes) -> None:
    """A stranger learns nothing about a body, and costs us no parsing."""
    for headers in ({}, {"Authorization": "Bearer ack_1_wrong"}):
        sent = {**headers, "Content-Type": "application/json"}
        assert client.post(path, headers=sent, content=body).status_code == 401


def test_a_number_beyond_the_database_is_not_found(client: TestClient) -> None:
    """No integer of an address reaches the database unbounded."""
    for number in (2**31, 2**63 - 1, 2**63, 10**40, -1):
        assert client.get(f"/v1/status-lists/acme/{number}").status_code in {404, 422}
        assert client.get("/v1/designs", params={"limit": number}).status_code in {401, 422}


@pytest.mark.parametrize("part", ["bytes=0-9", "bytes=5-1", "bytes=99999-", "x", "bytes=" + "0-0," * 10_000])
def test_a_file_is_served_whole(client: TestClient, part: str) -> None:
    """A range is ignored, as it may be (RFC 9110 s14.2). So no range can be malformed, or cost much."""
    whole = client.get("/static/site.css")
    answer = client.get("/static/site.css", headers={"Range": part})
    assert (answer.status_code, answer.content) == (200, whole.content)
    assert answer.headers["accept-ranges"] == "none"


def test_many_wrong_values_are_counted_and_some_named(client: TestClient, admin: Headers) -> None:
    """A body with two thousand wrong fields gets a short answer."""
    body = {f"field{number}": 1 for number in range(2000)}
    answer = client.post("/v1/organisations", headers=admin, json=body).json()
    assert answer["detail"].startswith("200")
    assert len(answer["errors"]) == 100


def test_every_integer_of_the_api_is_bounded(client: TestClient) -> None:
    """Each integer of a path, a query or a body has a least and a greatest value in the API's description."""
    document = client.get("/v1/openapi.json").json()
    schemas = [
        (f"{path} {parameter['name']}", parameter["schema"])
        for path, operations in document["paths"].items()
        for operation in operations.values()
        for parameter in operation.get("parameters", [])
    ]
    schemas += [(n, schema) for n, schema in document["components"]["schemas"].items() if n.endswith("In")]
    unbounded = [name for name, schema in schemas for number in _integers(schema) if not _is_bounded(number)]
    assert unbounded == []
    assert sum(len(list(_integers(schema))) for _, schema in schemas) > 10


def _integers(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict) and schema.get("type") in {"integer", "number"}:
        yield schema
    elif isinstance(schema, dict | list):
        for inner in schema.values() if isinstance(schema, dict) else schema:
            yield from _integers(inner)


def _is_bounded(schema: dict[str, Any]) -> bool:
    has_least = schema.keys() & {"minimum", "exclusiveMinimum"}
    return bool(has_least and schema.keys() & {"maximum", "exclusiveMaximum"})
