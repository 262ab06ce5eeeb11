"""Builders that tests of labels share: labels, their sheets as pixels, and the wear of print and camera."""

import io
import random
from dataclasses import dataclass

import cv2
import make
import numpy as np
import pypdfium2
from numpy.typing import NDArray
from PIL import Image

from authcheck.ids import new_code
from authcheck.labels.layouts import LAYOUTS, Layout
from authcheck.labels.sheets import Label, label_url, qr, sheet

HOST = "https://authcheck.example"
PRODUCT = "牡丹真丝方巾 Peony scarf"
Grey = NDArray[np.uint8]


@dataclass
class Unit:
    """The content of a unit's QR code."""

    gtin: str = "09506000134352"
    lot: str = "L1"
    serial: str = ""
    code: str = ""


def labels(count: int, *, short: bool = False, pin: str | None = None) -> list[Label]:
    """Return labels of units with new codes."""
    codes = [new_code() for _ in range(count)]
    return [
        Label(code, label_url(HOST, Unit(serial=code, code=code), short=short), PRODUCT, pin)
        for code in codes
    ]


def pdf(printed: list[Label], layout: Layout = LAYOUTS["a4-24"], title: str = "") -> bytes:
    """Return the sheets of these labels as a PDF."""
    file = io.BytesIO()
    sheet(printed, layout, file, title=title)
    return file.getvalue()


def pages(document: bytes, dpi: int = 300) -> list[Image.Image]:
    """Return the pages as a printer with this many dots per inch draws them."""
    opened = pypdfium2.PdfDocument(document)
    drawn = [page.render(scale=dpi / 72, grayscale=True).to_pil() for page in opened]
    opened.close()
    return drawn


def words(document: bytes) -> str:
    """Return all text of the pages."""
    opened = pypdfium2.PdfDocument(document)
    said = "".join(page.get_textpage().get_text_range() for page in opened)
    opened.close()
    return said


def symbol(text: str, module_px: int = 6, border: int = 4) -> Image.Image:
    """Return a QR code alone, with any text."""
    modules = np.array([[not dark for dark in row] for row in qr(text).matrix_iter(border=border)], np.uint8)
    return Image.fromarray(np.kron(modules * 255, np.ones((module_px, module_px), np.uint8)))


@dataclass(frozen=True)
class Wear:
    """The wear of print and camera.

    Lengths are in modules, `noise` and `contrast` in grey levels. 0 means no wear.
    """

    module_px: float = 6
    turn_deg: float = 0
    slant: float = 0
    ink: float = 0
    blur: float = 0
    contrast: int = 255
    noise: float = 0
    jpeg: int = 95
    scratch: float = 0


def photographed(clean: Image.Image, modules: int, wear: Wear, dice: random.Random) -> bytes:
    """Return a JPEG of a worn print of a QR code, quiet zone included, on a busy ground."""
    whole_px = round(modules * wear.module_px)
    paper = _inked(clean, modules, wear.ink)
    if wear.scratch:  # a white stroke across the symbol
        x, y = (dice.randrange(paper.shape[1] // 4, 3 * paper.shape[1] // 4) for _ in range(2))
        width_px = max(1, round(wear.scratch * paper.shape[1] / modules))
        turn = dice.random() * np.pi
        far = np.array([np.cos(turn), np.sin(turn)]) * paper.shape[1]
        ends = [tuple(np.int32([x, y] + way * far).tolist()) for way in (-1, 1)]
        cv2.line(paper, ends[0], ends[1], 255, width_px)
    side_px = int(whole_px * 1.8) + 40
    ground = np.asarray(make.busy_ground(dice.randrange(9), (side_px, side_px)).convert("L"))
    place = make.quad(clean, (side_px / 2, side_px / 2), whole_px, angle_deg=wear.turn_deg, slant=wear.slant)
    frame = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float32) * paper.shape[1]
    there = cv2.getPerspectiveTransform(frame, place)
    laid = cv2.warpPerspective(paper, there, (side_px, side_px), flags=cv2.INTER_AREA).astype(np.float32)
    cover = cv2.warpPerspective(np.ones_like(paper), there, (side_px, side_px))
    low = (255 - wear.contrast) / 2
    scene = np.where(cover > 0, low + laid * (wear.contrast / 255), ground)
    if wear.blur:
        scene = cv2.GaussianBlur(scene, (0, 0), wear.blur * wear.module_px)
    scene = scene + np.random.default_rng(dice.randrange(2**32)).normal(0, wear.noise, scene.shape)
    shown = Image.fromarray(np.clip(scene, 0, 255).astype(np.uint8))
    return make.encode(shown, "JPEG", quality=wear.jpeg)


def _inked(clean: Image.Image, modules: int, ink: float) -> Grey:
    """Grow black by a share of a module on each side, as ink runs. A negative share shrinks it."""
    paper = np.array(clean)
    reach_px = round(abs(ink) * paper.shape[1] / modules)
    kernel = np.ones((2 * reach_px + 1, 2 * reach_px + 1), np.uint8)
    grown = cv2.erode(paper, kernel) if ink > 0 else cv2.dilate(paper, kernel)
    return np.array(grown, np.uint8)
