"""Disputes and rulings over HTTP."""

from collections.abc import Callable
from typing import Any

import certificates_made as made
import make
import pytest
from sqlalchemy import select, update
from starlette.testclient import TestClient

from authcheck.certificates.tables import Certificate
from authcheck.registry import designs
from authcheck.registry.reading import read_view
from authcheck.registry.registration import Registration
from authcheck.registry.tables import Design, Dispute
from authcheck.workspace import Workspace

Headers = dict[str, str]


@pytest.fixture
def dispute(workspace: Workspace, client: TestClient, brand: Headers) -> dict[str, Any]:
    """A dispute of Globex's copy with Acme's design, as Acme reads it."""
    make.register(workspace, "FIRST", owner="acme")
    make.register(workspace, "COPY", owner="globex", pictures=[make.picture_bytes(0, "JPEG", quality=60)])
    (item,) = client.get("/v1/disputes", headers=brand).json()["items"]
    assert isinstance(item, dict)
    return item


def test_both_owners_are_told_and_nobody_else(
    client: TestClient, brand: Headers, rival: Headers, login: Callable[..., Headers], dispute: dict[str, Any]
) -> None:
    """Each owner sees both sides. A third organisation sees nothing, under the same error as for no dispute."""
    assert (dispute["later"]["reference"], dispute["earlier"]["reference"]) == ("COPY", "FIRST")
    path = f"/v1/disputes/{dispute['id']}"
    assert client.get(path, headers=rival).json() == dispute
    third = login("designs:write", owner="third")
    assert client.get("/v1/disputes", headers=third).json()["items"] == []
    hidden, missing = (client.get(f"/v1/disputes/{name}", headers=third) for name in (dispute["id"], "dsp_0"))
    assert (hidden.status_code, hidden.json()["code"]) == (missing.status_code, missing.json()["code"])
    assert hidden.json()["code"] == "dispute.not_found"
    for headers, design in ((brand, "earlier"), (rival, "later")):
        shown = client.get(f"/v1/designs/{dispute[design]['design']}", headers=headers).json()
        assert [one["id"] for one in shown["disputes"]] == [dispute["id"]]


def test_only_the_operator_rules(
    client: TestClient, brand: Headers, admin: Headers, dispute: dict[str, Any]
) -> None:
    """An owner may not rule on the own dispute. The operator may, once."""
    path, body = f"/v1/disputes/{dispute['id']}/ruling", {"ruling": "earlier", "reason": "A copy."}
    assert client.post(path, headers=brand, json=body).json()["code"] == "auth.scope"
    ruled = client.post(path, headers=admin, json=body)
    assert (ruled.status_code, ruled.json()["ended_by"], ruled.json()["batches"]) == (200, "earlier", [])
    assert client.post(path, headers=admin, json=body).json()["code"] == "dispute.ended"
    assert client.get("/v1/disputes", headers=brand).json()["items"] == []
    assert client.get("/v1/disputes?ended=true", headers=brand).json()["items"][0]["reason"] == "A copy."
    revoked = client.post(f"/v1/disputes/{dispute['id']}/revoke-certificates", headers=admin)
    assert revoked.json() == {"revoked": 0, "revoked_before": 0}


@pytest.mark.parametrize(
    "body", [{"ruling": "nobody", "reason": "x"}, {"ruling": "both"}, {"ruling": "both", "reason": ""}]
)
def test_a_ruling_needs_a_choice_and_a_reason(
    client: TestClient, admin: Headers, dispute: dict[str, Any], body: dict[str, str]
) -> None:
    """Anything else is refused and changes nothing."""
    refused = client.post(f"/v1/disputes/{dispute['id']}/ruling", headers=admin, json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "request.invalid")


def test_a_copied_view_is_shown_as_disputed(
    client: TestClient, workspace: Workspace, rival: Headers, dispute: dict[str, Any]
) -> None:
    """The owner of the later picture sees its standing."""
    shown = client.get(f"/v1/designs/{dispute['later']['design']}", headers=rival).json()
    assert (shown["state"], [view["standing"] for view in shown["views"]]) == ("disputed", ["disputed"])


def test_a_buyer_is_told_that_the_design_is_disputed(client: TestClient, workspace: Workspace) -> None:
    """Certificates that were issued before the dispute say so, on the page and in JSON, until it ends."""
    rival = made.brand(workspace, "globex", seed=3)
    batch = rival.issue("r1")
    with workspace.database.reading() as session:
        code = session.scalars(select(Certificate.code).where(Certificate.batch_id == batch.id)).first()
    make.register(workspace, "FIRST", owner="acme", pictures=[make.picture_bytes(50)])
    told = "another owner registered the same picture before"
    assert told not in client.get(f"/c/{code}", headers={"Accept": "text/html"}).text
    with workspace.database.writing() as session:
        registration = Registration(session, workspace.comparer(), workspace.store, make.NOW)
        design = designs.get_design(session, rival.design.id)
        registration.add_views(design, [read_view(make.picture_bytes(50, "JPEG"), workspace.limits)])
        session.execute(update(Dispute).values(holds_design=True))
        session.execute(update(Design).where(Design.id == rival.design.id).values(state="disputed"))
    page = client.get(f"/c/{code}", headers={"Accept": "text/html"})
    assert (page.status_code, told in page.text) == (200, True)
    assert client.get(f"/v1/certificates/{code}").json()["design"]["disputed"] is True
