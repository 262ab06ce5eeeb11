"""Error responses: RFC 9457 `application/problem+json` for every error of the API."""

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route

from authcheck.errors import AuthcheckError, Conflict, Forbidden, NotFound, NotTrue, Rejected, Unavailable

from .error_codes import titles
from .wire.forms import Problem, ProblemItem, sendable

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2
SHOWN_FAULTS = 100  # of a request; the detail says how many there are
log = logging.getLogger("authcheck.api")

STATUS_BY_CODE: Mapping[str, int] = {
    "auth.scope": 403,
    "auth.role": 403,
    "organisation.not_approved": 403,
    "storefront.not_yours": 403,
    "appointment.scope": 403,
    "auth.organisation": 403,
    "case.interest": 403,
    "key.beyond": 403,
    "person.beyond": 403,
    "invitation.sign_in": 403,
    "sign_in.wrong": 403,
    "sign_in.code": 403,
    "sign_in.disabled": 403,
    "sign_in.wait": 429,
    "link.unknown": 404,
    "link.used": 410,
    "link.withdrawn": 410,
    "link.expired": 410,
    "certificate.label_needed": 403,
    "certificate.code_needed": 403,
    "request.cross_site": 403,
    "image.too_large": 413,
    "request.too_large": 413,
    "request.content_type": 415,
    "request.multipart": 400,
    "request.form": 400,
    "precondition.failed": 412,
    "precondition.required": 428,
    "rate.exceeded": 429,
    "storage.full": 507,
}
STATUS_BY_FAMILY: Sequence[tuple[type[AuthcheckError], int]] = (
    (NotFound, 404),
    (Conflict, 409),
    (Forbidden, 401),
    (Rejected, 422),
    (NotTrue, 422),
    (Unavailable, 503),
)
FRAMEWORK_CODES: Mapping[int, tuple[str, str]] = {
    400: ("request.unreadable", "We cannot read the body of the request."),
    404: ("route.not_found", "We have nothing at this address."),
    405: ("route.method", "This address does not support the method of the request."),
}


def status_of(error: AuthcheckError) -> int:
    """Return the HTTP status of an error, by its code or else by its family."""
    families = (status for family, status in STATUS_BY_FAMILY if isinstance(error, family))
    return STATUS_BY_CODE.get(error.code) or next(families, 500)


def problem(
    request_id: str,
    status: int,
    code: str,
    detail: str,
    *,
    errors: Sequence[ProblemItem] = (),
    params: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return one problem as a response."""
    body = Problem(
        type=f"/errors#{code}",
        title=titles().get(code, HTTPStatus(status).phrase),
        status=status,
        detail=sendable(detail),
        code=code,
        request_id=request_id,
        errors=list(errors),
        params={name: sendable(value) for name, value in (params or {}).items()},
    )
    return Response(body.model_dump_json(), status, headers, media_type=MEDIA_TYPE)


def from_error(error: AuthcheckError, request_id: str) -> Response:
    """Return the problem for an error of authcheck."""
    status = status_of(error)
    headers = {}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="authcheck"'
    if isinstance(error, Unavailable):
        headers["Retry-After"] = str(error.params.get("retry_after_s", RETRY_AFTER_S))
        if status != HTTPStatus.TOO_MANY_REQUESTS:
            log.warning("%s %s: %s", request_id, error.code, error)
    # Numbers and paths of an unavailable service go to the log for the operator, not to the caller.
    params = error.params if isinstance(error, Rejected) else None
    return problem(request_id, status, error.code, str(error), params=params, headers=headers)


def unexpected(request_id: str) -> Response:
    """Return a 500 without internal details. The log has the details under the request id."""
    return problem(
        request_id, 500, "server.error", "Something went wrong on our side. We have logged the error."
    )


def no_route(request_id: str) -> Response:
    """Return a 404 for an unknown address."""
    return problem(request_id, 404, *FRAMEWORK_CODES[404])


def install(app: FastAPI) -> None:
    """Answer every kind of error with a problem."""
    app.add_exception_handler(AuthcheckError, _on_authcheck_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(HTTPException, on_http_exception)
    app.add_exception_handler(StaleDataError, _on_lost_race)
    app.add_exception_handler(IntegrityError, _on_lost_race)
    app.add_exception_handler(ClientDisconnect, _on_disconnect)


async def _on_authcheck_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, AuthcheckError):
        raise error
    return from_error(error, request.state.request_id)


async def _on_invalid_request(request: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    faults = error.errors()
    items = [
        ProblemItem(
            pointer="".join(f"/{_escape_pointer(part)}" for part in fault["loc"]),
            code=str(fault["type"]),
            detail=sendable(fault["msg"]),
        )
        for fault in faults[:SHOWN_FAULTS]
    ]
    first = items[0]
    number = "One value" if len(faults) == 1 else f"{len(faults)} values"
    verb = "is wrong:" if len(faults) == 1 else "are wrong. The first is"
    detail = f"{number} of the request {verb} {first.pointer}: {first.detail}."
    return problem(request.state.request_id, 422, "request.invalid", detail, errors=items)


async def on_http_exception(request: Request, error: Exception) -> Response:
    """Return the problem for an error of the framework: no route, or no such method."""
    if not isinstance(error, HTTPException):
        raise error
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        return _method_response(request)
    code, detail = FRAMEWORK_CODES.get(error.status_code, ("request.refused", error.detail))
    return problem(request.state.request_id, error.status_code, code, detail, headers=error.headers)


def _method_response(request: Request) -> Response:
    """Answer OPTIONS, or refuse a method. Name all methods of the address, which may have several routes."""
    routes: Sequence[BaseRoute] = request.app.state.routes
    methods = {"OPTIONS"}
    for route in routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            methods |= route.methods or set()
    if "GET" in methods or methods == {"OPTIONS"}:  # files have no route of their own
        methods |= {"GET", "HEAD"}
    headers = {"Allow": ", ".join(sorted(methods))}
    if request.method == "OPTIONS":
        return Response(status_code=204, headers=headers)
    return problem(request.state.request_id, 405, *FRAMEWORK_CODES[405], headers=headers)


async def _on_lost_race(request: Request, _error: Exception) -> Response:
    return from_error(
        Conflict(
            "Another request made a change at the same moment. Read the data again and repeat your request."
        ),
        request.state.request_id,
    )


async def _on_disconnect(_request: Request, _error: Exception) -> Response:
    return Response(status_code=400)  # the client has gone and does not read the answer


def _escape_pointer(part: object) -> str:
    """Return one step of a JSON pointer (RFC 6901 s3)."""
    return str(sendable(part)).replace("~", "~0").replace("/", "~1")
