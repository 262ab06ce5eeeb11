"""Who sends a request: a program with an API key, or a person with a session's cookie."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy.orm import Session
from starlette.requests import Request

from authcheck.errors import Forbidden, Unavailable
from authcheck.ledger.acting import acting_for
from authcheck.members import agents, api_keys, appointments, sessions
from authcheck.members.api_keys import TOKEN
from authcheck.members.principals import Principal
from authcheck.members.sessions import SignedIn
from authcheck.storage.database import GUARD, Guard
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from . import cookies
from .rates import Rates

CLIENT_HEADER = "authcheck-client"  # the brand that an agent's program acts for
LONGEST_CLIENT_CHARS = 100
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


def identify(request: Request) -> tuple[Principal, Guard]:
    """Return the caller of an API request, and the guard of the caller's transactions. Count the request.

    A wrong key is counted for the address, and never disturbs a good key of the same address. A session's
    cookie counts only for requests of our own pages. Raises Forbidden (`auth.*`, `request.cross_site`),
    Unavailable (`rate.exceeded`).
    """
    rates: Rates = request.app.state.rates
    if "authorization" not in request.headers and cookies.read(request, cookies.SESSION):
        signed_in = find_signed_in(request)
        if signed_in is None:
            raise sessions.session_over_error()
        if signed_in.principal is None:
            raise no_organisation_error()
        if request.method not in SAFE_METHODS:
            cookies.refuse_other_sites(request, None)
        rates.count(rates.key_requests, signed_in.principal.identity, request)
        return signed_in.principal, guard_of(signed_in)
    principal = _identify_key(request)
    return principal, _guard_of_key(principal)


def _identify_key(request: Request) -> Principal:
    rates: Rates = request.app.state.rates
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise Forbidden("Send an API key: Authorization: Bearer ack_...", code="auth.missing")
    try:
        principal = _authenticate_token(
            request.app.state.workspace, token.strip(), request.headers.get(CLIENT_HEADER)
        )
    except Forbidden:
        rates.count(rates.failed_keys, rates.client(request), request)
        raise
    rates.count(rates.key_requests, principal.caller, request)
    return principal


def _authenticate_token(workspace: Workspace, token: str, client: str | None) -> Principal:
    """Return the owner of a token, who acts for `client` if a request names one.

    Raises Forbidden (`auth.*`), NotFound (`appointment.not_found`).
    """
    if not TOKEN.fullmatch(token):
        raise api_keys.unknown_key_error()
    now = utc_now()
    with workspace.database.reading() as session:
        principal = api_keys.authenticate(session, token)
        if client is not None:
            appointment = appointments.find_current(
                session, agent_id=principal.organisation_id, client=client[:LONGEST_CLIENT_CHARS], now=now
            )
            principal = agents.for_client(principal, appointment)
    if api_keys.needs_note(principal, now):
        with suppress(Unavailable), workspace.database.writing() as session:  # a full disk stops no reader
            api_keys.note_use(session, principal.caller, now)
    return principal


def find_signed_in(request: Request) -> SignedIn | None:
    """Return the person who is signed in with the request's cookie, or None. Note the use of the session."""
    token = cookies.read(request, cookies.SESSION)
    if not token:
        return None
    workspace: Workspace = request.app.state.workspace
    now = utc_now()
    with workspace.database.glancing() as session:
        found = sessions.find(session, token, workspace.settings, now)
    if found is not None and sessions.needs_note(found.row, now):
        with suppress(Unavailable), workspace.database.writing() as session:
            sessions.note_use(session, found.row, now)
    return found


def guard_of(signed_in: SignedIn) -> Guard:
    """Return the guard of a person's transactions. The rights may be taken while the request runs."""
    session_id, principal = signed_in.row.id, signed_in.principal
    return lambda session: sessions.confirm(session, session_id, principal, utc_now())


def _guard_of_key(principal: Principal) -> Guard:
    agency = principal.agency

    def confirm(session: Session) -> None:
        api_keys.confirm(session, principal.caller)
        if agency is not None:
            appointments.get_current(
                session, agency.appointment_id, agent_id=agency.organisation_id, now=utc_now()
            )

    return confirm


@contextmanager
def guarded(guard: Guard, principal: Principal | None) -> Iterator[None]:
    """Call the guard at the begin of each transaction of this request that writes.

    Every ledger entry of the request names the agent who acts.
    """
    token = GUARD.set(guard)
    agency = principal.agency if principal else None
    try:
        with acting_for(
            agency.organisation_id if agency else None, agency.appointment_id if agency else None
        ):
            yield
    finally:
        GUARD.reset(token)


def no_organisation_error() -> Forbidden:
    """Return the error for a person who belongs to no organisation."""
    return Forbidden(
        "You belong to no organisation at the moment. Ask an admin for an invitation.",
        code="auth.organisation",
    )
