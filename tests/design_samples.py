"""Sample contexts of the pages of designs: what the handlers hand to the templates."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from api.pages.designs_one_view import FIELDS, NOTICES
from api.pages.register_rows import GROUPS
from api.pages.register_view import NOTICES as DROP_NOTICES
from authcheck.licences.ending_rights import NEEDS
from authcheck.registry.designs import KINDS, STATES
from authcheck.registry.drop_rows import OFFERED
from authcheck.registry.drops import STATES as DROP_STATES
from authcheck.registry.history import TYPES
from authcheck.registry.tables import STANDINGS

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
WARNINGS = [f"design.{end}" for end in ("few_points", "flat", "ground_counts", "mostly_ground", "symmetric")]
DOT = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
LONG = "Wolfeschlegelsteinhausenbergerdorff <script>alert(1)</script> & Co. KG"
CARDS: list[dict[str, Any]] = [
    {
        "id": f"dsn_{number:026d}",
        "reference": reference,
        "title": title,
        "kind": "photo",
        "collection": collection,
        "state": state,
        "registered_at": NOW,
        "pictures": number + 1,
        "picture": DOT,
        "findability": grade,
        "licences": licences,
        "hits": hits,
    }
    for number, (reference, title, collection, state, grade, licences, hits) in enumerate(
        (
            ("KOI-1", "Koi pond", "Summer 2026", "registered", "good", 2, 1204),
            (LONG, LONG, LONG, "disputed", "poor", 0, 0),
            ("KITE", "红色风筝", None, "retired", "fair", None, None),
            ("OLD", "Of an earlier release", None, "registered", "", 0, 3),
        )
    )
]
DESIGNS: dict[str, Any] = {
    "cards": CARDS,
    "facets": {"words": LONG, "kind": "photo", "state": "", "collection": "", "rights": ""},
    "choices": {"kinds": KINDS, "states": STATES, "collections": ["Summer 2026", LONG], "rights": NEEDS},
    "is_filtered": True,
    "first": "/designs",
    "next_page": "/designs?before=dsn_1",
    "csv": "/designs.csv",
    "api": "/v1/designs?state=live",
    "hit_days": 30,
    "found": None,
    "may_register": True,
    "problem": None,
    "as_of": NOW,
}
NOTHING: dict[str, Any] = {"cards": [], "first": None, "next_page": None}
VIEW: dict[str, Any] = {
    "sha256": "a" * 64,
    "picture": DOT,
    "original": "/v1/designs/dsn_1/views/a/picture",
    "mask": None,
    "mask_source": "none",
    "size": (1200, 900),
    "format": "JPEG",
    "added_at": NOW,
    "standing": "clear",
    "grade": "good",
    "points": 812,
    "warnings": [],
}
SIDES = [f"{side}.{verdict}" for side in ("later", "earlier") for verdict in ("match", "lookalike")]
DESIGN: dict[str, Any] = {
    "card": CARDS[1],
    "retired_at": None,
    "views": [
        VIEW,
        VIEW | {"standing": "disputed", "grade": "poor", "warnings": ["design.few_points", "design.symmetric"]}
        | {"mask": DOT, "mask_source": "automatic"},
        VIEW | {"standing": "near", "grade": "", "points": None, "mask_source": "uploaded"},
    ],
    "disputes": [
        {"id": f"dsp_{side}", "side": side, "owner": "globex", "reference": LONG, "registered_at": NOW, "own_at": NOW,
         "noticed_at": NOW}
        for side in SIDES
    ],
    "certificates": 12_000,
    "events": [
        {"type": kind, "at": NOW, "tx_id": "f" * 64, "number": number} for number, kind in enumerate(TYPES)
    ],
    "kinds": KINDS,
    "title_chars": 300,
    "seen": {"title": "Koi", "kind": "photo", "collection": "", "public_preview": ""},
    "typed": {"title": LONG, "kind": "photo", "collection": LONG, "public_preview": "on"},
    "changed": [],
    "version": 3,
    "may_write": True,
    "is_reader": False,
    "may_read_disputes": True,
    "hit_days": 30,
    "notice": "saved",
    "problem": None,
    "problem_at": "words",
    "as_of": NOW,
}  # fmt: skip
CHANGED = [
    {"field": field, "was": LONG, "now": "on"} for field in ("title", "kind", "collection", "public_preview")
]
READER = {"may_write": False, "is_reader": True, "notice": None}
FORM: dict[str, Any] = {
    "kinds": KINDS,
    "may_register": True,
    "most_files": 5000,
    "max_bytes": 25 * 1024 * 1024,
    "title_chars": 300,
    "collection_chars": 200,
    "hit_days": 30,
    "first": None,
    "next_page": None,
    "is_working": False,
    "notice": None,
    "problem": None,
    "problem_at": 0,
    "as_of": NOW,
}
SENT: dict[str, Any] = FORM | {
    "drop": None,
    "earlier": [
        {"id": "drp_1", "created_at": NOW, "total": 500, "table": None},
        {"id": "drp_2", "created_at": NOW, "total": 12, "table": LONG},
    ],
}
TOLD = {"known_as": LONG, "near_owner": "globex", "near_reference": LONG, "twin": "KOI-2"}
OWN = CARDS[1] | {"version": 1, "public_preview": True, "hits": 3}
DROP_ROWS: list[dict[str, Any]] = [
    {
        "number": number,
        "name": LONG if number % 2 else "koi.png",
        "state": state,
        "report": TOLD if state != "waiting" else dict.fromkeys(TOLD, ""),
        "warnings": ["design.flat"] if state == "registered" else [],
        "why": "The file is broken." if number % 2 else None,
        "detail": "A detail",
        "seen": 3 if state == "registered" else 0,
        "design": OWN if state in {"registered", "already_yours", "disputed"} else None,
    }
    for number, state in enumerate(DROP_STATES, 1)
]
DROP: dict[str, Any] = FORM | {
    "drop": {"id": "drp_1", "created_at": NOW, "state": "open", "table": LONG},
    "groups": dict.fromkeys([*GROUPS, "hits", "seen"], 20),
    "listings": 41,
    "seen": {"listings": 3, "files": 1, "waiting": 12},
    "total": 500,
    "rows": DROP_ROWS,
    "state": "refused",
    "here": {"state": "refused", "after": 0},
    "table": None,
    "is_working": True,
    "csv": "/register/drp_1/rows.csv",
    "api": "/v1/drops/drp_1/files?limit=50&after=0",
    "next_page": "/register/drp_1?after=50",
    "typed": {"title": LONG, "public_preview": ""},
    "notice": "received",
}
COLUMNS: dict[str, Any] = {
    "columns": [
        {"number": 0, "name": "Bild", "guess": "picture", "examples": ["a.png", LONG]},
        {"number": 2, "name": LONG, "guess": "", "examples": ["", ""]},
    ],
    "offered": OFFERED,
}
PAGES: dict[str, tuple[str, Mapping[str, Any]]] = {
    "people register": ("designs/register.html", SENT),
    "people register first": ("designs/register.html", SENT | {"earlier": []}),
    "people register read": ("designs/register.html", SENT | {"may_register": False}),
    "people register refused": (
        "designs/register.html",
        SENT | {"problem": {"code": "request.cross_site", "field": ""}},
    ),
    "people drop": ("designs/register.html", DROP),
    "people drop row refused": (
        "designs/register.html",
        DROP | {"problem": {"code": "image.unreadable", "field": ""}, "problem_at": 1, "notice": None},
    ),
    "people drop none": (
        "designs/register.html",
        DROP | {"rows": [], "groups": {}, "listings": 0, "seen": None, "is_working": False},
    ),
    "people seen": (
        "designs/seen.html",
        {
            "drop": "drp_1",
            "number": 1,
            "card": CARDS[1],
            "rows": [
                {
                    "listing": "lst_1",
                    "title": LONG,
                    "marketplace": "bazaar",
                    "seller": LONG,
                    "territory": "DE",
                    "listed_on": NOW.date(),
                    "price": "9.90 EUR",
                    "url": "/the-listing" if number else "",
                }
                for number in range(2)
            ],
            "most": 50,
            "as_of": NOW,
        },
    ),
    "people seen none": (
        "designs/seen.html",
        {"drop": "drp_1", "number": 1, "card": None, "rows": [], "most": 50, "as_of": NOW},
    ),
    "people drop columns": ("designs/register.html", DROP | {"table": COLUMNS, "notice": None}),
    "people drop held": (
        "designs/register.html",
        DROP | {"table": {"missing": ["a.png", LONG], "count": 2, "here": 3}},
    ),
    "people drop complete": (
        "designs/register.html",
        DROP | {"table": {"missing": [], "count": 0, "here": 3}, "may_register": False},
    ),
    "people designs": ("designs/designs.html", DESIGNS),
    "people designs none": (
        "designs/designs.html",
        DESIGNS | NOTHING | {"is_filtered": False, "may_register": False},
    ),
    "people designs no fit": ("designs/designs.html", DESIGNS | NOTHING),
    "people designs found": (
        "designs/designs.html",
        DESIGNS
        | {"found": LONG, "csv": None, "cards": [card | {"verdict": "match"} for card in CARDS[:2]]}
        | {"first": None, "next_page": None},
    ),
    "people designs not found": ("designs/designs.html", DESIGNS | NOTHING | {"found": "a.png"}),
    "people designs refused": (
        "designs/designs.html",
        DESIGNS | {"problem": {"code": "image.unreadable", "field": "image"}},
    ),
    "people design": ("designs/design.html", DESIGN),
    "people design read": ("designs/design.html", DESIGN | READER | {"certificates": None}),
    "people design retired": (
        "designs/design.html",
        DESIGN | READER | {"is_reader": False, "card": CARDS[2], "retired_at": NOW, "disputes": []},
    ),
    "people design changed": (
        "designs/design.html",
        DESIGN
        | {"changed": CHANGED, "notice": None}
        | {"problem": {"code": "request.cross_site", "field": ""}},
    ),
    **{
        f"people design refused {at}": (
            "designs/design.html",
            DESIGN | {"problem": {"code": "image.unreadable", "field": field}, "problem_at": at},
        )
        for at, field in (("add", ""), ("pictures", ""), ("words", "title"), ("retire", "confirm"))
    },
}
ENDS: dict[str, list[str]] = {
    "designs.kind.": list(KINDS),
    "designs.state.": list(STATES),
    "designs.rights.": list(NEEDS),
    "designs.findability.": ["good", "fair", "poor"],
    "designs.shows.": ["match", "lookalike"],
    "design.said.": list(NOTICES),
    "design.dispute.": SIDES,
    "design.dispute.do.": SIDES,
    "design.standing.": list(STANDINGS),
    "design.mask.": ["none", "automatic", "uploaded"],
    "design.masking.": ["none", "auto", "file"],
    "design.changed.": list(FIELDS),
    "design.event.": list(TYPES),
    "warning.": WARNINGS,
    "register.said.": list(DROP_NOTICES),
    "register.group.": [*GROUPS, "hits", "seen", "all"],
    "seen.column.": ["title", "marketplace", "seller", "territory", "listed_on", "price"],
    "register.ours.": list(OFFERED),
    "register.state.": list(DROP_STATES),
    "register.about.": ["twice", "part", "left_out", "held"],
}
FILE_CODES = [
    *("design.reference", "design.reference_taken", "design.retired", "row.duplicate_reference"),
    *("row.picture_missing", "row.picture_ambiguous", "row.picture_named_twice", "row.too_many_pictures"),
    *("row.owner", "drop.lost", "drop.failed", "drop.not_allowed", "image.too_small", "table.empty"),
    *("image.empty", "archive.too_large"),
]
"""Codes with which a dropped file is refused, with a sentence of their own."""
CODES = [
    *("design.title", "design.kind", "design.collection", "design.changed", "design.retired"),
    *("design.not_confirmed", "design.not_found", "view.last", "view.not_found", "mask.empty", "mask.size"),
    *("mask.unreadable", "mask.pages", "request.masks", "appointment.outside"),
    *(
        "precondition.failed",
        "drop.no_files",
        "drop.not_found",
        "drop.no_picture_column",
        "drop.column_twice",
    ),
    *("drop.too_many_files", "drop.second_table", "drop.lost", "drop.full", "table.columns"),
]
"""Codes with which a form about a design can be refused."""
ALIKE = {
    "people design changed",
    "people design refused add",
    "people design refused pictures",
    "people design refused retire",
    "people designs no fit",
    "people designs not found",
    "people designs none",
    "people drop none",
    "people drop held",
    "people register first",
    "people register read",
}
"""Pages that look like another sample: Chromium looks at one of them."""
