"""Dependencies of endpoints: the workspace, the caller's key, and rate limits."""

import re
from typing import Annotated

from fastapi import Depends, Header, Request, Security
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


def authenticated(
    request: Request,
    scopes: SecurityScopes,
    workspace: WorkspaceDep,
    rates: RatesDep,
    _scheme: Annotated[object, Depends(BEARER)],
) -> Principal:
    """Return the owner of the request's API key.

    Raises Forbidden (`auth.*`), Unavailable (`rate.exceeded`).
    """
    client = rates.client(request)
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise Forbidden("Send an API key: Authorization: Bearer ack_...", code="auth.missing")
    rates.refuse_guessing(client)
    try:
        principal = _authenticate_token(workspace, token.strip())
    except Forbidden:
        rates.count_wrong_key(client)
        raise
    rates.count(rates.key_requests, principal.key_id, request)
    for scope in scopes.scopes:
        principal.require(scope)
    return principal


def _authenticate_token(workspace: Workspace, token: str) -> Principal:
    """Return the owner of a token. Raises Forbidden (`auth.*`)."""
    if not TOKEN.fullmatch(token):
        raise api_keys.unknown_key_error()
    with workspace.database.reading() as session:
        return api_keys.authenticate(session, token)


def optional_checker(
    request: Request,
    workspace: WorkspaceDep,
    rates: RatesDep,
    scheme: Annotated[object, Depends(BEARER)],
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
    return authenticated(request, SecurityScopes(["listings:check"]), workspace, rates, scheme)


AnyKey = Annotated[Principal, Security(authenticated)]
Admin = Annotated[Principal, Security(authenticated, scopes=["admin"])]
DesignsWriter = Annotated[Principal, Security(authenticated, scopes=["designs:write"])]
CertificatesIssuer = Annotated[Principal, Security(authenticated, scopes=["certificates:issue"])]
LicencesWriter = Annotated[Principal, Security(authenticated, scopes=["licences:write"])]
ListingsChecker = Annotated[Principal, Security(authenticated, scopes=["listings:check"])]
PublicOrChecker = Annotated[Principal | None, Depends(optional_checker)]
IfMatch = Annotated[str | None, Header()]
IfNoneMatch = Annotated[str | None, Header()]
