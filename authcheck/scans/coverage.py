"""How many units of each batch were ever scanned, of all its units: also of those that nobody has scanned."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from io import StringIO

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from authcheck.certificates.tables import Batch, Certificate
from authcheck.files.csv_cells import CellWriter
from authcheck.scans import sums
from authcheck.scans.parts import EVERYTHING, Part, own_batches

MOST_BATCHES = 200
COLUMNS = ("batch", "product", "lot", "issued", "scanned", "never_scanned", "days_to_first")


@dataclass(frozen=True, slots=True)
class BatchCoverage:
    """How many of a batch's signed units were ever scanned, and the median of whole days until then.

    `organisation_id` is the issuer. `never` are the units that nobody has scanned.
    """

    batch_id: str
    organisation_id: str
    product: str
    lot: str
    issued: int
    scanned: int
    days_to_first: int | None

    @property
    def never(self) -> int:
        """Return the number of units that nobody has scanned."""
        return self.issued - self.scanned


def coverage(
    session: Session,
    organisation_id: str,
    *,
    part: Part = EVERYTHING,
    before: str = "",
    limit: int = MOST_BATCHES,
) -> list[BatchCoverage]:
    """Return the coverage of at most `limit` batches from before the id `before`, newest first."""
    query = select(Batch).where(Batch.id.in_(own_batches(organisation_id, part)))
    if before:
        query = query.where(Batch.id < before)
    batches = session.scalars(query.order_by(Batch.id.desc()).limit(limit)).all()
    ids = [batch.id for batch in batches]
    unsigned = {
        row[0]: row[1]
        for row in session.execute(
            select(Certificate.batch_id, func.count())
            .where(Certificate.batch_id.in_(ids), Certificate.state == "unsigned")
            .group_by(Certificate.batch_id)
        )
    }
    firsts = sums.firsts_of(session, ids)
    return [
        BatchCoverage(
            batch.id,
            batch.organisation_id,
            batch.product,
            batch.lot,
            batch.count - unsigned.get(batch.id, 0),
            sum(firsts[batch.id].values()),
            _median_wait(batch.created_at.date(), firsts[batch.id]),
        )
        for batch in batches
    ]


def _median_wait(issued: date, firsts: dict[date, int]) -> int | None:
    """Return the median of the whole days from the issue to a unit's first scan, the lower one of two."""
    place = (sum(firsts.values()) + 1) // 2
    for day in sorted(firsts):
        place -= firsts[day]
        if place <= 0:
            return max((day - issued).days, 0)
    return None


def coverage_csv(rows: Sequence[BatchCoverage]) -> str:
    """Return the coverage of batches as a table for a spreadsheet."""
    file = StringIO()
    writer = CellWriter(file)
    writer.write_row(COLUMNS)
    for row in rows:
        writer.write_row(
            (row.batch_id, row.product, row.lot, row.issued, row.scanned, row.never, row.days_to_first)
        )
    return file.getvalue()
