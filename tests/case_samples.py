"""Sample contexts of the moderators' pages: what the handlers hand to the templates of cases."""

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from authcheck.cases.rulings import ACCUSING, REASONS, RESTRICTIONS, Code

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
RIGHT = {
    "kind": "trade_mark",
    "number": "EUIPO 008123456",
    "territories": ["EU", "GB"],
    "expires_on": date(2026, 1, 31),
    "is_over": True,
    "state": "accepted",
}
LONG = "Wolfeschlegelsteinhausenbergerdorff <script>alert(1)</script> & Co. KG"
MODERATOR = {
    "id": "per_2",
    "name": "王小明",
    "acting": "Bazaar",
    "pages": {"/cases": "cases.title", "/account": "account.title"},
}
CASE: dict[str, Any] = {
    "id": "cas_01KAWXYZ0123456789ABCDEFGH",
    "state": "open",
    "verdict": "licence_breach",
    "severity": "medium",
    "channel": "bigmarket",
    "seller": LONG,
    "age": "3 hours ago",
    "opened_at": NOW,
    "due": "in 21 hours",
    "due_at": NOW,
    "is_due": False,
    "priority": "7.25",
    "terms": {"severity": "2", "sold": "412", "price": "1"},
    "day_weight": "0.1",
    "days": "0.2",
    "is_mine": True,
    "holder": "王小明",
    "held_until": NOW,
}
DESIGN = {
    "id": "dsn_01KAWXYZ0123456789ABCDEFGH",
    "title": "Koi pond",
    "reference": "KOI-1",
    "owner": "Maison Iris",
    "handle": "maison-iris",
    "state": "registered",
    "registered_at": NOW,
}
DECIDING: dict[str, Any] = {
    "is_workable": True,
    "choices": [
        {
            "code": code.value,
            "key": key,
            "reasons": REASONS[code],
            "suggested": REASONS[code][0],
            "is_accusing": code in ACCUSING,
            "is_refused": False,
            "usual": "none",
        }
        for key, code in enumerate(Code, 1)
    ],
    "restrictions": RESTRICTIONS[::-1],
    "contract_only": ["licence.over_cap"],
    "skip_reasons": ("conflict_of_interest", "language", "cannot_tell", "later"),
    "asked": ("owner", "seller", "reporter"),
    "may_ask": True,
    "most_chars": 2000,
    "waits_until": None,
    "closes_at": None,
    "alike": 14,
    "decision": None,
}
PICTURE: dict[str, Any] = {
    "number": 1,
    "address": None,
    "view": None,
    "is_found": True,
    "is_aligned": False,
    "is_blank": False,
    "size": (480, 360),
    "outline": "",
    "signs": ["mirrored", "inverted"],
    "coverage": None,
}
LISTING: dict[str, Any] = {
    "id": "lst_1",
    "reference": "L-1",
    "seller": LONG,
    "seller_name": "王小明的店",
    "channel": "bigmarket",
    "territory": "DE",
    "price": "9.90 EUR",
    "url": "#the-listing",
    "title": f"Koi {LONG}",
    "description": LONG * 20,
    "language": "en",
    "gtin": "4006381333931",
    "listed_on": date(2026, 11, 20),
    "certificate_code": "8F2KQ7PX3D001",
    "verdict": "licence_breach",
    "goods": [25],
    "numbers": {"sold_30d": 412, "stock": 30, "rank": 1},
    "remarks": [{"field": "title", "code": "listing.field_hidden", "detail": "We removed 2."}],
    "held_at": NOW,
}
TERM = {"granted": "", "used": None, "broken": []}
REVIEW: dict[str, Any] = {
    "case": CASE,
    "design": DESIGN,
    "listing": LISTING,
    "pictures": [PICTURE, PICTURE | {"number": 2, "is_found": False, "is_blank": True}],
    "listings": [
        {
            "id": "lst_1",
            "reference": "L-1",
            "title": LONG,
            "price": None,
            "territory": "DE",
            "verdict": "licence_breach",
            "is_shown": True,
        },
        {
            "id": "lst_2",
            "reference": "L-2",
            "title": None,
            "price": "9 EUR",
            "territory": "FR",
            "verdict": "licensed",
            "is_shown": False,
        },
    ],
    "reasons": [
        {"code": "licence.territory", "weight": 0.72, "words": "The licence does not cover this country."}
    ],
    "licence": {
        "rows": [
            {**TERM, "term": "force"},
            {**TERM, "term": "period", "used": date(2026, 11, 20), "granted": "from 2026-01-01"},
            {**TERM, "term": "territory", "used": "DE", "broken": ["Offered in DE. The licence covers FR."]},
        ],
        "others": 2,
        "is_owner": False,
        "is_party": True,
    },
    "certificate": {
        "code": "8F2KQ7PX3D001",
        "outcome": "not_true",
        "failed": "inclusion",
        "issuer": "maison-iris",
        "right_at_issue": False,
        "is_sellers": True,
        "is_same_design": False,
        "clones": ["far"],
    },
    "seller": {
        "name": "王小明的店",
        "is_known": False,
        "near_shop": "kltes",
        "cases": {"effective": 3, "reversed": 1},
    },
    "reports": [
        {"by": LONG, "claim": "counterfeit", "note": LONG * 5, "at": NOW, "listings": 2, "right": RIGHT},
        {"by": LONG, "claim": "unlicensed_use", "note": None, "at": NOW, "listings": 1, "right": None},
    ],
    "buyer_reports": [{"claim": "label", "words": LONG * 5, "reported_at": NOW}],
    "timeline": [
        {
            "number": 0,
            "at": NOW,
            "kind": "opened",
            "person": None,
            "details": {"verdict": "licence_breach"},
            "hash": "0",
        },
        {
            "number": 1,
            "at": NOW,
            "kind": "skipped",
            "person": LONG,
            "details": {"reason": "later"},
            "hash": "1",
        },
    ],
    "is_whole": False,
    "place": 3,
    "before": "cas_1",
    "after": "cas_2",
    "shown": 41,
    "preload": [],
    **DECIDING,
    "undo": {"case": "cas_0", "code": "counterfeit", "seller": LONG, "cases": 1, "until": NOW, "seconds": 9},
    "left": 0,
    "may_decide": True,
    "notice": "skipped",
    "typed": {},
    "problem": None,
}
DECIDED = {"code": "licence_breach", "reason": "licence.territory", "restriction": "hide", "note": LONG, "bulk": "blk_1",
           "by": LONG, "decided_at": NOW, "effective_at": NOW, "reversed_at": None}  # fmt: skip
