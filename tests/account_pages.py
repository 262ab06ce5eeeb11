"""Sample contexts of the pages for people who sign in: what the handlers hand to each template."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from api.i18n import Language
from api.pages.render import TEMPLATES

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SVG = '<svg class="qr" viewBox="0 0 45 45"><path fill="#fff" d="M0 0h45v45h-45z"/><path stroke="#000" d="M4 4.5h7m1 0h9"/></svg>'
ME = {"name": "Jana Nováková", "acting": "Maison Iris", "may_manage_people": True}
AGENT = {"name": "王小明", "acting": "Brandguard for Maison Iris", "may_manage_people": False}
INVITATION = {"organisation": "Maison Iris", "invited_by": "Jana Nováková", "roles": ["rights", "analyst"]}
LONG = "Wolfeschlegelsteinhausenbergerdorff-Featherstonehaugh GmbH & Co. KG <script>alert(1)</script>"


def problem(code: str, field: str, **extra: Any) -> dict[str, Any]:
    """Return a problem, with the sentence of its code when the page is rendered."""
    return {"code": code, "field": field, **extra}


SIGN_IN: dict[str, Any] = {"email": "", "next": "/people", "notice": None, "problem": None}
SET_UP: dict[str, Any] = {
    "code": "8F2KQ-7PX3D",
    "name": "",
    "email": "",
    "organisation": "",
    "handle": "",
    "kinds": ["brand"],
    "all_kinds": ["brand", "licensee", "marketplace", "agent", "operator"],
    "problem": None,
}
NEW: dict[str, Any] = {
    "action": "/link/abc",
    "email": "jana@maison-iris.example",
    "name": "",
    "problem": None,
    "invitation": None,
}
PAGES: dict[str, tuple[str, Mapping[str, Any]]] = {
    "sign-in": ("account/sign_in.html", SIGN_IN),
    "sign-in wrong": (
        "account/sign_in.html",
        SIGN_IN | {"email": "jana@maison-iris.example", "problem": problem("password.busy", "password")},
    ),
    "signed out": ("account/sign_in.html", SIGN_IN | {"notice": "signed_out"}),
    "code": ("account/code.html", {"email": "jana@maison-iris.example", "next": "/", "problem": None}),
    "code wrong": (
        "account/code.html",
        {"email": f"{'j' * 64}@maison-iris.example", "next": "/", "problem": problem("factor.code", "code")},
    ),
    "forgot": ("account/forgot.html", {"email": "", "problem": None}),
    "sent": ("account/sent.html", {"email": "jana@maison-iris.example", "minutes": 60}),
    "reset": ("account/new_password.html", NEW | {"kind": "reset"}),
    "reset wrong": (
        "account/new_password.html",
        NEW | {"kind": "reset", "problem": problem("password.short", "password", params={"limit": 12})},
    ),
    "invitation": ("account/new_password.html", NEW | {"kind": "invitation", "invitation": INVITATION}),
    "join": (
        "account/new_password.html",
        NEW | {"kind": "join", "invitation": INVITATION | {"organisation": LONG, "invited_by": ""}},
    ),
    **{
        f"link {reason}": ("account/link_over.html", {"reason": reason, "kind": kind})
        for reason, kind in (
            ("expired", "reset"),
            ("used", "invitation"),
            ("withdrawn", "invitation"),
            ("unknown", ""),
        )
    },
    "set-up": ("account/set_up.html", SET_UP),
    "set-up wrong": (
        "account/set_up.html",
        SET_UP | {"name": LONG, "problem": problem("factor.code", "code")},
    ),
}
SIGNED_IN: dict[str, Mapping[str, Any]] = {}


def html(name: str, language: Language) -> str:
    """Return a page as `render` makes it, with the sentence of its problem in that language."""
    template, context = PAGES[name]
    values = dict(context)
    if values.get("problem"):
        wrong = values["problem"]
        values["problem"] = wrong | {
            "sentence": language.sentence("error", wrong["code"], wrong.get("params"))
        }
    return TEMPLATES.get_template(template).render(
        language=language,
        _=language.gettext,
        path="/" + name.partition(" ")[0],
        to=lambda path: path,
        base_url="http://testserver/",
        me=SIGNED_IN.get(name),
        form_token="t0ken",  # noqa: S106 - a sample
        today=date(2026, 11, 23),
        **values,
    )
