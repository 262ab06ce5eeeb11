"""Bulk registration: each row gets one line in the report. Bad rows do not stop the good rows."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache, partial

from sqlalchemy import inspect

from authcheck.errors import Rejected, RowRejected
from authcheck.members import organisations
from authcheck.members.tables import Organisation
from authcheck.registry.comparison import Comparer
from authcheck.registry.design_files import Loader, Row, RowProblem, check_number, column_of
from authcheck.registry.features import Masking, usual_masking
from authcheck.registry.reading import ReadView, read_pictures
from authcheck.registry.registration import Registered, Registration, check_new
from authcheck.registry.reports import RowReport
from authcheck.storage.database import Database
from authcheck.storage.pictures import PictureStore
from authcheck.vision.features.findability import best_of
from authcheck.vision.pictures.decode import Limits

CHUNK_ROWS = 64  # rows in one transaction
# Rows of several owners in one transaction: they are compared with each other while the registry is locked.
MIXED_ROWS = 8
CHUNK_BYTES = 64 * 1024 * 1024  # of pictures, held in memory until their transaction commits


@dataclass(frozen=True, slots=True)
class ReadRow:
    """A row of the table, with its pictures read and compared."""

    row: Row
    views: Sequence[ReadView]


class Importer:
    """An importer that registers rows for their owners, in one transaction per chunk."""

    def __init__(
        self,
        database: Database,
        comparer: Comparer,
        store: PictureStore,
        *,
        limits: Limits,
        now: Callable[[], datetime],
        place: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._database, self._comparer, self._store = database, comparer, store
        self._limits, self._now, self._place = limits, now, place

    def run(
        self,
        rows: Iterable[Row | RowProblem],
        load: Loader,
        *,
        owner: str | None,
        only_owner: bool = False,
        dry_run: bool = False,
    ) -> Iterator[RowReport]:
        """Yield one report per row, in order. A row's report comes after its chunk is committed.

        `owner` is the handle of the owner of all rows that name no owner. A missing owner is created as a
        brand. With `only_owner`, a row that names another owner is rejected (`row.owner`). `dry_run` checks
        all rows and stores nothing. Raises Unavailable when the database or the disk fails. The earlier
        chunks stay registered.
        """
        chunks = _split_into_chunks(self._read_all(_settle_owners(rows, owner, only_owner=only_owner), load))
        if dry_run:
            yield from self._rehearse(chunks)
        else:
            for chunk in chunks:
                yield from self._register_chunk(chunk)

    def _read_all(self, rows: Iterable[Row | RowProblem], load: Loader) -> Iterator[ReadRow | RowProblem]:
        """Read and compare rows on all cores, in order, only a few rows ahead of the consumer."""
        workers = os.cpu_count() or 1
        ahead: deque[Future[ReadRow | RowProblem]] = deque()
        with ThreadPoolExecutor(workers) as pool:
            try:
                for row in rows:
                    ahead.append(pool.submit(self._read, row, load))
                    if len(ahead) > MIXED_ROWS + workers:  # read on while a chunk is registered
                        yield ahead.popleft().result()
                while ahead:
                    yield ahead.popleft().result()
            finally:
                pool.shutdown(cancel_futures=True)

    def _read(self, row: Row | RowProblem, load: Loader) -> ReadRow | RowProblem:
        if isinstance(row, RowProblem):
            return row
        try:
            maskings = _load_maskings(row, load)
        except Rejected as error:
            return replace(_problem_from(row, error), column="mask")
        pictures = zip(row.pictures, maskings, strict=True)
        try:
            owner_id = self._find_owner_id(row.owner)
            views = [view for name, masking in pictures for view in self._read_file(load, name, masking)]
            check_number(len(views))
            return ReadRow(row, [self._compare(view, owner_id) for view in views])
        except Rejected as error:
            return _problem_from(row, error)

    def _read_file(self, load: Loader, name: str, masking: Masking) -> list[ReadView]:
        """Read a picture of a row. An error names the picture, unless its name is only its place."""
        try:
            with self._place():
                return read_pictures(load(name), self._limits, masking)
        except Rejected as error:
            if name in str(error) or name.isdecimal():
                raise
            raise type(error)(f"{name}: {error}", code=error.code, **error.params) from error

    def _compare(self, view: ReadView, owner_id: str | None) -> ReadView:
        with self._place():
            return view.compare(self._comparer, owner_id)

    def _find_owner_id(self, handle: str) -> str | None:
        with self._database.reading() as session:
            owner = organisations.find_organisation(session, handle)
        return owner.id if owner else None

    def _register_chunk(self, chunk: Sequence[ReadRow | RowProblem]) -> list[RowReport]:
        now = self._now()
        with self._database.writing() as session:
            registration = Registration(session, self._comparer, self._store, now)
            find_owner = cache(partial(organisations.ensure_brand, session, now=now))
            return [_register_row(registration, row, find_owner) for row in chunk]

    def _rehearse(self, chunks: Iterable[Sequence[ReadRow | RowProblem]]) -> Iterator[RowReport]:
        """Yield the reports of a dry run.

        One read-only session serves all chunks, so rows see earlier rows.
        """
        now = self._now()
        new_owners: dict[str, Organisation] = {}
        with self._database.reading() as session:

            def find_owner(handle: str) -> Organisation:
                organisation = organisations.find_organisation(session, handle)
                if organisation is None and handle not in new_owners:
                    new_owners[handle] = organisations.describe_organisation(
                        handle=handle, name=handle, roles=["brand"], now=now
                    )
                return organisation or new_owners[handle]

            registration = Registration(session, self._comparer, None, now)
            for chunk in chunks:
                yield from [_register_row(registration, row, find_owner) for row in chunk]


def _load_maskings(row: Row, load: Loader) -> list[Masking]:
    """Return how to mask the background of each picture."""
    if not row.masks:
        return [usual_masking(row.new.kind)] * len(row.pictures)
    return ["auto" if mask == "auto" else "none" if mask == "none" else load(mask) for mask in row.masks]


def _settle_owners(
    rows: Iterable[Row | RowProblem], owner: str | None, *, only_owner: bool
) -> Iterator[Row | RowProblem]:
    """Yield each row with the handle of its owner, or the problem that makes the row unusable."""
    firsts: dict[tuple[str, str], Row] = {}
    for row in rows:
        if isinstance(row, RowProblem):
            yield row
            continue
        handle, reference = organisations.normal_handle(row.owner or owner or ""), row.new.reference
        first = firsts.setdefault((handle, reference), row)
        error = _owner_error(handle, owner if only_owner else None)
        if error is None and first is not row:
            error = _repeated_error(first, row)
        yield _problem_from(row, error) if error else replace(row, owner=handle)


def _repeated_error(first: Row, row: Row) -> RowRejected:
    """Return the error for a row with the reference of an earlier one, with the names of their files."""
    names = [other.pictures[0] for other in (row, first) if not other.pictures[0].isdecimal()]
    files = f" Their files are {' and '.join(names)}." if len(set(names)) > 1 else ""
    return RowRejected(
        f"Line {first.line} has the reference {row.new.reference} already.{files} "
        "Keep one of the two, or give it another reference (without a table, another file name).",
        code="row.duplicate_reference",
        first_line=first.line,
    )


def _owner_error(handle: str, only_owner: str | None) -> RowRejected | None:
    if not handle:
        return RowRejected("Name the owner of the row in the table or with --org.", code="row.owner")
    if only_owner not in {None, handle}:
        return RowRejected("You can register designs only for yourself.", code="row.owner")
    return None


def _split_into_chunks(rows: Iterable[ReadRow | RowProblem]) -> Iterator[list[ReadRow | RowProblem]]:
    """Yield the rows of one transaction at a time. CHUNK_ROWS, MIXED_ROWS or CHUNK_BYTES ends a chunk."""
    chunk: list[ReadRow | RowProblem] = []
    owners: set[str] = set()
    size_bytes = 0
    for row in rows:
        chunk.append(row)
        if isinstance(row, ReadRow):
            owners.add(row.row.owner)
            size_bytes += sum(len(view.data) for view in row.views)
        most_rows = CHUNK_ROWS if len(owners) < 2 else MIXED_ROWS  # noqa: PLR2004 - one owner
        if len(chunk) >= most_rows or size_bytes >= CHUNK_BYTES:
            yield chunk
            chunk, owners, size_bytes = [], set(), 0
    if chunk:
        yield chunk


def _register_row(
    registration: Registration, read: ReadRow | RowProblem, find_owner: Callable[[str], Organisation]
) -> RowReport:
    if isinstance(read, RowProblem):
        return _report_problem(read)
    try:
        check_new(read.row.new, read.views)  # first: a rejected row must not create an owner
        result = registration.register(find_owner(read.row.owner), read.row.new, read.views)
        return _report_result(read, result)
    except Rejected as error:
        return _report_problem(_problem_from(read.row, error))


def _report_result(read: ReadRow, result: Registered) -> RowReport:
    row, is_known = read.row, result.status == "already_yours"
    findability = best_of(view.local.findability for view in read.views)
    known_as = result.design.reference if result.design.reference != row.new.reference else ""
    near = result.near
    return RowReport(
        row.line,
        row.new.reference,
        result.status,
        design_id="" if inspect(result.design).transient else result.design.id,  # empty in a dry run
        known_as=known_as,
        near_owner=near.view.design.owner.handle if near else "",
        near_reference=near.view.design.reference if near else "",
        near_score=near.score if near else None,
        findability="" if is_known else findability.grade,
        warnings=() if is_known else findability.warnings,
        twin=result.twin,
    )


def _problem_from(row: Row, error: Rejected) -> RowProblem:
    return RowProblem(row.line, row.new.reference, column_of(error.code), error)


def _report_problem(problem: RowProblem) -> RowReport:
    error = problem.error
    return RowReport(
        problem.line, problem.reference, "rejected", code=error.code, column=problem.column, detail=str(error)
    )
