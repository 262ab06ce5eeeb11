"""Tables of offers, CSV or JSONL, read into rows that can be stored and checked later."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from authcheck.errors import Rejected, RowRejected
from authcheck.files.import_rows import TableRow, Tell, cell_list, cell_text, read_import
from authcheck.listings.details import DETAILS, TEXT_CHARS, Remark, clean_detail
from authcheck.listings.offers import NewListing, read_date, read_goods

REQUIRED = ("reference", "seller", "channel", "territory", "pictures")
COLUMNS = (*REQUIRED, "goods", "price", "listed_on", "certificate", "currency", *DETAILS)
LISTS = {"pictures", "goods"}
SPARE = {"price", "currency", *DETAILS}  # an odd cell in these columns does not cost a row
SPELLINGS = {
    spelling: column
    for column, spellings in {
        "reference": "referenz listing_id 编号 商品编号",
        "seller": "shop verkäufer 卖家 店铺",
        "channel": "marktplatz marketplace 平台",
        "territory": "land country 国家",
        "pictures": "bilder images 图片",
        "goods": "waren nice_classes 类别",
        "price": "preis 价格 售价",
        "listed_on": "datum date on 日期",
        "certificate": "zertifikat 证书",
        "currency": "währung 货币 币种",
        "url": "link adresse 链接 网址 商品链接",
        "title": "titel 标题 商品标题",
        "description": "beschreibung 描述 商品描述",
        "language": "sprache 语言",
        "seller_name": "verkäufername shop_name shopname 卖家名称 店铺名称",
        "gtin": "ean upc barcode 条码 商品条码",
        "sold_30d": "sold_30_days sales_30d verkauft_30_tage verkauft_30t 30天销量 近30天销量 月销量",
        "stock": "bestand lagerbestand 库存",
        "rank": "rang platz 排名",
        "query": "suchbegriff suchanfrage search_term 搜索词 关键词",
    }.items()
    for spelling in spellings.split()
}
ODD_COLUMNS = {"date": "listed_on"}  # from an error's code to its column, where the two differ


@dataclass(frozen=True, slots=True)
class OfferRow:
    """A row. `given` holds its values as text, fit for JSON.

    `error` and `column` say why and where it cannot be used.
    """

    line: int
    given: Mapping[str, Any]
    error: Rejected | None = None
    column: str = ""


def read_offers(data: bytes, name: str, tell: Tell | None = None) -> Iterator[OfferRow]:
    """Read the offers of a table, see `read_import`.

    Several pictures or goods stand in one field with `|` between.

    A reference that was in the table before is refused the second time. A detail that cannot be used is left
    out, and `given["remarks"]` names it. Raises Rejected (`table.*`).
    """
    rows = read_import(
        data, name, required=REQUIRED, columns=COLUMNS, spare=SPARE, spellings=SPELLINGS, tell=tell
    )
    return _refuse_repeated(map(_read_row, rows))


def _refuse_repeated(rows: Iterable[OfferRow]) -> Iterator[OfferRow]:
    first_lines: dict[str, int] = {}
    for row in rows:
        reference = row.given.get("reference", "")
        first_line = first_lines.setdefault(reference, row.line) if row.error is None else row.line
        if first_line == row.line:
            yield row
            continue
        repeated = RowRejected(
            f"{reference} is in line {first_line} already.",
            code="row.duplicate_reference",
            first_line=first_line,
        )
        yield OfferRow(row.line, row.given, repeated, "reference")


def _read_row(row: TableRow) -> OfferRow:
    if row.error is not None:
        return OfferRow(row.line, {}, row.error)
    given: dict[str, Any] = {}
    remarks = [_left_out(column, error) for column, error in row.odd.items()]
    for column in COLUMNS:
        cell = row.fields.get(column)
        try:
            given[column] = cell_list(cell, column) if column in LISTS else cell_text(cell, column)
        except RowRejected as error:
            if column not in SPARE:
                return OfferRow(row.line, {"reference": given.get("reference", "")}, error, column)
            given[column] = ""
            remarks.append(_left_out(column, error))
        if column in DETAILS:  # now, so that no row of a million is stored with a text of any length
            given[column], about = clean_detail(column, given[column])
            # the text of a cell has no hidden characters any more, so the remarks are about the cell
            remarks += clean_detail(column, cell)[1] if column in TEXT_CHARS and given[column] else about
    return OfferRow(row.line, {**given, "remarks": [remark.to_json() for remark in remarks]})


def _left_out(column: str, error: RowRejected) -> Remark:
    return Remark(column, error.code, f"We left {column} out. {error}")


def new_listing(given: Mapping[str, Any], day: date) -> tuple[NewListing, list[Path]]:
    """Return the offer of a stored row, and its pictures. `day` is its day if it names none.

    A row that an earlier release stored has no details. Raises Rejected (`listing.*`).
    """
    details: dict[str, Any] = {field: given.get(field) for field in DETAILS}
    new = NewListing(
        reference=given["reference"],
        seller=given["seller"],
        channel=given["channel"],
        territory=given["territory"],
        goods=read_goods(" ".join(given["goods"])),
        price=given["price"] or None,
        listed_on=read_date(given["listed_on"]) if given["listed_on"] else day,
        certificate_code=given["certificate"] or None,
        currency=given.get("currency") or None,
        remarks=tuple(Remark(**remark) for remark in given.get("remarks", ())),
        **details,
    )
    return new.checked(), [Path(name) for name in given["pictures"]]


def column_of(code: str) -> str:
    """Return the column that an error's code is about, "" when it is about no single column."""
    family, _, name = code.partition(".")
    column = ODD_COLUMNS.get(name, name)
    return column if family == "listing" and column in COLUMNS else ""
