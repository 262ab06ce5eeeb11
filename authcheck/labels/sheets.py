"""Labels of certificates: the text of their QR codes, and printable sheets of labels."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO, Protocol
from urllib.parse import urlsplit

import segno
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfgen.canvas import Canvas

from authcheck.errors import Rejected
from authcheck.ids import show_code
from authcheck.labels.gs1 import CODE_ATTRIBUTE, link_path
from authcheck.labels.layouts import GAP_MM, PAD_MM, QUIET_MODULES, Layout, module_mm
from authcheck.labels.letters import missing_letters
from authcheck.labels.typesetting import Box, Paper, Pdf, draw_line, fold

LEVEL = "Q"  # of error correction: a quarter of the symbol may be lost
LINE = 1.2  # leading, in font sizes
RULER_MM = 50
CODE_FONT, SMALL_FONT = "Courier-Bold", "Helvetica"
PRODUCT_LINES = 3
SMALL_PT, LEAST_SMALL_PT = 6.5, 4.5  # of the lines in small letters
LEAST_NAME_PT = 3.8
SCAN = "scan to check"


class LabelledUnit(Protocol):
    """The identifiers of a unit that its QR code carries. A certificate's row has these attributes."""

    gtin: str
    lot: str
    serial: str
    code: str


@dataclass(frozen=True, slots=True)
class Label:
    """One label. `brand` is the issuer's name. A scratch-off sticker will cover the printed `pin`.

    With None the label has no place for a PIN.
    """

    code: str
    url: str
    product: str
    pin: str | None = None
    brand: str = ""
    lot: str = ""


@dataclass(frozen=True, slots=True)
class Printed:
    """The result of printing. `module_mm` is the side of the smallest QR module, in millimetres."""

    pages: int
    module_mm: float


def label_url(public_url: str, unit: LabelledUnit, *, short: bool = False) -> str:
    """Return the text of a unit's QR code: a GS1 Digital Link, or `HTTPS://HOST/C/CODE`.

    The Digital Link follows GS1 DL URI Syntax s4.
    Scheme and host are in capitals. This does not change the address (RFC 3986 s6.2.2.1), and a QR code of
    only capitals, digits and `$%*+-./:` has fewer modules. The public address's path, the lot and the serial
    number stay unchanged. A brand's own serial number can be guessed, so its link also carries the code, as
    an extra query attribute (s4.11).
    """
    scheme, _, rest = public_url.partition("://")
    host, slash, path = rest.partition("/")
    root = f"{scheme}://{host}".upper() + slash + path
    if short:
        return f"{root}/C/{unit.code}"
    code = "" if unit.serial == unit.code else f"?{CODE_ATTRIBUTE}={unit.code}"
    return f"{root}{link_path(unit.gtin, unit.lot, unit.serial)}{code}"


def qr(url: str) -> segno.QRCode:
    """Make the QR code of a text at error correction level Q.

    With the small character set a side has 29 modules up to 47 characters, 33 up to 67, and 37 up to 87.
    """
    return segno.make_qr(url, error=LEVEL, boost_error=False)


