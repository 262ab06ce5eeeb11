"""A brand names its designs over HTTP by its own references, as at the command line."""

from collections.abc import Callable
from typing import Any

import certificates_made as certificates
import licences_made as licences
import make
import pytest
from starlette.testclient import TestClient

from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql

Headers = dict[str, str]
SCOPES = [f"{resource}:{right}" for resource in ("designs", "licences") for right in ("read", "write")] + [
    "certificates:read",
    "certificates:issue",
    "disputes:read",
    "listings:read",
    "scans:read",
]


@pytest.fixture
def acme(login: Callable[..., Headers]) -> Headers:
    """A brand that may do everything."""
    return login(*SCOPES)


@pytest.fixture
def kite(workspace: Workspace) -> str:
    """The id of acme's design KITE-1."""
    licences.organisation(workspace, "maker")
    return make.register(workspace, "KITE-1", owner="acme").design.id


def test_paths_take_references(client: TestClient, acme: Headers, kite: str) -> None:
    """Read, change, mask, right and retirement: the path names the design by its reference."""
    shown = client.get("/v1/designs/KITE-1", headers=acme)
    assert shown.json()["id"] == kite
    changed = client.patch(
        "/v1/designs/KITE-1", headers=acme | {"If-Match": shown.headers["ETag"]}, json={"title": "Kite"}
    )
    assert changed.json()["title"] == "Kite"
    words = {"kind": (None, "copyright"), "territories": (None, "FR")}
    right = client.post("/v1/designs/KITE-1/rights", headers=acme, files=words)
    assert right.json()["design"] == kite, right.text
    assert [one["id"] for one in client.get("/v1/rights?design=KITE-1", headers=acme).json()["items"]] == [
        right.json()["id"]
    ]
    assert client.post("/v1/designs/KITE-1/retire", headers=acme).json()["state"] == "retired"


def test_bodies_and_filters_take_references(client: TestClient, acme: Headers, kite: str) -> None:
    """A licence, a batch, their filters and the question who may sell name the design by its reference."""
    terms = {"designs": ["KITE-1"], "starts_on": "2026-01-01"}
    offered = client.post("/v1/licences", headers=acme, json={"licensee": "maker", "terms": terms})
    assert offered.json()["terms"]["designs"] == [kite], offered.text
    client.post("/v1/signing-keys", headers=acme, json={})
    order = {"design": "KITE-1", "gtin": certificates.GTIN, "lot": "L1", "product": "Kite", "count": 2}
    batch = client.post("/v1/batches", headers=acme | {"Idempotency-Key": "k"}, json=order)
    assert batch.json()["design"] == kite, batch.text
    for path in ("/v1/batches", "/v1/certificates"):
        by_name = client.get(path, headers=acme, params={"design": "KITE-1"}).json()
        assert by_name == client.get(path, headers=acme, params={"design": kite}).json()
        assert by_name["items"]
    question = {"design": "KITE-1", "marketplace": "market.example", "shop": "1", "territory": "FR"}
    assert client.get("/v1/sellers", headers=acme, params=question).json()["allowed"] is False


@pytest.mark.parametrize("path", ["/v1/scans", "/v1/scans/figures", "/v1/scans/csv"])
def test_filters_of_scans_take_references(client: TestClient, acme: Headers, kite: str, path: str) -> None:
    """The id and the reference of a design give the same scans. An unknown reference is said."""
    answers = [client.get(path, headers=acme, params={"design": name}) for name in ("KITE-1", kite)]
    assert [answer.status_code for answer in answers] == [200, 200], answers[0].text
    assert answers[0].content == answers[1].content
    unknown = client.get(path, headers=acme, params={"design": "KITE-9"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "design.not_found")


@pytest.mark.parametrize(
    "path", ["/v1/designs/KITE-1", "/v1/rights?design=KITE-1", "/v1/batches?design=KITE-1"]
)
def test_a_reference_names_ones_own_design_only(
    client: TestClient, kite: str, login: Callable[..., Headers], path: str
) -> None:
    """Another brand's reference is unknown, in the same words as a reference that nobody has."""
    globex = login(*SCOPES, owner="globex")
    answers = [client.get(path.replace("KITE-1", name), headers=globex) for name in ("KITE-1", "KITE-9")]
    assert [answer.status_code for answer in answers] == [404, 404]
    first, second = ({**answer.json(), "request_id": ""} for answer in answers)
    assert first["code"] == second["code"] == "design.not_found"
    assert str(first).replace("KITE-1", "KITE-9") == str(second)


def test_a_reference_that_reads_like_an_id(client: TestClient, acme: Headers, kite: str) -> None:
    """A brand that calls a design by the id of another one of its own reaches that one by the id."""
    files: dict[str, Any] = {"image": ("b.png", make.picture_bytes(seed=5))}
    odd = client.post("/v1/designs", headers=acme, data={"reference": kite}, files=files)
    assert odd.status_code == 201, odd.text
    assert client.get(f"/v1/designs/{kite}", headers=acme).json()["reference"] == "KITE-1"
