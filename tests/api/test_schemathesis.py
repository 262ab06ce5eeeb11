"""Requests that Schemathesis makes from the API's description, valid ones and broken ones: none gets a 500.

A person of every role sends them, a key with all scopes, and a key of an agent that acts for a brand.
"""

import itertools
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import agents_made
import make
import people_made
import pytest
import schemathesis
from databases_made import Databases, EmbeddedDatabases
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as of_hypothesis
from sqlalchemy import select
from starlette.testclient import TestClient
from walls import HOMES

from api.app import create_app
from authcheck.config import Settings
from authcheck.members import appointments, sessions
from authcheck.members.permissions import Role
from authcheck.members.tables import WebSession
from authcheck.workspace import Workspace

Headers = dict[str, str]
SCOPES = (
    "admin",
    "designs:write",
    "listings:check",
    "certificates:issue",
    "licences:write",
    "people:write",
    "notices:write",
)
MANY = 10**6  # requests a minute
CLIENT = "Authcheck-Client"
DOCUMENT = json.loads((Path(__file__).parent / "openapi.json").read_text())
OPERATIONS = [
    (path, method)
    for path, methods in DOCUMENT["paths"].items()
    for method in methods
    if method != "parameters"
]


def callers_of(workspace: Workspace, settings: Settings) -> list[Headers]:
    """Return the headers of a person of each role, of an agent's key, and three times of the key of all scopes."""
    row = agents_made.appoint(workspace, "guard", scopes=appointments.SCOPES)
    of_roles = []
    for role in Role:
        owner, kind = HOMES.get(role, ("acme", "brand"))
        email = f"{role}@{owner}.example"
        people_made.person(workspace.database, email, owner=owner, kinds=(kind,), roles=(role,))
        token = people_made.sign_in(workspace.database, settings, email, now=datetime.now(UTC)).token
        if role is Role.AGENT:
            act_for_acme(workspace, row.id)
        of_roles.append({"Cookie": f"authcheck_session={token}", "Sec-Fetch-Site": "same-origin"})
    agent = {**bearer(make.key(workspace, *appointments.SCOPES, owner="guard")), CLIENT: "acme"}
    everything = bearer(make.key(workspace, *SCOPES))
    return [*of_roles, agent, *[everything] * 3]


def act_for_acme(workspace: Workspace, appointment_id: str) -> None:
    """Let the newest session act under an appointment."""
    with workspace.database.writing() as session:
        newest = session.scalars(select(WebSession).order_by(WebSession.id.desc())).first()
        assert newest is not None
        sessions.act_as_agent(session, newest, appointment_id, datetime.now(UTC))


def bearer(token: str) -> Headers:
    """Return the headers of a key."""
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, databases: Databases | EmbeddedDatabases
) -> Iterator[tuple[TestClient, list[Headers]]]:
    """An app without rate limits, and its callers."""
    folder = tmp_path_factory.mktemp("data")
    made = Settings(
        data_dir=folder,
        database_url=databases.take(folder),
        public_checks_per_minute=MANY,
        key_requests_per_minute=MANY,
        fast=True,
    )
    with TestClient(create_app(made)) as client:
        callers = callers_of(client.app.state.workspace, made)  # type: ignore[attr-defined]
        assert {client.get("/v1/me", headers=headers).status_code for headers in callers} == {200}
        yield client, callers


@pytest.mark.parametrize(("path", "method"), OPERATIONS, ids=[f"{m} {p}" for p, m in OPERATIONS])
def test_no_request_gets_a_server_error(
    served: tuple[TestClient, list[Headers]], path: str, method: str
) -> None:
    """Every answer to every caller is one of ours: a result or a problem."""
    client, callers = served
    schema = schemathesis.openapi.from_dict(DOCUMENT)
    schema.app = client.app
    first = OPERATIONS.index((path, method)) % len(callers)  # the first request is the simplest one
    turns = itertools.cycle(callers[first:] + callers[:first])

    @given(case=schema[path][method.upper()].as_strategy())
    @of_hypothesis(
        max_examples=len(callers),
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def send(case: Any) -> None:
        for name in ("Authorization", CLIENT):  # of Schemathesis: nearly all requests would end there
            case.headers.pop(name, None)
        answer = case.call(headers=next(turns))
        assert answer.status_code < 500, answer.text
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == ["application/problem+json"]

    send()
