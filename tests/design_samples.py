"""Sample contexts of the pages of designs: what the handlers hand to the templates."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from api.pages.designs_one_view import FIELDS, NOTICES
from authcheck.registry.designs import KINDS, STATES
from authcheck.registry.history import TYPES
from authcheck.registry.tables import STANDINGS

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
WARNINGS = [f"design.{end}" for end in ("few_points", "flat", "ground_counts", "mostly_ground", "symmetric")]
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
        "picture": "",
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
    "facets": {"words": LONG, "kind": "photo", "state": "", "collection": ""},
    "choices": {"kinds": KINDS, "states": STATES, "collections": ["Summer 2026", LONG]},
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
    "picture": "",
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
        | {"mask": "/v1/designs/dsn_1/views/a/mask", "mask_source": "automatic"},
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
PAGES: dict[str, tuple[str, Mapping[str, Any]]] = {
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
}
CODES = [
    *("design.title", "design.kind", "design.collection", "design.changed", "design.retired"),
    *("design.not_confirmed", "design.not_found", "view.last", "view.not_found", "mask.empty", "mask.size"),
    *("mask.unreadable", "mask.pages", "request.masks", "appointment.outside"),
    "precondition.failed",
]
"""Codes with which a form about a design can be refused."""
