"""The OpenAPI document. After an intended change, `python tests/api/test_openapi.py` writes the document."""

import json
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from api.app import create_app
from authcheck.config import Settings

SNAPSHOT = Path(__file__).parent / "openapi.json"


def test_the_document_is_the_one_reviewed(client: TestClient) -> None:
    """Any change of the API shows as a difference from tests/api/openapi.json."""
    assert client.get("/v1/openapi.json").json() == json.loads(SNAPSHOT.read_text())


def test_problems_are_described_as_they_are_sent(client: TestClient) -> None:
    """Every operation names application/problem+json, and FastAPI's own error schemas are absent."""
    document = client.get("/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert not {"HTTPValidationError", "ValidationError"} & set(document["components"]["schemas"])
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert set(operation["responses"]["default"]["content"]) == {"application/problem+json"}
            assert "422" not in operation["responses"], path


@pytest.mark.slow
def test_no_page_of_documentation_asks_another_host(client: TestClient) -> None:
    """FastAPI's Swagger and ReDoc pages, which load scripts from a CDN, are off."""
    for path in ("/docs", "/redoc"):
        assert client.get(path).status_code == 404


if __name__ == "__main__":
    SNAPSHOT.write_text(json.dumps(create_app(Settings()).openapi(), indent=1, sort_keys=True) + "\n")
