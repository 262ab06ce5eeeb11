"""Who sends a request: a program with an API key, or a person with a session's cookie."""

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy.orm import Session
from starlette.requests import Request

from authcheck.errors import Conflict, Forbidden, Rejected, Unavailable
from authcheck.ledger.acting import acting_for
from authcheck.members import agents, api_keys, appointments, sessions
from authcheck.members.api_keys import TOKEN
from authcheck.members.permissions import Resource, Right
from authcheck.members.principals import Principal
from authcheck.members.reach import WHOLE
from authcheck.members.sessions import SignedIn
from authcheck.storage.database import GUARD, Guard
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from . import cookies
from .rates import Rates

CLIENT_HEADER = "authcheck-client"  # the brand that an agent's program acts for
CLIENT = re.compile(r"[\x21-\x7e]{1,64}")  # a handle or an id
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}


def identify(request: Request) -> tuple[Principal, Guard]:
    """Return the caller of an API request, and the guard of the caller's transactions. Count the request.

    A wrong key is counted for the address, and never disturbs a good key of the same address. A session's
    cookie counts only for requests of our own pages. An agent's requests for all clients count together.
    Raises Forbidden (`auth.*`, `request.cross_site`), NotFound (`appointment.not_found`), Rejected
    (`request.client`), Unavailable (`rate.exceeded`).
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
        rates.count(rates.key_requests, signed_in.principal.caller, request)
        if CLIENT_HEADER in request.headers:
            raise client_header_error("The header is for API keys. Choose the brand on the page instead.")
        return signed_in.principal, guard_of(signed_in)
    principal = _for_client(request, _identify_key(request))
    return principal, _guard_of_key(principal)


def identify_if_may(request: Request, resource: Resource, right: Right) -> tuple[Principal, Guard] | None:
    """Return the caller of a request that also strangers may send, and the guard. None is a stranger.

    A program must have the right. A person who is signed in is a caller only with the right, because a
    moderator's browser also shows the public pages. Raises as `identify`.
    """
    if "authorization" in request.headers or CLIENT_HEADER in request.headers:
        caller = identify(request)
        caller[0].require(resource, right)
        return caller
    signed_in = find_signed_in(request)
    if signed_in and signed_in.principal and signed_in.principal.may(resource, right):
        return identify(request)
    return None


def _identify_key(request: Request) -> Principal:
    rates: Rates = request.app.state.rates
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    if kind.lower() != "bearer" or not token.strip():
        raise Forbidden("Send an API key: Authorization: Bearer ack_...", code="auth.missing")
    try:
        principal = _authenticate_token(request.app.state.workspace, token.strip())
    except Forbidden:
        rates.count(rates.failed_keys, rates.client(request), request)
        raise
    rates.count(rates.key_requests, principal.caller, request)
    return principal


def _authenticate_token(workspace: Workspace, token: str) -> Principal:
    """Return the owner of a token. Raises Forbidden (`auth.*`)."""
    if not TOKEN.fullmatch(token):
        raise api_keys.unknown_key_error()
    now = utc_now()
    with workspace.database.reading() as session:
        principal = api_keys.authenticate(session, token)
    if api_keys.needs_note(principal, now):
        with suppress(Unavailable), workspace.database.writing() as session:  # a full disk stops no reader
            api_keys.note_use(session, principal.caller, now)
    return principal


def _for_client(request: Request, own: Principal) -> Principal:
    """Return the principal that acts for the client in the request's header, or `own` without the header.

    Raises Rejected (`request.client`), NotFound (`appointment.not_found`).
    """
    clients = [value.strip() for value in request.headers.getlist(CLIENT_HEADER)]
    if not clients:
        return own
    if len(clients) > 1 or not CLIENT.fullmatch(clients[0]):
        raise client_header_error("Send the header once, with the handle of one brand.")
    workspace: Workspace = request.app.state.workspace
    with workspace.database.reading() as session:
        appointment = appointments.find_current(
            session, agent_id=own.organisation_id, client=clients[0], now=utc_now()
        )
    return agents.for_client(own, appointment)


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
        api_keys.confirm(session, principal)
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


@contextmanager
def private_licences(caller: Principal) -> Iterator[None]:
    """Name no licences to an agent of a part of the brand when an exclusive licence is in the way."""
    try:
        yield
    except Conflict as error:
        if error.code != "licence.exclusive" or caller.reach == WHOLE:
            raise
        raise Conflict(
            "The design would come under two licences, one of them exclusive. Leave this to the brand.",
            code="licence.exclusive",
        ) from None


def client_header_error(advice: str) -> Rejected:
    """Return the error for a header `Authcheck-Client` that we cannot use."""
    return Rejected(f"We cannot use the header Authcheck-Client. {advice}", code="request.client")


def no_organisation_error() -> Forbidden:
    """Return the error for a person who acts for no organisation at the moment."""
    return Forbidden(
        "You act for no organisation at the moment: you belong to none, or your appointment by the brand is"
        " over. Choose another organisation in your account, or ask an admin for an invitation.",
        code="auth.organisation",
    )
