"""Middleware of all requests: request id, size limit, security headers, and answers to unexpected errors."""

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

LINGER_BYTES = 4 * 1024 * 1024  # read at most so much of a refused body
LINGER_S = 1.0  # read a refused body at most for so long
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
CONTENT_SECURITY_POLICY = (
    "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
SECURITY_HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # no-referrer would make the Origin of a form's POST `null`
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",  # the camera reads labels
}
OPEN_PATHS = (  # proofs and keys, which pages of other sites may read to verify for themselves
    "/v1/certificates/",
    "/v1/tx/",
    "/v1/status-lists/",
    "/v1/storefronts/",
    "/ledger/",
    "/trust.json",
    "/.well-known/",
    "/brands/",
)
OPEN_HEADERS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "Accept, Accept-Language, If-None-Match",
    "Access-Control-Expose-Headers": "ETag, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id",
    "Access-Control-Max-Age": "86400",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
log = logging.getLogger("authcheck.api")


class Edge:
    """The outermost layer.

    It gives the request its id, adds headers, answers 500 to uncaught errors, cleans up. It hands HEAD on as
    GET and sends no body. An address with a slash at its end is the address without it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and add headers to its answer."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        client_id = Headers(scope=scope).get("x-request-id", "")
        request_id = client_id if REQUEST_ID.fullmatch(client_id) else new_id("req", utc_now())
        is_head = scope["method"] == "HEAD"
        scope = _as_routed(scope)
        scope["state"]["request_id"] = request_id
        has_started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal has_started
            if message["type"] == "http.response.start":
                has_started = True
                _add_headers(scope, MutableHeaders(scope=message))
            elif is_head:
                message = {**message, "body": b""}
            await send(message)

        async with AsyncExitStack() as cleanup:
            scope[CLEANUP] = cleanup
            try:
                if "\x00" in scope["path"]:  # no address of ours has a NUL, and PostgreSQL refuses it in text
                    await no_route(request_id)(scope, receive, send_with_headers)
                    return
                await self.app(scope, receive, send_with_headers)
            except Exception:
                log.exception("%s failed", request_id)
                if has_started:
                    raise
                await unexpected(request_id)(scope, receive, send_with_headers)


def _as_routed(scope: Scope) -> Scope:
    """Return a copy for our routes: GET for HEAD, no slash at the end of the path, and no Range.

    We send no redirect to the path without the slash: only a proxy knows whether its address begins with
    https, and a client may not send its key again. All that we serve is small, so we serve it whole.
    """
    headers = [header for header in scope["headers"] if header[0] != b"range"]
    routed = {**scope, "headers": headers, "state": scope.get("state", {})}
    if scope["method"] == "HEAD":
        routed["method"] = "GET"
    raw_path: bytes = scope.get("raw_path") or scope["path"].encode()
    if raw_path.endswith(b"/"):  # a slash that is a part of a serial number is written %2F
        routed["path"] = scope["path"].rstrip("/") or "/"
        routed["raw_path"] = raw_path.rstrip(b"/") or b"/"
    return routed


def _add_headers(scope: Scope, headers: MutableHeaders) -> None:
    headers["X-Request-Id"] = scope["state"]["request_id"]
    if "accept-ranges" in headers:
        headers["Accept-Ranges"] = "none"
    for name, value in {**SECURITY_HEADERS, **scope["state"].get("rate_headers", {})}.items():
        headers.setdefault(name, value)
    if scope["path"].startswith(OPEN_PATHS) and scope["method"] in {"GET", "OPTIONS"}:
        headers.update(OPEN_HEADERS)
    if scope["path"].startswith("/v1/"):
        headers.setdefault("Cache-Control", "no-store")


class BodyLimit:
    """A middleware that stops reading a body that is too large.

    A body is refused by its Content-Length, or when the number of received bytes exceeds the limit. The
    reader of the body gets Rejected (`request.too_large`) and may answer. An answer other than 413 is
    replaced by a 413. The connection ends with the answer.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app, self.settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on and count the bytes of its body."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        body = _Body(scope, receive, send, body_limit(scope["path"], self.settings))
        await self.app(scope, body.receive, body.send)


class _Body:
    """The counted body of one request, and the sender of its answer."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        length = Headers(scope=scope).get("content-length", "")
        self._scope, self._receive, self._send, self._limit = scope, receive, send, limit
        self._declared_bytes = int(length[:20]) if length.isdecimal() else 0
        self._received_bytes = 0
        self._exceeded = self._replaced = False

    async def receive(self) -> Message:
        """Return the next piece of the body. Raises Rejected (`request.too_large`)."""
        if self._declared_bytes <= self._limit:
            message = await self._receive()
            self._received_bytes += len(message.get("body", b""))
            if self._received_bytes <= self._limit:
                return message
        self._exceeded = True
        raise self._too_large_error()

    def _too_large_error(self) -> Rejected:
        return Rejected(
            f"The body of this request is too large. Send at most {self._limit} bytes.",
            code="request.too_large",
            limit_bytes=self._limit,
        )

    async def send(self, message: Message) -> None:
        """Pass the answer on. Replace an answer other than 413 when the body is too large."""
        if not self._exceeded:
            await self._send(message)
        elif (
            message["type"] == "http.response.start"
            and message["status"] != HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        ):
            self._replaced = True
            response = from_error(self._too_large_error(), self._scope["state"]["request_id"])
            await response(self._scope, self._receive, self._send_and_close)
        elif not self._replaced:
            await self._send_and_close(message)

    async def _send_and_close(self, message: Message) -> None:
        """Send the answer, then read some more of the body before the connection ends.

        Without this, a client that is still sending would not read the answer.
        """
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)["Connection"] = "close"
            await self._send(message)
            return
        await self._send({**message, "more_body": True})
        if message.get("more_body", False):
            return
        drained_bytes, has_more = 0, True
        with anyio.move_on_after(LINGER_S):
            while has_more and drained_bytes < LINGER_BYTES:
                piece = await self._receive()
                drained_bytes += len(piece.get("body", b""))
                has_more = piece.get("more_body", False)
        await self._send({"type": "http.response.body", "body": b""})
