"""Certificates over HTTP: issue, list and revoke certificates, and manage keys."""

import csv
import io
import threading
from collections.abc import Callable
from typing import Any

import certificates_made as made
import make
import pytest
from ledger_made import key_of
from starlette.testclient import TestClient

from authcheck.certificates.brand_signatures import Waiting, sign
from authcheck.proofs.trust import encode_base64url
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql

Headers = dict[str, str]
Issue = Callable[..., Any]


@pytest.fixture
def issuer(client: TestClient, login: Callable[..., Headers]) -> Headers:
    """Acme, with a signing key."""
    headers = login("certificates:issue")
    assert client.post("/v1/signing-keys", headers=headers, json={}).status_code == 201
    return headers


@pytest.fixture
def rival_issuer(client: TestClient, login: Callable[..., Headers]) -> Headers:
    """Globex, with a signing key of its own."""
    headers = login("certificates:issue", owner="globex")
    assert client.post("/v1/signing-keys", headers=headers, json={}).status_code == 201
    return headers


@pytest.fixture
def issue(client: TestClient, issuer: Headers, workspace: Workspace) -> Issue:
    """Ask for certificates: `issue("key", count=2)`."""
    design = make.register(workspace, "KITE-1").design.id

    def ask(key: str = "k1", headers: Headers = issuer, **words: Any) -> Any:
        order = {"design": design, "gtin": made.GTIN, "lot": "L1", "product": "Kite shirt", **words}
        if "serials" not in words:
            order.setdefault("count", 3)
        return client.post("/v1/batches", headers={**headers, "Idempotency-Key": key}, json=order)

    return ask


def units(client: TestClient, headers: Headers, **query: str) -> list[dict[str, Any]]:
    """The listed certificates."""
    answer = client.get("/v1/certificates", headers=headers, params=query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["items"]
    return found


def code_of(answer: Any) -> tuple[int, str]:
    """The status and error code of an answer."""
    return answer.status_code, answer.json()["code"]


def test_a_batch_is_issued_shown_and_listed(client: TestClient, issuer: Headers, issue: Issue) -> None:
    """A new batch gets 201 with its address. Each certificate has its ledger transaction, signed at once."""
    answer = issue()
    batch = answer.json()
    assert (answer.status_code, batch["states"]) == (201, {"unsigned": 0, "active": 3, "revoked": 0})
    assert (batch["gtin"], batch["reference"], batch["count"]) == (made.GTIN_14, "KITE-1", 3)
    assert client.get(answer.headers["location"], headers=issuer).json() == batch
    assert client.get("/v1/batches", headers=issuer).json() == {"items": [batch], "next": None}
    found = units(client, issuer, batch=batch["id"])
    assert [unit["number"] for unit in found] == [1, 2, 3]
    said = made.entries(client.app.state.workspace, "cert.issue")  # type: ignore[attr-defined]
    assert [unit["entry"] for unit in found] == [entry["number"] for entry in said]
    assert all(len(unit["tx_id"]) == 64 for unit in found)
    size = int(client.get("/ledger/checkpoint").text.splitlines()[1])
    assert size > max(unit["entry"] for unit in found)


def test_the_same_request_is_answered_with_the_same_batch(
    client: TestClient, issuer: Headers, issue: Issue, login: Callable[..., Headers]
) -> None:
    """Any key of the brand gets the same batch. Another order under the same Idempotency-Key is refused."""
    first = issue().json()
    assert issue().json() == first
    assert issue(headers=login("certificates:issue")).json()["id"] == first["id"]
    assert code_of(issue(count=4)) == (409, "batch.request_key_used")
    assert len(units(client, issuer)) == 3


@pytest.mark.slow
def test_the_same_request_twice_at_once_issues_once(
    client: TestClient, issuer: Headers, issue: Issue
) -> None:
    """Two equal requests at the same time issue one batch."""
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(issue(count=50))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [201, 201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(units(client, issuer, limit="200")) == 50


def test_an_idempotency_key_is_needed(client: TestClient, issuer: Headers, issue: Issue) -> None:
    """A request without an Idempotency-Key is refused, because a repeat would issue twice."""
    body = {"design": "d", "gtin": made.GTIN, "lot": "L", "product": "P", "count": 1}
    assert code_of(client.post("/v1/batches", headers=issuer, json=body)) == (422, "idempotency.missing")
    assert code_of(issue(key="")) == (422, "idempotency.key")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ({"count": 1_000_000}, (422, "batch.count")),
        ({"count": 10_001}, (422, "batch.count")),
        ({"count": 0}, (422, "batch.count")),
        ({"count": -1}, (422, "request.invalid")),
        ({"count": 10**30}, (422, "request.invalid")),
        ({"serials": [f"S{number}" for number in range(10_001)]}, (422, "batch.count")),
        ({"serials": ["S1", "S1"]}, (422, "batch.serials")),
        ({"serials": ["x" * 65]}, (422, "request.invalid")),
        ({"gtin": "4006381333930"}, (422, "gs1.gtin")),
        ({"lot": "a b"}, (422, "gs1.lot")),
        ({"product": "   "}, (422, "batch.product")),
        ({"design": "dsn_NOBODY"}, (404, "design.not_found")),
        ({"surprise": 1}, (422, "request.invalid")),
    ],
)
def test_what_cannot_be_ordered_is_refused(
    client: TestClient, issuer: Headers, issue: Issue, words: dict[str, Any], expected: tuple[int, str]
) -> None:
    """An invalid order is refused with its code, and nothing is issued."""
    assert code_of(issue(**words)) == expected
    assert units(client, issuer) == []


