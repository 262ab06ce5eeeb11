"""Lines of text on a label, in every alphabet that our fonts have. The fonts' origin: `fonts/README.md`."""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple, Protocol

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont, shapeStr
from reportlab.pdfgen.canvas import Canvas

from authcheck.labels.letters import EAST_ASIAN, EMBEDDED, Run, clusters, visual_runs

FOLDER = Path(__file__).parent / "fonts"
# A word, or one letter of a script that is written without blanks (Thai, Lao, East Asia).
PIECE = re.compile(r"[!-\u0dff\u0f00-\u1fff\u2000-\u2dff]+ *|[\u0e00-\u0eff]|.")
ELLIPSIS = "..."
FRAME_PT, HATCHING_GREY = 0.4, 0.72
MIRRORED = str.maketrans("()[]{}<>", ")(][}{><")


class Box(NamedTuple):
    """A rectangle in points, measured from the page's left bottom corner."""

    x: float
    y: float
    width: float
    height: float


def width_of(text: str, size: float) -> float:
    """Return the width of a line in points, before letters are joined. Joined letters are not wider."""
    return sum(
        float(pdfmetrics.stringWidth(run.text, registered(run.font), size)) for run in visual_runs(text)
    )


class Paper(Protocol):
    """A drawing of a label. Points are measured from the left bottom corner of the page."""

    def draw_run(self, x: float, y: float, run: Run, size: float) -> float:
        """Draw letters of one font and direction from `x` on the base line `y`. Return their width."""

    def draw_text(self, x: float, y: float, text: str, font: str, size: float) -> None:
        """Draw a text in one of the standard fonts."""

    def draw_bars(self, x: float, y: float, bars: Sequence[Box]) -> None:
        """Fill rectangles that are measured from this point, in one fill: no seams are seen."""

    def draw_hatching(self, frame: Box, lines: Sequence[tuple[float, float, float, float]]) -> None:
        """Draw a frame, and grey lines inside it."""


class Pdf:
    """A drawing that is written as PDF."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas

    def draw_run(self, x: float, y: float, run: Run, size: float) -> float:
        """See `Paper`."""
        self._canvas.setFont(registered(run.font), size)
        shaped = _shape(run, size)
        self._canvas.drawString(x, y, shaped)
        return _measure(shaped, run, size)

    def draw_text(self, x: float, y: float, text: str, font: str, size: float) -> None:
        """See `Paper`."""
        self._canvas.setFont(font, size)
        self._canvas.drawString(x, y, text)

    def draw_bars(self, x: float, y: float, bars: Sequence[Box]) -> None:
        """See `Paper`."""
        self._canvas.saveState()
        self._canvas.translate(x, y)
        path = self._canvas.beginPath()
        for bar in bars:
            path.rect(*bar)
        self._canvas.setFillGray(0)
        self._canvas.drawPath(path, stroke=0, fill=1)
        self._canvas.restoreState()

    def draw_hatching(self, frame: Box, lines: Sequence[tuple[float, float, float, float]]) -> None:
        """See `Paper`."""
        self._canvas.saveState()
        edge = self._canvas.beginPath()
        edge.rect(*frame)
        self._canvas.setLineWidth(FRAME_PT)
        self._canvas.drawPath(edge, stroke=1, fill=0)
        self._canvas.clipPath(edge, stroke=0, fill=0)
        self._canvas.setStrokeGray(HATCHING_GREY)
        for line in lines:
            self._canvas.line(*line)
        self._canvas.restoreState()


def draw_line(paper: Paper, x: float, y: float, text: str, size: float) -> None:
    """Draw a line from the left end `x` on the base line `y`, in points."""
    for run in visual_runs(text):
        x += paper.draw_run(x, y, run, size)


def _shape(run: Run, size: float) -> str:
    """Return the run with joined letters and placed marks, in the order in which it is drawn."""
    has_letters = any(char.isalpha() for char in run.text)
    if run.font in EMBEDDED and (run.is_rtl or has_letters):  # numbers would be shaped from right to left
        shaped: str = shapeStr(run.text, run.font, size)
        return shaped
    return run.text[::-1].translate(MIRRORED) if run.is_rtl else run.text


def _measure(shaped: str, run: Run, size: float) -> float:
    data = getattr(shaped, "__shapeData__", None)
    if data is None:
        return float(pdfmetrics.stringWidth(shaped, run.font, size))
    return float(sum(glyph.x_advance for glyph in data)) * size / 1000


@cache
def registered(font: str) -> str:
    """Return the name of a font that is ready for use."""
    if font in EMBEDDED:
        pdfmetrics.registerFont(TTFont(font, FOLDER / f"{font}.ttf", shapable=True))
    elif font in EAST_ASIAN:
        pdfmetrics.registerFont(UnicodeCIDFont(font))
    return font


def fold(text: str, size: float, width: float, most: int) -> list[str]:
    """Fold a text into at most `most` lines of `width` points. Returns the lines.

    Words stay whole where they fit in a line. "..." replaces the text that does not fit.
    """

    def fits(line: str) -> bool:
        return width_of(line.rstrip(), size) <= width

    lines = [""]
    for piece in _pieces(text):
        if lines[-1] and not fits(lines[-1] + piece):
            lines.append("")
        for part in [piece] if fits(piece) else clusters(piece):
            if not fits(lines[-1] + part):
                lines.append("")
            lines[-1] += part
    if len(lines) > most:
        lines = lines[:most]
        while lines and lines[-1] and not fits(lines[-1] + ELLIPSIS):
            lines[-1] = "".join(clusters(lines[-1])[:-1])
        lines[-1:] = [line.rstrip() + ELLIPSIS for line in lines[-1:]]
    return [line.strip() for line in lines]


def _pieces(text: str) -> list[str]:
    """Return the pieces between which a line may end. A mark stays with its letter."""
    pieces: list[str] = []
    for piece in PIECE.findall(text):
        if pieces and clusters(pieces[-1][-1:] + piece)[0] != pieces[-1][-1:]:
            pieces[-1] += piece
        else:
            pieces.append(piece)
    return pieces
