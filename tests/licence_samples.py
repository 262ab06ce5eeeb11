"""Sample contexts of the pages of licences: what the handlers hand to the templates."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup

from api.pages import licence_words
from authcheck.licences.listing import STATES

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
STATES_OF_GRANTS = ("offered", "not_started", "active", "lapsed", "revoked", "declined", "superseded")
ENDS = {  # by the beginning of the key
    "licences.filter.": [state for state in STATES if state != "current"],
}
KEYS = (  # that code composes
    *(f"licences.breach.{kind}" for kind in licence_words.BREACHES),
    *(f"licences.state.{state}" for state in STATES_OF_GRANTS),
    *(f"nice.{number}" for number in range(1, 46)),
)


def keys() -> Iterator[str]:
    """Yield every sentence that the code of the pages of licences names or composes."""
    yield from KEYS
    for path in Path(licence_words.__file__).parent.glob("licence*.py"):
        yield from re.findall(r'"(licences\.(?!csv)[a-z_]+)"', path.read_text())
