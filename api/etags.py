"""ETags and their request headers (RFC 9110 s13)."""

import re

from starlette.responses import Response

from authcheck.errors import Conflict
from authcheck.registry.tables import Design

TAG = re.compile(r'(W/)?("[^"]*")')


def design_etag(design: Design) -> str:
    """Return the strong ETag of a design. It changes with every change that the owner can make."""
    return f'"{design.version}"'


def require_match(if_match: str | None, etag: str) -> None:
    """Raise Conflict when If-Match does not allow a change.

    The code is `precondition.required` without If-Match and `precondition.failed` when If-Match names another
    version.
    """
    if if_match is None:
        raise Conflict(
            "Send If-Match with the ETag of the design that you read. This protects changes of other users.",
            code="precondition.required",
        )
    if if_match.strip() != "*" and ("", etag) not in TAG.findall(if_match):
        raise changed_since()


def changed_since() -> Conflict:
    """Return the error for a change to a version that the client has not read."""
    return Conflict(
        "The design has changed since you read it. Read the design again and repeat your change.",
        code="precondition.failed",
    )


def not_modified(if_none_match: str | None, etag: str) -> bool:
    """Return whether the client already has this version (weak comparison)."""
    header = if_none_match or ""
    return header.strip() == "*" or etag in [tag for _, tag in TAG.findall(header)]


def picture_response(content: bytes, media_type: str, etag: str, cache: str, filename: str) -> Response:
    """Return a picture as a response that no browser can treat as anything else."""
    headers = {
        "ETag": etag,
        "Cache-Control": cache,
        "Content-Disposition": f'inline; filename="{filename}"',
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return Response(content, media_type=media_type, headers=headers)
