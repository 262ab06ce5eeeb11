"""The units of a batch as a CSV table, for a spreadsheet or a printer's data."""

import csv
from collections.abc import Iterator, Sequence
from io import StringIO
from typing import TextIO

from sqlalchemy.orm import Session

from authcheck.certificates.batches import Filter, pages_of, transaction_ids
from authcheck.certificates.tables import Batch, Certificate

COLUMNS = (
    "number", "code", "serial", "gtin", "lot", "product", "state", "issued_at", "certificate", "tx_id",
    "revoked_at", "reason",
)  # fmt: skip
FORMULA_STARTS = (*"=+-@\t\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # the last four: full-width


def write_units(session: Session, batch: Batch, file: TextIO) -> None:
    """Write a header and a row a unit, in the batch's order."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    for page in pages_of(session, batch.organisation_id, Filter(batch_id=batch.id)):
        writer.writerows(_rows(session, batch, page))


def _rows(session: Session, batch: Batch, units: Sequence[Certificate]) -> Iterator[list[str]]:
    ids = transaction_ids(session, units)
    for unit in units:
        revoked_at = unit.revoked_at.isoformat(timespec="seconds") if unit.revoked_at else ""
        words = (
            str(unit.number_in_batch), unit.code, unit.serial, unit.gtin, unit.lot, batch.product, unit.state,
            unit.issued_at.isoformat(timespec="seconds"), unit.id, ids.get(unit.id, ""), revoked_at,
            unit.revocation_reason or "",
        )  # fmt: skip
        yield [as_text(word) for word in words]


def as_text(word: str) -> str:
    """A cell that spreadsheets take for text: what would begin a formula there gets an apostrophe before it (OWASP)."""
    return f"'{word}" if word.startswith(FORMULA_STARTS) else word


def units_csv(session: Session, batch: Batch) -> str:
    """The table as text."""
    file = StringIO()
    write_units(session, batch, file)
    return file.getvalue()
