"""HTML pages from templates, in the reader's language. `render` makes every page."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ..i18n import LANGUAGES, language_of

API = Path(__file__).parent.parent
STATIC = API / "static"
VERSIONS = {
    file.name: hashlib.sha256(file.read_bytes()).hexdigest()[:12]
    for file in STATIC.iterdir()
    if file.is_file()
}


def static(name: str) -> str:
    """Return the address of a file in /static.

    It changes with the file, so that no browser uses an old file.
    """
    return f"/static/{name}?v={VERSIONS[name]}"


def to(request: Request, path: str) -> str:
    """Return the address of one of our pages. Keep `?lang=` if the present address has it."""
    return f"{path}?lang={language_of(request).tag}" if "lang" in request.query_params else path


TEMPLATES = Environment(
    loader=FileSystemLoader(API / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.globals.update(static=static, languages=tuple(LANGUAGES.values()))


def render(
    request: Request,
    template: str,
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
    **context: object,
) -> HTMLResponse:
    """Return a page. No cache may store it, because it may show a private answer."""
    language = language_of(request)
    html = TEMPLATES.get_template(template).render(
        language=language,
        _=language.gettext,
        path=request.url.path,
        to=lambda path: to(request, path),
        base_url=str(request.base_url),
        **context,
    )
    page_headers = {"Cache-Control": "no-store", "Content-Language": language.tag, "Vary": "Accept-Language"}
    return HTMLResponse(html, status, {**(headers or {}), **page_headers})