def sheet(
    labels: Sequence[Label],
    layout: Layout,
    file: BinaryIO,
    *,
    title: str = "",
    advance: Callable[[], object] = lambda: None,
) -> Printed:
    """Write a PDF of the labels in the given order. Call `advance` after each label.

    The same labels give the same bytes. The margin of each page states the module's side, asks to print at
    100 %, and shows a ruler to compare with a real ruler. Raises Rejected (`label.too_small`,
    `label.letters`) before anything is written.
    """
    check_letters(labels)
    pages = -(-len(labels) // layout.labels)
    canvas = Canvas(file, (layout.page_mm[0] * mm, layout.page_mm[1] * mm), pageCompression=1, invariant=1)
    canvas.setTitle(title)
    smallest_mm = float("inf")
    for page in range(pages):
        page_mm = float("inf")
        for place, label in enumerate(labels[page * layout.labels : (page + 1) * layout.labels]):
            page_mm = min(page_mm, draw_label(Pdf(canvas), label, layout, layout.corner_mm(place)))
            advance()
        _draw_margin(canvas, layout, f"{title}   page {page + 1} of {pages}".strip(), page_mm)
        canvas.showPage()
        smallest_mm = min(smallest_mm, page_mm)
    canvas.save()
    return Printed(pages, smallest_mm)


def check_letters(labels: Sequence[Label]) -> None:
    """Raise Rejected (`label.letters`) with the letters for which there is no font. None is ever left out."""
    for text in dict.fromkeys(text for label in labels for text in (label.brand, label.product, label.lot)):
        if letters := missing_letters(text):
            raise Rejected(
                f"We have no font for these letters of {text!r}: {letters}. Issue the certificates under a "
                "name without them, or print labels of your own from `authcheck certificates export`.",
                code="label.letters",
                letters=letters,
                text=text,
            )


def draw_label(paper: Paper, label: Label, layout: Layout, corner_mm: tuple[float, float]) -> float:
    """Draw a label. Return the side of its QR modules in mm. Raises Rejected (`label.too_small`)."""
    matrix = qr(label.url).matrix
    side_mm = module_mm(layout, len(matrix))
    quiet_mm = QUIET_MODULES * side_mm
    whole_mm = side_mm * len(matrix) + 2 * quiet_mm
    left_mm, bottom_mm = corner_mm[0] + PAD_MM, corner_mm[1] + (layout.label_mm[1] - whole_mm) / 2
    top_mm = bottom_mm + whole_mm - quiet_mm
    paper.draw_bars((left_mm + quiet_mm) * mm, top_mm * mm, _bars(matrix, side_mm * mm))
    text_mm = left_mm + whole_mm + GAP_MM
    width_mm = corner_mm[0] + layout.label_mm[0] - PAD_MM - text_mm
    # The text is as high as the symbol, unless the PIN needs more height.
    inset_mm = quiet_mm * (0.4 if label.pin else 1)
    height_mm = whole_mm - 2 * inset_mm
    _draw_text(paper, label, Box(text_mm * mm, (bottom_mm + inset_mm) * mm, width_mm * mm, height_mm * mm))
    return side_mm


def _bars(matrix: Sequence[bytearray], side: float) -> list[Box]:
    """Return all dark modules, each run of a row as one bar. Separate modules would show seams."""
    return [
        Box(run.start() * side, -number * side, len(run[0]) * side, side)
        for number, row in enumerate(matrix, 1)
        for run in re.finditer(rb"\x01+", bytes(row))
    ]


def _draw_text(paper: Paper, label: Label, box: Box) -> None:
    """Draw from the bottom up: the PIN, the code, the host where people type the code, the lot, what to do.

    The brand and the product's name fill the remaining height from the top.
    """
    y = box.y
    if label.pin is not None:
        panel = Box(box.x, y, min(box.width, 32 * mm), min(box.height * 0.3, 8 * mm))
        _draw_pin(paper, label.pin, panel)
        y += panel.height + 1.2 * mm
    code = show_code(label.code)
    size = min(10.0, box.width / pdfmetrics.stringWidth(code, CODE_FONT, 1))
    paper.draw_text(box.x, y, code, CODE_FONT, size)
    y += size
    for line in (urlsplit(label.url).netloc.lower(), *_small_lines(label, size, box)):
        small = _small_size(line, size, box.width)
        paper.draw_text(box.x, y, line, SMALL_FONT, small)
        y += small * LINE
    size = min(9.0, size)
    _draw_names(paper, label, Box(box.x, y, box.width, box.y + box.height - y), size)


def _small_size(line: str, size: float, width: float) -> float:
    """Return the size at which a small line fits into a width."""
    return min(SMALL_PT, size, width / float(pdfmetrics.stringWidth(line, SMALL_FONT, 1)))


def _small_lines(label: Label, size: float, box: Box) -> list[str]:
    """Return the lines above the host: the lot and the advice, in one line where they are still legible."""
    if not label.lot:
        return [SCAN]
    lot = f"Lot {label.lot}"
    joined = f"{lot}  {SCAN}"
    return [joined] if _small_size(joined, size, box.width) >= LEAST_SMALL_PT else [lot, SCAN]


def _draw_names(paper: Paper, label: Label, box: Box, size: float) -> None:
    """Draw the brand in one line and the product's name below it, from the top of the box.

    In a low box both are smaller, and in a very low one they share a line.
    """
    top, product = box.y + box.height, label.product
    fitting = box.height / (0.75 + LINE)
    if label.brand and fitting < LEAST_NAME_PT:
        product = f"{label.product} ({label.brand})"
    elif label.brand:
        size = min(size, fitting)
        small = min(SMALL_PT, size)
        (brand,) = fold(label.brand, small, box.width, 1)
        draw_line(paper, box.x, top - 0.75 * small, brand, small)
        top -= small * LINE
    lines = max(1, min(PRODUCT_LINES, int((top - box.y + 0.25 * size) / (size * LINE))))
    for number, line in enumerate(fold(product, size, box.width, lines)):
        draw_line(paper, box.x, top - size * (0.75 + number * LINE), line, size)


def _draw_pin(paper: Paper, pin: str, box: Box) -> None:
    """Draw the PIN among hatching, so that light through the paper does not show the PIN.

    A sticker covers the frame.
    """
    x, y, width, height = box
    step = 0.9 * mm
    starts = [x - height + number * step for number in range(int((width + height) / step) + 1)]
    rising = [(start, y, start + height, y + height) for start in starts]
    falling = [(start + height, y, start, y + height) for start in starts]
    paper.draw_hatching(box, [line for pair in zip(rising, falling, strict=True) for line in pair])
    size = min(height * 0.8, 0.9 * width / pdfmetrics.stringWidth(pin, CODE_FONT, 1))
    left = x + (width - pdfmetrics.stringWidth(pin, CODE_FONT, size)) / 2
    paper.draw_text(left, y + height / 2 - size * 0.31, pin, CODE_FONT, size)


def _draw_margin(canvas: Canvas, layout: Layout, title: str, side_mm: float) -> None:
    """Draw the printing advice and a ruler of 50 mm into the bottom margin."""
    left, base = 10 * mm, 4.6 * mm
    advice = f"QR module {side_mm:.3f} mm, quiet zone {QUIET_MODULES} modules, level {LEVEL}"
    canvas.setFont(SMALL_FONT, 6)
    canvas.setFillGray(0)
    canvas.drawString(left, base, f"{title}   {layout.name}   {advice}")
    right = layout.page_mm[0] * mm - left
    canvas.setLineWidth(0.5)
    canvas.line(right - RULER_MM * mm, base, right, base)
    for end in (right - RULER_MM * mm, right):
        canvas.line(end, base - 1 * mm, end, base + 1 * mm)
    canvas.drawCentredString(
        right - RULER_MM * mm / 2, base + 2, f"print at 100 %: this line has {RULER_MM} mm"
    )
