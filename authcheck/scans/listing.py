"""Scans of an organisation's own units: filtered, page by page, and as a table for a spreadsheet."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from sqlalchemy import ColumnElement, exists, select
from sqlalchemy.orm import Session, joinedload

from authcheck.certificates.tables import Certificate
from authcheck.errors import Rejected
from authcheck.files.csv_cells import CellWriter
from authcheck.ids import as_word, first_id
from authcheck.members.reach import WHOLE, Reach
from authcheck.scans.sums import IS_FIRST, begin_of, own_sides
from authcheck.scans.tables import ScanSession
from authcheck.storage.parameters import can_be_stored

ADVICE = ("verified", "careful", "revoked", "cannot_tell")
UNKNOWN = "ZZ"  # the country of a scan from an unknown place, as ISO 3166 and CLDR write it
SHOWN_CHARS = 12  # of a keyed hash: enough to tell phones apart
AT_ONCE = 500  # as many ids as one statement can name
COLUMNS = (
    "scan", "unit", "batch", "gtin", "lot", "product", "started_at", "requests", "country", "region", "phone",
    "way", "advice", "counted",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanFilter:
    """A filter for scans. A scan must match each field that is not empty. Days are UTC, `until` included.

    `first` are the first scans of their units that count.
    """

    batch_id: str = ""
    unit_id: str = ""
    design_id: str = ""
    country: str = ""
    advice: str = ""
    since: date | None = None
    until: date | None = None
    off_market: bool | None = None
    counted: bool | None = None
    first: bool = False

    def conditions(self) -> Iterator[ColumnElement[bool]]:
        """Yield the conditions. Raises Rejected (`scan.advice`)."""
        for column, value in (
            (ScanSession.batch_id, self.batch_id),
            (ScanSession.certificate_id, self.unit_id),
            (ScanSession.country, self.country.upper()),
        ):
            if value:
                yield column == ("" if value == UNKNOWN else value)
        if self.design_id:
            units = select(Certificate.id).where(Certificate.design_id == self.design_id)
            yield ScanSession.certificate_id.in_(units)
        if self.advice:
            advice = as_word(self.advice)
            if advice not in ADVICE:
                message = f"{self.advice!r} is not one of {', '.join(ADVICE)}."
                raise Rejected(message, code="scan.advice")
            yield ScanSession.advice == advice
        if self.first:
            yield IS_FIRST
        yield from self._flags()
        yield from self._days()

    def _flags(self) -> Iterator[ColumnElement[bool]]:
        for flag, wanted in (
            (ScanSession.off_market, self.off_market),
            (ScanSession.counted, self.counted),
        ):
            if wanted is not None:
                yield flag.is_(wanted)

    def _days(self) -> Iterator[ColumnElement[bool]]:
        if self.since is not None:  # ids sort by time, and each owner's scans have an index of them
            yield ScanSession.id >= first_id("scn", begin_of(self.since))
        if self.until is not None:
            yield ScanSession.id < first_id("scn", begin_of(self.until) + timedelta(days=1))


def list_scans(
    session: Session,
    organisation_id: str,
    wanted: ScanFilter,
    *,
    after: str = "",
    before: str | None = None,
    limit: int = 50,
    reach: Reach = WHOLE,
) -> Sequence[ScanSession]:
    """Return at most `limit` scans by id (so by time) from after `after`. Raises Rejected (`scan.advice`).

    With `before`, the newest ones from before this id, newest first. "" is after all ids.
    """
    if not can_be_stored(wanted.batch_id, wanted.unit_id, wanted.design_id, wanted.country):
        return []
    conditions = [ScanSession.id > after, *wanted.conditions()]
    order = ScanSession.id.asc() if before is None else ScanSession.id.desc()
    if before:
        conditions.append(ScanSession.id < before)
    if reach.designs is not None:
        units = select(Certificate.id).where(reach.has_design(Certificate.design_id))
        conditions.append(ScanSession.certificate_id.in_(units))
    # Each side by its own index: a condition with OR would sort all scans of the organisation for each page.
    pages = (
        select(ScanSession.id).where(side, *conditions).order_by(order).limit(limit)
        for side in own_sides(session, organisation_id)
    )
    ids = {name for page in pages for name in session.scalars(page)}
    query = (
        select(ScanSession)
        .where(ScanSession.id.in_(sorted(ids, reverse=before is not None)[:limit]))
        .options(joinedload(ScanSession.certificate).joinedload(Certificate.batch))
    )
    return session.scalars(query.order_by(order)).all()


def never_scanned(
    session: Session, batch_id: str, *, start: int = 1, limit: int = 50
) -> Sequence[Certificate]:
    """Return at most `limit` signed units of a batch that nobody has scanned, from number `start` on."""
    scanned = exists().where(ScanSession.certificate_id == Certificate.id, ScanSession.counted.is_(True))
    query = select(Certificate).where(
        Certificate.batch_id == batch_id,
        Certificate.number_in_batch >= start,
        Certificate.state != "unsigned",
        ~scanned,
    )
    return session.scalars(query.order_by(Certificate.number_in_batch).limit(limit)).all()


def phone_of(scan: ScanSession) -> str:
    """Return a name that is the same for scans of one phone, "" when it is erased."""
    return scan.visitor[:SHOWN_CHARS]


def scans_csv(
    session: Session, organisation_id: str, wanted: ScanFilter, *, reach: Reach = WHOLE
) -> Iterator[str]:
    """Yield all scans as CSV, some thousand rows at a time. Raises Rejected (`scan.advice`)."""
    after, header = "", COLUMNS
    while True:
        buffer = io.StringIO()
        writer = CellWriter(buffer)
        if not after:
            writer.write_row(header)
        rows = list_scans(session, organisation_id, wanted, after=after, limit=AT_ONCE, reach=reach)
        for row in rows:
            unit = row.certificate
            writer.write_row(
                (
                    row.id, row.certificate_id, row.batch_id, unit.gtin, unit.lot, unit.batch.product,
                    row.started_at.isoformat(), row.requests, row.country, row.region, phone_of(row), row.way,
                    row.advice, "yes" if row.counted else "no",
                )
            )  # fmt: skip
        yield buffer.getvalue()
        if len(rows) < AT_ONCE:
            return
        after = rows[-1].id
