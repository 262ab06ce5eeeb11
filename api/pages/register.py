"""The page *Register*: begin a drop, see what became of its files, correct titles."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, Response

from authcheck.errors import AuthcheckError, Rejected
from authcheck.members.principals import Principal
from authcheck.registry import designs, drops
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import WorkspaceDep
from ..etags import changed_since
from .designs import ReaderDep, WriterDep
from .person import Form, FormDep, PersonRoute, acting, go, problem_of, status_of
from .register_rows import Part, PartDep, Scene, csv_of
from .register_view import form_context, show_drop
from .render import render

MOST_DROPS = 20
router = APIRouter(route_class=PersonRoute, prefix="/register", include_in_schema=False)
DropId = Annotated[str, Path(max_length=40)]


@router.get("")
def show(
    request: Request,
    signed_in: ReaderDep,
    workspace: WorkspaceDep,
    before: Annotated[str, Query(max_length=40)] = "",
) -> HTMLResponse:
    """Show the form for files, and the newest drops."""
    return show_form(request, acting(signed_in), workspace, before=before)


def show_form(
    request: Request,
    caller: Principal,
    workspace: Workspace,
    *,
    before: str = "",
    error: AuthcheckError | None = None,
) -> HTMLResponse:
    """Render the form for files with what is wrong with it."""
    with workspace.database.reading() as session:
        rows = drops.list_drops(
            session, caller.organisation_id, before=before, limit=MOST_DROPS + 1, reach=caller.reach
        )
        earlier = [
            {"id": row.id, "created_at": row.created_at, "total": row.last_number, "table": row.table_name}
            for row in rows[:MOST_DROPS]
        ]
    following = f"/register?before={rows[MOST_DROPS - 1].id}" if len(rows) > MOST_DROPS else None
    return render(
        request,
        "designs/register.html",
        status=status_of(request, error) if error else 200,
        **form_context(workspace, caller),
        drop=None,
        earlier=earlier,
        first="/register" if before else None,
        next_page=following,
        is_working=False,
        notice=None,
        problem=problem_of(request, error) if error else None,
        problem_at=0,
    )


@router.get("/{drop_id}")
def show_one(
    request: Request, signed_in: ReaderDep, workspace: WorkspaceDep, drop_id: DropId, part: PartDep
) -> HTMLResponse:
    """Show a drop with a row for each of its files."""
    return show_drop(request, find_scene(workspace, acting(signed_in), drop_id), part)


def find_scene(workspace: Workspace, caller: Principal, drop_id: str) -> Scene:
    """Return a drop of the caller's organisation. Raises NotFound (`drop.not_found`)."""
    with workspace.database.glancing() as session:
        drop = drops.get_drop(session, drop_id, organisation_id=caller.organisation_id, reach=caller.reach)
    return Scene(caller, workspace, drop)


@router.get("/{drop_id}/rows.csv")
def download(signed_in: ReaderDep, workspace: WorkspaceDep, drop_id: DropId, part: PartDep) -> Response:
    """Return the rows of one page as CSV."""
    scene = find_scene(workspace, acting(signed_in), drop_id)
    with workspace.database.reading() as session:
        content = csv_of(session, scene, part)
    name = f"{scene.drop.id}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(content, media_type="text/csv", headers=headers)


@router.post("/{drop_id}/words")
def change_words(
    request: Request, signed_in: WriterDep, form: FormDep, workspace: WorkspaceDep, drop_id: DropId
) -> Response:
    """Change title and preview of the design of a row that nobody else has changed meanwhile."""
    caller = acting(signed_in)
    scene = find_scene(workspace, caller, drop_id)
    number, part = _number(form, "number"), Part(form.text("state"), _number(form, "after"))
    try:
        with workspace.database.writing() as session:
            design = designs.get_design(
                session, form.text("design"), owner_id=caller.organisation_id, reach=caller.reach
            )
            if form.text("version") != str(design.version):
                raise changed_since()
            preview = bool(form.text("public_preview"))
            designs.update_design(
                session, design, title=form.text("title"), public_preview=preview, now=utc_now()
            )
    except AuthcheckError as error:
        typed = {"title": form.text("title")[:1000], "public_preview": form.text("public_preview")[:5]}
        return show_drop(request, scene, part, error=error, at=number, typed=typed)
    query = f"state={part.state}&after={part.after}"
    return go(request, f"/register/{scene.drop.id}?{query}&notice=saved#f{number}")


def _number(form: Form, name: str) -> int:
    text = form.text(name)
    if not (text.isdecimal() and len(text) < 8):  # noqa: PLR2004 - digits of a row's number
        raise Rejected("We cannot read this form. Load the page again.", code="request.form")
    return int(text)
