"""What the page of designs shows of each of them, and the same as CSV."""

import io
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from authcheck.cases.design_hits import count_suspect
from authcheck.files.csv_cells import CellWriter
from authcheck.licences.of_designs import count_licences
from authcheck.members.permissions import Resource, Right
from authcheck.members.principals import Principal
from authcheck.registry.designs import public_view, shown_views
from authcheck.registry.tables import Design

HIT_DAYS = 30
GRADES = ("poor", "fair", "good")
COLUMNS = (
    "design", "reference", "title", "kind", "collection", "state", "registered_at", "pictures", "findability",
    "licences", "hits_30_days",
)  # fmt: skip


def cards_of(
    session: Session, designs: Sequence[Design], caller: Principal, now: datetime
) -> list[dict[str, Any]]:
    """Return the cards of designs, which have views and disputes loaded.

    `licences` and `hits` are None for a person who may not read them.
    """
    owner_id, reach = caller.organisation_id, caller.reach
    ids = [design.id for design in designs]
    licences: dict[str, int] | None = None
    hits: dict[str, int] | None = None
    if caller.may(Resource.LICENCES, Right.READ):
        licences = count_licences(session, designs, owner_id=owner_id, today=now.date(), reach=reach)
    if caller.may(Resource.LISTINGS, Right.READ):
        since = (now - timedelta(days=HIT_DAYS)).date()
        hits = count_suspect(session, ids, owner_id=owner_id, since=since, reach=reach)
    return [
        {
            **card_of(design),
            "licences": None if licences is None else licences.get(design.id, 0),
            "hits": None if hits is None else hits.get(design.id, 0),
        }
        for design in designs
    ]


def card_of(design: Design) -> dict[str, Any]:
    """Return what a card says about a design itself."""
    return {
        "id": design.id,
        "reference": design.reference,
        "title": design.title,
        "kind": design.kind,
        "collection": design.collection,
        "state": design.state,
        "registered_at": design.registered_at,
        "pictures": len(shown_views(design)),
        "picture": picture_path(design),
        "findability": best_grade(design),
    }


def picture_path(design: Design, sha256: str = "") -> str:
    """Return the address of a small copy of a picture of a design, by default the first undisputed one."""
    sha256 = sha256 or first_picture(design)
    return f"/designs/{design.id}/picture?of={sha256[:16]}"


def first_picture(design: Design) -> str:
    """Return the SHA-256 of the picture that stands for a design, also for a retired one."""
    view = shown_views(design)[0] if design.state == "retired" else public_view(design)
    return view.picture_sha256


def best_grade(design: Design) -> str:
    """Return the findability of the design's best picture: good, fair or poor, or "" where it is unknown."""
    grades = [str(view.local.findability["grade"]) for view in shown_views(design) if view.local]
    return max(grades, key=GRADES.index, default="")


def designs_csv(cards: Sequence[dict[str, Any]]) -> str:
    """Return the cards as CSV, safe to open in a spreadsheet."""
    buffer = io.StringIO()
    writer = CellWriter(buffer)
    writer.write_row(COLUMNS)
    for card in cards:
        cells = {**card, "design": card["id"], "hits_30_days": card["hits"]}
        cells["registered_at"] = card["registered_at"].isoformat()
        writer.write_row(cells[column] for column in COLUMNS)
    return buffer.getvalue()
