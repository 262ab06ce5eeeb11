"""Sample contexts of the pages for people who sign in: what the handlers hand to each template."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import case_samples
import certificate_samples
import design_samples
import dispute_samples
import licence_samples
import scan_samples
import today_samples
from markupsafe import Markup

from api.i18n import Language
from api.pages import desk
from api.pages.render import TEMPLATES
from authcheck.members.permissions import MATRIX, SCOPES, Resource, Right, Role
from authcheck.members.second_factor import qr_svg

DESK_SAMPLES = (
    *(design_samples, dispute_samples, licence_samples),
    *(certificate_samples, scan_samples, today_samples),
)
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
QR = Markup(qr_svg("otpauth://totp/authcheck:jana%40maison-iris.example?secret=IOVDVHUG&issuer=authcheck"))  # noqa: S704 - ours
ME = {
    "id": "per_1",
    "name": "Jana Nováková",
    "acting": "Maison Iris",
    "pages": {path: key for path, key, kinds, _ in desk.PAGES if "brand" in kinds}
    | {"/people": "people.title", "/account": "account.title"},
}
AGENT = {
    "id": "per_2",
    "name": "王小明",
    "acting": "Brandguard for Maison Iris",
    "pages": {"/account": "account.title"},
}
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
ACCOUNT: dict[str, Any] = {
    "person": {"name": "Jana Nováková", "email": "jana@maison-iris.example"},
    "name": "Jana Nováková",
    "organisations": [
        {"id": "org_1", "name": "Maison Iris", "roles": ["admin", "rights"], "is_current": True},
        {"id": "app_1", "name": "Brandguard for Paper Bird", "roles": ["agent"], "is_current": False},
        {"id": "org_2", "name": LONG, "roles": ["analyst"], "is_current": False},
    ],
    "factor": {"state": "off"},
    "sessions": [
        {"id": "ses_1", "browser": "Firefox, Linux", "created_at": NOW, "used_at": NOW, "is_this": True},
        {"id": "ses_2", "browser": "Safari, iPhone", "created_at": NOW, "used_at": NOW, "is_this": False},
        {"id": "ses_3", "browser": "", "created_at": NOW, "used_at": NOW, "is_this": False},
    ],
    "notice": None,
    "problem": None,
}
CODES = [f"7K2M-9QX{number}-3FJRT" for number in range(10)]
PENDING = {"state": "pending", "qr": QR, "secret": "IOVD VHUG RLO5 HAAH 7NHG XBE2 7LUK TI4Y"}
ON = {"state": "on", "since": NOW, "codes_left": 9, "codes": None}
PAGES |= {
    "account": ("account/account.html", ACCOUNT | {"notice": "saved"}),
    "account pending": (
        "account/account.html",
        ACCOUNT | {"factor": PENDING, "sessions": ACCOUNT["sessions"][:1]},
    ),
    "account codes": (
        "account/account.html",
        ACCOUNT | {"factor": ON | {"codes": CODES}, "notice": "factor_on"},
    ),
    "account on": ("account/account.html", ACCOUNT | {"factor": ON, "organisations": []}),
    "account wrong": (
        "account/account.html",
        ACCOUNT | {"problem": problem("password.common", "password", form="password-")},
    ),
}
BRAND_ROLES = ["admin", "rights", "licensing", "issuer", "protector", "analyst"]
PEOPLE: dict[str, Any] = {
    "organisation": {"name": "Maison Iris", "is_own": True},
    "may_write": True,
    "people": [
        {
            "id": "per_1",
            "name": "Jana Nováková",
            "email": "jana@maison-iris.example",
            "roles": ["admin"],
            "used_at": NOW,
            "has_factor": True,
            "is_me": True,
            "is_disabled": False,
        },
        {
            "id": "per_2",
            "name": "王小明",
            "email": f"{'w' * 60}@maison-iris.example",
            "roles": BRAND_ROLES[1:],
            "used_at": None,
            "has_factor": False,
            "is_me": False,
            "is_disabled": True,
        },
    ],
    "all_roles": BRAND_ROLES,
    "invitations": [
        {
            "id": "lnk_1",
            "name": "Ana",
            "email": "ana@maison-iris.example",
            "roles": ["issuer"],
            "expires_at": NOW,
            "is_over": False,
        },
        {
            "id": "lnk_2",
            "name": "",
            "email": "ben@maison-iris.example",
            "roles": ["analyst"],
            "expires_at": NOW,
            "is_over": True,
        },
    ],
    "keys": [
        {
            "id": "ack_01KAWXYZ0123456789ABCDEFGH",
            "label": "Shop system",
            "scopes": ["designs:write", "listings:check"],
            "created_at": NOW,
            "used_at": NOW,
            "revoked_at": None,
        },
        {
            "id": "ack_01KAWXYZ0123456789ABCDEFGJ",
            "label": "",
            "scopes": ["certificates:issue"],
            "created_at": NOW,
            "used_at": None,
            "revoked_at": NOW,
        },
    ],
    "all_scopes": list(SCOPES),
    "nonce": "n0nce",
    "new_token": None,
    "new_link": None,
    "agents": [
        {
            "id": f"app_{state}",
            "name": name,
            "handle": "brandguard",
            "client": "Maison Iris",
            "scopes": ["listings:check"],
            "designs": designs,
            "territories": territories,
            "ends_on": date(2027, 3, 31),
            "state": state,
        }
        for state, name, designs, territories in (
            ("now", "Brandguard", ["Koi pond", "Heron in the reeds"], ["DE", "FR"]),
            ("over", LONG, [], []),
            ("ended", "Old & Sons", [], ["CN"]),
        )
    ],
    "may_appoint": True,
    "agent_scopes": ["designs:read", "designs:write", "listings:check"],
    "earliest_end": "2026-11-24",
    "matrix": {
        "roles": BRAND_ROLES,
        "rows": [
            {
                "resource": resource.value,
                "rights": [MATRIX[Role(role)].get(resource, Right.NONE).name.lower() for role in BRAND_ROLES],
            }
            for resource in list(Resource)[:-1]
        ],
    },
    "typed": {},
    "notice": None,
    "problem": None,
}
EMPTY = {"people": PEOPLE["people"][:1], "invitations": [], "keys": [], "agents": []}
WRONG_INVITATION = {"email": "jana@", "name": "Jana", "roles": ["issuer"]}
PAGES |= {
    "people": ("people/people.html", PEOPLE | {"notice": "invited"}),
    "people token": (
        "people/people.html",
        PEOPLE | EMPTY | {"new_token": {"label": "Shop system", "token": f"ack_{'0' * 26}_{'x' * 43}"}},
    ),
    "people link": (
        "people/people.html",
        PEOPLE
        | {
            "new_link": {
                "email": "ana@maison-iris.example",
                "address": f"http://127.0.0.1:8000/join/{'x' * 43}",
            }
        },
    ),
    "people read": (
        "people/people.html",
        PEOPLE
        | {"may_write": False, "agents": [], "may_appoint": False}
        | {"matrix": {"roles": ["operator"], "rows": [{"resource": "disputes", "rights": ["decide"]}]}},
    ),
    "people roles wrong": (
        "people/people.html",
        PEOPLE | {"problem": problem("password.busy", "roles", form="per_1-")},
    ),
    "people wrong": (
        "people/people.html",
        PEOPLE | {"typed": WRONG_INVITATION, "problem": problem("mail.address", "email", form="invite-")},
    ),
}
ORGANISATIONS: dict[str, Any] = {
    "organisations": [
        {"name": name, "handle": handle, "roles": roles, "state": "approved", "created_at": NOW}
        for name, handle, roles in (
            ("Maison Iris", "maison-iris", ["brand", "licensee"]),
            (LONG, "w" * 64, ["agent"]),
        )
    ],
    "waiting": [{"name": LONG, "handle": "herons", "roles": ["brand"], "created_at": NOW}],
    "next_after": "org_1",
    "all_kinds": ["brand", "licensee", "marketplace", "agent", "operator"],
    "typed": {"handle": "", "name": "", "kinds": []},
    "problem": None,
}
PAGES |= {
    "organisations": ("people/organisations.html", ORGANISATIONS),
    "organisations wrong": (
        "people/organisations.html",
        ORGANISATIONS | {"problem": problem("organisation.handle", "handle", form="add-")},
    ),
}
DOMAIN: dict[str, Any] = {
    "id": "dom_1",
    "name": "maison-iris.example",
    "state": "waiting",
    "method": "",
    "problem": "",
    "checked_at": None,
    "record": "_authcheck.maison-iris.example",
    "file": "https://maison-iris.example/.well-known/authcheck.txt",
    "proof": "authcheck-proof=J8sVjg2m3h0yXo0m6nqf8fQ1r9bQd5uT",
    "others": [],
}
PROVED = DOMAIN | {
    "id": "dom_2",
    "state": "proved",
    "method": "dns",
    "checked_at": NOW,
    "others": ["iris-outlet"],
}
UNSEEN = DOMAIN | {
    "id": "dom_3",
    "name": f"{'b' * 60}.example",
    "checked_at": NOW,
    "problem": "page.unreachable",
}
IRIS: dict[str, Any] = {
    "name": "Maison Iris",
    "handle": "maison-iris",
    "roles": ["brand", "licensee"],
    "state": "applied",
    "state_reason": "",
    "state_since": NOW,
}
SHOP: dict[str, Any] = {
    "id": "shp_1",
    "name": "bigmarket/4711",
    "url": "https://bigmarket.example/shops/4711",
    "state": "claimed",
    "proved_by": "",
    "problem": "storefront.missing",
    "checked_at": NOW,
    "page_counts": True,
    "show": "authcheck-shop=J8sVjg2m3h0yXo0m6nqf8fQ1r9bQd5uT",
    "is_official": True,
    "picture": "data:image/gif;base64,R0lGODlhAQABAIAAAP///wAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw==",
    "page": "https://check.example/shops/sto_1",
    "badge": "https://check.example/v1/storefronts/sto_1/badge",
}
OWN: dict[str, Any] = {
    "shops": [],
    "may_write_shops": False,
    "typed_shop": {"marketplace": "", "shop": "", "url": ""},
    "organisation": IRIS,
    "domains": [DOMAIN],
    "may_write": True,
    "typed": "",
    "notice": "begun",
    "problem": None,
}
ONE: dict[str, Any] = {
    "organisation": IRIS,
    "domains": [PROVED, UNSEEN],
    "admins": ["jana@maison-iris.example"],
    "alikes": [],
    "notice": None,
    "at": "",
    "typed": "",
    "problem": None,
}
RIGHT: dict[str, Any] = {
    "id": "rgt_1",
    "owner": "Maison Iris",
    "handle": "maison-iris",
    "design": LONG,
    "design_id": "dsn_1",
    "kind": "registered_design",
    "number": "EUIPO 008123456-0001",
    "territories": ["FR", "IT", "DE"],
    "classes": [9, 25],
    "expires_on": date(2027, 1, 31),
    "ends_soon": 90,
    "has_document": True,
    "state": "in_review",
    "reason": "",
    "added_at": NOW,
    "notices": 3,
}
COPYRIGHT = RIGHT | {"id": "rgt_2", "kind": "copyright", "number": "", "expires_on": None, "ends_soon": None}
COPYRIGHT |= {"state": "refused", "reason": "The document names another owner.", "has_document": False}
COPYRIGHT |= {"territories": ["*"], "notices": 0}
NAMED: dict[str, Any] = {
    "design": {"id": "dsn_1", "title": "Koi pond"},
    "rights": [RIGHT, COPYRIGHT],
    "kinds": ["copyright", "trade_mark", "registered_design", "design_patent"],
    "may_write": True,
    "typed": dict.fromkeys(("number", "office", "territories", "classes", "expires_on"), "")
    | {"kind": "trade_mark"},
    "notice": "added",
    "problem": None,
}
WAITING: dict[str, Any] = {
    "rights": [
        RIGHT | {"rivals": [{"owner": LONG, "handle": "gulls", "state": "in_review"}]},
        COPYRIGHT | {"rivals": []},
    ],
    "notice": None,
    "at": "",
    "typed": "",
    "problem": None,
}
REFUSED = {"state": "refused", "state_reason": "Nobody answers at this domain. Name one that is yours."}
SUSPENDED = {"name": LONG, "state": "suspended", "state_reason": "The domain was sold."}
OFFICIAL: dict[str, Any] = {
    "organisation": LONG,
    "marketplace": "market.example",
    "shop": "a-shop-with-a-name-that-is-long",
    "url": "https://market.example/" + "shops/" * 20 + "a-shop-with-a-name-that-is-long",
    "host": "market.example",
    "brands": [],
    "proved_by": "page",
    "proved_at": NOW,
    "checked_at": NOW,
}
APPLY: dict[str, Any] = dict.fromkeys(("organisation", "handle", "domain", "name", "email"), "")
APPLY |= {"kinds": ["brand"], "all_kinds": ["brand", "licensee", "marketplace", "agent"], "problem": None}
PAGES |= {
    "apply": ("account/apply.html", APPLY),
    "apply wrong": (
        "account/apply.html",
        APPLY | {"organisation": LONG, "domain": "http://x", "problem": problem("domain.name", "domain")},
    ),
    "applied": ("account/applied.html", {"email": "jana@maison-iris.example", "days": 3}),
    "apply link": (
        "account/new_password.html",
        NEW | {"kind": "apply", "invitation": INVITATION | {"invited_by": "", "roles": ["admin"]}},
    ),
    "brand rights": ("designs/rights.html", NAMED),
    "brand rights wrong": (
        "designs/rights.html",
        NAMED | {"rights": [], "problem": problem("document.kind", "document")},
    ),
    "organisations rights": ("people/rights.html", WAITING),
    "organisations rights wrong": (
        "people/rights.html",
        WAITING | {"at": "rgt_1", "problem": problem("right.state", "reason", form="rgt_1-")},
    ),
    "own organisation": ("people/own_organisation.html", OWN),
    "own organisation refused": (
        "people/own_organisation.html",
        OWN | {"organisation": IRIS | REFUSED, "domains": [UNSEEN, PROVED], "notice": "not_proved"},
    ),
    "own organisation approved": (
        "people/own_organisation.html",
        OWN
        | {"organisation": IRIS | {"state": "approved"}, "domains": [PROVED], "notice": "shop_not_proved"}
        | {
            "shops": [
                SHOP,
                SHOP | {"state": "proved", "proved_by": "marketplace", "problem": "", "page_counts": False},
            ]
        }
        | {"may_write_shops": True},
    ),
    "official shop": ("official_shop.html", {"shop": OFFICIAL}),
    "official shop of a licensee": (
        "official_shop.html",
        {
            "shop": OFFICIAL
            | {"brands": ["Maison Iris", LONG], "proved_by": "marketplace", "checked_at": None}
        },
    ),
    "official shop gone": ("official_shop.html", {"shop": None}),
    "organisation applied": (
        "people/organisation.html",
        ONE | {"alikes": [IRIS | {"handle": "maison-lris", "name": "Maison lris"}]},
    ),
    "organisation alike": (
        "people/organisation.html",
        ONE
        | {"alikes": [IRIS], "at": "approve", "typed": "yes"}
        | {
            "problem": problem(
                "organisation.alike", "despite", form="approve-", params={"alike": "maison-lris"}
            )
        },
    ),
    "organisation approved": (
        "people/organisation.html",
        ONE | {"organisation": IRIS | {"state": "approved"}, "notice": "approved"},
    ),
    "organisation suspended": (
        "people/organisation.html",
        ONE | {"organisation": IRIS | SUSPENDED, "domains": [], "admins": []},
    ),
}
REPORT: dict[str, Any] = {"claims": ["copy", "label", "other"], "claim": "", "offer": "", "words": ""}
REPORT |= {"most_words": 1000, "problem": None}
SHARE = {"good": 8, "all": 10, "percent": 80, "low": 49, "high": 94}
BAR = {"threshold": 0.5, "found": 9, "right": 5, "wrong": 1, "undecided": 3, "missed": 0}
FEEDBACK: dict[str, Any] = {
    "shares": {"matches": SHARE, "accusations": {**SHARE, "all": 40, "good": 32}},
    "unclear": 2,
    "few": 25,
    "days": 180,
    "bars": [{**BAR, "heights": (55.6, 33.3, 11.1)}],
    "match": 0.9,
    "proposals": [
        {
            "id": "dec_0",
            "title": LONG,
            "reference": LONG,
            "code": "wrong_match",
            "reason": "match.backdrop",
            "at": NOW,
        }
    ],
    "may_answer": True,
    "notice": None,
    "problem": None,
    "as_of": NOW,
}
EMPTY = {"good": 0, "all": 0, "percent": None, "low": None, "high": None}
PAGES |= {
    "report": ("report/report.html", REPORT),
    "report wrong": (
        "report/report.html",
        REPORT | {"offer": LONG, "words": LONG, "problem": problem("report.not_found", "address")},
    ),
    "report receipt": (
        "report/receipt.html",
        {"id": "rpt_0", "stage": "under_review", "claim": "copy", "at": NOW},
    ),
    "people feedback": ("feedback/feedback.html", FEEDBACK),
    "people feedback refused": (
        "feedback/feedback.html",
        FEEDBACK | {"problem": problem("negative.hides", "", design=LONG)},
    ),
    "people feedback empty": (
        "feedback/feedback.html",
        FEEDBACK | {"shares": {"matches": EMPTY, "accusations": EMPTY}, "bars": [], "proposals": []},
    ),
}
PAGES |= case_samples.PAGES
for samples in DESK_SAMPLES:
    PAGES |= samples.PAGES
ALIKE = {name for samples in DESK_SAMPLES for name in getattr(samples, "ALIKE", ())}
SIGNED_IN: dict[str, Mapping[str, Any]] = {
    name: ME for name in PAGES if name.startswith(("account", "people", "brand", "licences"))
}
SIGNED_IN |= {
    name: ME | {"pages": {"/organisations": "organisations.title", "/people": "people.title"}}
    for name in PAGES
    if name.startswith("organisations")
}
SIGNED_IN |= dict.fromkeys(case_samples.PAGES, case_samples.MODERATOR)
SIGNED_IN["account on"] = AGENT
SIGNED_IN |= {name: ME for name in PAGES if name.startswith(("own organisation", "organisation "))}
SIGNED_IN["people"] = ME | {"state": "applied"}


def html(name: str, language: Language, path: str = "/") -> str:
    """Return a page as `render` makes it, with the sentence of its problem in that language."""
    template, context = PAGES[name]
    values = dict(context)
    if values.get("problem"):
        wrong = values["problem"]
        values["problem"] = wrong | {
            "sentence": language.sentence(
                "form" if f"form.{wrong['code']}" in language.sentences else "error",
                wrong["code"],
                wrong.get("params"),
            )
        }
    return TEMPLATES.get_template(template).render(
        language=language,
        _=language.gettext,
        path=path,
        to=lambda path: path,
        in_language=lambda path, tag: f"{path}?lang={tag}",
        may_be_signed_in=False,
        contact="mailto:help@check.example",
        source_url="https://code.example/authcheck",
        base_url="http://testserver/",
        me=SIGNED_IN.get(name),
        form_token="t0ken",  # noqa: S106 - a sample
        today=date(2026, 11, 23),
        **values,
    )
