"""Texts for programs that visit a website: which pages to leave alone, and whom to tell about a weakness."""

from datetime import timedelta

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse

from authcheck.errors import NotFound
from authcheck.storage.opening import utc_now

from ..deps import WorkspaceDep

router = APIRouter(include_in_schema=False)
VALID_DAYS = 180  # RFC 9116 recommends less than a year
PRIVATE = ("/v1/", "/c/", "/C/", "/01/", "/checks/", "/report/", "/ledger/")


@router.get("/robots.txt")
def show_robots() -> PlainTextResponse:
    """Keep search engines away from single certificates, checks and reports."""
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in PRIVATE)]
    return PlainTextResponse("\n".join(lines) + "\n")


@router.get("/.well-known/security.txt")
def show_security(request: Request, workspace: WorkspaceDep) -> PlainTextResponse:
    """Say whom to tell about a weakness (RFC 9116), if the operator has named somebody."""
    contact = workspace.settings.contact
    if contact is None:
        raise NotFound("The operator has named no contact.", code="route.not_found")
    expires = (utc_now() + timedelta(days=VALID_DAYS)).replace(hour=0, minute=0, second=0, microsecond=0)
    lines = [
        f"Contact: {contact}",
        f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}",
        "Preferred-Languages: en, zh",
        f"Canonical: {workspace.settings.public_url}{request.url.path}",
    ]
    return PlainTextResponse("\n".join(lines) + "\n")
