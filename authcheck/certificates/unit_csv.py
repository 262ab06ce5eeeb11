"""The units of a batch, and batches, as CSV tables for spreadsheets and print shops."""

from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from typing import TextIO

from sqlalchemy.orm import Session

from authcheck.certificates.batches import STATES, Filter, pages_of, transaction_ids
from authcheck.certificates.tables import Batch, Certificate
from authcheck.files.csv_cells import CellWriter

COLUMNS = (
    "number", "code", "serial", "gtin", "lot", "product", "state", "issued_at", "certificate", "tx_id",
    "revoked_at", "reason",
)  # fmt: skip
BATCH_COLUMNS = (
    "batch", "issued_at", "product", "design", "gtin", "lot", "units", *STATES, "licence",
)  # fmt: skip


def write_units(session: Session, batch: Batch, file: TextIO) -> None:
    """Write a header and one row per unit, in the batch's order."""
    writer = CellWriter(file)
    writer.write_row(COLUMNS)
    for page in pages_of(session, batch.organisation_id, Filter(batch_id=batch.id)):
        for row in _format_rows(session, batch, page):
            writer.write_row(row)


def _format_rows(session: Session, batch: Batch, units: Sequence[Certificate]) -> Iterator[list[str]]:
    tx_ids = transaction_ids(session, units)
    for unit in units:
        revoked_at = unit.revoked_at.isoformat(timespec="seconds") if unit.revoked_at else ""
        yield [
            str(unit.number_in_batch), unit.code, unit.serial, unit.gtin, unit.lot, batch.product, unit.state,
            unit.issued_at.isoformat(timespec="seconds"), unit.id, tx_ids.get(unit.id, ""), revoked_at,
            unit.revocation_reason or "",
        ]  # fmt: skip


def units_csv(session: Session, batch: Batch) -> str:
    """Return the table as text."""
    file = StringIO()
    write_units(session, batch, file)
    return file.getvalue()


def batches_csv(batches: Sequence[Batch], states: Mapping[str, Mapping[str, int]]) -> str:
    """Return batches as a table, with their certificates in each state. `states` is by batch id."""
    file = StringIO()
    writer = CellWriter(file)
    writer.write_row(BATCH_COLUMNS)
    for batch in batches:
        counts = states[batch.id]
        writer.write_row(
            (
                batch.id, batch.created_at.isoformat(timespec="seconds"), batch.product,
                batch.design.reference, batch.gtin, batch.lot, batch.count,
                *(counts[state] for state in STATES), batch.licence_id or "",
            )
        )  # fmt: skip
    return file.getvalue()
