"""Templates to HTML, in the reader's language. Every page goes out through `render`."""

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
    """The address of a file in /static; it changes with the file, so that no browser keeps an old one."""
    return f"/static/{name}?v={VERSIONS[name]}"


def to(request: Request, path: str) -> str:
    """The address of a page of ours, in the language that this one was explicitly asked for, if it was."""
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
    """A page that no cache keeps: it may show somebody's answer."""
    language = language_of(request)
    html = TEMPLATES.get_template(template).render(
        language=language,
        _=language.gettext,
        path=request.url.path,
        to=lambda path: to(request, path),
        base_url=str(request.base_url),
        **context,
    )
    own = {"Cache-Control": "no-store", "Content-Language": language.tag, "Vary": "Accept-Language"}
    return HTMLResponse(html, status, {**(headers or {}), **own})
