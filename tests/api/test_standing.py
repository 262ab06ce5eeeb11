"""Domains and decisions about organisations over HTTP, for programs of members and of the operator."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from starlette.testclient import TestClient

from authcheck.errors import Unavailable
from authcheck.members import organisations
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

Headers = dict[str, str]


class Sites:
    """An internet with TXT records and no web server."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def read_txt(self, _name: str) -> list[str]:
        """Return the records, whatever the name is."""
        return self.texts

    def read_page(self, _url: str) -> bytes:
        """Find no server."""
        raise Unavailable("nobody there", code="page.unreachable")


@pytest.fixture
def sites(client: TestClient) -> Sites:
    """Return the internet that the server sees."""
    made, state = Sites(), client.app.state  # type: ignore[attr-defined]
    state.workspace = replace(state.workspace, outside=made)
    return made


def test_a_program_proves_a_domain(client: TestClient, login: Callable[..., Headers], sites: Sites) -> None:
    """Add, show the line, look: each answer says what is missing. A second add changes nothing."""
    acme = login("people:write")
    added = client.post("/v1/domains", headers=acme, json={"domain": "https://Acme.com"})
    assert added.json()["code"] == "domain.name"
    added = client.post("/v1/domains", headers=acme, json={"domain": "Acme.com"})
    domain = added.json()
    assert (added.status_code, domain["domain"], domain["state"]) == (201, "acme.com", "waiting")
    assert (domain["record"], domain["file"]) == (
        "_authcheck.acme.com",
        "https://acme.com/.well-known/authcheck.txt",
    )
    assert client.post("/v1/domains", headers=acme, json={"domain": "acme.com"}).json() == domain
    path = f"/v1/domains/{domain['id']}"
    looked = client.post(f"{path}/look", headers=acme).json()
    assert (looked["state"], looked["problem"]) == ("waiting", "page.unreachable")
    sites.texts = [domain["proof"]]
    looked = client.post(f"{path}/look", headers=acme).json()
    assert (looked["state"], looked["method"], looked["problem"]) == ("proved", "dns", "")
    assert [row["state"] for row in client.get("/v1/domains", headers=acme).json()] == ["proved"]
    assert client.delete(path, headers=acme).status_code == 204
    assert client.get("/v1/domains", headers=acme).json() == []
    assert client.post(f"{path}/look", headers=acme).json()["code"] == "domain.not_found"


def test_a_program_of_the_operator_decides(
    client: TestClient, workspace: Workspace, login: Callable[..., Headers], admin: Headers
) -> None:
    """Refuse, approve despite a look-alike, suspend and resume, each with what the organisation may know."""
    acme = login("people:write")
    with workspace.database.writing() as session:
        for handle in ("acme", "acmee"):
            found = organisations.ensure_brand(session, handle, utc_now())
            found.state = "approved" if handle == "acme" else "applied"

    def decide(**body: Any) -> Any:
        return client.post("/v1/organisations/acmee/decision", headers=admin, json=body)

    assert client.get("/v1/organisations/acmee", headers=admin).json()["looks_like"] == ["acme"]
    assert decide(decision="refuse").json()["code"] == "organisation.reason"
    refused = decide(decision="refuse", reason="Nobody answers.").json()
    assert (refused["state"], refused["reason"]) == ("refused", "Nobody answers.")
    assert decide(decision="approve").json()["code"] == "organisation.alike"
    assert decide(decision="approve", despite="acmee").json()["state"] == "approved"
    assert decide(decision="suspend", reason="Sold.").json()["state"] == "suspended"
    assert decide(decision="approve").json()["state"] == "approved"
    assert client.post("/v1/organisations/acmee/decision", headers=acme, json={}).status_code == 403
