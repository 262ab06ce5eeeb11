"""Salts over HTTP: a party can prove its words or terms by the ledger's entry, and nobody else gets a salt."""

from collections.abc import Callable
from typing import Any

import licences_made
import make
import pytest
from sqlalchemy import select
from starlette.testclient import TestClient

from authcheck.ledger.tables import Entry
from authcheck.registry.tables import Design
from authcheck.tlog.entries import digest, read_body
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql

Headers = dict[str, str]
WORDS = ("kind", "public_preview", "reference", "title", "collection")


def hash_of(workspace: Workspace, kind: str, subject: str) -> str:
    """Return the hash in the newest entry of this type about a subject."""
    with workspace.database.reading() as session:
        about = select(Entry.body).where(Entry.type == kind, Entry.subject == subject)
        body = session.scalars(about.order_by(Entry.number.desc())).first()
    assert body is not None
    return str(read_body(body)["h"])


def test_an_owner_proves_its_words(
    client: TestClient, workspace: Workspace, brand: Headers, new_design: Callable[..., dict[str, Any]]
) -> None:
    """The design's JSON has all that the newest entry hashes, after the registration and after a change."""
    design = new_design("R-1", title="Kite", collection="Spring")
    url = f"/v1/designs/{design['id']}"
    for kind in ("design.register", "design.update"):
        words = {name: design[name] for name in WORDS}
        assert digest(words, design["salt"]) == hash_of(workspace, kind, design["id"])
        change = {**brand, "If-Match": client.get(url, headers=brand).headers["ETag"]}
        design = client.patch(url, headers=change, json={"title": f"{design['title']} 2"}).json()


def test_both_parties_prove_the_terms(
    client: TestClient, workspace: Workspace, login: Callable[..., Headers]
) -> None:
    """Owner and licensee read both salts. The terms of the answer have the hashes of both entries."""
    design = make.register(workspace).design
    licence = licences_made.licence(workspace, designs=(design.id,), territories=("FR",), cap=9000)
    for party in ("acme", "maker"):
        headers = login("licences:write", owner=party)
        shown = client.get(f"/v1/licences/{licence.id}", headers=headers).json()
        for kind, step in (("licence.grant", "offered"), ("licence.accept", "accepted")):
            assert digest(shown["terms"], shown[f"{step}_salt"]) == hash_of(workspace, kind, licence.id)
    stranger = login("licences:write", owner="globex")
    assert client.get(f"/v1/licences/{licence.id}", headers=stranger).status_code == 404


def test_a_member_proves_its_name(
    client: TestClient, workspace: Workspace, login: Callable[..., Headers], admin: Headers
) -> None:
    """A member reads the salt of its own name. The operator reads that of every member."""
    me = client.get("/v1/me", headers=login("designs:write")).json()
    shown = client.get("/v1/organisations/acme", headers=admin).json()
    assert (me["name"], me["salt"]) == (shown["name"], shown["salt"])
    assert digest({"name": me["name"]}, me["salt"]) == hash_of(workspace, "org.approve", shown["id"])


def test_nobody_else_gets_a_salt(
    client: TestClient, workspace: Workspace, checker: Headers, new_design: Callable[..., dict[str, Any]]
) -> None:
    """Checks, listings and the answer about a seller have the design, and not its salt."""
    design = new_design("R-1", public_preview="true")
    copy = {"image": ("a.jpg", make.picture_bytes(1, "JPEG"))}
    listing = {"reference": "L", "seller": "s", "channel": "c", "territory": "DE"}
    asked = {"design": design["id"], "marketplace": "c", "shop": "s", "territory": "DE"}
    answers = [
        client.post("/v1/checks", files=copy),
        client.post("/v1/checks", headers=checker, files=copy),
        client.post("/v1/listings", headers=checker, data=listing, files=copy),
        client.get("/v1/sellers", headers=checker, params=asked),
    ]
    with workspace.database.reading() as session:
        salt = session.get_one(Design, design["id"]).salt
    assert salt == design["salt"]
    for answer in answers:
        assert answer.status_code in {200, 201}
        assert salt not in answer.text + str(answer.headers)
        assert '"salt"' not in answer.text
