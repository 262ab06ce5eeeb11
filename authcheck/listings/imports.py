"""Bulk hand-ins of listings: kept first, row by row, then worked off; whoever is stopped goes on with what is left."""

import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import insert, null, select, update
from sqlalchemy.orm import Session

from authcheck.errors import NotFound, Rejected
from authcheck.files.picture_files import read_file
from authcheck.ids import new_id
from authcheck.listings.judging import check_listing, check_number
from authcheck.listings.offer_files import OfferRow, column_of, new_listing
from authcheck.listings.tables import ListingImport, ListingImportRow
from authcheck.storage.parameters import can_be_stored
from authcheck.workspace import Workspace

ROWS_AT_ONCE = 1000  # in one statement
NAME_CHARS = 300
Result = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RowDone:
    """What became of a row: `result` has `listing`, `verdict` and `unreadable`, or `code`, `detail` and `column`."""

    line: int
    reference: str
    result: Result


def begin(
    session: Session,
    rows: Iterable[OfferRow],
    *,
    folder: Path,
    name: str,
    organisation_id: str | None,
    now: datetime,
) -> ListingImport:
    """Keep a table's rows, to be worked off; those that cannot be used have their result at once.

    Pictures are named relative to `folder` or absolutely; where they lie is kept, so that any process can go on.
    """
    kept = [_kept(row, folder) for row in rows]
    made = ListingImport(
        id=new_id("lim", now),
        organisation_id=organisation_id,
        name="".join(char for char in name if char.isprintable())[-NAME_CHARS:],
        created_at=now,
        finished_at=None,
        total=len(kept),
    )
    session.add(made)
    session.flush()
    for start in range(0, len(kept), ROWS_AT_ONCE):
        some = kept[start : start + ROWS_AT_ONCE]
        session.execute(insert(ListingImportRow), [{"import_id": made.id, **row} for row in some])
    return made


def _kept(row: OfferRow, folder: Path) -> dict[str, Any]:
    given = dict(row.given)
    if row.error is not None:
        return {"line": row.line, "given": given, "result": _refused(row.error, row.column)}
    given["pictures"] = [str((folder / name).absolute()) for name in given["pictures"]]
    return {"line": row.line, "given": given}  # without a result: SQL's NULL, not JSON's


def get_import(session: Session, import_id: str) -> ListingImport:
    """A bulk hand-in. Raises NotFound (`import.not_found`)."""
    found = session.get(ListingImport, import_id) if can_be_stored(import_id) else None
    if found is None:
        raise NotFound(f"No import {import_id!r} is known.", code="import.not_found", import_id=import_id)
    return found


def results(session: Session, import_id: str) -> list[RowDone]:
    """The rows that have a result, in order."""
    query = (
        select(ListingImportRow)
        .where(ListingImportRow.import_id == import_id)
        .order_by(ListingImportRow.line)
    )
    rows = session.scalars(query)
    return [RowDone(row.line, row.given.get("reference", ""), row.result) for row in rows if row.result]


def count(done: Iterable[RowDone]) -> dict[str, int]:
    """How many rows have each verdict; `rejected` are those that have none."""
    return dict(sorted(Counter(one.result.get("verdict", "rejected") for one in done).items()))


def work_off(
    work: Workspace, import_id: str, *, now: Callable[[], datetime], workers: int | None = None
) -> Iterator[RowDone]:
    """Check the rows that have no result yet and yield each once its result is stored, in order.

    Stopped at any moment, by whatever, it can be asked again. Two at once do the same work twice, and no harm: a reference
    has one listing. Raises NotFound (`import.not_found`), Unavailable: then what is left is left.
    """
    with work.database.reading() as session:
        found = get_import(session, import_id)
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
                ahead.append(pool.submit(_work_row, work, found, line, now))
                if len(ahead) > 2 * at_once:
                    yield ahead.popleft().result()
            while ahead:
                yield ahead.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
    with work.database.writing() as session:
        end = update(ListingImport).where(ListingImport.id == import_id, ListingImport.finished_at.is_(None))
        session.execute(end.values(finished_at=now()))


def _work_row(work: Workspace, found: ListingImport, line: int, now: Callable[[], datetime]) -> RowDone:
    with work.database.reading() as session:
        row = session.get_one(ListingImportRow, (found.id, line))
    result = row.result or _result(work, found, row.given, now())
    with work.database.writing() as session:
        here = (ListingImportRow.import_id == found.id, ListingImportRow.line == line)
        session.execute(update(ListingImportRow).where(*here).values(result=result))
    return RowDone(line, row.given.get("reference", ""), result)


def _result(work: Workspace, found: ListingImport, given: Mapping[str, Any], now: datetime) -> Result:
    """What a row answers. A listing that names no day is of the day when the table was handed in."""
    try:
        new, names = new_listing(given, found.created_at.date())
        check_number(len(names))
        pictures = [(name.name, _picture(name, work.limits.bytes)) for name in names]
        judged = check_listing(
            work, new, pictures, organisation_id=found.organisation_id, source="scan", now=now
        )
    except Rejected as error:
        return _refused(error, column_of(error.code))
    unreadable = [f"{one.name}: {one.detail} [{one.code}]" for one in judged.unreadable]
    return {"listing": judged.listing.id, "verdict": judged.listing.verdict, "unreadable": unreadable}


def _picture(path: Path, limit: int) -> bytes | Rejected:
    try:
        return read_file(path, limit)
    except Rejected as error:
        return error


def _refused(error: Rejected, column: str) -> dict[str, Any]:
    return {"code": error.code, "detail": str(error), "column": column}
