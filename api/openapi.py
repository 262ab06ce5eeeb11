"""The OpenAPI document: FastAPI's document, with problems as the API really sends them."""

import json
from functools import cache
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.routing import APIRoute

from authcheck import __version__

from .openapi_words import add_words, operations
from .problems import MEDIA_TYPE
from .wire.forms import Problem

PATHS = ("/v1/openapi.json", "/openapi.json")  # ours, and where generators of clients look first
PROBLEM = {
    "description": "The error. The page /errors explains every code.",
    "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
}
ONLY_ONCE = {"issue_batch"}  # refused without an Idempotency-Key
PICTURES: dict[str, Any] = {
    "type": "array",
    "items": {"type": "string", "contentMediaType": "application/octet-stream"},
}
PICTURE: dict[str, Any] = PICTURES["items"]
MASK_WORD: dict[str, Any] = {"type": "string", "enum": ["auto", "none"]}
MASKS: dict[str, Any] = {"oneOf": [MASK_WORD, PICTURES]}


def multipart(required: list[str], **fields: dict[str, Any]) -> dict[str, Any]:
    """Return the `openapi_extra` of an endpoint that reads a multipart body itself."""
    schema = {"type": "object", "required": required, "properties": fields}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


def picture_body() -> dict[str, Any]:
    """Return the `openapi_extra` of an endpoint that reads one picture, multipart or raw.

    The document names the multipart body alone: generators of clients want one body of an operation.
    """
    extra = multipart(["image"], image=PICTURE)
    extra["requestBody"]["description"] = "Also a raw body: `curl --data-binary @picture.jpg`."
    name = {"name": "name", "in": "query", "required": False, "schema": {"type": "string", "default": ""}}
    extra["parameters"] = [
        {**name, "description": "File name of a raw body. We keep it with the check of a key."}
    ]
    return extra


def pictures_out(media_type: str) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of an endpoint that sends a picture."""
    return {200: {"description": "The picture.", "content": {media_type: {"schema": {}}}}}


def install(app: FastAPI, public_url: str) -> None:
    """Make `app.openapi()` describe problems instead of FastAPI's own validation errors, and serve it."""
    fastapi_openapi = app.openapi

    def openapi_with_problems() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _add_problems(_name_operations(fastapi_openapi(), app))
            add_words(app.openapi_schema, public_url)
        return app.openapi_schema

    app.version = __version__
    app.openapi = openapi_with_problems  # type: ignore[method-assign]  # FastAPI's documented way

    @cache
    def document_bytes() -> bytes:
        return json.dumps(app.openapi(), ensure_ascii=False, separators=(",", ":")).encode()

    async def show_document(_request: Request) -> Response:
        return Response(document_bytes(), media_type="application/json")

    for path in PATHS:
        app.add_route(path, show_document, include_in_schema=False)  # FastAPI's own writes it anew each time


def _name_operations(document: dict[str, Any], app: FastAPI) -> dict[str, Any]:
    """Name each operation as its function is: generators of clients make functions of these names."""
    names = {route.unique_id: route.name for route in app.routes if isinstance(route, APIRoute)}
    for operation in operations(document):
        operation["operationId"] = names[operation["operationId"]]
        if operation["operationId"] in ONLY_ONCE:
            for parameter in operation["parameters"]:
                parameter["required"] = parameter["required"] or parameter["name"] == "Idempotency-Key"
    return document


def _add_problems(document: dict[str, Any]) -> dict[str, Any]:
    for path in document["paths"].values():
        for operation in path.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = PROBLEM
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    problem = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs", {}))
    schemas["Problem"] = problem
    return document