def test_a_body_for_a_million_serial_numbers_is_not_read(client: TestClient, issuer: Headers) -> None:
    """A body with a million serial numbers gets 413 before parsing."""
    headers = {**issuer, "Idempotency-Key": "k"}
    answer = client.post("/v1/batches", headers=headers, json={"serials": ["S"] * 1_000_000})
    assert code_of(answer) == (413, "request.too_large")


def test_it_needs_the_scope(client: TestClient, brand: Headers, issue: Issue) -> None:
    """The scope for designs does not allow issuing certificates."""
    assert code_of(issue(headers=brand)) == (403, "auth.scope")
    for method, path in (
        ("GET", "/v1/batches"),
        ("GET", "/v1/batches/x"),
        ("GET", "/v1/batches/x/units.csv"),
        ("GET", "/v1/certificates"),
        ("POST", "/v1/revocations"),
        ("GET", "/v1/signing-keys"),
        ("POST", "/v1/signing-keys"),
        ("POST", "/v1/signing-keys/rotate"),
        ("POST", "/v1/signing-keys/x/revoke"),
        ("GET", "/v1/signatures/waiting"),
        ("POST", "/v1/signatures"),
    ):
        body = {"json": {"reason": "lost", "kid": "k", "at": "2026-11-23T12:00:00Z", "signatures": {}}}
        given = body if method == "POST" else {}
        assert client.request(method, path, headers=brand, **given).status_code == 403, path  # type: ignore[arg-type]
        assert client.request(method, path, **given).status_code == 401, path  # type: ignore[arg-type]


def test_a_member_that_is_no_brand_issues_nothing(
    client: TestClient, login: Callable[..., Headers], admin: Headers
) -> None:
    """A marketplace can neither issue certificates nor get a signing key."""
    member = {"handle": "shop", "name": "Shop", "roles": ["marketplace"]}
    assert client.post("/v1/organisations", headers=admin, json=member).status_code == 201
    shop = login("certificates:issue", owner="shop")
    assert code_of(client.post("/v1/signing-keys", headers=shop, json={})) == (409, "organisation.not_brand")