QUEUE: dict[str, Any] = {
    "counts": dict.fromkeys(
        ("open", "waiting", "escalated", "decided", "effective", "closed", "reversed"), 2
    ),
    "due": 1,
    "state": "open",
    "search": "",
    "rows": [
        {**CASE, "design": "Koi pond", "owner": LONG, "picture": None},
        {
            **CASE,
            "design": LONG,
            "owner": "Maison Iris",
            "picture": None,
            "is_mine": False,
            "is_due": True,
            "severity": "high",
        },
        {**CASE, "design": "Koi", "owner": "Maison Iris", "picture": None, "is_mine": False, "holder": None},
        {**CASE, "design": "Koi", "owner": "Maison Iris", "picture": None, "is_mine": False, "holder": ""},
    ],
    "total": 132,
    "undo": None,
    "left": 0,
    "may_decide": True,
    "notice": "none",
}
ALIKE = {
    "case": CASE,
    "design": DESIGN,
    "alikes": [
        {"listing": f"lst_{number}", "picture": None, "title": LONG, "seller": LONG, "territory": "DE", "price": "9 EUR",
         "verdict": "licence_breach", "certificate": "8F2KQ7PX3D001", "bits": bits, "differs": differs}
        for number, (bits, differs) in enumerate([(None, "picture"), (12, "verdict"), (9, "held"), (0, "")])
    ],
    "chosen": ["lst_3"],
    **DECIDING,
    "typed": {},
    "problem": None,
}  # fmt: skip
PAGES: dict[str, tuple[str, Mapping[str, Any]]] = {
    "cases": ("cases/queue.html", QUEUE),
    "cases empty": ("cases/queue.html", QUEUE | {"rows": [], "total": 0, "notice": None, "search": "x"}),
    "cases review": ("cases/case.html", REVIEW),
    "cases waiting": (
        "cases/case.html",
        REVIEW
        | {"case": CASE | {"state": "waiting"}, "waits_until": NOW, "certificate": None, "undo": None}
        | {
            "design": DESIGN | {"state": "disputed"},
            "licence": {"rows": [], "is_owner": False},
            "reports": [],
            "buyer_reports": [],
        },
    ),
    "cases decided": (
        "cases/case.html",
        REVIEW
        | {
            "case": CASE | {"state": "effective", "is_mine": False, "holder": None},
            "closes_at": NOW,
            "undo": None,
        }
        | {"decision": DECIDED, "is_whole": True, "notice": None},
    ),
    "cases held": (
        "cases/case.html",
        REVIEW | {"case": CASE | {"is_mine": False}, "undo": None, "notice": None},
    ),
    "cases free": (
        "cases/case.html",
        REVIEW
        | {"case": CASE | {"is_mine": False, "holder": None}, "undo": None, "place": None, "before": None},
    ),
    "cases alike": ("cases/alike.html", ALIKE),
}
