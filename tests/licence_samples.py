"""Sample contexts of the pages of licences: what the handlers hand to the templates."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup

from api.pages import licence_form, licence_tester, licence_words
from api.pages.licence import NOTICES
from api.pages.licence_form import Typed
from authcheck.certificates.forecast import Forecast
from authcheck.licences.agreements import REASONS
from authcheck.licences.changes import FIELDS
from authcheck.licences.codes import NICE_CLASSES
from authcheck.licences.history import Recorded
from authcheck.licences.listing import STATES
from authcheck.licences.regions import REGIONS

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TODAY = date(2026, 11, 23)
LONG = "Wolfeschlegelsteinhausenbergerdorff <script>alert(1)</script> & Co. KG"
FACETS = {"state": "", "role": "", "other": "", "design": "", "territory": ""}
METER = {"units": 3, "cap": 7, "words": "3 of 7 issued"}
ROW: dict[str, Any] = {
    "id": "lic_01KAWXYZ0123456789ABCDEFGH",
    "version": 2,
    "is_got": False,
    "other": LONG,
    "designs": ["Koi pond", "3 more"],
    "territories": "France, Germany, Italy and 3 more",
    "goods": "clothing, footwear and headgear (class 25)",
    "shops": "any shop",
    "period": "from 1 Jan 2026 until 31 Mar 2027",
    "exclusive": True,
    "state": ("active", "good", "In force"),
    "meter": METER,
}
FREE = {"units": 12, "cap": None, "words": "12 issued, no limit"}
WHO_CHOICES: dict[str, Any] = {"problem": None, "countries": [("DE", "Germany")], "classes": ["25"]}
LIST: dict[str, Any] = {
    "licences": [ROW, ROW | {"version": 1, "is_got": True, "exclusive": False, "meter": FREE}],
    "facets": FACETS,
    "states": STATES,
    "csv": "/licences.csv",
    "api": "/v1/licences?limit=50",
    "first": "/licences",
    "next_page": "/licences?before=lic_0",
    "is_filtered": False,
    "may_write": True,
    "as_of": NOW,
    **WHO_CHOICES,
}
SENTENCE = Markup("You may make and sell all goods with {}.").format(LONG)
CARD: dict[str, Any] = {
    "id": "lic_01KAWXYZ0123456789ABCDEFGH",
    "is_got": True,
    "owner": LONG,
    "licensee": "Maker",
    "state": ("offered", "careful", "Waits for your answer"),
    "heading": "Koi pond",
    "sentence": SENTENCE,
    "pictures": [{"id": "dsn_0", "title": LONG}],
    "meter": METER,
    "left": 4,
    "can_issue": True,
    "shops": [{"id": "shp_0", "name": "market.example/4711"}],
}
EMPTY: dict[str, Any] = {"licences": [], "first": None, "next_page": None}
MINE = LIST | {"licences": [CARD, CARD | {"is_got": False, "left": None, "shops": [], "pictures": []}]}
PAGES: dict[str, tuple[str, Mapping[str, Any]]] = {
    "licences": ("licences/licences.html", LIST),
    "licences empty": ("licences/licences.html", LIST | EMPTY),
    "licences not found": (
        "licences/licences.html",
        LIST | EMPTY | {"facets": FACETS | {"other": LONG}, "is_filtered": True},
    ),
    "licences read": ("licences/licences.html", LIST | {"may_write": False}),
    "licences mine": ("licences/mine.html", MINE),
    "licences mine empty": ("licences/mine.html", MINE | EMPTY),
    "licences mine not found": ("licences/mine.html", MINE | EMPTY | {"is_filtered": True}),
}
CHANGES = [{"field": "cap", "before": "at most 5 units", "after": LONG}]
ONE: dict[str, Any] = {
    "licence": {
        "id": "lic_01KAWXYZ0123456789ABCDEFGH",
        "version": 2,
        "owner": "Maison Iris",
        "licensee": LONG,
        "handle": "maker",
        "other": LONG,
        "is_got": False,
        "state": ("active", "good", "In force"),
        "sentence": SENTENCE,
        "exclusive": True,
        "sublicensing": True,
        "parent": "lic_1",
        "reason": None,
        "meter": METER,
        "left": 4,
        "can_issue": True,
    },
    "pictures": [{"id": "dsn_0", "title": LONG}],
    "versions": [
        {
            "id": f"lic_{number}",
            "number": number,
            "state": ("active", "good", "In force"),
            "offered_at": NOW,
            "accepted_at": NOW if number < 3 else None,
            "is_first": number == 1,
            "changes": CHANGES if number == 2 else [],
        }
        for number in (3, 2, 1)
    ],
    "forecast": {"kind": "day", "found": Forecast(TODAY, TODAY, None, 12.5)},
    "entries": [Recorded(7, "licence.grant", NOW, "0" * 64, "lic_1")],
    "stops": {
        "total": 3,
        "units": 3,
        "batches": [{"product": LONG, "lot": "L-1", "count": 3, "at": NOW}],
        "shops": [{"id": "shp_0", "name": "market.example/4711", "url": "#shops"}],
    },
    "reasons": REASONS,
    "newest": "lic_3",
    "offer": "lic_3",
    "is_owner": True,
    "locks": {"answer": "", "amend": "", "revoke": "", "withdraw": ""},
    "notice": None,
    "problem": None,
    "typed": "",
    "asked_design": LONG,
    "as_of": NOW,
    **WHO_CHOICES,
}
OWN_OFFER = {"offer": ONE["licence"]["id"], "notice": "offered", "forecast": {"kind": "unknown"}}
GOT = OWN_OFFER | {"licence": ONE["licence"] | {"is_got": True}, "is_owner": False}
LOCKED = {"locks": dict.fromkeys(ONE["locks"], "role"), "stops": ONE["stops"] | {"batches": [], "shops": []}}
REVOKED = ONE["licence"] | {"state": ("revoked", "bad", "Revoked"), "reason": "unpaid", "left": None}
BADGE: dict[str, Any] = {
    "licence_id": "lic_0",
    "shop": {"id": "shp_0", "name": "market.example/4711"},
    "url": "market.example/4711",
    "jws": "eyJ" + "x" * 400,
    "until": NOW,
    "problem": None,
}
PAGES |= {
    "licences one": ("licences/licence.html", ONE),
    "licences one offered": ("licences/licence.html", ONE | OWN_OFFER),
    "licences one got": ("licences/licence.html", ONE | GOT),
    "licences one got locked": ("licences/licence.html", ONE | GOT | LOCKED),
    "licences one locked": ("licences/licence.html", ONE | OWN_OFFER | LOCKED),
    "licences one revoked": ("licences/licence.html", ONE | {"licence": REVOKED, "forecast": None}),
    "licences one wrong": (
        "licences/licence.html",
        ONE | {"problem": {"code": "licence.confirmation", "field": "handle", "form": ""}, "typed": "unpaid"},
    ),
    "licences badge": ("licences/badge.html", BADGE),
    "licences badge refused": (
        "licences/badge.html",
        BADGE | {"jws": "", "problem": {"code": "badge.own_key", "field": "", "form": ""}},
    ),
}
OFFER: dict[str, Any] = {
    "licence": None,
    "base": "",
    "is_open": False,
    "may_write": True,
    "problem": None,
    "rival": None,
    "typed": Typed(licensee=LONG, search=LONG, countries=["DE"], goods=["25"], collections=[LONG]).shown(),
    "chosen": [{"id": "dsn_0", "name": LONG, "reference": "KOI", "picture": "/designs/dsn_0/picture"}],
    "more_designs": "dsn_8 dsn_9",
    "more_count": 2,
    "found": [{"id": "dsn_1", "name": "Kite", "reference": "KITE", "picture": ""}],
    "collections": [LONG, "Sky"],
    "regions": [
        {"name": name, "countries": [(f"{name[0]}X", LONG)], "is_open": name == "eu"} for name in REGIONS
    ],
    "classes": [str(number) for number in range(1, 46)],
    "chosen_countries": [("DE", LONG)],
    "members": [{"handle": "maker", "name": LONG}],
    "shops": ["market.example/4711"],
    "parent": None,
    "changed": [],
    "nonce": "n0nce",
}
AMENDED = {"id": "lic_2", "licensee": LONG, "version": 2}
CLASH = [{"field": "cap", "before": "at most 5 units", "now": LONG, "yours": "any number of units"}]
PAGES |= {
    "licences new": ("licences/offer.html", OFFER),
    "licences new locked": ("licences/offer.html", OFFER | {"may_write": False, "parent": {"id": "lic_0"}}),
    "licences new wrong": (
        "licences/offer.html",
        OFFER
        | {
            "problem": {"code": "licence.exclusive", "field": "where", "form": "offer-"},
            "rival": {"id": "lic_7", "licensee": LONG},
        },
    ),
    "licences amend": ("licences/offer.html", OFFER | {"licence": AMENDED, "base": "lic_2", "is_open": True}),
    "licences amend clash": (
        "licences/offer.html",
        OFFER
        | {
            "licence": AMENDED,
            "base": "lic_2",
            "changed": CLASH,
            "problem": {"code": "licence.changed", "field": "", "form": "offer-"},
        },
    ),
}
ASKED = {"design": LONG, "territory": "DE", "goods": "25", "shop": "a/b", "on": "2026-11-23", "licence": ""}
CLAUSES = [Markup("It ended on 1 Nov 2026."), Markup("Germany is not among its countries.")]
JUDGED = {"id": "lic_0", "version": 2, "other": LONG, "is_got": False, "state": ("lapsed", "none", "Ended")}
WHO: dict[str, Any] = {
    "asked": ASKED,
    "design": {"id": "dsn_0", "name": LONG, "reference": "KOI"},
    "designs": [],
    "api": "/v1/sellers",
    "as_of": NOW,
    "answer": {
        "kind": "no",
        "is_allowed": False,
        "is_hidden": False,
        "is_own_design": True,
        "design_state": "disputed",
        "on": TODAY,
        "licences": [JUDGED | {"clauses": CLAUSES}, JUDGED | {"clauses": [], "version": 1}],
        "shops": [{"name": "market.example/4711", "owner": LONG}],
    },
    **WHO_CHOICES,
}
NOT_FOUND = {"code": "seller.day", "field": "on", "form": "who-"}
PAGES |= {
    "licences who": ("licences/who.html", WHO),
    "licences who yes": (
        "licences/who.html",
        WHO | {"answer": WHO["answer"] | {"kind": "yes", "is_allowed": True, "is_hidden": True}},
    ),
    "licences who which": (
        "licences/who.html",
        WHO | {"answer": None, "designs": [WHO["design"]], "asked": ASKED | {"licence": "lic_0"}},
    ),
    "licences who wrong": ("licences/who.html", WHO | {"answer": None, "problem": NOT_FOUND}),
}
IN_BROWSER = {"licences", "licences mine", "licences one wrong", "licences badge", "licences who"}
ALIKE = PAGES.keys() - IN_BROWSER  # Chromium sees them in tests/ui/test_brand_licenses.py, or pages like them
STATES_OF_GRANTS = ("offered", "not_started", "active", "lapsed", "revoked", "declined", "superseded")
ENDS = {  # by the beginning of the key
    "licences.filter.": [state for state in STATES if state != "current"],
    "licences.locked.": ["role", "reach", "revoked"],
    "licences.reason.": list(REASONS),
    "licences.field.": list(FIELDS),
    "licences.entry.": [f"licence.{act}" for act in ("grant", "accept", "supersede", "revoke")],
    "licences.said.": list(NOTICES),
    "licences.region.": list(REGIONS),
    "licences.where.": list(licence_form.WHERE),
    "licences.who.": ["owner", "unknown", "yes", "no", "none"],
    "licences.design_state.": ["retired", "disputed"],
    "nice.": [str(number) for number in NICE_CLASSES],
}
CODES = ()  # of forms; `keys` has them
KEYS = (  # that code composes
    *(f"licences.breach.{kind}" for kind in licence_words.BREACHES),
    *(f"licences.state.{state}" for state in STATES_OF_GRANTS),
    *(f"nice.{number}" for number in range(1, 46)),
    *(f"form.offer.{code}" for code in (*licence_form.FIELDS, "licence.changed", "licence.state", "day")),
    *(f"form.who.{code}" for code in licence_tester.FIELDS),
    "form.answer.licence.exclusive",
    *(f"error.licence.{code}" for code in ("confirmation", "reason", "state", "not_found")),
    *("error.badge.not_found", "error.badge.own_key", "error.signing_key.none", "error.storefront.not_found"),
)


def keys() -> Iterator[str]:
    """Yield every sentence that the code of the pages of licences names or composes."""
    yield from KEYS
    for path in Path(licence_words.__file__).parent.glob("licence*.py"):
        yield from re.findall(r'"(licences\.(?!csv)[a-z_]+)"', path.read_text())
