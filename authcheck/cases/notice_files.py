"""Tables of listings that a notice names: CSV, JSON or a workbook with a row per listing."""

from authcheck.cases.filing import Named
from authcheck.errors import RowRejected
from authcheck.files.import_rows import TableRow, cell_text, read_import

COLUMNS = ("listing", "reference", "marketplace")
SPELLINGS = {
    spelling: column
    for column, spellings in {
        "listing": "listing_id angebot 商品 商品id",
        "reference": "referenz 编号 商品编号",
        "marketplace": "channel marktplatz 平台",
    }.items()
    for spelling in spellings.split()
}


def read_rows(data: bytes, name: str) -> list[Named]:
    """Read the listings of a table, see `read_import`. `name` is the file's name.

    A row that cannot be read is in the result with its error. Raises Rejected (`table.*`).
    """
    return [
        _read_row(row) for row in read_import(data, name, required=(), columns=COLUMNS, spellings=SPELLINGS)
    ]


def _read_row(row: TableRow) -> Named:
    try:
        if row.error is not None:
            raise row.error
        return Named(**{column: cell_text(row.fields.get(column), column) for column in COLUMNS})
    except RowRejected as error:
        return Named(code=error.code, detail=f"Line {row.line}: {error}")
