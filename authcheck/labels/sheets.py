"""Labels of certificates: the text of their QR codes, and printable sheets of labels."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import BinaryIO, NamedTuple, Protocol
from urllib.parse import quote, urlsplit

import segno
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from authcheck.ids import show_code
from authcheck.labels.gs1 import CODE_ATTRIBUTE
from authcheck.labels.layouts import GAP_MM, PAD_MM, QUIET_MODULES, Layout, module_mm

LEVEL = "Q"  # of error correction: a quarter of the symbol may be lost
LINE = 1.2  # leading, in font sizes
RULER_MM = 50
CODE_FONT, SMALL_FONT = "Courier-Bold", "Helvetica"
PRODUCT_FONTS = (  # each with an encoding that lists its characters; PDF readers bring the East Asian fonts
    ("Helvetica-Bold", "cp1252"),
    ("STSong-Light", "gbk"),
    ("HYSMyeongJo-Medium", "cp949"),
)
ANY_FONT, ANY_ENCODING = PRODUCT_FONTS[1]
PRODUCT_LINES = 3
PIECE = re.compile(r"[!-\u024f]+ *|.")  # a word of Latin letters, or one character


class LabelledUnit(Protocol):
    """The identifiers of a unit that its QR code carries. A certificate's row has these attributes."""

    gtin: str
    lot: str
    serial: str
    code: str


@dataclass(frozen=True, slots=True)
class Label:
    """One label. A scratch-off sticker will cover the printed `pin`.

    With None the label has no place for a PIN.
    """

    code: str
    url: str
    product: str
    pin: str | None = None


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
    return f"{root}/01/{unit.gtin}/10/{quote(unit.lot, safe='')}/21/{quote(unit.serial, safe='')}{code}"


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
    100 %, and shows a ruler to compare with a real ruler. Raises Rejected (`label.too_small`) before anything
    is written.
    """
    pages = -(-len(labels) // layout.labels)
    canvas = Canvas(file, (layout.page_mm[0] * mm, layout.page_mm[1] * mm), pageCompression=1, invariant=1)
    canvas.setTitle(title)
    smallest_mm = float("inf")
    for page in range(pages):
        page_mm = float("inf")
        for place, label in enumerate(labels[page * layout.labels : (page + 1) * layout.labels]):
            page_mm = min(page_mm, _draw_label(canvas, label, layout, layout.corner_mm(place)))
            advance()
        _draw_margin(canvas, layout, f"{title}   page {page + 1} of {pages}".strip(), page_mm)
        canvas.showPage()
        smallest_mm = min(smallest_mm, page_mm)
    canvas.save()
    return Printed(pages, smallest_mm)


class _Box(NamedTuple):
    """A rectangle in points, measured from the page's left bottom corner."""

    x: float
    y: float
    width: float
    height: float


def _draw_label(canvas: Canvas, label: Label, layout: Layout, corner_mm: tuple[float, float]) -> float:
    """Draw a label. Returns the side of its QR modules in millimetres."""
    matrix = qr(label.url).matrix
    side_mm = module_mm(layout, len(matrix))
    quiet_mm = QUIET_MODULES * side_mm
    whole_mm = side_mm * len(matrix) + 2 * quiet_mm
    left_mm, bottom_mm = corner_mm[0] + PAD_MM, corner_mm[1] + (layout.label_mm[1] - whole_mm) / 2
    canvas.saveState()
    canvas.translate((left_mm + quiet_mm) * mm, (bottom_mm + whole_mm - quiet_mm) * mm)
    _draw_qr(canvas, matrix, side_mm * mm)
    canvas.restoreState()
    text_mm = left_mm + whole_mm + GAP_MM
    width_mm = corner_mm[0] + layout.label_mm[0] - PAD_MM - text_mm
    # The text is as high as the symbol, unless the PIN needs more height.
    inset_mm = quiet_mm * (0.4 if label.pin else 1)
    height_mm = whole_mm - 2 * inset_mm
    _draw_text(canvas, label, _Box(text_mm * mm, (bottom_mm + inset_mm) * mm, width_mm * mm, height_mm * mm))
    return side_mm


