"""Bulk registration: rows in, a report with one line a row out; what is good lands whatever else is bad."""

import os
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

from sqlalchemy import inspect

from authcheck.errors import ImageRejected, NotFound, Rejected, RowRejected
from authcheck.files.picture_files import read_file
from authcheck.members import organisations
from authcheck.members.tables import Organisation
from authcheck.registry.design_files import Row, RowProblem
from authcheck.registry.features import Masking, usual_masking
from authcheck.registry.live_hashes import LiveGallery
from authcheck.registry.registration import ReadView, Registered, Registration, check_new, read_view
from authcheck.storage.database import Database
from authcheck.storage.pictures import PictureStore
from authcheck.vision.features.findability import best_of
from authcheck.vision.pictures.decode import Limits

CHUNK_ROWS = 64  # one transaction
CHUNK_BYTES = 64 * 1024 * 1024  # of pictures, held in memory until it commits

Loader = Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class ReadRow:
    """A row whose pictures were read and fingerprinted."""

    row: Row
    views: Sequence[ReadView]


@dataclass(frozen=True, slots=True)
class RowReport:
    """What became of one row.

    `status` is registered, already_yours, disputed or rejected; `code`, `column` and `detail` say why it was rejected;
    `near_*` name the other owner's design that a disputed one came near, with the score in [0, 1]. `findability` (good, fair,
    poor) and `warnings` (codes) are those of the design's best picture, empty where nothing was registered.
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

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def count_statuses(reports: Iterable[RowReport]) -> dict[str, int]:
    """How many rows ended in each status; all four are present."""
    found = Counter(report.status for report in reports)
    return {status: found[status] for status in ("registered", "already_yours", "disputed", "rejected")}


def load_from(folder: Path, max_bytes: int = Limits().bytes) -> Loader:
    """A loader of picture files, named relative to `folder` or absolutely."""

    def load(name: str) -> bytes:
        try:
            return read_file(folder / name, max_bytes)
        except NotFound as error:
            raise RowRejected(
                f"There is no file {name}.", code="row.picture_missing", picture=name
            ) from error
        except ImageRejected:
            raise
        except Rejected as error:
            raise RowRejected(
                f"{name} cannot be read.", code="row.picture_unreadable", picture=name
            ) from error

    return load


class Importer:
    """Registers rows for owners, a transaction a chunk."""

    def __init__(
        self,
        database: Database,
        live: LiveGallery,
        store: PictureStore,
        *,
        dispute: float,
        limits: Limits,
        now: Callable[[], datetime],
    ) -> None:
        self._database, self._live, self._store = database, live, store
        self._dispute, self._limits, self._now = dispute, limits, now

    def run(
        self,
        rows: Iterable[Row | RowProblem],
        load: Loader,
        *,
        owner: str | None,
        only_owner: bool = False,
        dry_run: bool = False,
    ) -> Iterator[RowReport]:
        """Yield a report a row, in order, each once its chunk is committed.

        `owner` (a handle, made as a brand where missing) owns rows that name none; with `only_owner` a row that names
        another is rejected (`row.owner`). With `dry_run` everything is looked at and nothing stored. Raises
        Unavailable where the database or the disk gives up; the chunks before it have landed.
        """
        chunks = _chunks(self._read_all(_plans(rows, owner, only_owner=only_owner), load))
        if dry_run:
            yield from self._rehearse(chunks)
        else:
            for chunk in chunks:
                yield from self._land(chunk)

    def _read_all(self, plans: Iterable[Row | RowProblem], load: Loader) -> Iterator[ReadRow | RowProblem]:
        """Read rows on all cores, in order, few ahead of the one that is asked for."""
        workers = os.cpu_count() or 1
        ahead: deque[Future[ReadRow | RowProblem]] = deque()
        with ThreadPoolExecutor(workers) as pool:
            try:
                for plan in plans:
                    ahead.append(pool.submit(self._read, plan, load))
                    if len(ahead) > 2 * workers:
                        yield ahead.popleft().result()
                while ahead:
                    yield ahead.popleft().result()
            finally:
                pool.shutdown(cancel_futures=True)

    def _read(self, plan: Row | RowProblem, load: Loader) -> ReadRow | RowProblem:
        if isinstance(plan, RowProblem):
            return plan
        try:
            maskings = _maskings(plan, load)
        except Rejected as error:
            return replace(_problem(plan, error), column="mask")
        named = zip(plan.pictures, maskings, strict=True)
        try:
            return ReadRow(plan, [read_view(load(name), self._limits, masking) for name, masking in named])
        except Rejected as error:
            return _problem(plan, error)

    def _land(self, chunk: Sequence[ReadRow | RowProblem]) -> list[RowReport]:
        now = self._now()
        with self._database.writing() as session:
            registration = Registration(session, self._live, self._store, self._dispute, now)
            find_owner = cache(partial(organisations.ensure_brand, session, now=now))
            return [_report(registration, one, find_owner) for one in chunk]

    def _rehearse(self, chunks: Iterable[Sequence[ReadRow | RowProblem]]) -> Iterator[RowReport]:
        """What `_land` would report: one session that only reads, so that each row still sees all rows before it."""
        now = self._now()
        made: dict[str, Organisation] = {}

        with self._database.reading() as session:

            def find_owner(handle: str) -> Organisation:
                found = organisations.find_organisation(session, handle)
                if found is None and handle not in made:
                    made[handle] = organisations.describe_organisation(
                        handle=handle, name=handle, roles=["brand"], now=now
                    )
                return found or made[handle]

            registration = Registration(session, self._live, None, self._dispute, now)
            for chunk in chunks:
                yield from [_report(registration, one, find_owner) for one in chunk]


def _maskings(row: Row, load: Loader) -> list[Masking]:
    """What is done about the ground, a picture each."""
    if not row.masks:
        return [usual_masking(row.new.kind)] * len(row.pictures)
    return ["auto" if mask == "auto" else "none" if mask == "none" else load(mask) for mask in row.masks]


def _plans(
    rows: Iterable[Row | RowProblem], owner: str | None, *, only_owner: bool
) -> Iterator[Row | RowProblem]:
    """The rows with their owners settled, or why they cannot be used."""
    seen: dict[tuple[str, str], int] = {}
    for row in rows:
        if isinstance(row, RowProblem):
            yield row
            continue
        handle, reference = row.owner or owner or "", row.new.reference
        first = seen.setdefault((handle, reference), row.line)
        problem = _problem_of_owner(handle, owner if only_owner else None)
        if problem is None and first != row.line:
            problem = RowRejected(
                f"{reference} stands in line {first} already.",
                code="row.duplicate_reference",
                first_line=first,
            )
        yield _problem(row, problem) if problem else replace(row, owner=handle)


def _problem_of_owner(handle: str, only: str | None) -> RowRejected | None:
    if not handle:
        return RowRejected("The row names no owner; name one in the table or with --owner.", code="row.owner")
    return (
        RowRejected("You register for yourself only.", code="row.owner")
        if only not in {None, handle}
        else None
    )


def _chunks(read: Iterable[ReadRow | RowProblem]) -> Iterator[list[ReadRow | RowProblem]]:
    """Rows for one transaction each: so many, or pictures of so many bytes, whatever is reached first."""
    chunk: list[ReadRow | RowProblem] = []
    size_bytes = 0
    for one in read:
        chunk.append(one)
        size_bytes += sum(len(view.data) for view in one.views) if isinstance(one, ReadRow) else 0
        if len(chunk) == CHUNK_ROWS or size_bytes >= CHUNK_BYTES:
            yield chunk
            chunk, size_bytes = [], 0
    if chunk:
        yield chunk


def _report(
    registration: Registration, read: ReadRow | RowProblem, find_owner: Callable[[str], Organisation]
) -> RowReport:
    if isinstance(read, RowProblem):
        return _refused(read)
    try:
        check_new(read.row.new, read.views)  # first: a refused row must not leave an owner behind
        return _landed(read, registration.register(find_owner(read.row.owner), read.row.new, read.views))
    except Rejected as error:
        return _refused(_problem(read.row, error))


def _landed(read: ReadRow, result: Registered) -> RowReport:
    row, known = read.row, result.status == "already_yours"
    found = best_of(view.local.findability for view in read.views)
    known_as = result.design.reference if result.design.reference != row.new.reference else ""
    near = result.near
    return RowReport(
        row.line,
        row.new.reference,
        result.status,
        design_id="" if inspect(result.design).transient else result.design.id,  # a dry run made none
        known_as=known_as,
        near_owner=near.design.owner.handle if near else "",
        near_reference=near.design.reference if near else "",
        near_score=near.score if near else None,
        findability="" if known else found.grade,
        warnings=() if known else found.warnings,
    )


def _problem(row: Row, error: Rejected) -> RowProblem:
    return RowProblem(row.line, row.new.reference, _column_of(error.code), error)


def _refused(problem: RowProblem) -> RowReport:
    error = problem.error
    return RowReport(
        problem.line, problem.reference, "rejected", code=error.code, column=problem.column, detail=str(error)
    )


def _column_of(code: str) -> str:
    """The column that an error's code speaks of."""
    if code.startswith(("image.", "row.picture")):
        return "picture"
    noun, _, what = code.partition(".")
    if noun == "mask":
        return "mask"
    if noun == "row":
        return {"owner": "owner", "duplicate_reference": "reference"}.get(what, "")
    if noun == "design":
        return what if what in {"title", "kind", "collection"} else "reference"
    return "owner" if noun == "organisation" else ""
