"""Sample contexts of the pages of certificates: what the handlers hand to the templates."""

from datetime import UTC, datetime
from typing import Any

from markupsafe import Markup

from api.pages.batches import NOTICES
from authcheck.certificates.batches import STATES
from authcheck.certificates.order_tables import COLUMNS
from authcheck.certificates.revoking import REASONS
from authcheck.labels.layouts import LAYOUTS
from authcheck.labels.preview import label_svg
from authcheck.labels.sheets import Label

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LONG = "Wolfeschlegelsteinhausenbergerdorff <script>alert(1)</script> & Co. KG"
CODE = "8F2KQ7PX3D9V2"
BATCH: dict[str, Any] = {
    "id": "bat_01KAWXYZ0123456789ABCDEFGH",
    "product": LONG,
    "gtin": "04006381333931",
    "lot": "L2026-11",
    "count": 1200,
    "licence": "lic_01KAWXYZ0123456789ABCDEFGH",
    "created_at": NOW,
    "design": {"id": "dsn_1", "title": LONG, "reference": "KITE-1"},
    "states": {"unsigned": 12, "active": 1188, "revoked": 1},
}
UNIT: dict[str, Any] = {
    "id": "0199",
    "number": 1,
    "code": CODE,
    "serial": LONG[:20],
    "state": "active",
    "issued_at": NOW,
    "revoked_at": None,
    "reason": None,
    "scans": 3,
    "tx_id": "ab" * 32,
}
REVOKED = UNIT | {"number": 2, "state": "revoked", "revoked_at": NOW, "reason": "stolen", "serial": ""}
UNSIGNED = UNIT | {"number": 3, "state": "unsigned", "tx_id": None}
PLAN = {"id": "rvk_1", "count": 1000, "reason": "recalled", "due_at": NOW, "seconds": 41, "is_refused": False}
LISTED: dict[str, Any] = {
    "batches": [BATCH, BATCH | {"states": {"unsigned": 0, "active": 3, "revoked": 0}, "product": "Kite"}],
    "facets": {"words": "", "design": "", "state": ""},
    "is_filtered": False,
    "code": "",
    "problem": None,
    "may_issue": True,
    "first_page": None,
    "next_page": "/certificates?before=bat_1",
    "csv": "/certificates.csv",
    "api": "/v1/batches?order=newest",
    "as_of": NOW,
}
ONE: dict[str, Any] = {
    "batch": BATCH,
    "units": [UNIT, REVOKED, UNSIGNED],
    "state": "",
    "label": Markup(label_svg(Label(CODE, f"HTTPS://A.EXAMPLE/C/{CODE}", "Kite <M>"), LAYOUTS["a4-24"])),  # noqa: S704 - ours
    "layout": "a4-24",
    "layouts": [(name, layout.labels) for name, layout in LAYOUTS.items()],
    "sheets": range(1, 1201, 500),
    "most_labels": 500,
    "waiting": [PLAN, PLAN | {"is_refused": True, "code": "key.sealed"}],
    "may_issue": True,
    "may_revoke": True,
    "first_page": "/certificates/bat_1",
    "next_page": "/certificates/bat_1?start=51",
    "notice": "issued",
    "problem": None,
    "typed": {"first": "", "last": "", "markets": "CN, FR", "use_by": "2027-01-31"},
    "may_expect": True,
    "as_of": NOW,
}
CHOICE = {"id": "dsn_1", "title": LONG, "reference": "KITE-1", "licence": None}
NAMES = ("design", "gtin", "lot", "product", "units", "serials", "pins", "licence", "table")
NEW: dict[str, Any] = {
    "has_key": True,
    "choices": [CHOICE, CHOICE | {"licence": "lic_1"}],
    "typed": dict.fromkeys(NAMES, ""),
    "problem": None,
    "results": [],
    "columns": COLUMNS,
    "most_units": 10_000,
    "nonce": "n0nce",
}
RESULT = {"line": 2, "product": LONG, "batch_id": "bat_1", "units": 1200, "problem": None}
REFUSED = RESULT | {
    "line": 3,
    "batch_id": None,
    "problem": {"sentence": "This is not a GTIN.", "code": "gs1.gtin"},
}
ASKED: dict[str, Any] = {
    "batch": BATCH,
    "count": 1000,
    "first": "1",
    "last": "1000",
    "reason": "recalled",
    "reasons": REASONS,
    "seconds": 60,
    "problem": None,
}


