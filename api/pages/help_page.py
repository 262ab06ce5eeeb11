"""What visitors ask most: codes, photos, doubts, mistakes, and who runs the service."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from .render import render

router = APIRouter(include_in_schema=False)


@router.get("/help")
def show(request: Request) -> HTMLResponse:
    """Show the questions with their answers."""
    return render(request, "help.html")