def _draw_qr(canvas: Canvas, matrix: Sequence[bytearray], side: float) -> None:
    """Draw all modules in one fill, each run of a row as one bar.

    Separate modules would show seams on a screen.
    """
    path = canvas.beginPath()
    for number, row in enumerate(matrix, 1):
        for run in re.finditer(rb"\x01+", bytes(row)):
            path.rect(run.start() * side, -number * side, len(run[0]) * side, side)
    canvas.setFillGray(0)
    canvas.drawPath(path, stroke=0, fill=1)


def _draw_text(canvas: Canvas, label: Label, box: _Box) -> None:
    """Draw from the bottom up: the PIN, the code, and the host where people type the code.

    The product's name fills the remaining height from the top.
    """
    y = box.y
    if label.pin is not None:
        panel = _Box(box.x, y, min(box.width, 32 * mm), min(box.height * 0.3, 8 * mm))
        _draw_pin(canvas, label.pin, panel)
        y += panel.height + 1.2 * mm
    code = show_code(label.code)
    size = min(10.0, box.width / pdfmetrics.stringWidth(code, CODE_FONT, 1))
    canvas.setFont(CODE_FONT, size)
    canvas.drawString(box.x, y, code)
    y += size
    host = urlsplit(label.url).netloc.lower()
    small = min(6.5, size, box.width / pdfmetrics.stringWidth(host, SMALL_FONT, 1))
    canvas.setFont(SMALL_FONT, small)
    canvas.drawString(box.x, y, host)
    y += small * LINE
    font, text = product_font(label.product)
    size = min(9.0, size)
    canvas.setFont(font, size)
    top = box.y + box.height
    lines = min(PRODUCT_LINES, int((top - y + 0.25 * size) / (size * LINE)))
    for number, line in enumerate(fold(text, font, size, box.width, lines)):
        canvas.drawString(box.x, top - size * (0.75 + number * LINE), line)


def _draw_pin(canvas: Canvas, pin: str, box: _Box) -> None:
    """Draw the PIN among hatching, so that light through the paper does not show the PIN.

    A sticker covers the frame.
    """
    x, y, width, height = box
    canvas.saveState()
    frame = canvas.beginPath()
    frame.rect(x, y, width, height)
    canvas.setLineWidth(0.4)
    canvas.drawPath(frame, stroke=1, fill=0)
    canvas.clipPath(frame, stroke=0, fill=0)
    canvas.setStrokeGray(0.72)
    step = 0.9 * mm
    for number in range(int((width + height) / step) + 1):
        start = x - height + number * step
        canvas.line(start, y, start + height, y + height)
        canvas.line(start + height, y, start, y + height)
    size = min(height * 0.8, 0.9 * width / pdfmetrics.stringWidth(pin, CODE_FONT, 1))
    canvas.setFont(CODE_FONT, size)
    canvas.drawCentredString(x + width / 2, y + height / 2 - size * 0.31, pin)
    canvas.restoreState()


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


def product_font(text: str) -> tuple[str, str]:
    """Return the font for a product's name, and the name.

    A character without a font becomes a question mark.
    """
    for font, encoding in PRODUCT_FONTS:
        try:
            text.encode(encoding)
        except UnicodeEncodeError:
            continue
        return _registered_font(font), text
    return _registered_font(ANY_FONT), text.encode(ANY_ENCODING, "replace").decode(ANY_ENCODING)


@cache
def _registered_font(font: str) -> str:
    if font != PRODUCT_FONTS[0][0]:
        pdfmetrics.registerFont(UnicodeCIDFont(font))
    return font


def fold(text: str, font: str, size: float, width: float, most: int) -> list[str]:
    """Fold a text into at most `most` lines of `width` points. Returns the lines.

    Latin words stay whole where they fit in a line. "..." replaces the text that does not fit.
    """

    def fits(line: str) -> bool:
        return bool(pdfmetrics.stringWidth(line.rstrip(), font, size) <= width)

    lines = [""]
    for piece in PIECE.findall(text):
        if lines[-1] and not fits(lines[-1] + piece):
            lines.append("")
        for part in [piece] if fits(piece) else piece:
            if not fits(lines[-1] + part):
                lines.append("")
            lines[-1] += part
    if len(lines) > most:
        lines = lines[:most]
        while lines and lines[-1] and not fits(lines[-1] + "..."):
            lines[-1] = lines[-1][:-1]
        lines[-1:] = [line.rstrip() + "..." for line in lines[-1:]]
    return [line.strip() for line in lines]
