"""The public address over HTTP: who may issue under it, and what a move leaves as it was."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import labels_made
import make
import pytest
import sqlalchemy as sa
import units_made as units
from certificates_made import payload
from labels_made import Unit
from starlette.testclient import TestClient

from api.app import create_app
from authcheck.certificates.batch_labels import labels_of
from authcheck.certificates.tables import Batch, Certificate
from authcheck.config import Settings
from authcheck.errors import Conflict
from authcheck.labels.sheets import label_url
from authcheck.ledger import addresses
from authcheck.ledger.tables import Address
from authcheck.proofs import bundle
from authcheck.proofs.bundle import Bundle
from authcheck.proofs.trust import Trust
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

OLD, NEW = "http://127.0.0.1:8000", "https://authcheck.example"
Headers = dict[str, str]
JSON = {"accept": "application/json"}


@pytest.fixture
def printed(workspace: Workspace) -> tuple[Certificate, str]:
    """A certificate of before the move, and the address on its label."""
    unit = units.issue(workspace, units.brand_with_key(workspace), count=1)[0]
    with workspace.database.reading() as session:
        (label,) = labels_of(session, workspace.settings, session.get_one(Batch, unit.batch_id))
    return unit, label.url


@pytest.fixture
def moved(settings: Settings, workspace: Workspace, printed: Any) -> Iterator[TestClient]:
    """A client of a server that has started at the new address."""
    with workspace.database.writing() as session:
        addresses.move(session, OLD, NEW, utc_now())
    with TestClient(create_app(settings.model_copy(update={"public_url": NEW}))) as started:
        yield started


def test_a_label_of_before_the_move_stays_good(
    moved: TestClient, printed: tuple[Certificate, str], workspace: Workspace
) -> None:
    """The page, the JSON, the GS1 link and the offline proof of an old and of a new label are good."""
    unit, link = printed
    new = issue_at_new(workspace, unit)
    for one in (unit, new):
        page = moved.get(f"/c/{one.code}")
        assert (page.status_code, "Verified" in page.text) == (200, True)
        assert moved.get(f"/v1/certificates/{one.code}").json()["outcome"] == "good"
        proof = Bundle.from_json(moved.get(f"/v1/certificates/{one.code}/bundle").text)
        for trust in (moved.get("/trust.json"), moved.get("/trust.json?brand=acme")):
            assert bundle.verify(proof, Trust.from_json(trust.text), utc_now()).outcome == "good"
    assert link.startswith("HTTP://127.0.0.1:8000/01/")
    assert moved.get(link.removeprefix("HTTP://127.0.0.1:8000"), headers=JSON).json()["outcome"] == "good"


def issue_at_new(workspace: Workspace, like: Certificate) -> Certificate:
    """Issue a certificate at the new address."""
    settings = workspace.settings.model_copy(update={"public_url": NEW})
    words: dict[str, Any] = {"lot": "L-9", "request_key": "moved", "count": 1, "now": utc_now()}
    return units.issue(replace(workspace, settings=settings), like.design_id, **words)[0]


def test_each_address_has_its_did_document(moved: TestClient) -> None:
    """The client's host chooses the document. Both documents have the same keys, and name each other."""
    old_did, new_did = "did:web:127.0.0.1%3A8000", "did:web:authcheck.example"
    for path, suffix in (("/brands/acme/did.json", ":brands:acme"), ("/.well-known/did.json", "")):
        old, new, other = (
            moved.get(path, headers={"host": host}).json()
            for host in ("127.0.0.1:8000", "AUTHCHECK.example", "evil.example")
        )
        assert (old["id"], old["alsoKnownAs"]) == (old_did + suffix, [new_did + suffix])
        assert (new["id"], new["alsoKnownAs"]) == (new_did + suffix, [old_did + suffix])
        assert other == new
        (one,), (two,) = old["verificationMethod"], new["verificationMethod"]
        assert one["publicKeyJwk"] == two["publicKeyJwk"]
        assert (one["controller"], one["id"]) == (old["id"], old["assertionMethod"][0])
    assert moved.get("/brands/acme/did.json").headers["vary"] == "Host"


