"""Tables in drops: take one, let its owner say which column is which, and give its rows to the files."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from authcheck.errors import Rejected, RowRejected
from authcheck.files.table_columns import Columns, peek_columns
from authcheck.registry import drop_rows
from authcheck.registry.design_files import MASK_WORDS, Row, RowProblem
from authcheck.registry.drop_rows import Matched, Pictures, match, problem_report, row_json
from authcheck.registry.drop_spool import DropSpool
from authcheck.registry.drops import (
    HELD,
    LEFT_OUT,
    NAME_CHARS,
    PART,
    REFUSED,
    WAITING,
    check_room,
)
from authcheck.registry.import_tables import Drop, DropFile


def add_table(
    session: Session, spool: DropSpool, drop: Drop, *, name: str, sha256: str, data: bytes, most_bytes: int
) -> bool:
    """Put a table into a locked drop, and return False for the table that it has already.

    Pictures that wait are held from now on, until the table's rows have named them. Raises Rejected
    (`drop.second_table`, `table.*`), Unavailable (`drop.full`), StorageFailed.
    """
    if drop.table_sha256 == sha256:
        return False
    if drop.table_sha256 is not None:
        raise Rejected(
            "This drop has a table already. Begin another drop for the second one.", code="drop.second_table"
        )
    columns = peek_columns(data, name)
    chosen = {key: key for key in columns.keys if key} if drop_rows.is_ours(columns) else {}
    if chosen:
        drop_rows.read_rows(data, name, _ours(chosen))  # a table that cannot be read is refused here
    check_room(session, drop.organisation_id, len(data), most_bytes)
    spool.put(drop.id, sha256, data)
    drop.table_name, drop.table_sha256, drop.table_bytes = name[-NAME_CHARS:], sha256, len(data)
    drop.columns, drop.state = chosen, "held" if chosen else "columns"
    for file in _files(session, drop, WAITING):
        file.state = HELD
    session.flush()
    return True


def _ours(columns: Mapping[str, str]) -> dict[str, str]:
    """Return which column is which. `pictures` is `picture`."""
    known = {*drop_rows.OFFERED, "owner"}
    return {key: ours if ours in known else ours.removesuffix("s") for key, ours in columns.items()}


def columns_of(spool: DropSpool, drop: Drop) -> Columns:
    """Return the columns of a drop's table. Raises NotFound (`drop.lost`), Rejected (`table.*`)."""
    return peek_columns(spool.get(drop.id, str(drop.table_sha256)), str(drop.table_name))


def choose_columns(session: Session, spool: DropSpool, drop: Drop, chosen: Mapping[str, str]) -> None:
    """Say which column of a locked drop's table is which. Raises Rejected (`drop.*_column`, `table.*`)."""
    data = spool.get(drop.id, str(drop.table_sha256))
    drop_rows.read_rows(data, str(drop.table_name), chosen)
    drop.columns, drop.state = dict(chosen), "held"
    session.flush()


def read_rows(spool: DropSpool, drop: Drop) -> Sequence[Row | RowProblem]:
    """Return the rows of a drop's table, at most 5,000. Raises NotFound (`drop.lost`), Rejected."""
    chosen = tuple(sorted(_ours(drop.columns).items()))
    return _read_once(spool, drop.id, str(drop.table_sha256), str(drop.table_name), chosen)


@lru_cache(maxsize=16)
def _read_once(
    spool: DropSpool, drop_id: str, sha256: str, name: str, chosen: tuple[tuple[str, str], ...]
) -> tuple[Row | RowProblem, ...]:
    """Read a table, and keep its rows: each look at the page asks for them."""
    return tuple(drop_rows.read_rows(spool.get(drop_id, sha256), name, dict(chosen)))


