"""The reference of the API, for people who write programs: Swagger UI, served from here."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from .render import render

router = APIRouter(include_in_schema=False)


@router.get("/docs")
def show(request: Request) -> HTMLResponse:
    """Show every operation of the API. The browser reads /openapi.json, and asks no other host."""
    return render(request, "reference.html")
