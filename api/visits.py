"""The name of one visit to a page: signed, so that a scan belongs to a page that we have shown.

A visit is `NONCE.TIME.ADVICE.SIGNATURE`. It names the unit in its signature only, says what the page said,
and ends after two days.
"""

import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from starlette.requests import Request

from authcheck.errors import Rejected
from authcheck.scans.listing import ADVICE

from .scanners import Scanners

LASTS = timedelta(days=2)
NONCE_BYTES = 12
LONGEST_CHARS = 120


@dataclass(frozen=True, slots=True)
class Visit:
    """The nonce of a visit, and the advice of its page."""

    nonce: str
    advice: str


def new_visit(request: Request, certificate_id: str, advice: str, now: datetime) -> str:
    """Return the signed name of a visit to the page of a unit."""
    nonce, seconds = secrets.token_urlsafe(NONCE_BYTES), int(now.timestamp())
    return f"{nonce}.{seconds}.{advice}.{_sign(request, certificate_id, nonce, seconds, advice)}"


def read_visit(request: Request, text: str, certificate_id: str, now: datetime) -> Visit:
    """Return the visit with this name. Raises Rejected (`scan.visit`) unless a page of this unit has it."""
    try:
        nonce, seconds_text, advice, signature = text[:LONGEST_CHARS].split(".")
        seconds = int(seconds_text)
        age = now - datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise _error() from error
    expected = _sign(request, certificate_id, nonce, seconds, advice)
    is_ours = hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace"))
    if not is_ours or age > LASTS or advice not in ADVICE:
        raise _error()
    return Visit(nonce, advice)


def _sign(request: Request, certificate_id: str, nonce: str, seconds: int, advice: str) -> str:
    scanners: Scanners = request.app.state.scanners
    return scanners.sign("visit", certificate_id, nonce, str(seconds), advice)


def _error() -> Rejected:
    return Rejected("This page is too old. Load it again.", code="scan.visit")
