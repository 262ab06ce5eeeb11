"""The header Authcheck-Client: an agent's key names the brand that it acts for."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import agents_made
import make
import people_made
import pytest
from starlette.testclient import TestClient

from api.app import create_app
from authcheck.config import Settings
from authcheck.members import appointments
from authcheck.workspace import Workspace

Headers = dict[str, str]
HEADER = b"Authcheck-Client"


@pytest.fixture
def agent(workspace: Workspace, login: Callable[..., Headers]) -> Headers:
    """Return the headers of a key of shadow, an agent of acme. There is another brand, globex."""
    make.key(workspace, "designs:read", owner="globex")
    agents_made.appoint(workspace, scopes=appointments.SCOPES)
    return login(*appointments.SCOPES, owner="shadow")


@pytest.mark.parametrize(
    ("values", "status", "code"),
    [
        ([b"acme"], 200, None),
        ([b" ACME "], 200, None),
        ([b"globex"], 404, "appointment.not_found"),
        ([b"nobody"], 404, "appointment.not_found"),
        ([b"shadow"], 404, "appointment.not_found"),
        ([b"*"], 404, "appointment.not_found"),
        ([b"org_01H455VB4PEX5VSKNK084SN02Q"], 404, "appointment.not_found"),
        ([b"%"], 404, "appointment.not_found"),
        ([b"' OR 1=1 --"], 422, "request.client"),
        ([b""], 422, "request.client"),
        ([b"acme, globex"], 422, "request.client"),
        ([b"acme", b"globex"], 422, "request.client"),
        ([b"acme", b"acme"], 422, "request.client"),
        ([b"x" * 100_000], 422, "request.client"),
        ([b"acme" + b" " * 200 + b"x"], 422, "request.client"),
        (["acmé".encode()], 422, "request.client"),
        (["acme".encode("utf-16-le")], 422, "request.client"),
        ([b"acme\xff\xfe"], 422, "request.client"),
        ([b"\xef\xbb\xbfacme"], 422, "request.client"),
    ],
)
def test_the_header_names_one_brand_that_appointed_the_agent(
    client: TestClient, agent: Headers, values: list[bytes], status: int, code: str | None
) -> None:
    """All other values are refused. A brand that did not appoint the agent is answered like no brand."""
    headers = [(b"Authorization", agent["Authorization"].encode()), *((HEADER, value) for value in values)]
    answer = client.get("/v1/me", headers=headers)
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
    if code is not None:
        assert answer.headers["content-type"] == "application/problem+json"
        assert len(answer.content) < 1000


def test_a_key_of_no_agent_acts_for_nobody_else(client: TestClient, agent: Headers, rival: Headers) -> None:
    """A key of a brand that names another brand, or itself, is refused: it never acts for itself by mistake."""
    for name in ("acme", "globex"):
        answer = client.get("/v1/me", headers={**rival, "Authcheck-Client": name})
        assert (answer.status_code, answer.json()["code"]) == (404, "appointment.not_found")
        assert "Ask the brand" in answer.json()["detail"]


def test_a_wrong_key_is_refused_before_the_header_is_read(client: TestClient, agent: Headers) -> None:
    """A stranger learns nothing about who is an agent of whom."""
    wrong = {"Authorization": "Bearer ack_0_wrong"}
    for name in ("acme", "nobody"):
        answer = client.get("/v1/me", headers={**wrong, "Authcheck-Client": name})
        assert (answer.status_code, answer.json()["code"]) == (401, "auth.key_unknown")


@pytest.mark.slow
def test_a_header_without_a_key_never_gets_the_public_answer(client: TestClient, agent: Headers) -> None:
    """A program that lost its key is told so. With the header and a session, nobody knows who is meant."""
    files = {"image": ("a.png", make.picture_bytes())}
    answer = client.post("/v1/checks", headers={"Authcheck-Client": "acme"}, files=files)
    assert (answer.status_code, answer.json()["code"]) == (401, "auth.missing")


@pytest.mark.slow
def test_a_session_has_no_such_header(
    client: TestClient, workspace: Workspace, settings: Settings, agent: Headers
) -> None:
    """A person chooses the brand on the page. The header beside the cookie is refused, not ignored."""
    people_made.person(workspace.database, roles=("admin",))
    token = people_made.sign_in(workspace.database, settings, now=datetime.now(UTC)).token
    cookie = {"Cookie": f"authcheck_session={token}"}
    assert client.get("/v1/me", headers=cookie).status_code == 200
    answer = client.get("/v1/me", headers={**cookie, "Authcheck-Client": "acme"})
    assert (answer.status_code, answer.json()["code"]) == (422, "request.client")


def test_the_scopes_of_the_key_limit_the_appointment(
    client: TestClient, workspace: Workspace, login: Callable[..., Headers]
) -> None:
    """A right must be given by the brand and by the key."""
    agents_made.appoint(workspace, scopes=["designs:write", "licences:read"])
    key = {**login("designs:read", "listings:check", owner="shadow"), "Authcheck-Client": "acme"}
    assert client.get("/v1/me", headers=key).json()["rights"] == {"designs": "read"}
    for path in ("/v1/licences", "/v1/listings", "/v1/disputes"):
        answer = client.get(path, headers=key)
        assert (answer.status_code, answer.json()["code"]) == (403, "appointment.scope"), path


@pytest.mark.slow
def test_requests_of_an_agent_count_together_for_all_brands(settings: Settings) -> None:
    """Ten brands give an agent no ten times the requests, and a brand that is not there counts, too."""
    few = settings.model_copy(update={"key_requests_per_minute": 4})
    with TestClient(create_app(few)) as client:
        workspace: Workspace = client.app.state.workspace  # type: ignore[attr-defined]
        for brand in ("acme", "globex"):
            agents_made.appoint(workspace, client=brand)
        key = {"Authorization": f"Bearer {make.key(workspace, 'designs:read', owner='shadow')}"}
        names = ("acme", "globex", "nobody", "a b", "acme")
        answers = [client.get("/v1/me", headers={**key, "Authcheck-Client": name}) for name in names]
    assert [answer.status_code for answer in answers] == [200, 200, 404, 422, 429]


@pytest.mark.slow
def test_a_stored_answer_belongs_to_the_appointment(
    client: TestClient, workspace: Workspace, agent: Headers
) -> None:
    """The same Idempotency-Key for another brand, or under new terms, is another. After the end it is refused."""

    def check(name: str) -> Any:
        sent = {**agent, "Authcheck-Client": name, "Idempotency-Key": "k"}
        files = {"image": ("a.png", make.picture_bytes())}
        return client.post("/v1/checks", headers=sent, files=files)

    agents_made.appoint(workspace, client="globex", scopes=appointments.SCOPES)
    first, again, other = check("acme"), check("acme"), check("globex")
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == first.json()
    assert "idempotent-replayed" not in other.headers
    row = agents_made.appoint(workspace, scopes=["listings:check"])
    renewed = check("acme")
    assert renewed.status_code == 201
    assert "idempotent-replayed" not in renewed.headers
    agents_made.end(workspace, row.id, row.client_id)
    ended = check("acme")
    assert (ended.status_code, ended.json()["code"]) == (404, "appointment.not_found")
    assert check("globex").json() == other.json()


@pytest.mark.slow
def test_an_agent_takes_the_places_of_its_own_organisation(
    client: TestClient, workspace: Workspace, agent: Headers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An agent's pictures wait in the agent's queue, so that they never stand in the brand's way."""
    places, who = client.app.state.places, []  # type: ignore[attr-defined]
    take = places.members.take

    async def note(name: str) -> None:
        who.append(name)
        await take(name)

    monkeypatch.setattr(places.members, "take", note)
    files = {"image": ("a.png", make.picture_bytes())}
    acting = {**agent, "Authcheck-Client": "acme"}
    assert client.post("/v1/checks", headers=acting, files=files).status_code == 201
    row = agents_made.appoint(workspace, scopes=appointments.SCOPES)
    assert who == [row.agent_id]


def test_generated_clients_know_the_header(client: TestClient) -> None:
    """Every operation with a key has the header as a parameter, and no public operation has it."""
    document = client.get("/v1/openapi.json").json()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            names = [parameter["name"] for parameter in operation.get("parameters", [])]
            assert ("Authcheck-Client" in names) == ("security" in operation), (method, path)
