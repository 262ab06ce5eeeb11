"""Heads of HTTP requests whose end two programs could see at two places, and heads and answers as bytes."""

from collections.abc import Sequence
from http import HTTPStatus

VERSIONS = {"1.0", "1.1"}
Headers = Sequence[tuple[bytes, bytes]]  # names in lower case


class Malformed(ValueError):
    """A request that a proxy before us could read in another way."""


def refuse_ambiguous(version: str, headers: Headers) -> None:
    """Raise Malformed for another version than 1.0 and 1.1, several hosts, or an unusual Transfer-Encoding.

    A body is chunked or has a length, and HTTP/1.0 knows no chunks (RFC 9112 s6.1).
    """
    codings = [value.strip().lower() for name, value in headers if name == b"transfer-encoding"]
    if version not in VERSIONS:
        raise Malformed(version)
    if [name for name, _ in headers].count(b"host") > 1:
        raise Malformed
    if codings and (codings != [b"chunked"] or version == "1.0"):
        raise Malformed


def write_head(method: bytes, target: bytes, version: str, headers: Headers) -> bytes:
    """Return the head of a request without the offer to change the protocol."""
    lines = [b"%s %s HTTP/%s" % (method, target, version.encode())]
    lines += [b"%s: %s" % header for header in headers if header[0] != b"upgrade"]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def write_answer(status: int, headers: Headers, body: bytes) -> bytes:
    """Return a whole answer. Its headers give the length of its body."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode()]
    lines += [b"%s: %s" % header for header in headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body
