"""Requests that Schemathesis makes from the API's description, valid ones and broken ones: none gets a 500."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import make
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as of_hypothesis
from starlette.testclient import TestClient

from api.app import create_app
from authcheck.config import Settings

SCOPES = ("admin", "designs:write", "listings:check", "certificates:issue", "licences:write")
MANY = 10**6  # requests a minute
EXAMPLES = 15  # of each operation
DOCUMENT = json.loads((Path(__file__).parent / "openapi.json").read_text())
OPERATIONS = [
    (path, method)
    for path, methods in DOCUMENT["paths"].items()
    for method in methods
    if method != "parameters"
]


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory, new_database_url: Callable[[Path], str | None]
) -> Iterator[tuple[TestClient, str]]:
    """An app without rate limits, and a key with all scopes."""
    folder = tmp_path_factory.mktemp("data")
    made = Settings(
        data_dir=folder,
        database_url=new_database_url(folder),
        public_checks_per_minute=MANY,
        key_requests_per_minute=MANY,
        fast=True,
    )
    with TestClient(create_app(made)) as client:
        yield client, make.key(client.app.state.workspace, *SCOPES)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("path", "method"), OPERATIONS, ids=[f"{m} {p}" for p, m in OPERATIONS])
def test_no_request_gets_a_server_error(served: tuple[TestClient, str], path: str, method: str) -> None:
    """Every answer is one of ours: a result or a problem."""
    client, key = served
    schema = schemathesis.openapi.from_dict(DOCUMENT)
    schema.app = client.app

    @given(case=schema[path][method.upper()].as_strategy())
    @of_hypothesis(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def send(case: Any) -> None:
        answer = case.call(headers={"Authorization": f"Bearer {key}"})
        assert answer.status_code < 500, answer.text
        if answer.status_code >= 400:
            assert answer.headers["content-type"] == ["application/problem+json"]

    send()