def problem(code: str, field: str, form: str = "", **params: Any) -> dict[str, Any]:
    """Return a problem, with the sentence of its code when the page is rendered."""
    return {"code": code, "field": field, "form": form, "params": params}


PRODUCT: dict[str, Any] = {
    "gtin": "04006381333931",
    "brand": LONG,
    "pictures": ("pic_1", "pic_2"),
    "most_pictures": 3,
    "typed": {"text": LONG, "url": "https://acme.example", "email": ""},
    "may_write": True,
    "as_of": NOW,
    "notice": "saved",
    "problem": None,
}


PAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "brand certificates": ("certificates/batches.html", LISTED),
    "brand certificates none": ("certificates/batches.html", LISTED | {"batches": [], "may_issue": False}),
    "brand certificates none found": (
        "certificates/batches.html",
        LISTED
        | {"batches": [], "is_filtered": True, "facets": {"words": LONG, "design": "", "state": "unsigned"}},
    ),
    "brand certificates no such code": (
        "certificates/batches.html",
        LISTED | {"code": LONG, "problem": problem("certificate.not_found", "code")},
    ),
    "brand batch": ("certificates/batch.html", ONE),
    "brand batch looked at": (
        "certificates/batch.html",
        ONE
        | {
            "may_issue": False,
            "may_revoke": False,
            "may_expect": False,
            "waiting": [],
            "notice": "undone",
            "units": [],
        },
    ),
    "brand batch refused": (
        "certificates/batch.html",
        ONE
        | {
            "problem": problem("certificate.selection", "first"),
            "typed": {"first": "0", "last": "9", "markets": LONG, "use_by": ""},
        },
    ),
    "brand issue": ("certificates/new.html", NEW),
    "brand issue without designs": ("certificates/new.html", NEW | {"choices": [], "has_key": False}),
    "brand issue refused": (
        "certificates/new.html",
        NEW | {"problem": problem("gs1.gtin", "gtin"), "typed": NEW["typed"] | {"gtin": LONG}},
    ),
    "brand issue table": ("certificates/new.html", NEW | {"results": [RESULT, REFUSED]}),
    "brand product": ("certificates/product.html", PRODUCT),
    "brand product looked at": (
        "certificates/product.html",
        PRODUCT | {"may_write": False, "pictures": (), "notice": ""},
    ),
    "brand product refused": (
        "certificates/product.html",
        PRODUCT | {"problem": problem("organisation.url", "url"), "notice": ""},
    ),
    "brand revoke": ("certificates/revoke.html", ASKED),
    "brand revoke one": ("certificates/revoke.html", ASKED | {"count": 1, "reason": ""}),
    "brand revoke refused": (
        "certificates/revoke.html",
        ASKED | {"problem": problem("revocation.typed", "typed", count=1000)},
    ),
}
ENDS = {
    "batch_page.said.": [notice for notice in NOTICES if notice != "planned"],
    "unit_state.": list(STATES),
    "revocation_reason.": list(REASONS),
}
CODES = (
    *("batch.count", "batch.product", "batch.serials", "batch.not_found", "number.malformed"),
    *("gs1.gtin", "gs1.lot", "gs1.serial", "design.not_found", "signing_key.none"),
    *("orders.table.columns", "table.empty", "table.too_many_rows"),
    *(f"revocation.{end}" for end in ("none", "count", "typed", "too_late", "not_found")),
    *("certificate.serial_taken", "certificate.no_licence", "certificate.licence_breach"),
    *("certificate.design_state", "certificate.reason", "certificate.selection", "certificate.unsigned"),
    *(
        "batch.markets",
        "batch.use_by",
        "product.not_found",
        "product.text",
        "product.pictures",
        "product.picture_not_found",
        "organisation.url",
    ),
    "certificate.not_found",
    "code.malformed",
    "code.foreign",
)
"""The codes with which a form or an address of these pages can be refused."""
ALIKE = {
    "brand batch refused",
    "brand certificates no such code",
    "brand certificates none found",
    "brand issue table",
    "brand issue without designs",
    "brand product looked at",
    "brand revoke one",
}
"""Pages that look like another sample: Chromium looks at one of them."""
