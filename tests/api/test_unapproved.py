"""An organisation that is not approved, or was suspended, may prepare. It registers, accuses and issues nothing."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import certificates_made
import licensees_made
import make
import pytest
from starlette.testclient import TestClient

from authcheck.members import api_keys, organisations, standing
from authcheck.members.permissions import MEANWHILE, SCOPES, Resource, Right, cap, grants_of_scopes
from authcheck.members.tables import Organisation
from authcheck.workspace import Workspace

Login = Callable[..., dict[str, str]]
ALL = tuple(scope for scope in SCOPES if scope != "admin")
WRITES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    (
        "POST",
        "/v1/designs",
        {"files": {"image": ("a.png", make.picture_bytes(1))}, "data": {"reference": "A"}},
    ),
    (
        "POST",
        "/v1/listings",
        {"files": {"image": ("a.png", make.picture_bytes(1))}, "data": {"reference": "L"}},
    ),
    ("POST", "/v1/licences", {"json": {"licensee": "tees"}}),
    ("POST", "/v1/batches", {"json": {"design": "dsn_x"}, "headers": {"Idempotency-Key": "k"}}),
    ("POST", "/v1/notices", {"json": {"design": "dsn_x"}}),
    ("POST", "/v1/cases/next", {"json": {}}),
    ("POST", "/v1/storefronts", {"json": {"marketplace": "m", "shop_id": "s", "url": "https://m.com/s"}}),
)


def set_state(workspace: Workspace, handle: str, state: str) -> None:
    """Bring an organisation into a state, by the operator's act where there is one."""
    with workspace.database.writing() as session:
        row = organisations.get_organisation(session, handle)
        if state == "suspended":
            standing.suspend(session, row, "Its domain was sold.", now=make.NOW + timedelta(hours=1))
        else:
            row.state = state


@pytest.mark.parametrize("state", ["applied", "refused", "suspended"])
@pytest.mark.parametrize("door", WRITES, ids=[path for _, path, _ in WRITES])
def test_no_act_gets_through(
    client: TestClient, workspace: Workspace, login: Login, state: str, door: tuple[str, str, dict[str, Any]]
) -> None:
    """Each door answers 403 with the code, whatever scopes the key has."""
    method, path, words = door
    headers = login(*ALL)
    set_state(workspace, "acme", state)
    answer = client.request(method, path, **{**words, "headers": {**headers, **words.get("headers", {})}})
    assert (answer.status_code, answer.json()["code"]) == (403, "organisation.not_approved"), answer.text
    assert answer.json()["params"]["state"] == state


def test_reading_and_people_go_on(client: TestClient, workspace: Workspace, login: Login) -> None:
    """A suspended organisation still reads what it has, and ends its keys."""
    headers = login(*ALL)
    set_state(workspace, "acme", "suspended")
    for path in ("/v1/licences", "/v1/cases", "/v1/notices"):
        assert client.get(path, headers=headers).status_code == 200, path


def test_a_suspension_reaches_a_request_that_runs(workspace: Workspace, login: Login) -> None:
    """What began before the suspension is not stored after it."""
    token = login(*ALL)["Authorization"].removeprefix("Bearer ")
    with workspace.database.reading() as session:
        principal = api_keys.authenticate(session, token)
    set_state(workspace, "acme", "suspended")
    with pytest.raises(api_keys.Forbidden) as refused, workspace.database.writing() as session:
        api_keys.confirm(session, principal)
    assert refused.value.code == "organisation.not_approved"


@pytest.mark.parametrize("resource", Resource)
def test_the_cap_gives_nothing(resource: Resource) -> None:
    """The cap only takes rights away, and leaves none to accuse, to issue or to rule."""
    whole = grants_of_scopes(SCOPES)
    capped = cap(whole, is_approved=False)
    assert capped.get(resource, Right.NONE) <= whole.get(resource, Right.NONE)
    kept = {Resource.PEOPLE: Right.DECIDE, Resource.REVOCATIONS: Right.DECIDE, Resource.DISPUTES: Right.WRITE}
    assert capped.get(resource, Right.NONE) <= kept.get(resource, Right.READ)
    assert set(MEANWHILE) == set(Resource)
    assert cap(whole, is_approved=True) is whole


def test_a_suspended_owner_accuses_nobody(client: TestClient, workspace: Workspace, login: Login) -> None:
    """A stranger's listing of the design is judged by the owner's standing of the day."""
    make.register(workspace, "KITE", seed=1)
    market = login("listings:check", owner="market")

    def ask(reference: str) -> Any:
        files = {"image": ("a.png", make.picture_bytes(1))}
        data = {"reference": reference, "seller": "s", "channel": "m", "territory": "DE"}
        answer = client.post("/v1/listings", headers=market, files=files, data=data)
        assert answer.status_code == 201, answer.text
        return answer.json()

    assert ask("L-1")["verdict"] == "unlicensed_use"
    set_state(workspace, "acme", "suspended")
    told = ask("L-2")
    assert (told["verdict"], [reason["code"] for reason in told["reasons"]]) == (
        "none",
        ["design.owner_suspended"],
    )
    with workspace.database.writing() as session:
        row: Organisation = organisations.get_organisation(session, "acme")
        standing.approve(session, row, now=make.NOW + timedelta(hours=2))
    assert ask("L-3")["verdict"] == "unlicensed_use"


def test_a_suspended_issuers_certificate_is_not_verified(client: TestClient, workspace: Workspace) -> None:
    """While an issuer is suspended, its labels ask for care, at once and for as long as it lasts."""
    brand = certificates_made.brand(workspace)
    brand.issue()
    code = brand.certificates()[0].code

    def told() -> tuple[str, list[str]]:
        body = client.get(f"/v1/certificates/{code}").json()
        return body["advice"], [caution["code"] for caution in body["cautions"]]

    assert told() == ("verified", [])
    set_state(workspace, "acme", "suspended")
    assert told() == ("careful", ["certificate.issuer_suspended"])
    page = client.get(f"/c/{code}", headers={"Accept": "text/html"}).text
    assert re.search(r"This register has suspended \w+, the issuer of the code\.", page)
    set_state(workspace, "acme", "approved")
    assert told() == ("verified", [])


def test_a_suspended_owner_casts_doubt_on_its_licensees_units(
    client: TestClient, workspace: Workspace
) -> None:
    """A unit under a licence of a suspended owner asks for care, and names the owner's standing."""
    brand = certificates_made.brand(workspace)
    printers = licensees_made.licensee(workspace, brand.design)
    licensees_made.licence(workspace, "acme", "printers", designs=(brand.design.id,))
    printers.issue()
    code = printers.certificates()[0].code
    set_state(workspace, "acme", "suspended")
    body = client.get(f"/v1/certificates/{code}").json()
    assert body["advice"] == "careful"
    assert [caution["code"] for caution in body["cautions"]] == ["certificate.owner_suspended"]
