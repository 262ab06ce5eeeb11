"""The OpenAPI document. After an intended change, `python tests/api/test_openapi.py` writes the document."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from starlette.testclient import TestClient

from api.app import create_app
from api.openapi_words import operations, words
from authcheck.config import Settings

SNAPSHOT = Path(__file__).parent / "openapi.json"


@pytest.fixture(scope="module")
def document() -> Any:
    """Return the document that was reviewed."""
    return json.loads(SNAPSHOT.read_text())


def bodies(document: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every JSON body of a request or of a successful answer, with the operation's name."""
    for operation in operations(document):
        answers = [answer for status, answer in operation["responses"].items() if status != "default"]
        for part in (operation.get("requestBody", {}), *answers):
            body = part.get("content", {}).get("application/json")
            if body and body["schema"]:
                yield operation["operationId"], body


def test_the_document_is_the_one_reviewed(client: TestClient, document: Any) -> None:
    """Any change of the API shows as a difference from tests/api/openapi.json."""
    assert client.get("/v1/openapi.json").json() == document


def test_problems_are_described_as_they_are_sent(document: Any) -> None:
    """Every operation names application/problem+json, and FastAPI's own error schemas are absent."""
    assert document["openapi"].startswith("3.1")
    assert not {"HTTPValidationError", "ValidationError"} & set(document["components"]["schemas"])
    for operation in operations(document):
        assert set(operation["responses"]["default"]["content"]) == {"application/problem+json"}
        assert "422" not in operation["responses"], operation["operationId"]


def test_everything_is_described(document: Any) -> None:
    """Each operation, parameter, field and tag has a sentence, and each operation a name of its own."""
    names = Counter(operation["operationId"] for operation in operations(document))
    assert names.most_common(1)[0][1] == 1
    silent = [
        f"{operation['operationId']}: {parameter['name']}"
        for operation in operations(document)
        for parameter in operation.get("parameters", [])
        if not parameter.get("description")
    ]
    silent += [operation["operationId"] for operation in operations(document) if not operation["description"]]
    silent += [
        f"{name}.{field}"
        for name, schema in document["components"]["schemas"].items()
        for field, part in schema.get("properties", {}).items()
        if not part.get("description") and "$ref" not in part
    ]
    assert silent == []
    used = {tag for operation in operations(document) for tag in operation["tags"]}
    assert used == {tag["name"] for tag in document["tags"]}


def test_each_operation_has_one_body(document: Any) -> None:
    """Generators of clients make one function with one body of each operation."""
    for operation in operations(document):
        assert len(operation.get("requestBody", {}).get("content", {})) <= 1, operation["operationId"]


def test_examples_are_what_the_api_takes_and_gives(document: Any) -> None:
    """Each JSON body has an example that its schema accepts. No required text in it is empty."""
    count = 0
    for name, body in bodies(document):
        schema = {**body["schema"], "components": document["components"]}
        errors = [error.message for error in Draft202012Validator(schema).iter_errors(body["example"])]
        assert errors == [], name
        count += 1
    assert count > 100
    for operation in operations(document):
        for parameter in operation.get("parameters", []):
            assert parameter.get("example") or not parameter["required"], parameter["name"]


def test_the_vocabulary_has_no_idle_word(document: Any) -> None:
    """Each word of api/vocabulary.toml is that of a field or a parameter."""
    schemas = document["components"]["schemas"]
    fields = {field for schema in schemas.values() for field in schema.get("properties", {})}
    fields |= {
        f"{name}.{field}" for name, schema in schemas.items() for field in schema.get("properties", {})
    }
    parameters = {
        parameter["name"].lower()
        for operation in operations(document)
        for parameter in operation.get("parameters", [])
    }
    assert set(words()["examples"]) - fields - parameters == set()
    assert set(words()["texts"]) - fields - parameters == set()
    assert set(words()["parameters"]) - parameters == set()


def test_the_reference_is_served_from_here(client: TestClient) -> None:
    """The page of the reference reads the document of this service. FastAPI's own pages load from a CDN: off."""
    page = client.get("/docs")
    assert page.status_code == 200
    assert "/static/vendor/swagger-ui-bundle.js" in page.text
    assert client.get("/openapi.json").json()["servers"] == [{"url": "http://127.0.0.1:8000"}]
    assert client.get("/redoc").status_code == 404


if __name__ == "__main__":
    SNAPSHOT.write_text(json.dumps(create_app(Settings()).openapi(), indent=1, sort_keys=True) + "\n")
