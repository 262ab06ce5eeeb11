"""Tables of listings at a server."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import typer

from authcheck.errors import Rejected
from authcheck.files.picture_files import read_file
from authcheck.listings.details import DETAILS
from authcheck.listings.imports import RowDone, locate_pictures
from authcheck.listings.offer_files import column_of, read_offers
from authcheck.terminal.output import console
from authcheck.terminal.output import listings as output
from authcheck.terminal.remote.service import Service, is_about_the_caller

MAX_TABLE_BYTES = 1024**3
MAX_PICTURE_BYTES = 1024**3  # the server has a limit of its own
AT_ONCE = 4
TEXTS = {
    "reference": "reference",
    "seller": "seller",
    "channel": "channel",
    "territory": "territory",
    "price": "price",
    "currency": "currency",
    "certificate": "certificate",
    "listed_on": "date",
    **{name: name for name in DETAILS},
}
"""The field of the API for each column of a table."""


def import_listings(service: Service, *, table: Path, json: bool) -> None:
    """Check a table of listings, one request for each row. Running it again checks every row again."""
    rows = read_offers(read_file(table, MAX_TABLE_BYTES), table.name, console.say)
    located = locate_pictures(rows, table.parent)
    done: list[RowDone] = []
    try:
        with console.progress() as progress:
            results = _check(service, located)
            for row in progress.track(results, total=len(located), description="Checking"):
                done.append(row)
                output.show_row(row, json=json)
    finally:  # also when the server goes away half-way: what it has answered is stored there
        console.say(f"{output.counts_text(done)} of {len(located)} rows.")
    raise typer.Exit(1 if done and all("code" in row.result for row in done) else 0)


def _check(service: Service, rows: Sequence[Mapping[str, Any]]) -> Iterator[RowDone]:
    """Yield each row with its result, in the order of the table."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            yield from pool.map(partial(_check_row, service), rows)
        finally:
            pool.shutdown(cancel_futures=True)


def _check_row(service: Service, row: Mapping[str, Any]) -> RowDone:
    """Return a row with the server's answer, or why it is refused. Raises what every row would meet."""
    given, reference = row["given"], row["given"].get("reference", "")
    if "result" in row:
        return RowDone(row["line"], reference, row["result"])
    try:
        result = _submit(service, given)
    except Rejected as error:
        if is_about_the_caller(error):
            raise
        column = "pictures" if error.code.startswith("file.") else column_of(error.code)
        result = {"code": error.code, "detail": str(error), "column": column}
    return RowDone(row["line"], reference, result)


def _submit(service: Service, given: Mapping[str, Any]) -> dict[str, Any]:
    """Hand a row's listing in, and return its result as a bulk import here stores it."""
    texts = {field: str(given[column]) for column, field in TEXTS.items() if given[column] is not None}
    texts["goods"] = " ".join(given["goods"])
    pictures, unreadable = _read_pictures(given["pictures"])
    parts: list[tuple[str, Any]] = [(name, (None, value)) for name, value in texts.items() if value]
    answer = service.upload("/v1/listings", [*parts, *pictures])
    unreadable += [f"{one['picture']}: {one['detail']} [{one['code']}]" for one in answer["unreadable"]]
    return {
        "listing": answer["id"],
        "verdict": answer["verdict"],
        "unreadable": unreadable,
        "remarks": [*given["remarks"], *answer["remarks"]],
    }


def _read_pictures(names: Sequence[str]) -> tuple[list[tuple[str, Any]], list[str]]:
    """Return the pictures as parts of a form, and why others cannot be read. Raises Rejected if none can."""
    pictures: list[tuple[str, Any]] = []
    unreadable: list[str] = []
    for name in names:
        base = Path(name).name
        try:
            pictures.append(("image", (base, read_file(name, MAX_PICTURE_BYTES))))
        except Rejected as error:
            unreadable.append(f"{base}: {error} [{error.code}]")
            if len(unreadable) == len(names):
                raise Rejected(f"{base}: {error}", code=error.code) from error
    return pictures, unreadable
