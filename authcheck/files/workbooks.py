"""Workbooks of spreadsheet programs (.xlsx, .xls, .ods), read as the rows of their first sheet."""

import io
import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass

from authcheck.errors import Rejected
from authcheck.files.bounded import MIB, Bounds, TooCostly, run_bounded

STARTS = (b"PK\x03\x04", b"PK\x05\x06", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
WORKBOOK_BYTES = 64 * MIB
UNPACKED_BYTES = 512 * MIB
PARTS = 10_000
CELLS = 5_000_000
BOUNDS = Bounds(memory_bytes=1536 * MIB, cpu_s=30, wall_s=90)
SAVE_AS_CSV = "Open it, save the sheet as CSV (in Excel: Save as, CSV UTF-8) and hand in the CSV file."
Cell = str | list[str]  # a list: a rounded number, or nothing where the value is missing


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows of a sheet, from its first row. `others` are further sheets with content, not read."""

    name: str
    others: tuple[str, ...]
    rows: Iterator[list[Cell]]


def is_workbook(data: bytes) -> bool:
    """Return whether a table's first bytes are those of a workbook, whatever its name says."""
    return data.startswith(STARTS)


def read_sheet(data: bytes) -> Sheet:
    """Read the first visible sheet that has content.

    Raises Rejected (`table.empty`, `table.workbook` for a damaged, protected or much too large workbook).
    """
    _check_size(data)
    try:
        header, body = run_bounded("authcheck.files.workbook_child", data, {"cells": CELLS}, BOUNDS)
    except TooCostly as error:
        raise _workbook_error("is too large, or damaged") from error
    if error_name := header.get("error"):
        raise _workbook_error(
            {
                "protected": "is protected with a password",
                "too_large": f"has more than {CELLS} cells",
                "damaged": "cannot be read: it is damaged, protected with a password, or of another kind",
            }[error_name]
        )
    name, *others = header["sheets"] or [""]
    if not body.strip():
        raise Rejected("The table is empty.", code="table.empty")
    return Sheet(name, tuple(others), (json.loads(line) if line else [] for line in body.split(b"\n")))


def _check_size(data: bytes) -> None:
    """Refuse a workbook that is small as a file and enormous when unpacked, before it is unpacked."""
    if len(data) > WORKBOOK_BYTES:
        raise _workbook_error(f"has more than {WORKBOOK_BYTES // MIB} MiB")
    if not data.startswith(b"PK"):
        return
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            sizes = [part.file_size for part in archive.infolist()]
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as error:
        raise _workbook_error("is damaged") from error
    if sum(sizes) > UNPACKED_BYTES or len(sizes) > PARTS:
        raise _workbook_error(f"has more than {UNPACKED_BYTES // MIB} MiB when it is unpacked")


def _workbook_error(reason: str) -> Rejected:
    return Rejected(f"The table is a workbook that {reason}. {SAVE_AS_CSV}", code="table.workbook")
