"""What all pages of people share: who is signed in, the forms that they send, and what went wrong."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Annotated, Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response
from fastapi.routing import APIRoute
from markupsafe import Markup
from starlette.types import Receive, Scope, Send

from authcheck.errors import AuthcheckError, Conflict, Forbidden, Rejected, Unavailable
from authcheck.members.permissions import Resource, Right
from authcheck.members.principals import Principal
from authcheck.members.sessions import SignedIn
from authcheck.members.tables import Person

from .. import cookies
from ..callers import find_signed_in, guard_of, guarded, no_organisation_error
from ..i18n import language_of
from ..problems import from_error
from ..rates import Rates
from .render import render, to

PROXY_HEADERS = {"forwarded", "via", "x-real-ip", "x-client-ip", "true-client-ip", "cf-connecting-ip"}
FORM_TYPE = "application/x-www-form-urlencoded"
FORM_BYTES = 64 * 1024
MOST_FIELDS = 400  # a notice names 300 listings


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a posted form, in their order."""

    fields: list[tuple[str, str]]

    def text(self, name: str) -> str:
        """Return the first value of a field, or ""."""
        return next((value for field, value in self.fields if field == name), "")

    def texts(self, name: str) -> list[str]:
        """Return all values of a field."""
        return [value for field, value in self.fields if field == name]


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong: the sentence, its code, the field at fault, and the prefix of the form at fault."""

    sentence: Markup
    code: str
    field: str
    form: str


async def read_form(request: Request) -> Form:
    """Return the posted form, which a page of ours has sent.

    Raises Rejected (`request.content_type`, `request.too_large`, `request.form`), Forbidden
    (`request.cross_site`).
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM_TYPE:
        raise Rejected(f"Send the form as {FORM_TYPE}.", code="request.content_type", expected=FORM_TYPE)
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > FORM_BYTES:
            raise Rejected("The form is too large.", code="request.too_large", limit_bytes=FORM_BYTES)
    try:
        fields = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict")
    except ValueError as error:
        raise Rejected("We cannot read this form. Load the page again.", code="request.form") from error
    form = Form(fields)
    cookies.refuse_other_sites(request, form.text(cookies.TOKEN_FIELD))
    return form


class NeedsPerson:
    """The dependency of a page that only a signed-in person may open, with these rights if it names some."""

    def __init__(self, *rights: tuple[Resource, Right]) -> None:
        self.rights = rights

    async def __call__(self, request: Request) -> SignedIn:
        """Return the person. Raises Forbidden (`auth.session`, `auth.organisation`, `auth.role`)."""
        signed_in: SignedIn | None = request.state.signed_in
        if signed_in is None:
            raise Forbidden("Sign in first.", code="auth.session")
        if self.rights:
            principal = request.state.principal = acting(signed_in)
            if not any(principal.may(*right) for right in self.rights):
                principal.require(*self.rights[0])
        return signed_in


def acting(signed_in: SignedIn) -> Principal:
    """Return the principal of a person.

    Raises Conflict (`appointment.ended`) for an agent whose appointment is over, else Forbidden
    (`auth.organisation`) for a person who acts for nobody.
    """
    if signed_in.principal is None:
        if signed_in.row.appointment_id is not None:
            raise Conflict(
                "You no longer act for this brand. Choose for whom you act now.", code="appointment.ended"
            )
        raise no_organisation_error()
    return signed_in.principal


class PersonRoute(APIRoute):
    """A route that knows who is signed in, and answers errors with pages."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return a handler that finds the person, guards the person's transactions, and shows errors."""
        handle = super().get_route_handler()

        async def page(request: Request) -> Response:
            try:
                signed_in = request.state.signed_in = await run_in_threadpool(find_signed_in, request)
                _count(request, signed_in)
                if signed_in is None:
                    return await handle(request)
                with guarded(guard_of(signed_in), signed_in.principal):
                    return await handle(request)
            except AuthcheckError as error:
                return error_page(request, error)

        return page

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Lead a browser that opens the address of a form to the page of the form.

        A browser opens it again when a tab with the answer is restored.
        """
        if scope["method"] == "GET" and "GET" not in (self.methods or ()):
            first = scope["path"].split("/")[1]
            page = f"/{first}" if f"/{first}" != scope["path"] else "/account"
            query = scope["query_string"].decode("latin-1")
            back = RedirectResponse(f"{page}?{query}" if query else page, 303, {"Cache-Control": "no-store"})
            await back(scope, receive, send)
        else:
            await super().handle(scope, receive, send)


def _count(request: Request, signed_in: SignedIn | None) -> None:
    """Count a request for the person, or for the client's address. Raises Unavailable (`rate.exceeded`)."""
    rates: Rates = request.app.state.rates
    if signed_in is None:
        rates.count(rates.public_reads, rates.client(request), request)
    else:
        rates.count(rates.key_requests, signed_in.person.id, request)


