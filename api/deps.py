"""Dependencies of endpoints: the workspace, the caller's key, and rate limits."""

import re
from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response, Security
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer, SecurityScopes

from authcheck.errors import Forbidden
from authcheck.members import api_keys
from authcheck.members.api_keys import Principal
from authcheck.workspace import Workspace

from .rates import Rates

TOKEN = re.compile(r"ack_[0-9A-Z]{1,40}_[A-Za-z0-9_-]{1,200}")
BEARER = HTTPBearer(
    auto_error=False, bearerFormat="ack_<id>_<secret>", description="An API key. Its scopes limit its use."
)


async def get_workspace(request: Request) -> Workspace:
    """Return the workspace of this process."""
    workspace: Workspace = request.app.state.workspace
    return workspace


async def get_rates(request: Request) -> Rates:
    """Return the request counters of this process."""
    rates: Rates = request.app.state.rates
    return rates


WorkspaceDep = Annotated[Workspace, Depends(get_workspace)]
RatesDep = Annotated[Rates, Depends(get_rates)]


async def public_limit(request: Request, rates: RatesDep) -> None:
    """Count a public check for the client's address. Raises Unavailable (`rate.exceeded`)."""
    rates.count(rates.public_checks, rates.client(request), request)


async def public_read_limit(request: Request, rates: RatesDep) -> None:
    """Count a public read for the client's address. Raises Unavailable (`rate.exceeded`)."""
    rates.count(rates.public_reads, rates.client(request), request)


class KeyFirst(APIRoute):
    """A route that looks at the API key before FastAPI reads and parses the body of the request.

    A stranger without a key thus costs us no parsing, and learns nothing about the fields of the body.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return a handler that identifies the caller, if the route needs a key."""
        handle = super().get_route_handler()
        if all(dependency.call is not authenticated for dependency in self.dependant.dependencies):
            return handle

        async def handle_of_caller(request: Request) -> Response:
            request.state.principal = await run_in_threadpool(_identify, request)
            return await handle(request)

        return handle_of_caller


async def authenticated(
    request: Request, scopes: SecurityScopes, _scheme: Annotated[object, Depends(BEARER)]
) -> Principal:
    """Return the owner of the request's API key, whom `KeyFirst` has identified.

    Raises Forbidden (`auth.scope`).
    """
    principal: Principal = request.state.principal
    for scope in scopes.scopes:
        principal.require(scope)
    return principal


def _identify(request: Request) -> Principal:
    """Return the owner of the request's API key, and count the request.

    A wrong key is counted for the address, and never disturbs a good key of the same address. Raises
    Forbidden (`auth.missing`, `auth.key`), Unavailable (`rate.exceeded`).
    """
    rates: Rates = request.app.state.rates
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise Forbidden("Send an API key: Authorization: Bearer ack_...", code="auth.missing")
    try:
        principal = _authenticate_token(request.app.state.workspace, token.strip())
    except Forbidden:
        rates.count(rates.failed_keys, rates.client(request), request)
        raise
    rates.count(rates.key_requests, principal.key_id, request)
    return principal


def _authenticate_token(workspace: Workspace, token: str) -> Principal:
    """Return the owner of a token. Raises Forbidden (`auth.*`)."""
    if not TOKEN.fullmatch(token):
        raise api_keys.unknown_key_error()
    with workspace.database.reading() as session:
        return api_keys.authenticate(session, token)


def optional_checker(
    request: Request, rates: RatesDep, _scheme: Annotated[object, Depends(BEARER)]
) -> Principal | None:
    """Return the owner of the API key, or None for a request without a key.

    The key needs the scope `listings:check`. Requests without a key are counted by address. A request with a
    wrong key is refused. It never gets the public answer instead.
    """
    if "authorization" not in request.headers:
        rates.count(
            rates.public_checks if request.method == "POST" else rates.public_reads,
            rates.client(request),
            request,
        )
        return None
    principal = request.state.principal = _identify(request)
    principal.require("listings:check")
    return principal


AnyKey = Annotated[Principal, Security(authenticated)]
Admin = Annotated[Principal, Security(authenticated, scopes=["admin"])]
DesignsWriter = Annotated[Principal, Security(authenticated, scopes=["designs:write"])]
CertificatesIssuer = Annotated[Principal, Security(authenticated, scopes=["certificates:issue"])]
LicencesWriter = Annotated[Principal, Security(authenticated, scopes=["licences:write"])]
ListingsChecker = Annotated[Principal, Security(authenticated, scopes=["listings:check"])]
PublicOrChecker = Annotated[Principal | None, Depends(optional_checker)]
IfMatch = Annotated[str | None, Header()]
IfNoneMatch = Annotated[str | None, Header()]
