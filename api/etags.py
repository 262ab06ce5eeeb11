"""ETags and the headers that name them (RFC 9110 s13)."""

import re

from starlette.responses import Response

from authcheck.errors import Conflict
from authcheck.registry.tables import Design

TAG = re.compile(r'(W/)?("[^"]*")')


def design_etag(design: Design) -> str:
    """Strong: it changes with everything the owner can change of a design."""
    return f'"{design.version}"'


def require_match(if_match: str | None, etag: str) -> None:
    """Raise Conflict: `precondition.required` without If-Match, `precondition.failed` where it names another version."""
    if if_match is None:
        raise Conflict(
            "Send If-Match with the ETag you have seen, so that nobody's change is overwritten.",
            code="precondition.required",
        )
    if if_match.strip() != "*" and ("", etag) not in TAG.findall(if_match):
        raise changed_since()


def changed_since() -> Conflict:
    """The error of a change to another version than the one that was seen."""
    return Conflict(
        "The design has changed since you looked at it; read it again.", code="precondition.failed"
    )


def not_modified(if_none_match: str | None, etag: str) -> bool:
    """Whether the asker has this version already (weak comparison)."""
    given = if_none_match or ""
    return given.strip() == "*" or etag in [tag for _, tag in TAG.findall(given)]


def picture_response(content: bytes, media_type: str, etag: str, cache: str, filename: str) -> Response:
    """A picture, never to be taken for anything else."""
    headers = {
        "ETag": etag,
        "Cache-Control": cache,
        "Content-Disposition": f'inline; filename="{filename}"',
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return Response(content, media_type=media_type, headers=headers)
