"""What the page of a drop shows: a row for each file, and what is still to be done."""

from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from sqlalchemy.orm import Session

from authcheck.errors import AuthcheckError, Rejected
from authcheck.members.permissions import Resource, Right
from authcheck.members.principals import Principal
from authcheck.registry import drop_rows, dropped_tables, drops
from authcheck.registry.designs import COLLECTION_CHARS, KINDS, TITLE_CHARS
from authcheck.registry.import_tables import Drop
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..i18n import Language, language_of
from .designs_view import HIT_DAYS
from .person import problem_of, status_of
from .register_rows import GROUPS, PAGE, Part, Scene, files_of, groups_of, hits_of, rows_of, seen_of
from .register_sent import spool_of
from .render import render

MOST_NAMED = 20  # missing files that the page names
NOTICES = ("received", "again", "full", "saved", "started", "nothing", "too_many")
Context = dict[str, Any]


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
    workspace, drop = scene.workspace, scene.drop
    with workspace.database.reading() as session:
        rows = _rows_of(session, scene, part, language_of(request))
        table = _table_of(session, workspace, drop, rows["held"])
    return render(
        request,
        "designs/register.html",
        status=status_of(request, error) if error else 200,
        **form_context(workspace, scene.caller),
        **rows,
        drop=drop_of(drop),
        state=part.state,
        table=table,
        here=vars(part),
        notice=None if error else _notice_of(request),
        problem=problem_of(request, error) if error else None,
        problem_at=at,
        typed=typed or {},
    )


def _rows_of(session: Session, scene: Scene, part: Part, language: Language) -> Context:
    """Return the rows of a page with the counts above them and the addresses of other pages."""
    drop, after, query = scene.drop, part.after, f"&state={part.state}" if part.state else ""
    counts = drops.count_states(session, drop.id)
    hits, seen = hits_of(session, scene), seen_of(session, scene)
    files = files_of(session, drop, part, hits)
    groups = groups_of(counts, hits, seen)
    states = "".join(f"&state={state}" for state in GROUPS.get(part.state, ()))
    following = f"/register/{drop.id}?after={files[PAGE - 1].number}{query}" if len(files) > PAGE else None
    return {
        "rows": rows_of(session, files[:PAGE], scene, language),
        "groups": groups,
        "total": sum(counts.values()),
        "held": counts.get("held", 0),
        "listings": sum(hits.values()),
        "seen": seen,
        "is_working": "waiting" in groups,
        "first": f"/register/{drop.id}?{query[1:]}" if after else None,
        "next_page": following,
        "csv": f"/register/{drop.id}/rows.csv?after={after}{query}",
        "api": f"/v1/drops/{drop.id}/files?limit={PAGE}&after={after}{states}",
    }


def drop_of(drop: Drop) -> Context:
    """Return what the page says about a drop itself."""
    return {"id": drop.id, "created_at": drop.created_at, "state": drop.state, "table": drop.table_name}


def _notice_of(request: Request) -> str | None:
    notice = request.query_params.get("notice", "")
    return notice if notice in NOTICES else None


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


def _table_of(session: Session, workspace: Workspace, drop: Drop, held: int) -> Context | None:
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
        if drop.state == "held" or held:
            missing = dropped_tables.missing_names(session, spool, drop)
            return {"missing": missing[:MOST_NAMED], "count": len(missing), "here": held}
    except Rejected:
        return None
    return None
