"""Stored reports of bulk imports, and their form as CSV."""

import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.errors import NotFound
from authcheck.files.csv_cells import CellWriter
from authcheck.ids import new_id
from authcheck.registry.bulk import RowReport, count_statuses
from authcheck.registry.tables import Import
from authcheck.storage.parameters import can_be_stored

COLUMNS = tuple(RowReport.__dataclass_fields__)


def keep_report(
    session: Session,
    reports: Sequence[RowReport],
    *,
    organisation_id: str,
    dry_run: bool,
    now: datetime,
    left_out: int = 0,
) -> Import:
    """Store the results of an import's rows. `left_out` is the number of files that were no rows."""
    report = Import(
        id=new_id("imp", now),
        organisation_id=organisation_id,
        created_at=now,
        dry_run=dry_run,
        counts=count_statuses(reports) | ({"left_out": left_out} if left_out else {}),
        rows=[_drop_unstored_id(row, dry_run=dry_run).to_dict() for row in reports],
    )
    session.add(report)
    session.flush()
    return report


def _drop_unstored_id(row: RowReport, *, dry_run: bool) -> RowReport:
    """Return the row, without a design id if a dry run did not store the design."""
    return replace(row, design_id="") if dry_run and row.status in {"registered", "disputed"} else row


def get_report(session: Session, import_id: str, *, organisation_id: str) -> Import:
    """Return the report of an organisation's own import.

    Raises NotFound (`import.not_found`), also for an import of another organisation. The database compares
    the organisation: both cases read no row, so they take the same time.
    """
    query = select(Import).where(Import.id == import_id, Import.organisation_id == organisation_id)
    report = session.scalar(query) if can_be_stored(import_id) else None
    if report is None:
        raise NotFound(f"We have no import {import_id!r}.", code="import.not_found", import_id=import_id)
    return report


def report_csv(report: Import) -> str:
    """Return the report's rows as CSV, safe to open in a spreadsheet."""
    buffer = io.StringIO()
    writer = CellWriter(buffer)
    writer.write_row(COLUMNS)
    for row in report.rows:
        writer.write_row(_format_cell(row.get(column)) for column in COLUMNS)
    return buffer.getvalue().encode("utf-8", "replace").decode()


def _format_cell(value: object) -> object:
    return " ".join(value) if isinstance(value, list) else value