@pytest.mark.slow
def test_another_brands_things_are_not_there(
    client: TestClient, issuer: Headers, rival_issuer: Headers, issue: Issue
) -> None:
    """Another brand's design, batch, certificates and keys get the answer of unknown ids, and do not change."""
    batch = issue().json()["id"]
    unit = units(client, issuer)[0]
    (key,) = client.get("/v1/signing-keys", headers=issuer).json()["items"]
    assert code_of(issue(headers=rival_issuer)) == (404, "design.not_found")
    for name in (batch, "bat_NOBODY"):
        for path in (f"/v1/batches/{name}", f"/v1/batches/{name}/units.csv"):
            assert code_of(client.get(path, headers=rival_issuer)) == (404, "batch.not_found")
        answer = client.post("/v1/revocations", headers=rival_issuer, json={"batch": name, "reason": "lost"})
        assert code_of(answer) == (404, "batch.not_found")
    for name in (unit["id"], unit["code"]):
        body = {"certificates": [name], "reason": "lost"}
        answer = client.post("/v1/revocations", headers=rival_issuer, json=body)
        assert code_of(answer) == (404, "certificate.not_found")
    answer = client.post(f"/v1/signing-keys/{key['id']}/revoke", headers=rival_issuer)
    assert code_of(answer) == (404, "signing_key.not_found")
    assert units(client, rival_issuer, batch=batch) == units(client, rival_issuer) == []
    assert client.get("/v1/batches", headers=rival_issuer).json()["items"] == []
    assert {unit["state"] for unit in units(client, issuer)} == {"active"}
    assert client.get("/v1/signing-keys", headers=issuer).json()["items"] == [key]


@pytest.mark.slow
def test_lists_are_filtered_and_paged(client: TestClient, issuer: Headers, issue: Issue) -> None:
    """Lists filter by batch, design, GTIN of any length, lot and state. Each page links to the next page."""
    first, second = issue().json(), issue("k2", lot="L2", gtin="96385074", count=2).json()
    assert len(units(client, issuer)) == 5
    assert len(units(client, issuer, lot="L2")) == len(units(client, issuer, batch=second["id"])) == 2
    assert len(units(client, issuer, gtin=made.GTIN)) == len(units(client, issuer, gtin=made.GTIN_14)) == 3
    assert len(units(client, issuer, design=first["design"])) == 5
    assert units(client, issuer, design="dsn_NOBODY") == []
    client.post("/v1/revocations", headers=issuer, json={"batch": first["id"], "reason": "lost", "first": 3})
    assert [unit["number"] for unit in units(client, issuer, state="revoked")] == [3]
    page = client.get("/v1/certificates", headers=issuer, params={"limit": 4}).json()
    (last,) = units(client, issuer, after=page["next"])
    assert [unit["id"] for unit in [*page["items"], last]] == [unit["id"] for unit in units(client, issuer)]
    for query in ({"lot": "L2"}, {"gtin": "96385074"}):
        listed = client.get("/v1/batches", headers=issuer, params=query).json()["items"]
        assert [batch["id"] for batch in listed] == [second["id"]]
    answer = client.get("/v1/certificates", headers=issuer, params={"gtin": "123"})
    assert code_of(answer) == (422, "gs1.gtin")


def test_certificates_are_revoked(client: TestClient, issuer: Headers, issue: Issue) -> None:
    """Certificates are revoked by id, code or range. A second revocation changes nothing.

    An ambiguous request is refused.
    """
    batch = issue(count=6).json()["id"]
    listed = units(client, issuer)

    def revoke(**words: Any) -> Any:
        return client.post("/v1/revocations", headers=issuer, json={"reason": "stolen", **words})

    named = [listed[0]["id"], listed[1]["code"], listed[1]["id"]]
    for expected in ({"revoked": 2, "revoked_before": 0}, {"revoked": 0, "revoked_before": 2}):
        answer = revoke(certificates=named)
        assert (answer.status_code, answer.json()) == (200, expected)
    assert revoke(batch=batch, first=2, last=3).json() == {"revoked": 1, "revoked_before": 1}
    after = units(client, issuer)
    assert [unit["state"] for unit in after] == ["revoked"] * 3 + ["active"] * 3
    assert (after[0]["reason"], after[3]["reason"]) == ("stolen", None)
    for words, code in (
        ({}, "certificate.selection"),
        ({"batch": batch, "last": 7}, "certificate.selection"),
        ({"batch": batch, "certificates": named}, "certificate.selection"),
        ({"certificates": ["0" * 13] * 10_001}, "certificate.selection"),
        ({"certificates": ["nonsense"]}, "code.malformed"),
        ({"batch": batch, "reason": "because"}, "request.invalid"),
    ):
        assert code_of(revoke(**words)) == (422, code)


