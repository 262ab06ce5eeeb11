"""Bulk hand-ins of listings.

All rows are stored first and checked afterwards, so that a stopped run can go on.
"""

import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import insert, null, select, update
from sqlalchemy.orm import Session

from authcheck.errors import NotFound, Rejected, RowRejected
from authcheck.files.named_files import Folder
from authcheck.files.picture_files import read_file
from authcheck.ids import new_id
from authcheck.listings.judging import check_listing, check_number
from authcheck.listings.offer_files import OfferRow, column_of, new_listing
from authcheck.listings.stored import Then
from authcheck.listings.tables import ListingImport, ListingImportRow
from authcheck.storage.parameters import can_be_stored
from authcheck.workspace import Workspace

ROWS_AT_ONCE = 1000  # in one statement
NAME_CHARS = 300
Result = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RowDone:
    """The result of a row: `listing`, `verdict`, `unreadable`, `remarks`, or `code`, `detail`, `column`."""

    line: int
    reference: str
    result: Result


def locate_pictures(rows: Iterable[OfferRow], folder: Path) -> list[dict[str, Any]]:
    """Return the rows as they are stored. A row that cannot be used has its result at once.

    Pictures are named by absolute paths, or by paths relative to `folder`, see `Folder.find`. Absolute paths
    are stored, so that any process on this machine can go on. Call it before the transaction: it looks at the
    files.
    """
    files = Folder(folder)
    return [_row_values(row, files) for row in rows]


def begin(
    session: Session,
    values: Sequence[Mapping[str, Any]],
    *,
    name: str,
    organisation_id: str | None,
    now: datetime,
) -> ListingImport:
    """Store the rows of a table, see `locate_pictures`, for `work_off`."""
    hand_in = ListingImport(
        id=new_id("lim", now),
        organisation_id=organisation_id,
        name="".join(char for char in name if char.isprintable())[-NAME_CHARS:],
        created_at=now,
        finished_at=None,
        total=len(values),
    )
    session.add(hand_in)
    session.flush()
    for start in range(0, len(values), ROWS_AT_ONCE):
        chunk = values[start : start + ROWS_AT_ONCE]
        session.execute(insert(ListingImportRow), [{"import_id": hand_in.id, **row} for row in chunk])
    return hand_in


def _row_values(row: OfferRow, files: Folder) -> dict[str, Any]:
    given = dict(row.given)
    if row.error is not None:
        return {"line": row.line, "given": given, "result": _refusal(row.error, row.column)}
    try:
        given["pictures"] = [str(files.find(name).absolute()) for name in given["pictures"]]
    except RowRejected as error:
        return {"line": row.line, "given": given, "result": _refusal(error, "pictures")}
    return {
        "line": row.line,
        "given": given,
    }  # no result at all, so that the column is SQL's NULL and not JSON's


def get_import(session: Session, import_id: str) -> ListingImport:
    """Return a bulk hand-in. Raises NotFound (`import.not_found`)."""
    hand_in = session.get(ListingImport, import_id) if can_be_stored(import_id) else None
    if hand_in is None:
        raise NotFound(
            f"We have no import with the id {import_id!r}.", code="import.not_found", import_id=import_id
        )
    return hand_in


def results(session: Session, import_id: str) -> list[RowDone]:
    """Return the rows that have a result, in the order of lines."""
    query = (
        select(ListingImportRow)
        .where(ListingImportRow.import_id == import_id)
        .order_by(ListingImportRow.line)
    )
    rows = session.scalars(query)
    return [RowDone(row.line, row.given.get("reference", ""), row.result) for row in rows if row.result]


def count(done: Iterable[RowDone]) -> dict[str, int]:
    """Count the rows by verdict. Rows without a verdict count as `rejected`."""
    return dict(sorted(Counter(row.result.get("verdict", "rejected") for row in done).items()))


def work_off(
    work: Workspace,
    import_id: str,
    *,
    now: Callable[[], datetime],
    workers: int | None = None,
    then: Then | None = None,
) -> Iterator[RowDone]:
    """Check the rows that have no result yet.

    Yield each row once its result is stored, in the order of lines. `then` is that of `check_listing`.

    After a stop at any moment, call the function again for the rest. Two calls at the same time do the same
    work twice, without harm: a reference has one listing. Raises NotFound (`import.not_found`), Unavailable;
    the remaining rows then stay without a result.
    """
    with work.database.reading() as session:
        hand_in = get_import(session, import_id)
        waiting = list(
            session.scalars(
                select(ListingImportRow.line)
                .where(ListingImportRow.import_id == import_id, ListingImportRow.result.is_(null()))
                .order_by(ListingImportRow.line)
            )
        )
    at_once = workers or os.cpu_count() or 1
    ahead: deque[Future[RowDone]] = deque()
    with ThreadPoolExecutor(at_once) as pool:
        try:
            for line in waiting:
                ahead.append(pool.submit(_work_row, work, hand_in, line, now, then))
                if len(ahead) > 2 * at_once:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
    with work.database.writing() as session:
        end = update(ListingImport).where(ListingImport.id == import_id, ListingImport.finished_at.is_(None))
        session.execute(end.values(finished_at=now()))


def _work_row(
    work: Workspace, hand_in: ListingImport, line: int, now: Callable[[], datetime], then: Then | None
) -> RowDone:
    with work.database.reading() as session:
        row = session.get_one(ListingImportRow, (hand_in.id, line))
    result = row.result or _check_row(work, hand_in, row.given, now(), then)
    with work.database.writing() as session:
        is_row = (ListingImportRow.import_id == hand_in.id, ListingImportRow.line == line)
        session.execute(update(ListingImportRow).where(*is_row).values(result=result))
    return RowDone(line, row.given.get("reference", ""), result)


def _check_row(
    work: Workspace, hand_in: ListingImport, given: Mapping[str, Any], now: datetime, then: Then | None
) -> Result:
    """Check the listing of a row. A listing without a day has the day on which the table was handed in."""
    try:
        new, names = new_listing(given, hand_in.created_at.date())
        check_number(len(names))
        pictures = [(name.name, _read_picture(name, work.limits.bytes)) for name in names]
        judged = check_listing(
            work,
            new,
            pictures,
            organisation_id=hand_in.organisation_id,
            source="scan",
            now=now,
            then=then,
        )
    except Rejected as error:
        return _refusal(error, column_of(error.code))
    unreadable = [f"{picture.name}: {picture.detail} [{picture.code}]" for picture in judged.unreadable]
    return {
        "listing": judged.listing.id,
        "verdict": judged.listing.verdict,
        "unreadable": unreadable,
        "remarks": judged.listing.remarks or [],
    }


def _read_picture(path: Path, limit: int) -> bytes | Rejected:
    try:
        return read_file(path, limit)
    except Rejected as error:
        return error


def _refusal(error: Rejected, column: str) -> dict[str, Any]:
    return {"code": error.code, "detail": str(error), "column": column}
