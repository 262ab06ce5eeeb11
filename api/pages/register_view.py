"""What the page of a drop shows: a row for each file, and what is still to be done."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Depends, Query, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from authcheck.cases.design_hits import count_suspect
from authcheck.errors import AuthcheckError, Rejected
from authcheck.files.csv_cells import CellWriter
from authcheck.members.permissions import Resource, Right
from authcheck.members.principals import Principal
from authcheck.registry import design_search, drop_rows, dropped_tables, drops
from authcheck.registry.designs import COLLECTION_CHARS, KINDS, TITLE_CHARS
from authcheck.registry.import_tables import Drop, DropFile
from authcheck.registry.registration import REFERENCE_CHARS
from authcheck.registry.tables import Design
from authcheck.storage.opening import utc_now
from authcheck.storage.parameters import in_chunks
from authcheck.workspace import Workspace

from ..i18n import DEFAULT, LANGUAGES, Language, language_of
from .designs_view import HIT_DAYS, best_grade, picture_path
from .person import problem_of, status_of
from .register_sent import spool_of
from .render import render

PAGE = 50
MOST_NAMED = 20  # missing files that the page names
NOTICES = ("received", "again", "full", "saved", "started", "nothing", "too_many")
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
        self.state = state if state in {*GROUPS, "seen"} else ""
        self.after = after


PartDep = Annotated[Part, Depends(Part)]


@dataclass(frozen=True, slots=True)
class Scene:
    """Who looks at which drop."""

    caller: Principal
    workspace: Workspace
    drop: Drop


def show_drop(
    request: Request,
    scene: Scene,
    part: Part,
    *,
    error: AuthcheckError | None = None,
    at: int = 0,
    typed: dict[str, str] | None = None,
) -> HTMLResponse:
    """Render a drop. `error` is about the row `at`, or about the drop with 0. `typed` is what was sent."""
    workspace, drop, state, after = scene.workspace, scene.drop, part.state, part.after
    with workspace.database.reading() as session:
        counts = drops.count_states(session, drop.id)
        hits = _hits_of(session, scene)
        files = _files_of(session, drop, part, hits)
        shown = _rows(session, files[:PAGE], scene, language_of(request), hits)
        table = _table_of(session, workspace, drop, counts)
    groups, query = _groups_of(counts, hits), f"&state={state}" if state else ""
    return render(
        request,
        "designs/register.html",
        status=status_of(request, error) if error else 200,
        **form_context(workspace, scene.caller),
        drop=drop_of(drop),
        groups=groups,
        listings=sum(hits.values()) if hits else 0,
        total=sum(counts.values()),
        rows=shown,
        state=state,
        table=table,
        is_working="waiting" in groups,
        first=f"/register/{drop.id}?{query[1:]}" if after else None,
        next_page=f"/register/{drop.id}?after={files[PAGE - 1].number}{query}" if len(files) > PAGE else None,
        csv=f"/register/{drop.id}/rows.csv?after={after}{query}",
        here=vars(part),
        notice=None if error else _notice_of(request),
        problem=problem_of(request, error) if error else None,
        problem_at=at,
        typed=typed or {},
    )


def drop_of(drop: Drop) -> Context:
    """Return what the page says about a drop itself."""
    return {"id": drop.id, "created_at": drop.created_at, "state": drop.state, "table": drop.table_name}


def _notice_of(request: Request) -> str | None:
    notice = request.query_params.get("notice", "")
    return notice if notice in NOTICES else None


def _groups_of(counts: dict[str, int], hits: dict[str, int] | None) -> dict[str, int]:
    """Return the counts at the top of the page, without zeros."""
    groups = {name: sum(counts.get(one, 0) for one in states) for name, states in GROUPS.items()}
    groups["seen"] = len(hits or {})
    return {name: count for name, count in groups.items() if count}


def form_context(workspace: Workspace, caller: Principal) -> Context:
    """Return what the form for files needs."""
    return {
        "kinds": KINDS,
        "may_register": caller.may(Resource.DESIGNS, Right.WRITE) and caller.reach.designs is None,
        "most_files": drops.MOST_FILES,
        "max_bytes": workspace.limits.bytes,
        "title_chars": TITLE_CHARS,
        "collection_chars": COLLECTION_CHARS,
        "hit_days": HIT_DAYS,
        "as_of": utc_now(),
    }


def _files_of(session: Session, drop: Drop, part: Part, hits: dict[str, int] | None) -> Sequence[DropFile]:
    """Return the files of a page, and one more if another page follows."""
    if part.state == "seen":
        seen = list(hits or {}) or [""]
        return drops.list_of_designs(session, drop.id, seen, after=part.after, limit=PAGE + 1)
    states = GROUPS.get(part.state, ())
    return drops.list_files(session, drop.id, states=states, after=part.after, limit=PAGE + 1)


def _hits_of(session: Session, scene: Scene) -> dict[str, int] | None:
    """Return the suspect listings of a drop's designs, None for a person who may not read listings."""
    caller, drop = scene.caller, scene.drop
    if not caller.may(Resource.LISTINGS, Right.READ):
        return None
    since = (utc_now() - timedelta(days=HIT_DAYS)).date()
    hits: dict[str, int] = {}
    for ids in in_chunks(drops.design_ids(session, drop.id)):
        hits |= count_suspect(session, ids, owner_id=drop.organisation_id, since=since, reach=caller.reach)
    return hits


def _rows(
    session: Session,
    files: Sequence[DropFile],
    scene: Scene,
    language: Language,
    hits: dict[str, int] | None,
) -> list[Context]:
    ids = [file.design_id for file in files if file.design_id]
    caller, workspace = scene.caller, scene.workspace
    designs = design_search.list_named(session, ids, owner_id=caller.organisation_id, reach=caller.reach)
    return [_row(file, designs.get(file.design_id or ""), language, workspace, hits or {}) for file in files]


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


def _table_of(session: Session, workspace: Workspace, drop: Drop, counts: dict[str, int]) -> Context | None:
    """Return what the table still needs: the choice of its columns, or the files that it names."""
    if drop.table_sha256 is None or not drop.table_bytes:
        return None
    spool = spool_of(workspace)
    try:
        if drop.state == "columns":
            columns = dropped_tables.columns_of(spool, drop)
            guessed = drop_rows.guess(columns)
            named = [number for number, key in enumerate(columns.keys) if key]
            return {
                "columns": [
                    {
                        "number": number,
                        "name": columns.names[number],
                        "guess": guessed.get(columns.keys[number], ""),
                        "examples": [row[number] for row in columns.examples],
                    }
                    for number in named
                ],
                "offered": drop_rows.OFFERED,
            }
        if drop.state == "held" or counts.get("held"):
            missing = dropped_tables.missing_names(session, spool, drop)
            return {"missing": missing[:MOST_NAMED], "count": len(missing), "here": counts.get("held", 0)}
    except Rejected:
        return None
    return None


def csv_of(session: Session, scene: Scene, part: Part) -> str:
    """Return the rows that the page of a drop shows as CSV, safe to open in a spreadsheet."""
    hits = _hits_of(session, scene)
    files = _files_of(session, scene.drop, part, hits)[:PAGE]
    rows = _rows(session, files, scene, LANGUAGES[DEFAULT], hits)
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
        }
        writer.write_row(cells[column] for column in COLUMNS)
    return buffer.getvalue()
