"""Rights in designs over HTTP."""

import io
from collections.abc import Callable
from typing import Any

import make
import pytest
from reportlab.pdfgen.canvas import Canvas
from starlette.testclient import TestClient

from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql
Headers = dict[str, str]
FIELDS = {
    "kind": "registered_design",
    "number": "008123456-0001",
    "office": "EUIPO",
    "territories": "FR, Italy",
    "classes": "25",
    "expires_on": "2040-01-31",
}


def pdf() -> bytes:
    """Return a plain PDF."""
    file = io.BytesIO()
    canvas = Canvas(file, invariant=True)
    canvas.drawString(72, 720, "Registered design")
    canvas.save()
    return file.getvalue()


@pytest.fixture
def operator(login: Callable[..., Headers]) -> Headers:
    """Headers of the operator."""
    return login("admin", owner="operators")


def add(
    client: TestClient, workspace: Workspace, brand: Headers, data: bytes | None = None, **words: str
) -> Any:
    """Name a right in a design of acme. Keywords replace the defaults."""
    design = make.register(workspace, "KITE", seed=1).design
    files = {"document": ("paper.pdf", pdf() if data is None else data)}
    return client.post(
        f"/v1/designs/{design.id}/rights", headers=brand, data={**FIELDS, **words}, files=files
    )


def test_a_right_is_named_looked_at_and_accepted(
    client: TestClient, workspace: Workspace, brand: Headers, operator: Headers
) -> None:
    """The owner names it, the operator reads the document as a file to save, and accepts."""
    added = add(client, workspace, brand)
    right = added.json()
    assert (added.status_code, right["state"], right["territories"]) == (201, "in_review", ["FR", "IT"])
    (waiting,) = client.get("/v1/rights?state=in_review", headers=operator).json()["items"]
    assert waiting["id"] == right["id"]
    paper = client.get(f"/v1/rights/{right['id']}/document", headers=operator)
    assert (paper.content, paper.headers["x-content-type-options"]) == (pdf(), "nosniff")
    assert paper.headers["content-disposition"].startswith("attachment;")
    assert "sandbox" in paper.headers["content-security-policy"]
    decided = client.post(f"/v1/rights/{right['id']}/decision", headers=operator, json={"decision": "accept"})
    assert decided.json()["state"] == "accepted"
    assert client.get(f"/v1/rights/{right['id']}", headers=brand).json()["state"] == "accepted"
    assert client.delete(f"/v1/rights/{right['id']}", headers=brand).json()["state"] == "withdrawn"


def test_a_refusal_needs_its_reason(
    client: TestClient, workspace: Workspace, brand: Headers, operator: Headers
) -> None:
    """The owner reads it."""
    path = f"/v1/rights/{add(client, workspace, brand).json()['id']}/decision"
    bare = client.post(path, headers=operator, json={"decision": "refuse"})
    assert (bare.status_code, bare.json()["code"]) == (422, "right.reason")
    told = client.post(path, headers=operator, json={"decision": "refuse", "reason": "Another owner."})
    assert (told.json()["state"], told.json()["reason"]) == ("refused", "Another owner.")


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        ({"data": b"<html>"}, "document.kind"),
        ({"data": pdf() + b"PK"}, "document.tail"),
        ({"data": pdf().replace(b"/Catalog", b"/Catalog /OpenAction <</S/Launch/F(x)>>")}, "document.active"),
        ({"territories": ""}, "right.territory"),
        ({"territories": "Atlantis"}, "right.territory"),
        ({"expires_on": "2020-01-01"}, "right.expired"),
        ({"expires_on": "soon"}, "right.day"),
        ({"classes": "99"}, "right.classes"),
        ({"number": ""}, "right.number"),
        ({"colour": "red"}, "request.unknown_field"),
    ],
)
def test_a_bad_right_stores_nothing(
    client: TestClient, workspace: Workspace, brand: Headers, sent: dict[str, Any], code: str
) -> None:
    """Each by its code, and no file of it stays."""
    answer = add(client, workspace, brand, **sent)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert not workspace.documents.folder.exists()


def test_a_huge_document_ends_at_the_door(client: TestClient, workspace: Workspace, brand: Headers) -> None:
    """More than the limit of the body is refused before it is read whole, and more than 10 MB afterwards."""
    large = add(client, workspace, brand, b"%PDF-" + bytes(11 * 1024**2))
    assert (large.status_code, large.json()["code"]) == (422, "document.too_large")
    huge = add(client, workspace, brand, bytes(workspace.settings.max_picture_bytes + 2 * 1024**2))
    assert huge.status_code == 413


def test_strangers_see_no_rights(
    client: TestClient, workspace: Workspace, brand: Headers, rival: Headers, operator: Headers
) -> None:
    """Another owner finds neither the right nor its document, and cannot name one in a design of others."""
    right = add(client, workspace, brand).json()
    for path in ("", "/document"):
        assert client.get(f"/v1/rights/{right['id']}{path}", headers=rival).status_code == 404
    assert client.get("/v1/rights", headers=rival).json()["items"] == []
    assert client.delete(f"/v1/rights/{right['id']}", headers=rival).status_code == 404
    foreign = client.post(
        f"/v1/designs/{right['design']}/rights", headers=rival, data=FIELDS, files={"document": ("a", b"")}
    )
    assert foreign.status_code == 404 or foreign.json()["code"] == "document.kind"
    assert (
        client.post(
            f"/v1/rights/{right['id']}/decision", headers=brand, json={"decision": "accept"}
        ).status_code
        == 403
    )
    bare = client.get("/v1/rights/rgt_01H455VB4PEX5VSKNK084SN02Q/document", headers=operator)
    assert bare.json()["code"] == "right.not_found"
