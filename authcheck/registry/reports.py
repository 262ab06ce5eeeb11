"""Reports of bulk imports: the result of each row, stored, and as CSV."""

import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from authcheck.errors import NotFound
from authcheck.files.csv_cells import CellWriter
from authcheck.ids import new_id
from authcheck.members.reach import WHOLE, Reach
from authcheck.registry.import_tables import Import
from authcheck.storage.parameters import can_be_stored


@dataclass(frozen=True, slots=True)
class RowReport:
    """The result of one row.

    `status` is registered, already_yours, disputed or rejected. `code`, `column` and `detail` say why the row
    was rejected. `known_as` is the owner's other reference for an already_yours design. `near_*` name the
    design of another owner that a disputed design shows, or that a registered design resembles, with the
    score in [0, 1]. `twin` is the reference of an earlier design of the same owner with the same art.
    `findability` (good, fair, poor) and `warnings` (codes) describe the design's best picture. They are empty
    when nothing was registered.
    """

    line: int
    reference: str
    status: str
    design_id: str = ""
    code: str = ""
    column: str = ""
    detail: str = ""
    known_as: str = ""
    near_owner: str = ""
    near_reference: str = ""
    near_score: float | None = None
    findability: str = ""
    warnings: tuple[str, ...] = ()
    twin: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields for JSON."""
        return asdict(self)


def count_statuses(reports: Iterable[RowReport]) -> dict[str, int]:
    """Return the number of rows for each of the four statuses."""
    counts = Counter(report.status for report in reports)
    return {status: counts[status] for status in ("registered", "already_yours", "disputed", "rejected")}


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


def get_report(session: Session, import_id: str, *, organisation_id: str, reach: Reach = WHOLE) -> Import:
    """Return the report of an organisation's own import. It is within reach only if all designs are.

    Raises NotFound (`import.not_found`), also for an import of another organisation. The database compares
    the organisation: both cases read no row, so they take the same time.
    """
    of_organisation = (Import.organisation_id == organisation_id, reach.has_all_designs())
    query = select(Import).where(Import.id == import_id, *of_organisation)
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
