"""Appointments over HTTP: a brand appoints an agent, and either side sees and ends the appointment."""

from collections.abc import Callable
from typing import Any

import agents_made
import licences_made
import make
import pytest
from starlette.testclient import TestClient

from authcheck.members import appointments
from authcheck.workspace import Workspace

Headers = dict[str, str]
BODY: dict[str, Any] = {
    "agent": "shadow", "scopes": ["designs:read"], "designs": ["KITE-1"], "territories": ["fr", "IT"],
    "ends_on": str(agents_made.ENDS),
}  # fmt: skip


@pytest.fixture
def sides(workspace: Workspace, login: Callable[..., Headers]) -> tuple[Headers, Headers]:
    """Return the headers of acme's and of shadow's programs that manage people."""
    make.register(workspace, "KITE-1")
    licences_made.organisation(workspace, "shadow", "agent")
    own = ("people:write", "designs:write", "licences:write", "listings:check")
    return login(*own), login("people:write", "designs:read", owner="shadow")


@pytest.mark.slow
def test_a_brand_appoints_an_agent_and_both_see_it(
    client: TestClient, sides: tuple[Headers, Headers]
) -> None:
    """Both sides read the same appointment. The same terms again change nothing, and new terms end the old."""
    brand, agent = sides
    answer = client.post("/v1/appointments", headers=brand, json=BODY)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert (made["client"], made["agent"], made["state"]) == ("acme", "shadow", "current")
    assert (made["territories"], len(made["designs"])) == (["FR", "IT"], 1)
    for headers in sides:
        assert client.get(answer.headers["location"], headers=headers).json() == made
        assert client.get("/v1/appointments", headers=headers).json()["items"] == [made]
    assert client.post("/v1/appointments", headers=brand, json=BODY).json() == made
    new = client.post("/v1/appointments", headers=brand, json={**BODY, "territories": []}).json()
    states = [row["state"] for row in client.get("/v1/appointments", headers=agent).json()["items"]]
    assert states == ["ended", "current"]
    current = client.get("/v1/appointments", params={"current": True}, headers=agent).json()
    assert [row["id"] for row in current["items"]] == [new["id"]]


@pytest.mark.parametrize("side", [0, 1])
def test_either_side_ends_an_appointment(
    client: TestClient, sides: tuple[Headers, Headers], side: int
) -> None:
    """The agent's next request finds no appointment. A second end keeps the first time."""
    made = client.post("/v1/appointments", headers=sides[0], json=BODY).json()
    acting = {**sides[1], "Authcheck-Client": "acme"}
    assert client.get("/v1/designs", headers=acting).json()["items"][0]["reference"] == "KITE-1"
    ended = client.delete(f"/v1/appointments/{made['id']}", headers=sides[side]).json()
    assert ended["state"] == "ended"
    assert client.delete(f"/v1/appointments/{made['id']}", headers=sides[1 - side]).json() == ended
    answer = client.get("/v1/designs", headers=acting)
    assert (answer.status_code, answer.json()["code"]) == (404, "appointment.not_found")


@pytest.mark.parametrize(
    ("changed", "status", "code"),
    [
        ({"agent": "nobody"}, 404, "organisation.not_found"),
        ({"agent": "acme"}, 422, "appointment.self"),
        ({"designs": ["NONE"]}, 404, "design.not_found"),
        ({"territories": ["Atlantis"]}, 422, "appointment.territory"),
        ({"scopes": ["certificates:issue"]}, 422, "appointment.scopes"),
        ({"scopes": ["people:write"]}, 422, "appointment.scopes"),
        ({"scopes": []}, 422, "request.invalid"),
        ({"ends_on": "2020-01-01"}, 422, "appointment.ends"),
        ({"ends_on": 20270101}, 422, "request.invalid"),
        ({"designs": ["K"] * 501}, 422, "request.invalid"),
        ({"client": "globex"}, 422, "request.invalid"),
        ({"agent": "a\nb"}, 422, "request.invalid"),
    ],
)
def test_terms_that_cannot_be_are_refused(
    client: TestClient, sides: tuple[Headers, Headers], changed: dict[str, Any], status: int, code: str
) -> None:
    """Nothing is stored, and the code says what is wrong."""
    answer = client.post("/v1/appointments", headers=sides[0], json={**BODY, **changed})
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert client.get("/v1/appointments", headers=sides[0]).json()["items"] == []


def test_an_agent_manages_no_people_and_no_appointments_of_the_brand(
    client: TestClient, workspace: Workspace, sides: tuple[Headers, Headers]
) -> None:
    """While it acts for the brand, an agent with every scope cannot appoint, see or end appointments."""
    row = agents_made.appoint(workspace, scopes=appointments.SCOPES)
    acting = {**sides[1], "Authcheck-Client": "acme"}
    for method, path, body in (
        ("POST", "/v1/appointments", BODY),
        ("GET", "/v1/appointments", None),
        ("GET", f"/v1/appointments/{row.id}", None),
        ("DELETE", f"/v1/appointments/{row.id}", None),
        ("GET", "/v1/people", None),
        ("POST", "/v1/keys", {"scopes": ["designs:read"]}),
    ):
        answer = client.request(method, path, headers=acting, json=body)
        assert (answer.status_code, answer.json()["code"]) == (403, "appointment.scope"), (method, path)


def test_an_operator_appoints_for_nobody(
    client: TestClient, workspace: Workspace, sides: tuple[Headers, Headers], admin: Headers
) -> None:
    """An operator's program sees and ends every appointment, and makes none, not even for a brand of its own."""
    row = agents_made.appoint(workspace)
    answer = client.post("/v1/appointments", headers=admin, json={**BODY, "designs": []})
    assert (answer.status_code, answer.json()["code"]) == (403, "auth.scope")
    listed = client.get("/v1/appointments", params={"organisation": "acme"}, headers=admin).json()
    assert [item["id"] for item in listed["items"]] == [row.id]
    assert client.delete(f"/v1/appointments/{row.id}", headers=admin).json()["state"] == "ended"


def test_me_says_whom_the_caller_acts_for(
    client: TestClient, workspace: Workspace, sides: tuple[Headers, Headers]
) -> None:
    """`agent` names the agent and what it reaches. The brand's own salt stays with the brand."""
    row = agents_made.appoint(workspace, designs=["KITE-1"])
    assert client.get("/v1/me", headers=sides[1]).json()["agent"] is None
    me = client.get("/v1/me", headers={**sides[1], "Authcheck-Client": "ACME"}).json()
    assert (me["organisation"], me["salt"]) == ("acme", None)
    assert me["rights"] == {"designs": "read"}
    assert me["agent"] == {
        "organisation": "shadow",
        "name": "shadow",
        "appointment": row.id,
        "designs": row.designs,
        "territories": None,
    }
