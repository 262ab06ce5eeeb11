"""Sample contexts of the pages of scans and alerts: what the handlers hand to the templates."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from api.pages.charts import Portion, stack
from authcheck.scans.alerts import KINDS, STATES
from authcheck.scans.listing import ADVICE

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LONG = "Wolfeschlegelsteinhausenbergerdorff <script>alert(1)</script> & Co. KG"
FIGURES = ("sessions", "first", "careful", "revoked", "off_market", "flagged", "probing")
REST = ("few", "unknown")
WAYS = ("camera", "scanner", "photo", "typed", "api")
COUNTS = [
    {"verified": 100 + number, "cannot_tell": 3, "careful": number, "revoked": 1} for number in range(7)
]


def _day(place: int, counts: dict[str, int]) -> dict[str, Any]:
    day = date(2026, 11, 17) + timedelta(days=place)
    answers = [(code, count, "/scans/list?advice=" + code) for code, count in counts.items()]
    return {
        "day": day,
        "sessions": sum(counts.values()),
        "first": 9,
        "rows": "/scans/list",
        "answers": answers,
    }


FULL: dict[str, Any] = {
    "days": 7,
    "periods": [(7, "/scans?days=7"), (30, "/scans?days=30")],
    "filters": {"batch": "", "design": ""},
    "unfiltered": "/scans?days=7",
    "figures": [
        {"key": key, "part": Portion(12, 1234), "rows": "/scans/list"}
        if key in {"off_market", "flagged"}
        else {"key": key, "number": 1234, "rows": "/scans/list"}
        for key in FIGURES
    ],
    "chart": stack(COUNTS, running=1),
    "is_weekly": False,
    "spans": [_day(place, counts) for place, counts in enumerate(COUNTS)],
    "flagged": [("places", Portion(12, 1234), "/alerts?kind=places"), ("repeat", Portion(1, 1234), "/alerts")],
    "countries": [
        {"code": "CN", "name": "China", "part": Portion(600, 800), "is_expected": True, "rows": "/scans/list"},
        {"code": "US", "name": LONG, "part": Portion(6, 800), "is_expected": False, "rows": "/scans/list"},
        *(
            {"code": "", "name": name, "part": Portion(3, 20), "is_expected": None, "rows": None}
            for name in REST
        ),
    ],
    "batches": [
        {"id": "bat_1", "product": LONG, "lot": "L1", "part": Portion(300, 1000), "never": 700,
         "days_to_first": 12, "is_own": True},
        {"id": "bat_2", "product": "Kite", "lot": "L2", "part": Portion(0, 0), "never": 0,
         "days_to_first": None, "is_own": False},
    ],
    "first_page": "/scans",
    "next_page": "/scans?before=bat_1#batches",
    "csv": "/scans.csv",
    "api": "/v1/scans/figures",
    "as_of": NOW,
}  # fmt: skip
NOTHING = FULL | {
    "figures": [
        figure | ({"part": Portion(0, 0)} if "part" in figure else {"number": 0})
        for figure in FULL["figures"]
    ],
    "chart": stack([dict.fromkeys(ADVICE, 0)] * 7, running=1),
    "flagged": [],
    "countries": [],
    "batches": [],
    "first_page": None,
    "next_page": None,
}
SCAN: dict[str, Any] = {
    "at": NOW,
    "product": LONG,
    "lot": "L1",
    "batch": "bat_1",
    "number": 7,
    "is_own": True,
    "country": "China",
    "off_market": True,
    "way": "camera",
    "advice": "careful",
    "requests": 3,
    "counted": False,
}
FACETS = dict.fromkeys(
    ("batch", "unit", "design", "country", "advice", "since", "until", "off_market", "counted", "first"), ""
)
LIST: dict[str, Any] = {
    "scans": [SCAN, *(SCAN | {"advice": code, "way": way} for code, way in zip(ADVICE, WAYS, strict=False))],
    "facets": FACETS | {"unit": LONG, "counted": "true", "since": "2026-11-01"},
    "answers": ADVICE,
    "first_page": None,
    "next_page": "/scans/list?before=scn_1",
    "csv": "/scans/list.csv",
    "api": "/v1/scans",
    "as_of": NOW,
}
UNIT = {"id": "0199", "number": 7, "product": LONG, "lot": "L1", "state": "active"}
ALERT: dict[str, Any] = {
    "id": "alr_1",
    "kind": "places",
    "text": "5 phones scanned the label of this unit by turns in 2 places far apart within 9 days.",
    "is_grave": True,
    "state": "new",
    "why": "",
    "opened_at": NOW,
    "last_at": NOW,
    "batch": "bat_1",
    "is_own": True,
    "unit": UNIT,
}
CLEARED = ALERT | {"id": "alr_2", "state": "cleared", "why": LONG, "kind": "repeat"}
OF_BATCH = ALERT | {"id": "alr_3", "kind": "volume", "is_grave": False, "unit": None, "state": "acted"}
ALERTS: dict[str, Any] = {
    "alerts": [ALERT, CLEARED, OF_BATCH],
    "done": CLEARED,
    "facets": {"state": "", "kind": "", "unit": "", "batch": "", "grave": "yes"},
    "here": "?grave=yes",
    "kinds": KINDS,
    "states": STATES,
    "may_write": True,
    "may_revoke": True,
    "problem": None,
    "at": "",
    "first_page": None,
    "next_page": "/alerts?before=alr_1",
    "csv": "/alerts.csv",
    "api": "/v1/alerts",
    "as_of": NOW,
}
PAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "brand scans": ("scans/scans.html", FULL),
    "brand scans of a batch": ("scans/scans.html", FULL | {"filters": {"batch": "bat_1", "design": ""}}),
    "brand scans of a year": ("scans/scans.html", FULL | {"is_weekly": True}),
    "brand scans none": ("scans/scans.html", NOTHING),
    "brand scan list": ("scans/list.html", LIST),
    "brand scan list none": ("scans/list.html", LIST | {"scans": [], "next_page": None}),
    "brand alerts": ("scans/alerts.html", ALERTS),
    "brand alerts looked at": (
        "scans/alerts.html",
        ALERTS | {"may_write": False, "may_revoke": False, "done": None},
    ),
    "brand alerts refused": (
        "scans/alerts.html",
        ALERTS | {"problem": {"code": "alert.why", "field": ""}, "at": "alr_1", "done": None},
    ),
    "brand alerts none": ("scans/alerts.html", ALERTS | {"alerts": [], "done": None, "next_page": None}),
}
ENDS = {
    "scans.figure.": list(FIGURES),
    "scans.means.": list(FIGURES),
    "scans.answer.": list(ADVICE),
    "scans.way.": list(WAYS),
    "scans.rest.": list(REST),
    "scans.limit.": ["unit", "batch", "design", "off_market", "counted", "first"],
    "scans.flag.": ["true", "false"],
    "alerts.state.": list(STATES),
    "alerts.kind.": list(KINDS),
    "alerts.done.": ["cleared", "acted"],
}
CODES = ("alert.why", "alert.state", "alert.not_found")
"""The codes with which a form or an address of these pages can be refused."""
ALIKE = {
    "brand alerts looked at",
    "brand alerts none",
    "brand scan list none",
    "brand scans of a batch",
    "brand scans of a year",
}
"""Pages that look like another sample: Chromium looks at one of them."""
