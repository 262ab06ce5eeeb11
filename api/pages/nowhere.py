"""What a browser sees at an address where there is nothing: a page with ways on, and not JSON."""

from http import HTTPStatus

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from ..problems import on_http_exception
from .render import render

FOR_PROGRAMS = ("/v1/", "/static/", "/.well-known/")


def install(app: FastAPI) -> None:
    """Answer browsers with a page, and programs with a problem."""
    app.add_exception_handler(HTTPException, _on_http_exception)


async def _on_http_exception(request: Request, error: Exception) -> Response:
    response = await on_http_exception(request, error)
    is_page = "text/html" in request.headers.get("accept", "") and not request.url.path.startswith(
        FOR_PROGRAMS
    )
    if not is_page or response.status_code not in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}:
        return response
    allowed = {name: value for name, value in response.headers.items() if name == "allow"}
    return render(request, "nowhere.html", status=response.status_code, headers=allowed)
