"""The rows of a drop: which of them a page shows, what each says, and the same as CSV."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Depends, Query
from sqlalchemy.orm import Session

from authcheck.cases.design_hits import count_suspect
from authcheck.files.csv_cells import CellWriter
from authcheck.members.permissions import Resource, Right
from authcheck.members.principals import Principal
from authcheck.registry import design_search, drops
from authcheck.registry.import_tables import Drop, DropFile
from authcheck.registry.registration import REFERENCE_CHARS
from authcheck.registry.tables import Design
from authcheck.storage.opening import utc_now
from authcheck.storage.parameters import in_chunks
from authcheck.workspace import Workspace

from ..i18n import DEFAULT, LANGUAGES, Language
from .designs_view import HIT_DAYS, best_grade, picture_path

PAGE = 50
MOST_COUNTED = 1_000  # designs whose suspect listings a page counts
GROUPS: dict[str, tuple[str, ...]] = {
    "registered": ("registered",),
    "already_yours": ("already_yours",),
    "disputed": ("disputed",),
    "refused": ("refused",),
    "waiting": ("waiting", "working"),
    "held": ("held",),
    "other": ("part", "twice", "left_out"),
}
COLUMNS = (
    "number",
    "file",
    "state",
    "reference",
    "design",
    "code",
    "detail",
    "findability",
    "suspect_listings",
)
Context = dict[str, Any]


class Part:
    """Which rows of a drop a page shows: those of a state (a key of GROUPS, or seen), after a number."""

    def __init__(
        self,
        state: Annotated[str, Query(max_length=20)] = "",
        after: Annotated[int, Query(ge=0, le=1_000_000)] = 0,
    ) -> None:
        self.state = state if state in {*GROUPS, "hits", "seen"} else ""
        self.after = after


PartDep = Annotated[Part, Depends(Part)]


@dataclass(frozen=True, slots=True)
class Seen:
    """Listings of before that show a drop's designs, the files that they show, and the files that wait."""

    listings: int
    files: int
    waiting: int


@dataclass(frozen=True, slots=True)
class Scene:
    """Who looks at which drop."""

    caller: Principal
    workspace: Workspace
    drop: Drop


def groups_of(counts: dict[str, int], hits: dict[str, int], seen: Seen | None) -> dict[str, int]:
    """Return the counts at the top of the page, without zeros."""
    groups = {name: sum(counts.get(one, 0) for one in states) for name, states in GROUPS.items()}
    groups["hits"] = len(hits)
    groups["seen"] = seen.files if seen else 0
    return {name: count for name, count in groups.items() if count}


def files_of(session: Session, drop: Drop, part: Part, hits: dict[str, int]) -> Sequence[DropFile]:
    """Return the files of a page, and one more if another page follows."""
    if part.state == "seen":
        return drops.list_seen(session, drop.id, after=part.after, limit=PAGE + 1)
    if part.state == "hits":
        shown = list(hits) or [""]
        return drops.list_of_designs(session, drop.id, shown, after=part.after, limit=PAGE + 1)
    states = GROUPS.get(part.state, ())
    return drops.list_files(session, drop.id, states=states, after=part.after, limit=PAGE + 1)


def may_see(caller: Principal) -> bool:
    """Return whether a person may read the listings of before, which are counted over all countries."""
    return caller.may(Resource.LISTINGS, Right.READ) and caller.reach.territories is None


def seen_of(session: Session, scene: Scene) -> Seen | None:
    """Return what was found in the listings of before, None for a person who may not read it."""
    return Seen(*drops.count_seen(session, scene.drop.id)) if may_see(scene.caller) else None


def hits_of(session: Session, scene: Scene) -> dict[str, int]:
    """Return the suspect listings of a drop's designs, by design.

    Empty for a person who may not read listings, and for a drop of more than 1,000 designs: then only the
    rows say them.
    """
    ids = drops.design_ids(session, scene.drop.id, limit=MOST_COUNTED + 1)
    return _count(session, scene, ids) if len(ids) <= MOST_COUNTED else {}


def _count(session: Session, scene: Scene, ids: Sequence[str]) -> dict[str, int]:
    caller = scene.caller
    if not caller.may(Resource.LISTINGS, Right.READ):
        return {}
    since = (utc_now() - timedelta(days=HIT_DAYS)).date()
    owner_id, hits = scene.drop.organisation_id, dict[str, int]()
    for chunk in in_chunks(ids):
        hits |= count_suspect(session, chunk, owner_id=owner_id, since=since, reach=caller.reach)
    return hits


def rows_of(
    session: Session,
    files: Sequence[DropFile],
    scene: Scene,
    language: Language,
) -> list[Context]:
    """Return what the page says about files, in their order."""
    ids = [file.design_id for file in files if file.design_id]
    hits = _count(session, scene, ids)
    caller, workspace = scene.caller, scene.workspace
    is_seen = may_see(caller)
    designs = design_search.list_named(session, ids, owner_id=caller.organisation_id, reach=caller.reach)
    rows = [_row(file, designs.get(file.design_id or ""), language, workspace, hits) for file in files]
    return [row if is_seen else {**row, "seen": 0} for row in rows]


def _row(
    file: DropFile,
    design: Design | None,
    language: Language,
    workspace: Workspace,
    hits: dict[str, int],
) -> Context:
    report, told = file.report, ("known_as", "near_owner", "near_reference", "twin")
    return {
        "number": file.number,
        "name": file.name,
        "state": file.state,
        "report": {name: report.get(name) or "" for name in told},
        "warnings": report.get("warnings") or [],
        "why": _why(language, report, workspace) if file.state == "refused" else None,
        "detail": report.get("detail") or "",
        "seen": file.seen or 0,
        "design": design and {
            "id": design.id,
            "title": design.title,
            "reference": design.reference,
            "version": design.version,
            "state": design.state,
            "public_preview": design.public_preview,
            "picture": picture_path(design),
            "findability": best_grade(design),
            "hits": hits.get(design.id, 0),
        },
    }  # fmt: skip


def _why(language: Language, report: Context, workspace: Workspace) -> str | None:
    """Return why a file is refused, or None when only the report says it, in English."""
    code = str(report.get("code"))
    params = {
        "limit": REFERENCE_CHARS,
        "limit_px": workspace.limits.side_px,
        "limit_bytes": workspace.limits.bytes,
        "limit_pixels": workspace.limits.pixels,
        "reference": report.get("reference") or "",
    }
    for family in ("file", "form", "error"):
        if f"{family}.{code}" in language.sentences:
            return str(language.sentence(family, code, params))
    return None


def csv_of(session: Session, scene: Scene, part: Part) -> str:
    """Return the rows that the page of a drop shows as CSV, safe to open in a spreadsheet."""
    hits = hits_of(session, scene)
    files = files_of(session, scene.drop, part, hits)[:PAGE]
    rows = rows_of(session, files, scene, LANGUAGES[DEFAULT])
    buffer = io.StringIO()
    writer = CellWriter(buffer)
    writer.write_row(COLUMNS)
    for file, row in zip(files, rows, strict=True):
        design = row["design"] or {}
        cells = {
            "number": file.number,
            "file": file.name,
            "state": file.state,
            "reference": design.get("reference", file.report.get("reference", "")),
            "design": design.get("id", ""),
            "code": file.report.get("code", ""),
            "detail": file.report.get("detail", ""),
            "findability": design.get("findability", ""),
            "suspect_listings": design.get("hits", ""),
            "seen_before": row["seen"],
        }
        writer.write_row(cells[column] for column in COLUMNS)
    return buffer.getvalue()
