"""The codes of errors for people who write programs. The `type` of a problem leads here."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from ..error_codes import page
from .render import render

router = APIRouter(include_in_schema=False)


@router.get("/errors")
def show(request: Request) -> HTMLResponse:
    """Explain every code, in English."""
    return render(request, "errors.html", explanations=page())
