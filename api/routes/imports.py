"""Endpoints of bulk registration: a request with a table and pictures, and a report with a line per row."""

from dataclasses import replace

from fastapi import APIRouter, Response

from authcheck.errors import Rejected, RowRejected
from authcheck.files.file_kinds import APPLE_DOUBLE, HEAD_BYTES, foreign_kind, kind_by_suffix, kind_of
from authcheck.files.folders import skipped_file
from authcheck.files.named_files import QUOTES, name_key
from authcheck.members.api_keys import Principal
from authcheck.registry.design_files import Loader, Row, RowProblem, picture_row, read_table
from authcheck.registry.reports import get_report, keep_report, report_csv
from authcheck.storage.opening import utc_now
from authcheck.vision.pictures.decode import foreign_error
from authcheck.workspace import Workspace

from ..deps import DesignsWriter, KeyFirst, WorkspaceDep
from ..idempotency import OnceDep
from ..multipart import Form, FormPart, clean_name
from ..openapi import PICTURE, PICTURES, multipart
from ..places import Turn
from ..uploads import ImportDep, JobDep, Upload
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

    Without a table, each picture is a design, and its reference is the file name without the ending. System
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
    table = _read_table_part(form)
    pictures = form.files("image") if table else form.images()
    kind = form.text("kind").strip() or "other"
    rows, left_out = (read_table(*table), 0) if table else _make_rows(form, pictures, kind)
    load = _load_by_name(form, pictures) if table else _load_by_number(form, pictures)
    reports = list(
        workspace.importer(job.place).run(rows, load, owner=caller.handle, only_owner=True, dry_run=dry_run)
    )
    workspace.describe_new()
    with workspace.database.writing() as session:
        report = keep_report(
            session,
            reports,
            organisation_id=caller.organisation_id,
            dry_run=dry_run,
            now=utc_now(),
            left_out=left_out,
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


def _make_rows(form: Form, pictures: list[FormPart], kind: str) -> tuple[list[Row | RowProblem], int]:
    """Return one row per picture, and the number of system files that were left out.

    The row names its picture by position, because two files may have the same name.
    """
    rows: list[Row | RowProblem] = []
    for number, part in enumerate(pictures):
        name = part.filename or ""
        head = form.spool.read(part.offset, min(part.size_bytes, HEAD_BYTES))
        if skipped_file(name) or kind_of(head) == APPLE_DOUBLE:
            continue
        row = replace(picture_row(number + 1, name, kind), pictures=(str(number),))
        foreign = foreign_kind(kind_of(head) or kind_by_suffix(name))
        if foreign:
            rows.append(RowProblem(row.line, row.new.reference, "picture", foreign_error(foreign, name)))
        else:
            rows.append(row)
    return rows, len(pictures) - len(rows)


def _load_by_number(form: Form, pictures: list[FormPart]) -> Loader:
    return lambda number: form.picture(pictures[int(number)])


def _load_by_name(form: Form, pictures: list[FormPart]) -> Loader:
    """Return a loader by file name.

    The loader ignores folders in the table, because uploads have file names only. Without a file of exactly
    this name it takes the file whose name is the same but for what `name_key` ignores.
    """
    parts_by_name: dict[str, dict[str, FormPart]] = {}
    parts_by_key: dict[str, dict[str, FormPart]] = {}
    for part in pictures:
        parts_by_name.setdefault(part.filename or "", {})[part.sha256] = part
        parts_by_key.setdefault(name_key(part.filename or ""), {})[part.sha256] = part

    def load(name: str) -> bytes:
        last = clean_name(name.strip(QUOTES))
        parts = list((parts_by_name.get(last) or parts_by_key.get(name_key(last)) or {}).values())
        if not parts:
            raise RowRejected(
                f"The request has no picture named {name}.", code="row.picture_missing", picture=name
            )
        if len(parts) > 1:
            raise RowRejected(
                f"The request has several different pictures named {clean_name(name)}. Rename them.",
                code="row.picture_ambiguous",
                picture=name,
            )
        return form.picture(parts[0])

    return load


@router.get("/{import_id}")
def show_import(caller: DesignsWriter, import_id: str, workspace: WorkspaceDep) -> ImportOut:
    """Return the report of one of your imports."""
    with workspace.database.reading() as session:
        return import_out(get_report(session, import_id, organisation_id=caller.organisation_id))


@router.get(
    "/{import_id}/report.csv",
    response_class=Response,
    responses={200: {"description": "The report.", "content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def download_report(caller: DesignsWriter, import_id: str, workspace: WorkspaceDep) -> Response:
    """Return the report as CSV.

    A cell that a spreadsheet would run as a formula begins with an apostrophe.
    """
    with workspace.database.reading() as session:
        report = get_report(session, import_id, organisation_id=caller.organisation_id)
    headers = {"Content-Disposition": f'attachment; filename="{report.id}.csv"'}
    return Response(report_csv(report), media_type="text/csv", headers=headers)
