"""Builders of files as strangers' programs write them: workbooks, archives, vector drawings, PDF, HEIC."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

import pillow_heif
from PIL import Image
from reportlab.pdfgen.canvas import Canvas

Cells = Sequence[Sequence[str | float | bool | None]]
DAY_STYLE = 1  # of a number that is a day


class Day(float):
    """A day in a workbook: the number of days since 1899-12-30."""


class Formula(str):
    """A formula in a workbook whose value was never computed. An error is a text such as `#N/A`."""

    __slots__ = ()


def zip_of(files: Mapping[str, bytes | str]) -> bytes:
    """Return a ZIP archive of files by name."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def declare(archive: bytes, size_bytes: int, at: int = 24) -> bytes:
    """Return an archive of one file whose directory says that the file has this many bytes.

    At 24 is the size of the file, at 20 its size in the archive.
    """
    place = archive.index(b"PK\x01\x02") + at
    return archive[:place] + size_bytes.to_bytes(4, "little") + archive[place + 4 :]


def xlsx(sheets: Mapping[str, Cells], hidden: Sequence[str] = ()) -> bytes:
    """Return a workbook as Excel writes it."""
    main = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    rel = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    numbers = range(1, len(sheets) + 1)
    files = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="r1" '
        f'Type="{rel}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook {main} xmlns:r="{rel}"><sheets>'
        + "".join(
            f'<sheet name="{escape(name)}" sheetId="{number}" r:id="s{number}"'
            + ' state="hidden"' * (name in hidden)
            + "/>"
            for number, name in zip(numbers, sheets, strict=True)
        )
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships">'
        + "".join(
            f'<Relationship Id="s{number}" Type="{rel}/worksheet" Target="worksheets/sheet{number}.xml"/>'
            for number in numbers
        )
        + f'<Relationship Id="st" Type="{rel}/styles" Target="styles.xml"/></Relationships>',
        "xl/styles.xml": f'<styleSheet {main}><cellXfs><xf numFmtId="0"/>'
        '<xf numFmtId="14" applyNumberFormat="1"/></cellXfs></styleSheet>',
    }
    for number, rows in zip(numbers, sheets.values(), strict=True):
        lines = (
            f'<row r="{line}">{"".join(_xlsx_cell(cell, line, column) for column, cell in enumerate(row))}</row>'
            for line, row in enumerate(rows, 1)
        )
        files[f"xl/worksheets/sheet{number}.xml"] = (
            f"<worksheet {main}><sheetData>{''.join(lines)}</sheetData></worksheet>"
        )
    return zip_of(files)


def _xlsx_cell(cell: str | float | bool | None, line: int, column: int) -> str:
    place = f'r="{chr(ord("A") + column)}{line}"'
    if isinstance(cell, bool):
        return f'<c {place} t="b"><v>{int(cell)}</v></c>'
    if isinstance(cell, Day):
        return f'<c {place} s="{DAY_STYLE}"><v>{float(cell)!r}</v></c>'
    if isinstance(cell, Formula):
        return f"<c {place}><f>{cell}</f><v></v></c>"
    if isinstance(cell, str):
        is_error = cell.startswith("#")
        text = (
            f' t="e"><f>A1</f><v>{cell}</v>' if is_error else f' t="inlineStr"><is><t>{escape(cell)}</t></is>'
        )
        return f"<c {place}{text}</c>"
    return "" if cell is None else f"<c {place}><v>{cell!r}</v></c>"


def ods(rows: Cells) -> bytes:
    """Return a workbook as LibreOffice writes it."""
    spaces = " ".join(
        f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{short}:1.0"'
        for short in ("office", "table", "text")
    )
    lines = "".join(f"<table:table-row>{''.join(map(_ods_cell, row))}</table:table-row>" for row in rows)
    return zip_of(
        {
            "mimetype": "application/vnd.oasis.opendocument.spreadsheet",
            "META-INF/manifest.xml": '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>',
            "content.xml": f'<office:document-content {spaces}><office:body><office:spreadsheet><table:table table:name="Sheet1">'
            f"{lines}</table:table></office:spreadsheet></office:body></office:document-content>",
        }
    )


def _ods_cell(cell: str | float | bool | None) -> str:
    if isinstance(cell, str):
        return (
            f'<table:table-cell office:value-type="string"><text:p>{escape(cell)}</text:p></table:table-cell>'
        )
    if cell is None:
        return "<table:table-cell/>"
    return f'<table:table-cell office:value-type="float" office:value="{cell}"/>'


def svg(body: str, attributes: str = 'viewBox="0 0 100 80"', before: str = "") -> bytes:
    """Return a drawing."""
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f"{before}<svg {names} {attributes}>{body}</svg>".encode()


def pdf(
    pages: int = 1, size_pt: tuple[float, float] = (300, 400), blank: Sequence[int] = (), **options: Any
) -> bytes:
    """Return a PDF with another drawing on each page. The pages in `blank`, from 0, are empty."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=size_pt, **options)
    for page in range(pages):
        if page not in blank:
            canvas.setFillColorRGB(0.9, 0.2, 0.1)
            canvas.rect(20, 30 + 9 * page, 90, 200, fill=1)
            canvas.circle(200, 300 - 20 * page, 60, fill=1)
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()


def heic(image: Image.Image, **options: Any) -> bytes:
    """Return a picture as an iPhone stores it."""
    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, quality=90, **options)
    return buffer.getvalue()
