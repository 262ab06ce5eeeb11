"""Sample contexts of the pages of disputes."""

from datetime import UTC, datetime
from typing import Any

from api.pages.disputes import NOTICES
from authcheck.registry.disputes import KINDS, RULINGS
from authcheck.registry.statements import Stage

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LONG = "Wolfeschlegelsteinhausenbergerdorff-Featherstonehaugh GmbH & Co. KG <script>alert(1)</script>"
DOT = "data:image/gif;base64,R0lGODlhAQABAIAAAP///wAAACH5BAAAAAAALAAAAAABAAEAAAICRAEAOw=="
ROW: dict[str, Any] = {
    "id": "dsp_1",
    "verdict": "match",
    "stage": "open",
    "ended_by": None,
    "appeal_until": None,
    "noticed_at": NOW,
    "sides": [
        {"side": "earlier", "title": "Wave at dawn", "owner": "Maison Iris"},
        {"side": "later", "title": LONG, "owner": LONG},
    ],
}
RULED = ROW | {"stage": "ruled", "appeal_until": NOW}
ENDED = ROW | {"stage": "ended", "ended_by": "earlier"}
LIST: dict[str, Any] = {
    "disputes": [ROW, ROW | {"stage": "appealed"}, RULED, ENDED, ROW | {"verdict": "lookalike"}],
    "kind": "open",
    "kinds": ["open", "similar", "ended"],
    "first": "/disputes?kind=open",
    "next_page": "/disputes?kind=open&after=dsp_1",
    "as_of": NOW,
}
SIDE: dict[str, Any] = {
    "side": "earlier",
    "title": "Wave at dawn",
    "reference": "WAVE-1",
    "design": "dsn_1",
    "owner": "Maison Iris",
    "handle": "maison-iris",
    "state": "registered",
    "registered_at": NOW,
    "picture_at": NOW,
    "tx": "tx_1",
    "entry": 4711,
    "is_own": True,
}
LATER = SIDE | {"side": "later", "title": LONG, "reference": LONG, "owner": LONG, "state": "disputed"}
LATER |= {"is_own": False, "tx": None, "entry": None, "registered_at": datetime(2026, 1, 1, tzinfo=UTC)}
SAID: dict[str, Any] = {
    "kind": "statement",
    "number": 1,
    "side": "later",
    "owner": LONG,
    "text": f"We drew it.\n\n{LONG}",
    "at": NOW,
    "has_document": True,
}
RULING = {"kind": "ruling", "ruling": "earlier", "text": LONG, "at": NOW, "is_final": False}
RULING |= {"has_document": False}
PICTURE: dict[str, Any] = {
    "number": 1,
    "address": DOT,
    "view": DOT,
    "size": (400, 300),
    "outline": "1.0,1.0 399.0,1.0 399.0,299.0",
    "is_aligned": True,
    "is_found": True,
    "is_blank": False,
    "coverage": 0.82,
    "signs": ["mirrored"],
}
NO_FORMS = dict.fromkeys(("state", "appeal", "accept", "rule"), False)
ONE: dict[str, Any] = {
    "dispute": ROW | {"reason": None, "ended_at": None},
    "sides": [SIDE, LATER],
    "told": [SAID, SAID | {"kind": "appeal", "has_document": False}, RULING],
    "picture": PICTURE,
    "picture_words": {
        "seen": "Your picture",
        "view": "The other picture, laid over yours",
        "seen_alt": "Your picture",
        "view_alt": "The other picture, laid over yours",
    },
    "forms": NO_FORMS | {"state": True},
    "silent": [],
    "is_operator": False,
    "days": 14,
    "most_chars": 4000,
    "rulings": RULINGS,
    "notice": "stated",
    "at": "",
    "typed": dict.fromkeys(("text", "reason", "ruling", "final"), ""),
    "problem": None,
}
RULES: dict[str, Any] = {
    "forms": NO_FORMS | {"rule": True},
    "is_operator": True,
    "silent": [LONG],
    "notice": None,
    "sides": [SIDE | {"is_own": False}, LATER],
}
WRONG: dict[str, Any] = {"code": "dispute.statement", "field": "text", "form": "state-"}
PAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "brand disputes": ("disputes/disputes.html", LIST),
    "brand disputes none": (
        "disputes/disputes.html",
        LIST | {"disputes": [], "first": None, "next_page": None},
    ),
    "brand dispute": ("disputes/dispute.html", ONE),
    "brand dispute wrong": (
        "disputes/dispute.html",
        ONE | {"notice": None, "problem": WRONG, "at": "state", "told": [], "picture": None},
    ),
    "brand dispute ruled": (
        "disputes/dispute.html",
        ONE
        | {
            "dispute": RULED | {"reason": None, "ended_at": None},
            "forms": NO_FORMS | {"appeal": True, "accept": True},
            "picture": PICTURE | {"view": None, "is_aligned": False, "outline": "", "signs": []},
            "notice": "ruled",
        },
    ),
    "brand dispute ended": (
        "disputes/dispute.html",
        ONE
        | {
            "dispute": ENDED | {"reason": LONG, "ended_at": NOW},
            "forms": NO_FORMS,
            "told": [],
            "notice": "ended",
        },
    ),
    "dispute to rule": ("disputes/dispute.html", ONE | RULES),
}
ENDS: dict[str, list[str]] = {
    "disputes.kind.": list(KINDS),
    "dispute.stage.": [stage for stage in Stage if stage is not Stage.ENDED],
    "dispute.ended.": [*RULINGS, "withdrawn", "revised"],
    "dispute.said.": list(NOTICES),
    "dispute.side.": ["earlier", "later"],
    "dispute.ruling.": list(RULINGS),
    "dispute.ruling_about.": list(RULINGS),
    "dispute.": ["statement", "appeal"],
}
CODES: tuple[str, ...] = ()
ALIKE = {"brand disputes none", "brand dispute ended"}