def test_status_lists_are_served_where_the_certificates_name_them(
    moved: TestClient, printed: tuple[Certificate, str], workspace: Workspace
) -> None:
    """The list of each certificate is at the path that the certificate names, signed under its issuer."""
    unit, _ = printed
    issue_at_new(workspace, unit)
    for number, url in ((0, OLD), (1, NEW)):
        text = moved.get(f"/v1/status-lists/acme/{number}").text
        assert payload(text)["id"] == f"{url}/v1/status-lists/acme/{number}"


@pytest.mark.slow
def test_labels_of_both_addresses_are_recognised(moved: TestClient, printed: tuple[Certificate, str]) -> None:
    """The reader of labels knows the labels of all addresses of this service, and no others."""
    unit, link = printed
    code = unit.code
    for url, ours in (
        (link, True),
        (label_url(NEW, Unit(serial=code, code=code)), True),
        (label_url("https://evil.example", Unit(serial=code, code=code)), False),
    ):
        picture = make.encode(labels_made.symbol(url))
        (read,) = moved.post("/v1/labels/read", files={"image": ("a.png", picture)}).json()["labels"]
        assert (read["ours"], read["code"]) == (ours, code if ours else None)


def test_attack_issuing_by_a_server_that_was_not_started_again(
    client: TestClient, login: Callable[..., Headers], workspace: Workspace, printed: tuple[Certificate, str]
) -> None:
    """A server that runs on after a move looks labels up, and issues nothing under the old address."""
    caller = login("certificates:issue")
    with workspace.database.writing() as session:
        addresses.move(session, OLD, NEW, utc_now())
    order = {"design": printed[0].design_id, "gtin": units.GTIN, "lot": "L", "product": "K", "count": 1}
    for path, body in (("/v1/batches", order), ("/v1/signing-keys", {})):
        refused = client.post(path, json=body, headers={**caller, "Idempotency-Key": "another"})
        assert (refused.status_code, refused.json()["code"]) == (409, "address.differs")
    sheet = client.get(f"/v1/batches/{printed[0].batch_id}/labels.pdf", headers=caller)
    assert (sheet.status_code, sheet.json()["code"]) == (409, "address.differs")
    assert client.get(f"/v1/certificates/{printed[0].code}").json()["outcome"] == "good"


def test_attack_the_first_key_over_http_under_the_default_address(
    client: TestClient, login: Callable[..., Headers], workspace: Workspace
) -> None:
    """Until the operator confirms the address of this computer, nobody gets a key for it."""
    caller = login("certificates:issue")
    with workspace.database.writing() as session:
        session.execute(sa.delete(Address))
    refused = client.post("/v1/signing-keys", json={}, headers=caller)
    assert (refused.status_code, refused.json()["code"]) == (409, "address.unconfirmed")
    make.confirm_address(workspace.database)
    assert client.post("/v1/signing-keys", json={}, headers=caller).status_code == 201


def test_a_server_with_another_address_does_not_start(settings: Settings, workspace: Workspace) -> None:
    """The application refuses to start with an address that is not the recorded one."""
    with (
        pytest.raises(Conflict) as refused,
        TestClient(create_app(settings.model_copy(update={"public_url": NEW}))),
    ):
        pass
    assert refused.value.code == "address.differs"


def test_a_missing_list_does_not_look_like_a_revocation(
    client: TestClient, workspace: Workspace, printed: tuple[Certificate, str]
) -> None:
    """A certificate whose list is at another address is not true, and the step says what is missing."""
    unit, _ = printed
    client.get(f"/c/{unit.code}")
    with workspace.database.writing() as session:
        session.execute(sa.update(Batch).values(address=NEW))
    told = client.get(f"/v1/certificates/{unit.code}").json()
    (step,) = (step for step in told["checked"] if step["state"] == "false")
    assert (told["outcome"], step["name"], step["code"]) == ("not_true", "status", "ledger.no_list")
    assert f"{NEW}/v1/status-lists/acme/0" in step["detail"]
    page = client.get(f"/c/{unit.code}").text
    assert "Not revoked, by the newest list" not in page
    assert "The list of revoked certificates is the one that this certificate names" in page
