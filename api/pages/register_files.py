"""What a person sends into a drop: files, the choice of the table's columns, the word to start."""

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response

from authcheck.errors import AuthcheckError, Rejected
from authcheck.members.principals import Principal
from authcheck.registry import drop_rows, dropped_tables, drops
from authcheck.registry.import_tables import Drop
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import WorkspaceDep
from .designs import ReaderDep, WriterDep
from .person import Form, FormDep, PersonRoute, acting, go
from .register import DropId, find_scene, show_form
from .register_rows import Part
from .register_sent import Received, RegisterDep, receive, spool_of
from .register_view import show_drop
from .sent_files import Sent

router = APIRouter(route_class=PersonRoute, prefix="/register", include_in_schema=False)


@router.post("")
def begin(request: Request, signed_in: WriterDep, sent: RegisterDep, workspace: WorkspaceDep) -> Response:
    """Begin a drop with the files of the form."""
    caller = acting(signed_in)
    try:
        form = sent.whole()
        if not any(part.size_bytes for part in form.files("file")):
            raise Rejected("Choose at least one file.", code="drop.no_files")
        with workspace.database.writing() as session:
            drop = drops.create_drop(
                session,
                caller,
                kind=form.text("kind") or "other",
                collection=form.text("collection"),
                public_preview=bool(form.text("public_preview")),
                now=utc_now(),
            )
    except AuthcheckError as error:
        return show_form(request, caller, workspace, error=error)
    return _take(request, caller, workspace, drop, sent)


@router.post("/{drop_id}/files")
def add(
    request: Request, signed_in: WriterDep, sent: RegisterDep, workspace: WorkspaceDep, drop_id: DropId
) -> Response:
    """Put more files into a drop. Files that it has change nothing."""
    caller = acting(signed_in)
    caller.reach.require_all_designs()
    scene = find_scene(workspace, caller, drop_id)
    drop = scene.drop
    try:
        sent.whole()
    except AuthcheckError as error:
        return show_drop(request, scene, Part(), error=error)
    return _take(request, caller, workspace, drop, sent)


def _take(request: Request, caller: Principal, workspace: Workspace, drop: Drop, sent: Sent) -> Response:
    received = receive(workspace, drop, sent.whole())
    notice = _notice_of(received)
    if received.error is None and sent.text("last"):
        drop = find_scene(workspace, caller, drop.id).drop
        if drop.state == "held" and _start_if_complete(workspace, caller, drop):
            notice = "started"
    return go(request, f"/register/{drop.id}?notice={notice}")


def _notice_of(received: Received) -> str:
    if received.error is not None:
        return "too_many" if received.error.code == "drop.too_many_files" else "full"
    if not received.added:
        return "again" if received.again else "nothing"
    return "received"


def _start_if_complete(workspace: Workspace, caller: Principal, drop: Drop) -> bool:
    """Start the rows of a drop's table if all files that it names are here."""
    spool = spool_of(workspace)
    try:
        with workspace.database.writing() as session:
            locked = drops.get_drop(session, drop.id, organisation_id=caller.organisation_id, lock=True)
            if dropped_tables.missing_names(session, spool, locked):
                return False
            dropped_tables.start(session, spool, locked)
    except Rejected:
        return False  # the page says what is wrong with the table
    return True


@router.post("/{drop_id}/columns")
def choose_columns(
    request: Request, signed_in: WriterDep, form: FormDep, workspace: WorkspaceDep, drop_id: DropId
) -> Response:
    """Say which column of the table is which, and start if all files are here."""
    caller = acting(signed_in)
    scene = find_scene(workspace, caller, drop_id)
    drop = scene.drop
    spool = spool_of(workspace)
    try:
        with workspace.database.writing() as session:
            locked = drops.get_drop(session, drop.id, organisation_id=caller.organisation_id, lock=True)
            if locked.state == "columns":
                columns = dropped_tables.columns_of(spool, locked)
                dropped_tables.choose_columns(session, spool, locked, _chosen(form, columns.keys))
    except AuthcheckError as error:
        return show_drop(request, scene, Part(), error=error)
    is_started = _start_if_complete(workspace, caller, drop)
    return go(request, f"/register/{drop.id}?notice={'started' if is_started else 'saved'}")


def _chosen(form: Form, keys: list[str]) -> dict[str, str]:
    """Return our column for each chosen column. Raises Rejected (`drop.column_twice`)."""
    chosen: dict[str, str] = {}
    for number, key in enumerate(keys):
        ours = form.text(f"column-{number}")
        if key and ours in drop_rows.OFFERED:
            if ours in chosen.values() or key in chosen:
                raise Rejected("Choose each column once.", code="drop.column_twice")
            chosen[key] = ours
    return chosen


@router.post("/{drop_id}/start")
def start(
    request: Request,
    signed_in: WriterDep,
    form: FormDep,  # noqa: ARG001 - it refuses other sites
    workspace: WorkspaceDep,
    drop_id: DropId,
) -> Response:
    """Register the rows of the table with the files that are here."""
    caller = acting(signed_in)
    scene = find_scene(workspace, caller, drop_id)
    drop = scene.drop
    try:
        with workspace.database.writing() as session:
            locked = drops.get_drop(session, drop.id, organisation_id=caller.organisation_id, lock=True)
            if locked.table_sha256 is not None and locked.state != "columns":
                dropped_tables.start(session, spool_of(workspace), locked)
    except AuthcheckError as error:
        return show_drop(request, scene, Part(), error=error)
    return go(request, f"/register/{drop.id}?notice=started")


@router.get("/{drop_id}/known")
def known(signed_in: ReaderDep, workspace: WorkspaceDep, drop_id: DropId) -> JSONResponse:
    """Return the SHA-256 of the files of a drop, so that a browser sends a folder without them."""
    caller = acting(signed_in)
    scene = find_scene(workspace, caller, drop_id)
    drop = scene.drop
    with workspace.database.reading() as session:
        hashes = drops.known_hashes(session, drop)
    return JSONResponse({"sha256": hashes}, headers={"Cache-Control": "no-store"})
