"""Sample contexts of the pages of designs: what the handlers hand to the templates."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from authcheck.registry.designs import KINDS, STATES

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
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
}
ENDS: dict[str, list[str]] = {
    "designs.kind.": list(KINDS),
    "designs.state.": list(STATES),
    "designs.findability.": ["good", "fair", "poor"],
    "designs.shows.": ["match", "lookalike"],
}
