"""Endpoints of bulk registration: a request with a table and pictures, and a report with a line per row."""

from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from authcheck.errors import Rejected
from authcheck.members.principals import Principal
from authcheck.registry.design_files import Row, read_table
from authcheck.registry.import_tables import Import
from authcheck.registry.reports import get_report, keep_report, report_csv
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

from ..deps import DesignsReader, DesignsWriter, KeyFirst, WorkspaceDep
from ..idempotency import OnceDep
from ..import_files import SentFiles, open_sent
from ..multipart import Form
from ..openapi import PICTURE, PICTURES, multipart
from ..places import Turn
from ..uploads import IMPORT_PARTS, ImportDep, JobDep, Upload
from ..wire.designs import ImportOut, import_out

router = APIRouter(route_class=KeyFirst, prefix="/v1/imports", tags=["imports"])
TABLE_BYTES = 16 * 1024 * 1024


@router.post(
    "",
    status_code=201,
    response_model=ImportOut,
    openapi_extra=multipart([], table=PICTURE, image=PICTURES, kind={"type": "string", "default": "other"}),
)
def import_designs(
    caller: DesignsWriter,
    once: OnceDep,
    upload: ImportDep,
    job: JobDep,
    workspace: WorkspaceDep,
    *,
    dry_run: bool = False,
) -> Response:
    """Register many designs: `image` parts, and a `table` (CSV, JSON or a workbook) with their file names.

    An `image` that is a ZIP archive is taken like the pictures in it, at most 5,000 in a request. Without a
    table, each picture is a design, and its reference is the file name without the ending. An archive that is
    sent alone may have the table inside it. Pictures that the table does not name, other files, and system
    files such as `.DS_Store` and `._KITE.png` are left out and counted as `left_out`. A rejected row does not
    stop the other rows. The report has the result of each row. With `dry_run` we register nothing and keep
    only the report.
    """
    return once.run(
        workspace.database,
        caller,
        upload.digest,
        lambda: _import(workspace, caller, upload, job, dry_run=dry_run),
    )


def _import(workspace: Workspace, caller: Principal, upload: Upload, job: Turn, *, dry_run: bool) -> Response:
    form = upload.form
    form.refuse_others("table", "image", "kind")
    caller.reach.require_all_designs()
    table = _read_table_part(form)
    pictures = form.files("image") if table else form.images()
    kind = form.text("kind").strip() or "other"
    sent = open_sent(form, pictures, kind, most_files=IMPORT_PARTS, is_listed=table is not None)
    if isinstance(sent, SentFiles):
        sent = sent.by_table(list(read_table(*table))) if table else sent.by_file(kind)
    if any(isinstance(row, Row) and row.new.collection for row in sent.rows):
        caller.reach.require_whole()  # the licences of the collection follow
    importer = workspace.importer(job.place)
    reports = list(importer.run(sent.rows, sent.load, owner=caller.handle, only_owner=True, dry_run=dry_run))
    workspace.describe_new()
    with workspace.database.writing() as session:
        report = keep_report(
            session,
            reports,
            organisation_id=caller.organisation_id,
            dry_run=dry_run,
            now=utc_now(),
            left_out=sent.skipped.total(),
        )
    body = import_out(report).model_dump_json()
    return Response(body, 201, {"Location": f"/v1/imports/{report.id}"}, media_type="application/json")


def _read_table_part(form: Form) -> tuple[bytes, str] | None:
    """Return the table's bytes and file name, or None.

    Raises Rejected (`request.repeated`, `table.too_large`).
    """
    parts = form.files("table")
    if not parts:
        return None
    if len(parts) > 1:
        raise Rejected(
            "The body has the field table twice. Send it once.", code="request.repeated", field="table"
        )
    if parts[0].size_bytes > TABLE_BYTES:
        raise Rejected(
            f"The table is too large. Send at most {TABLE_BYTES} bytes.",
            code="table.too_large",
            limit_bytes=TABLE_BYTES,
        )
    return form.bytes_of(parts[0]), parts[0].filename or ""


@router.get("/{import_id}")
def show_import(caller: DesignsReader, import_id: str, workspace: WorkspaceDep) -> ImportOut:
    """Return the report of one of your imports."""
    with workspace.database.reading() as session:
        return import_out(_read_report(session, caller, import_id))


@router.get(
    "/{import_id}/report.csv",
    response_class=Response,
    responses={200: {"description": "The report.", "content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def download_report(caller: DesignsReader, import_id: str, workspace: WorkspaceDep) -> Response:
    """Return the report as CSV.

    A cell that a spreadsheet would run as a formula begins with an apostrophe.
    """
    with workspace.database.reading() as session:
        report = _read_report(session, caller, import_id)
    headers = {"Content-Disposition": f'attachment; filename="{report.id}.csv"'}
    return Response(report_csv(report), media_type="text/csv", headers=headers)


def _read_report(session: Session, caller: Principal, import_id: str) -> Import:
    return get_report(session, import_id, organisation_id=caller.organisation_id, reach=caller.reach)
