"""Descriptions and examples in the OpenAPI document: from `vocabulary.toml`, where classes give none."""

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

VOCABULARY = Path(__file__).with_name("vocabulary.toml")
BY_FORMAT = {
    "date": "2026-11-30",
    "date-time": "2026-11-30T09:30:00Z",
    "email": "mei@harbour-lane.example",
    "uri": "https://harbour-lane.example/",
}
DEEPEST = 6  # levels of an example: below, an object is left out
METHODS = ("get", "put", "post", "delete", "patch")
Schema = dict[str, Any]


@cache
def words() -> Mapping[str, Mapping[str, str]]:
    """Return the tables of the vocabulary: texts, parameters, tags, examples."""
    return tomllib.loads(VOCABULARY.read_text(encoding="utf-8"))


def add_words(document: dict[str, Any], public_url: str) -> None:
    """Describe the service, its tags, all fields and parameters, and give every operation examples."""
    document["servers"] = [{"url": public_url}]
    document["info"]["contact"] = {"name": "The operator of this service", "url": public_url}
    document["tags"] = [{"name": name, "description": text} for name, text in words()["tags"].items()]
    schemas = document["components"]["schemas"]
    for name, schema in schemas.items():
        for field, part in schema.get("properties", {}).items():
            _describe_field(name, field, part)
    for operation in operations(document):
        for parameter in operation.get("parameters", []):
            _describe_parameter(parameter, schemas)
        for media in _contents(operation):
            if media.get("schema") and "example" not in media:
                media["example"] = example_of(media["schema"], schemas)


def operations(document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the operations of a document."""
    for path in document["paths"].values():
        yield from (path[method] for method in METHODS if method in path)


def example_of(schema: Schema, schemas: Mapping[str, Schema], name: str = "", level: int = 0) -> Any:
    """Return an example of a schema. `name` is that of its field."""
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas, name, level)
    for variants in (schema.get("anyOf"), schema.get("oneOf")):
        if variants:
            named = {key: value for key, value in schema.items() if key in {"examples", "description"}}
            first = next((part for part in variants if part.get("type") != "null"), variants[0])
            return example_of({**first, **named}, schemas, name, level)
    if "examples" in schema:
        return schema["examples"][0]
    if schema.get("type") == "array" or "prefixItems" in schema:
        return _example_list(schema, schemas, name, level)
    if schema.get("type") == "object" or "properties" in schema:
        return _example_object(schema, schemas, level)
    return _example_scalar(schema, name)


def _example_list(schema: Schema, schemas: Mapping[str, Schema], name: str, level: int) -> list[Any]:
    parts = schema.get("prefixItems") or [schema["items"]] * max(1, schema.get("minItems", 1))
    if level >= DEEPEST and "prefixItems" not in schema:
        return []
    return [example_of(part, schemas, name, level + 1) for part in parts]


def _example_object(schema: Schema, schemas: Mapping[str, Schema], level: int) -> dict[str, Any]:
    return {
        field: example_of(part, schemas, field, level + 1)
        for field, part in schema.get("properties", {}).items()
        if level < DEEPEST or field in schema.get("required", ())
    }


def _example_scalar(schema: Schema, name: str) -> Any:
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    if schema.get("default"):
        return schema["default"]
    kind = schema.get("type")
    if kind == "boolean":
        return True
    if kind == "integer":
        return max(schema.get("minimum", 1), schema.get("exclusiveMinimum", 0) + 1)
    if kind == "number":
        return min(0.97, schema.get("maximum", 0.97))
    return BY_FORMAT.get(schema.get("format", "")) or words()["examples"].get(name, "")


def _describe_field(name: str, field: str, part: Schema) -> None:
    """Describe a field, give a text an example, and write a pair also as older readers of schemas do."""
    texts = words()["texts"]
    text = texts.get(f"{name}.{field}", texts.get(field))
    if text and not part.get("description"):
        part["description"] = text
    for pair in _pairs(part):
        pair.setdefault("items", pair["prefixItems"][0])
    example = words()["examples"].get(f"{name}.{field}", words()["examples"].get(field))
    for one in (part, *part.get("anyOf", [])):
        texts_in = one if one.get("type") == "string" else one.get("items", {})
        is_free = texts_in.get("type") == "string" and not {"enum", "format"} & texts_in.keys()
        if example and is_free:
            texts_in.setdefault("examples", [example])


def _describe_parameter(parameter: dict[str, Any], schemas: Mapping[str, Schema]) -> None:
    name = parameter["name"].lower()
    text = words()["parameters"].get(name, words()["texts"].get(name))
    if text and not parameter.get("description"):
        parameter["description"] = text
    if parameter["required"]:  # readers of the document would fill in an example of a filter as well
        parameter.setdefault("example", example_of(parameter["schema"], schemas, name))


def _pairs(part: Schema) -> Iterator[Schema]:
    """Yield the schemas of tuples in a field."""
    if "prefixItems" in part:
        yield part
    for below in (*part.get("anyOf", []), part.get("items")):
        if isinstance(below, dict):
            yield from _pairs(below)


def _contents(operation: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the bodies of an operation that have a JSON schema."""
    answers = [answer for status, answer in operation["responses"].items() if status != "default"]
    for part in (operation.get("requestBody", {}), *answers):
        yield from (body for kind, body in part.get("content", {}).items() if kind == "application/json")
