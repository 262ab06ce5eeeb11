"""Dependencies of endpoints: the workspace, the caller with the needed rights, and rate limits."""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response, Security
from fastapi.concurrency import run_in_threadpool
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer

from authcheck.members.permissions import Resource, Right
from authcheck.members.principals import Principal, scope_for
from authcheck.storage.database import Guard
from authcheck.workspace import Workspace

from .callers import guarded, identify, identify_if_may
from .rates import Rates

BEARER = HTTPBearer(
    auto_error=False, bearerFormat="ack_<id>_<secret>", description="An API key. Its scopes limit its use."
)

ClientHeader = Annotated[
    str | None,
    Header(
        alias="Authcheck-Client",
        max_length=64,
        description="Only for an agent's API key: the handle of the brand that the key acts for. Without the"
        " header, the key acts for its own organisation.",
    ),
]


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


async def public_report_limit(request: Request, rates: RatesDep) -> None:
    """Count a buyer's report for the client's address. Raises Unavailable (`rate.exceeded`)."""
    rates.count(rates.public_reports, rates.client(request), request)


class Authorised:
    """The dependency of an endpoint that needs one of these rights, or only a caller when it names none."""

    def __init__(self, *rights: tuple[Resource, Right]) -> None:
        self.rights = rights

    async def __call__(
        self,
        request: Request,
        _scheme: Annotated[object, Depends(BEARER)],
        _client: ClientHeader = None,
    ) -> Principal:
        """Return the caller, whom `KeyFirst` has identified.

        Raises Forbidden (`auth.scope`, `auth.role`, `appointment.scope`).
        """
        principal: Principal = request.state.principal
        if self.rights and not any(principal.may(*right) for right in self.rights):
            principal.require(*self.rights[0])
        return principal


class KeyFirst(APIRoute):
    """A route that identifies the caller before FastAPI reads and parses the body of the request.

    A stranger thus costs us no parsing, and learns nothing about the fields of the body. The caller's rights
    are looked up again in each transaction that writes.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return a handler that identifies the caller, if the route needs or knows callers."""
        handle = super().get_route_handler()
        calls = [dependency.call for dependency in self.dependant.dependencies]
        find_caller: Callable[[Request], tuple[Principal, Guard] | None] = identify
        if optional_checker in calls:
            find_caller = _identify_checker
        elif not any(isinstance(call, Authorised) for call in calls):
            return handle

        async def handle_of_caller(request: Request) -> Response:
            caller = await run_in_threadpool(find_caller, request)
            if caller is None:
                return await handle(request)
            principal, guard = caller
            request.state.principal = principal
            with guarded(guard, principal):
                return await handle(request)

        return handle_of_caller


async def optional_checker(
    request: Request, _scheme: Annotated[object, Depends(BEARER)], _client: ClientHeader = None
) -> Principal | None:
    """Return the caller, whom `KeyFirst` has identified, or None for a request without a key.

    The key needs a right to listings. Requests without a key are counted by address. A request with a wrong
    key is refused. It never gets the public answer instead.
    """
    principal: Principal | None = getattr(request.state, "principal", None)
    return principal


def _identify_checker(request: Request) -> tuple[Principal, Guard] | None:
    is_post = request.method == "POST"
    caller = identify_if_may(request, Resource.LISTINGS, Right.WRITE if is_post else Right.READ)
    if caller is None:
        rates: Rates = request.app.state.rates
        rates.count(rates.public_checks if is_post else rates.public_reads, rates.client(request), request)
    return caller


def needs(*rights: tuple[Resource, Right]) -> Any:
    """Return the dependency for these rights. The OpenAPI document names the scope of each."""
    return Security(Authorised(*rights), scopes=[scope_for(*right) for right in rights])


AnyCaller = Annotated[Principal, needs()]
DesignsReader = Annotated[Principal, needs((Resource.DESIGNS, Right.READ))]
DesignsWriter = Annotated[Principal, needs((Resource.DESIGNS, Right.WRITE))]
DisputesReader = Annotated[Principal, needs((Resource.DISPUTES, Right.READ))]
DisputesWriter = Annotated[Principal, needs((Resource.DISPUTES, Right.WRITE))]
DisputesRuler = Annotated[Principal, needs((Resource.DISPUTES, Right.DECIDE))]
LicencesReader = Annotated[Principal, needs((Resource.LICENCES, Right.READ))]
LicencesWriter = Annotated[Principal, needs((Resource.LICENCES, Right.WRITE))]
CertificatesReader = Annotated[Principal, needs((Resource.CERTIFICATES, Right.READ))]
CertificatesIssuer = Annotated[Principal, needs((Resource.CERTIFICATES, Right.WRITE))]
Revoker = Annotated[Principal, needs((Resource.REVOCATIONS, Right.WRITE))]
AnyonesRevoker = Annotated[Principal, needs((Resource.REVOCATIONS, Right.DECIDE))]
ListingsReader = Annotated[Principal, needs((Resource.LISTINGS, Right.READ))]
ListingsChecker = Annotated[Principal, needs((Resource.LISTINGS, Right.WRITE))]
CasesDecider = Annotated[Principal, needs((Resource.CASES, Right.DECIDE))]
CasesReader = Annotated[Principal, needs((Resource.CASES, Right.READ))]
NoticesReader = Annotated[Principal, needs((Resource.NOTICES, Right.READ))]
NoticesWriter = Annotated[Principal, needs((Resource.NOTICES, Right.WRITE))]
ScansReader = Annotated[Principal, needs((Resource.SCANS, Right.READ))]
ScansWriter = Annotated[Principal, needs((Resource.SCANS, Right.WRITE))]
OrganisationsReader = Annotated[Principal, needs((Resource.ORGANISATIONS, Right.READ))]
OrganisationsWriter = Annotated[Principal, needs((Resource.ORGANISATIONS, Right.WRITE))]
PeopleReader = Annotated[
    Principal, needs((Resource.PEOPLE, Right.READ), (Resource.ORGANISATIONS, Right.READ))
]
PeopleWriter = Annotated[
    Principal, needs((Resource.PEOPLE, Right.WRITE), (Resource.ORGANISATIONS, Right.WRITE))
]
DomainsReader = Annotated[Principal, needs((Resource.PEOPLE, Right.READ))]
Appointer = Annotated[Principal, needs((Resource.PEOPLE, Right.WRITE))]  # never an operator for others
PublicOrChecker = Annotated[Principal | None, Depends(optional_checker)]
IfMatch = Annotated[str | None, Header(alias="If-Match")]
IfNoneMatch = Annotated[str | None, Header(alias="If-None-Match")]
