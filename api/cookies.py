"""Cookies of people who sign in and of phones, and the defence of forms against requests from other sites."""

import hashlib
import hmac
import secrets

from starlette.requests import Request
from starlette.responses import Response

from authcheck.errors import Forbidden

SESSION, DEVICE, FORM = "authcheck_session", "authcheck_device", "authcheck_form"
PHONE = "authcheck_phone"  # of a phone that scans labels, see `scanners.keep_phone`
DEVICE_S = 400 * 24 * 3600  # browsers keep no cookie longer
TOKEN_FIELD = "form_token"  # noqa: S105 - the name of a field
LONGEST_COOKIE_CHARS = 300


def read(request: Request, name: str) -> str:
    """Return a cookie's value, or ""."""
    value = request.cookies.get(_name(request, name), "")
    return value if len(value) <= LONGEST_COOKIE_CHARS else ""


def keep(
    request: Request, response: Response, name: str, value: str, *, max_age_s: int | None = None
) -> None:
    """Set a cookie that scripts cannot read and other sites cannot send with a form.

    Over https only https sends it, and no other host of the domain can set it. Without `max_age_s` the
    browser forgets it when it closes.
    """
    response.set_cookie(
        _name(request, name),
        value,
        max_age=max_age_s,
        path="/",
        secure=is_https(request),
        httponly=True,
        samesite="lax",
    )


def drop(request: Request, response: Response, name: str) -> None:
    """Let the browser forget a cookie."""
    response.delete_cookie(
        _name(request, name), path="/", secure=is_https(request), httponly=True, samesite="lax"
    )


def is_https(request: Request) -> bool:
    """Return whether the public address begins with https. What a client says about it does not count."""
    url: str = request.app.state.workspace.settings.public_url
    return url.startswith("https://")


def form_token(request: Request) -> str:
    """Return the token for the hidden field of a form. It belongs to the session or to the cookie FORM."""
    token = read(request, SESSION) or read(request, FORM)
    if not token:
        token = getattr(request.state, "new_form_cookie", "") or secrets.token_urlsafe(32)
        request.state.new_form_cookie = token  # `keep_form_cookie` sends it with the page
    return _token_of(token)


def keep_form_cookie(request: Request, response: Response) -> None:
    """Send the cookie that `form_token` has made for this page, if it has."""
    if token := getattr(request.state, "new_form_cookie", ""):
        keep(request, response, FORM, token)


def refuse_other_sites(request: Request, sent_token: str | None) -> None:
    """Refuse a request that a page of another site makes with our visitor's browser.

    Browsers name the sending site in Sec-Fetch-Site, or in Origin. From a browser that sends neither, only
    our own form has the token (None where the request cannot have one). Raises Forbidden
    (`request.cross_site`).
    """
    is_ours = from_our_site(request)
    if is_ours is None:
        owners = [token for token in (read(request, SESSION), read(request, FORM)) if token]
        sent = (sent_token or "").encode("utf-8", "replace")  # a stranger sends any characters
        is_ours = any(hmac.compare_digest(_token_of(token).encode(), sent) for token in owners)
    if not is_ours:
        raise cross_site_error()


def from_our_site(request: Request) -> bool | None:
    """Return whether a page of ours sends the request, by the browser. None: the browser says nothing."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        return site in {"same-origin", "none"}
    if origin is not None:
        return origin.partition("://")[2] == request.headers.get("host")
    return None


def cross_site_error() -> Forbidden:
    """Return the error for a request from another site."""
    return Forbidden("The request comes from another site. Send it from our page.", code="request.cross_site")


def _name(request: Request, name: str) -> str:
    return f"__Host-{name}" if is_https(request) else name


def _token_of(cookie: str) -> str:
    return hashlib.sha256(f"form\n{cookie}".encode()).hexdigest()