def missing_names(session: Session, spool: DropSpool, drop: Drop) -> list[str]:
    """Return the names of files that the table names and that are not here yet, in the table's order."""
    pictures = Pictures(_files(session, drop))
    names: dict[str, None] = {}
    for row in read_rows(spool, drop):
        for name in (*row.pictures, *row.masks) if isinstance(row, Row) else ():
            if name in MASK_WORDS:
                continue
            try:
                pictures.find(name)
            except RowRejected as error:
                if error.code == "row.picture_missing":
                    names[name] = None
    return list(names)


def start(session: Session, spool: DropSpool, drop: Drop) -> None:
    """Let the rows of a locked drop's table be registered with the files that are here.

    Rows without their files are refused and may be started again when the files are there. Files that no row
    names are left out.
    """
    session.execute(delete(DropFile).where(DropFile.drop_id == drop.id, DropFile.sha256 == ""))
    files = _files(session, drop)
    for row, error in _give_rows(files, read_rows(spool, drop)):
        _refuse_row(session, drop, row, error)
    for file in files:
        if file.state == HELD:
            file.state, file.size_bytes = LEFT_OUT, 0
            spool.remove(drop.id, file.sha256)
    drop.state = "open"
    session.flush()


def start_ready(session: Session, spool: DropSpool, drop: Drop) -> None:
    """Let the rows whose files are all here be registered, to make room for the other files.

    Nothing is refused or left out yet. A table whose columns are not known starts nothing.
    """
    if drop.table_sha256 is not None and drop.state == "held":
        _give_rows(_files(session, drop), read_rows(spool, drop))
        session.flush()


def _give_rows(
    files: Sequence[DropFile], rows: Sequence[Row | RowProblem]
) -> list[tuple[Row | RowProblem, Rejected]]:
    """Give each row to the first file that it names, and return the rows that no file can carry, with why."""
    pictures, given = Pictures(files), {int(file.row["line"]) for file in files if "line" in file.row}
    named = {file.number for file in files if "line" in file.row or file.state == PART}
    problems: list[tuple[Row | RowProblem, Rejected]] = []
    for row in rows:
        if row.line in given:
            continue
        try:
            if isinstance(row, RowProblem):
                raise row.error
            _give(match(row, pictures), named)
        except Rejected as error:
            problems.append((row, error))
    return problems


def _give(found: Matched, named: set[int]) -> None:
    """Give a row to its files, and add their numbers to `named`. Raises RowRejected (`row.picture_*`)."""
    carrier, *others = [*found.pictures, *(mask for mask in found.masks if isinstance(mask, DropFile))]
    if carrier.number in named:
        raise RowRejected(f"Another row names the file {carrier.name} first.", code="row.picture_named_twice")
    bad = next((file for file in others if file.state == REFUSED), None)
    if bad is not None and carrier.state != REFUSED:
        raise RowRejected(f"We cannot read the file {bad.name}.", code="row.picture_unreadable")
    carrier.row = row_json(found)
    named.add(carrier.number)
    if carrier.state == REFUSED:  # it says why by itself
        return
    carrier.state = WAITING
    for file in others:
        if file.number not in named:
            file.state, file.report = PART, {"first": carrier.number, "known_as": carrier.name}
            named.add(file.number)


def _refuse_row(session: Session, drop: Drop, row: Row | RowProblem, error: Rejected) -> None:
    """Note a row of the table that no file can carry."""
    reference = row.new.reference if isinstance(row, Row) else row.reference
    name = row.pictures[0] if isinstance(row, Row) else reference
    drop.last_number += 1
    session.add(
        DropFile(
            drop_id=drop.id,
            number=drop.last_number,
            name=name[-NAME_CHARS:],
            sha256="",
            size_bytes=0,
            state=REFUSED,
            row={},
            attempts=0,
            report=problem_report(row.line, reference, error),
        )
    )


def _files(session: Session, drop: Drop, *states: str) -> Sequence[DropFile]:
    query = select(DropFile).where(DropFile.drop_id == drop.id).order_by(DropFile.number)
    return session.scalars(query.where(DropFile.state.in_(states)) if states else query).all()
