"""What every request passes on its way in and out: an id, a size limit, security headers, a last catch."""

import logging
import re
from contextlib import AsyncExitStack
from http import HTTPStatus

import anyio
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from authcheck.config import Settings
from authcheck.errors import Rejected
from authcheck.ids import new_id
from authcheck.storage.opening import utc_now

from .problems import from_error, no_route, unexpected
from .uploads import CLEANUP, body_limit

LINGER_BYTES = 4 * 1024 * 1024
LINGER_S = 1.0
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # not no-referrer: that makes the Origin of a form's POST `null`
    "Cross-Origin-Opener-Policy": "same-origin",
}
log = logging.getLogger("authcheck.api")


class Edge:
    """The outermost layer: gives the request its id, adds headers, answers 500 for what nobody caught, cleans up."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, its answer through `_add_headers`."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        request_id = given if REQUEST_ID.fullmatch(given) else new_id("req", utc_now())
        state = scope.setdefault("state", {})
        state["request_id"] = request_id
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                _add_headers(scope, MutableHeaders(scope=message))
            await send(message)

        async with AsyncExitStack() as cleanup:
            scope[CLEANUP] = cleanup
            try:
                if "\x00" in scope["path"]:  # no address has one, and PostgreSQL refuses it in text
                    await no_route(request_id)(scope, receive, send_with_headers)
                    return
                await self.app(scope, receive, send_with_headers)
            except Exception:
                log.exception("%s failed", request_id)
                if started:
                    raise
                await unexpected(request_id)(scope, receive, send_with_headers)


def _add_headers(scope: Scope, headers: MutableHeaders) -> None:
    headers["X-Request-Id"] = scope["state"]["request_id"]
    for name, value in {**SECURITY_HEADERS, **scope["state"].get("rate_headers", {})}.items():
        headers.setdefault(name, value)
    if scope["path"].startswith("/v1/"):
        headers.setdefault("Cache-Control", "no-store")


class BodyLimit:
    """Stops reading bodies that are too large: at once by Content-Length, else when the count passes the limit.

    Whoever reads the body gets Rejected (`request.too_large`) and may answer by itself; an answer other than 413 is
    replaced. The connection ends with it.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, its body counted."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = _Body(scope, receive, send, body_limit(scope["path"], self.settings))
        await self.app(scope, body.receive, body.send)


class _Body:
    """The body of one request, and the answer to it."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        length = Headers(scope=scope).get("content-length", "")
        self._scope, self._receive, self._send, self._limit = scope, receive, send, limit
        self._declared = int(length[:20]) if length.isdecimal() else 0
        self._received = 0
        self._exceeded = self._replaced = False

    async def receive(self) -> Message:
        """The next piece of the body. Raises Rejected (`request.too_large`)."""
        if self._declared <= self._limit:
            message = await self._receive()
            self._received += len(message.get("body", b""))
            if self._received <= self._limit:
                return message
        self._exceeded = True
        raise self._error()

    def _error(self) -> Rejected:
        return Rejected(
            f"The body of this request may have at most {self._limit} bytes.",
            code="request.too_large",
            limit_bytes=self._limit,
        )

    async def send(self, message: Message) -> None:
        """Pass the answer on."""
        if not self._exceeded:
            await self._send(message)
        elif (
            message["type"] == "http.response.start"
            and message["status"] != HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        ):
            self._replaced = True
            response = from_error(self._error(), self._scope["state"]["request_id"])
            await response(self._scope, self._receive, self._last_words)
        elif not self._replaced:
            await self._last_words(message)

    async def _last_words(self, message: Message) -> None:
        """Send, and before the connection ends read a little more: a client still sending would miss the answer."""
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)["Connection"] = "close"
            await self._send(message)
            return
        await self._send({**message, "more_body": True})
        if message.get("more_body", False):
            return
        drained, more = 0, True
        with anyio.move_on_after(LINGER_S):
            while more and drained < LINGER_BYTES:
                piece = await self._receive()
                drained += len(piece.get("body", b""))
                more = piece.get("more_body", False)
        await self._send({"type": "http.response.body", "body": b""})
