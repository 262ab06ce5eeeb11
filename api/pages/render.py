"""HTML pages from templates, in the reader's language. `render` makes every page."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlencode

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from authcheck.members.sessions import SignedIn

from ..cookies import SESSION, TOKEN_FIELD, form_token, keep_form_cookie, read
from ..i18n import LANGUAGES, Language, language_of
from .desk import pages_of

API = Path(__file__).parent.parent
STATIC = API / "static"
VERSIONS = {
    file.relative_to(STATIC).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()[:12]
    for file in STATIC.rglob("*")
    if file.is_file()
}


def static(name: str) -> str:
    """Return the address of a file in /static.

    It changes with the file, so that no browser uses an old file.
    """
    return f"/static/{name}?v={VERSIONS[name]}"


def path_of(request: Request) -> str:
    """Return the path of the present address as it was asked.

    In the decoded path, an escaped slash of a lot number looks like a separator.
    """
    raw_path: bytes = request.scope.get("raw_path") or b""
    return raw_path.decode("ascii", "replace") or request.url.path


def to(request: Request, path: str) -> str:
    """Return the address of one of our pages. Keep `?lang=` if the present address has it."""
    if "lang" not in request.query_params:
        return path
    address, mark, fragment = path.partition("#")
    return f"{address}{'&' if '?' in address else '?'}lang={language_of(request).tag}{mark}{fragment}"


def in_language(request: Request, path: str, tag: str) -> str:
    """Return the address of a page of ours in another language. The rest of its query stays.

    A notice tells of what was done just now, so it is not told again.
    """
    query = [pair for pair in request.query_params.multi_items() if pair[0] not in {"lang", "notice"}]
    return f"{path.partition('?')[0]}?{urlencode([*query, ('lang', tag)])}"


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
    signed_in: SignedIn | None = getattr(request.state, "signed_in", None)
    values: dict[str, object] = {
        "language": language,
        "_": language.gettext,
        "path": path_of(request),
        "to": lambda path: to(request, path),
        "in_language": lambda path, tag: in_language(request, path, tag),
        "base_url": str(request.base_url),
        "me": _me(signed_in, language) if signed_in else None,
        "may_be_signed_in": not hasattr(request.state, "signed_in") and bool(read(request, SESSION)),
        "form_token": form_token(request),
        "contact": request.app.state.settings.contact,
        "source_url": request.app.state.settings.source_url,
    }
    html = TEMPLATES.get_template(template).render({**values, **context})
    page_headers = {"Cache-Control": "no-store", "Content-Language": language.tag, "Vary": "Accept-Language"}
    response = HTMLResponse(html, status, {**(headers or {}), **page_headers})
    if retry_after := getattr(request.state, "retry_after", ""):
        response.headers["Retry-After"] = retry_after
    if TOKEN_FIELD in html:
        keep_form_cookie(request, response)
    return response


def _me(signed_in: SignedIn, language: Language) -> dict[str, object]:
    """Return who is signed in, and the pages that the person may open, for the head of the page."""
    principal, organisation = signed_in.principal, signed_in.organisation
    acting = organisation.name if organisation else language.gettext("site.acts_for_nobody")
    if principal is not None and principal.agency is not None:
        acting = language.gettext("site.agent_for", agent=principal.agency.name, client=acting)
    return {
        "id": signed_in.person.id,
        "name": signed_in.person.name,
        "acting": acting,
        "pages": pages_of(signed_in),
        "state": organisation.state if organisation else "approved",
    }