FormDep = Annotated[Form, Depends(read_form)]
PersonDep = Annotated[SignedIn, Depends(NeedsPerson())]
PeopleReaderDep = Annotated[
    SignedIn,
    Depends(NeedsPerson((Resource.PEOPLE, Right.READ), (Resource.ORGANISATIONS, Right.READ))),
]
PeopleWriterDep = Annotated[
    SignedIn,
    Depends(NeedsPerson((Resource.PEOPLE, Right.WRITE), (Resource.ORGANISATIONS, Right.WRITE))),
]


def error_page(request: Request, error: AuthcheckError) -> Response:
    """Return the page for an error: the page to sign in when nobody is signed in, else what went wrong."""
    if error.code == "auth.session":
        here = _address_of(request) if request.method == "GET" else "/account"
        back = to(request, f"/sign-in?next={quote(here)}&notice=needed")
        return RedirectResponse(back, 303, {"Cache-Control": "no-store"})
    problem = problem_of(request, error)
    return render(request, "account/problem.html", status=status_of(request, error), problem=problem)


def _address_of(request: Request) -> str:
    """Return the path and query of a page to come back to, without the language and an old notice."""
    query = [pair for pair in request.query_params.multi_items() if pair[0] not in {"lang", "notice"}]
    return request.url.path + (f"?{urlencode(query)}" if query else "")


def problem_of(request: Request, error: AuthcheckError, field: str = "", form: str = "") -> Problem:
    """Return what went wrong, in the reader's language.

    The sentence is that for this form, for any form of a person, or for any page.
    """
    language, otherwise = language_of(request), "unavailable" if isinstance(error, Unavailable) else "unknown"
    families = (f"form.{form.removesuffix('-')}", "form", "error")
    found = (family for family in families if f"{family}.{error.code}" in language.sentences)
    sentence = language.sentence(next(found, "form"), error.code, error.params, otherwise=otherwise)
    return Problem(sentence, error.code, field, form)


def status_of(request: Request, error: AuthcheckError) -> int:
    """Return the status of a page that shows an error. The page also says when to try again."""
    api_response = from_error(error, request.state.request_id)
    if "retry-after" in api_response.headers:
        request.state.retry_after = api_response.headers["retry-after"]
    return api_response.status_code


def go(request: Request, path: str) -> RedirectResponse:
    """Send the browser to another page of ours after a form."""
    return RedirectResponse(to(request, path), 303, {"Cache-Control": "no-store"})


def local_path(text: str) -> str:
    """Return a path of our own pages to go to after a sign-in, /today for any other address."""
    is_ours = text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable()
    return text if is_ours and "\\" not in text and len(text) <= FORM_BYTES // 32 else "/today"


def personal_texts(person: Person, *others: str) -> list[str]:
    """Return what others know about a person, which makes a bad password."""
    return [person.email, person.name, *others]


def is_on_this_computer(request: Request) -> bool:
    """Return whether the browser runs on the server's computer and asks for it by its own name.

    A request that a proxy hands on comes from elsewhere, and a page of another name is not ours.
    """
    peer = request.client.host if request.client else ""
    is_forwarded = any(name in PROXY_HEADERS or name.startswith("x-forwarded") for name in request.headers)
    return not is_forwarded and _is_loopback(peer) and _is_loopback(_named_host(request))


def _named_host(request: Request) -> str:
    """Return the name by which the browser asks for us."""
    try:
        return urlsplit(f"//{request.headers.get('host', '')}").hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    """Return whether a host is this machine."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
