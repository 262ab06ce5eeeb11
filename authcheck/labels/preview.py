"""A label as SVG, as large as it is printed: what a brand looks at before it prints thousands."""

from collections.abc import Sequence
from html import escape

from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics

from authcheck.labels.layouts import Layout
from authcheck.labels.letters import Run
from authcheck.labels.sheets import CODE_FONT, Label, check_letters, draw_label
from authcheck.labels.typesetting import FRAME_PT, HATCHING_GREY, Box, width_of

FAMILIES = {CODE_FONT: 'Courier, "Courier New", monospace'}
SANS = "Helvetica, Arial, sans-serif"
CORNER = (0.0, 0.0)


class Svg:
    """A drawing of one label as SVG. The browser's fonts are stretched to the widths of the print's fonts."""

    def __init__(self, layout: Layout) -> None:
        self._width_mm, self._height_mm = layout.label_mm
        self._parts: list[str] = []

    def draw_run(self, x: float, y: float, run: Run, size: float) -> float:
        """See `typesetting.Paper`. The browser joins and orders the letters."""
        width = width_of(run.text, size)
        self._write(f"<text x='{x:.2f}' y='{self._flip(y):.2f}' font-family='{SANS}'", run.text, size, width)
        return width

    def draw_text(self, x: float, y: float, text: str, font: str, size: float) -> None:
        """See `typesetting.Paper`."""
        width = float(pdfmetrics.stringWidth(text, font, size))
        bold = " font-weight='700'" if font == CODE_FONT else ""
        family = FAMILIES.get(font, SANS)
        begin = f"<text x='{x:.2f}' y='{self._flip(y):.2f}' font-family='{family}'{bold}"
        self._write(begin, text, size, width)

    def _write(self, begin: str, text: str, size: float, width: float) -> None:
        self._parts.append(
            f"{begin} font-size='{size:.2f}' textLength='{width:.2f}' lengthAdjust='spacingAndGlyphs'>"
            f"{escape(text)}</text>"
        )

    def draw_bars(self, x: float, y: float, bars: Sequence[Box]) -> None:
        """See `typesetting.Paper`."""
        moves = (
            f"M{x + left:.3f} {self._flip(y + low):.3f}h{width:.3f}v{-height:.3f}h{-width:.3f}z"
            for left, low, width, height in bars
        )
        self._parts.append(f"<path d='{''.join(moves)}'/>")

    def draw_hatching(self, frame: Box, lines: Sequence[tuple[float, float, float, float]]) -> None:
        """See `typesetting.Paper`."""
        x, y, width, height = frame
        corner = f"x='{x:.2f}' y='{self._flip(y + height):.2f}' width='{width:.2f}' height='{height:.2f}'"
        moves = "".join(
            f"M{left:.2f} {self._flip(low):.2f}L{right:.2f} {self._flip(high):.2f}"
            for left, low, right, high in lines
        )
        grey = round(255 * HATCHING_GREY)
        self._parts.append(
            f"<clipPath id='panel'><rect {corner}/></clipPath>"
            f"<path clip-path='url(#panel)' d='{moves}' stroke='rgb({grey} {grey} {grey})'"
            f" stroke-width='{FRAME_PT}'/>"
            f"<rect {corner} fill='none' stroke='#000' stroke-width='{FRAME_PT}'/>"
        )

    def _flip(self, y: float) -> float:
        """Return the distance from the top edge."""
        return self._height_mm * float(mm) - y

    def text(self) -> str:
        """Return the drawing. Its size is that of the print."""
        width, height = self._width_mm, self._height_mm
        return (
            f"<svg class='label-svg' xmlns='http://www.w3.org/2000/svg' width='{width}mm' height='{height}mm'"
            f" viewBox='0 0 {width * mm:.2f} {height * mm:.2f}' aria-hidden='true'>"
            f"<rect width='100%' height='100%' rx='4' fill='#fff' stroke='none'/>"
            f"<g fill='#000' stroke='none'>{''.join(self._parts)}</g></svg>"
        )


def label_svg(label: Label, layout: Layout) -> str:
    """Return a label as SVG. Raises Rejected (`label.too_small`, `label.letters`)."""
    check_letters([label])
    paper = Svg(layout)
    draw_label(paper, label, layout, CORNER)
    return paper.text()
