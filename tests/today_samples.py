"""Sample contexts of the page Today."""

from datetime import UTC, datetime
from typing import Any

from authcheck.cases.steps import STEPS
from authcheck.cases.today import LINES, MOST

NAMES = [line[0] for line in LINES]
TODAY: dict[str, Any] = {
    "lines": [{"name": name, "count": 99 + place, "page": "/hits"} for place, name in enumerate(NAMES)],
    "most": MOST,
    "name": "<b>Jana</b> Nováková",
    "may_register": True,
    "steps": [{"name": name, "page": "/organisation", "is_done": name == "domain"} for name in STEPS],
    "steps_done": 1,
    "as_of": datetime(2026, 11, 23, 12, 0, tzinfo=UTC),
}
PAGES: dict[str, tuple[str, dict[str, Any]]] = {
    "brand today": ("desk/today.html", TODAY),
    "brand today nothing": (
        "desk/today.html",
        TODAY | {"lines": [], "may_register": False, "steps": [], "steps_done": 0},
    ),
}
ENDS = {"today.line.": NAMES, "today.why.": NAMES}
ENDS |= {"steps.name.": list(STEPS), "steps.why.": list(STEPS)}
CODES: tuple[str, ...] = ()
ALIKE = {
    "brand today nothing",
}
"""Pages that look like another sample: Chromium looks at one of them."""
