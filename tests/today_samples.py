"""Sample contexts of the page Today."""

from datetime import UTC, datetime
from typing import Any

from authcheck.cases.today import LINES, MOST

NAMES = [line[0] for line in LINES]
TODAY: dict[str, Any] = {
    "lines": [{"name": name, "count": 99 + place, "page": "/hits"} for place, name in enumerate(NAMES)],
    "most": MOST,
    "name": "<b>Jana</b> Nováková",
    "may_register": True,
    "as_of": datetime(2026, 11, 23, 12, 0, tzinfo=UTC),
}
PAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "brand today": ("desk/today.html", TODAY),
    "brand today nothing": ("desk/today.html", TODAY | {"lines": [], "may_register": False}),
}
ENDS = {"today.line.": NAMES, "today.why.": NAMES}
CODES: tuple[str, ...] = ()
ALIKE = {
    "brand today nothing",
}
"""Pages that look like another sample: Chromium looks at one of them."""