def test_a_table_of_the_units_is_no_program(client: TestClient, issuer: Headers, issue: Issue) -> None:
    """A product, lot or serial number that looks like a formula is exported as text.

    Other cells are unchanged.
    """
    serials = ["=1+1", "-2+3", "+49-1", "A-1"]
    batch = issue(product='=HYPERLINK("//evil.example","x")', lot="=cmd", serials=serials).json()["id"]
    answer = client.get(f"/v1/batches/{batch}/units.csv", headers=issuer)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == f'attachment; filename="{batch}.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["serial"] for row in rows] == ["'=1+1", "'-2+3", "'+49-1", "A-1"]
    assert {(row["product"], row["lot"]) for row in rows} == {('\'=HYPERLINK("//evil.example","x")', "'=cmd")}
    assert [row["tx_id"] for row in rows] == [unit["tx_id"] for unit in units(client, issuer)]
    assert not [word for row in rows for word in row.values() if word.startswith(("=", "+", "-", "@"))]


def test_keys_are_rotated_and_revoked(client: TestClient, issuer: Headers, issue: Issue) -> None:
    """A rotation ends all other keys. Without a key nothing is issued. No answer contains a secret."""
    first = client.get("/v1/signing-keys", headers=issuer).json()["items"][0]
    answer = client.post("/v1/signing-keys/rotate", headers=issuer, json={})
    second = answer.json()
    assert (answer.status_code, second["kept_here"], second["end_entry"]) == (201, True, None)
    listed = client.get("/v1/signing-keys", headers=issuer).json()["items"]
    assert [key["id"] for key in listed] == [first["id"], second["id"]]
    assert listed[0]["end_entry"] == second["first_entry"] + 1
    assert not [name for key in listed for name in key if "secret" in name or "private" in name]
    ended = client.post(f"/v1/signing-keys/{second['id']}/revoke", headers=issuer).json()
    assert ended["revoked_at"] is not None
    assert client.post(f"/v1/signing-keys/{second['id']}/revoke", headers=issuer).json() == ended
    assert code_of(issue()) == (409, "signing_key.none")


@pytest.mark.slow
def test_a_brand_that_keeps_its_key_signs_over_http(
    client: TestClient, issuer: Headers, issue: Issue
) -> None:
    """The brand fetches waiting statements, signs them elsewhere and hands them in.

    A second hand-in changes nothing.
    """
    own = key_of(3)
    public_key = encode_base64url(own.public_key().public_bytes_raw())
    assert (
        client.post("/v1/signing-keys/rotate", headers=issuer, json={"public_key": public_key}).status_code
        == 201
    )
    assert issue().json()["states"] == {"unsigned": 3, "active": 0, "revoked": 0}
    found = client.get("/v1/signatures/waiting", headers=issuer).json()
    signed = sign(Waiting(found["kid"], make.NOW, found["payloads"]), own)
    body = {"kid": found["kid"], "at": found["at"], "signatures": dict(signed.signatures)}
    for count in (3, 0):
        answer = client.post("/v1/signatures", headers=issuer, json=body)
        assert (answer.status_code, answer.json()) == (200, {"signed": count})
    assert {unit["state"] for unit in units(client, issuer)} == {"active"}
    answer = client.post("/v1/signatures", headers=issuer, json={**body, "at": "2026-11-23T12:00:00"})
    assert code_of(answer) == (422, "signatures.time")
    forged = {**body, "signatures": {"urn:uuid:0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b": "A"}}
    assert code_of(client.post("/v1/signatures", headers=issuer, json=forged)) == (422, "signatures.unknown")


@pytest.mark.parametrize("key", ["", "x", "A" * 43 + "=", "AA", "é", "A" * 65])
def test_what_is_no_public_key_is_refused(client: TestClient, issuer: Headers, key: str) -> None:
    """A key that is too short, too long, padded, the zero point or not ASCII is refused."""
    answer = client.post("/v1/signing-keys", headers=issuer, json={"public_key": key})
    assert answer.status_code == 422
    assert answer.json()["code"] in {"signing_key.public_key", "request.invalid"}
