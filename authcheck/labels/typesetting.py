"""Lines of text on a label, in every alphabet that our fonts have. The fonts' origin: `fonts/README.md`."""

import re
from functools import cache
from pathlib import Path

from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont, shapeStr
from reportlab.pdfgen.canvas import Canvas

from authcheck.labels.letters import EAST_ASIAN, EMBEDDED, Run, clusters, visual_runs

FOLDER = Path(__file__).parent / "fonts"
# A word, or one letter of a script that is written without blanks (Thai, Lao, East Asia).
PIECE = re.compile(r"[!-\u0dff\u0f00-\u1fff\u2000-\u2dff]+ *|[\u0e00-\u0eff]|.")
ELLIPSIS = "..."
MIRRORED = str.maketrans("()[]{}<>", ")(][}{><")


def width_of(text: str, size: float) -> float:
    """Return the width of a line in points, before letters are joined. Joined letters are not wider."""
    return sum(
        float(pdfmetrics.stringWidth(run.text, _registered(run.font), size)) for run in visual_runs(text)
    )


def draw_line(canvas: Canvas, x: float, y: float, text: str, size: float) -> None:
    """Draw a line from the left end `x` on the base line `y`, in points."""
    for run in visual_runs(text):
        canvas.setFont(_registered(run.font), size)
        shaped = _shape(run, size)
        canvas.drawString(x, y, shaped)
        x += _measure(shaped, run, size)


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
def _registered(font: str) -> str:
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
