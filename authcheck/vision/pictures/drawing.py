"""Pictures that a bounded process decodes or draws: HEIC, SVG and the pages of PDF.

SVG and PDF have no pixels of their own. They are drawn at a size that serves every comparison. See
docs/adr/0022 for what this costs.
"""

import hashlib
import math
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from authcheck.errors import ImageRejected
from authcheck.files.bounded import MIB, Bounds, TooCostly, run_bounded
from authcheck.files.table_text import shown
from authcheck.vision.pictures.bombs import too_many_pixels
from authcheck.vision.pictures.inflating import inflate

DRAWN_KINDS = frozenset({"SVG", "SVGZ", "PDF", "HEIC"})
SIDE_PX = 1024  # shorter side of a drawing: twice what any comparison looks at
LONGEST_PX = 4096
HEIC_SIDE_PX = 2400  # a photo keeps this shorter side, because labels are read at that size
MOST_PAGES = 64  # of a PDF that is registered
TRIED_PAGES = 16  # of a PDF that is checked: its first page that shows something
# Anybody may send pictures to a check. Only members register, so their drawings may take longer.
BOUNDS = Bounds(memory_bytes=512 * MIB, cpu_s=2, wall_s=20)
REGISTER_BOUNDS = Bounds(memory_bytes=512 * MIB, cpu_s=20, wall_s=80)
RECENT_BYTES = 64 * MIB


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture as a file that Pillow reads, its size before it was reduced, and the number of pages."""

    data: bytes
    width_px: int
    height_px: int
    pages: int = 1


class Recent:
    """The pictures drawn last. A check opens the same file several times, each time for another purpose."""

    def __init__(self, most_bytes: int) -> None:
        self._drawn: OrderedDict[tuple[object, ...], Drawn] = OrderedDict()
        self._lock = threading.Lock()
        self._most_bytes = most_bytes

    def get(self, key: tuple[object, ...]) -> Drawn | None:
        """Return a picture that was put under this key, or None."""
        with self._lock:
            if key in self._drawn:
                self._drawn.move_to_end(key)
            return self._drawn.get(key)

    def put(self, key: tuple[object, ...], drawn: Drawn) -> None:
        """Keep a picture, and drop the oldest ones beyond the limit."""
        with self._lock:
            self._drawn[key] = drawn
            while sum(len(other.data) for other in self._drawn.values()) > self._most_bytes:
                self._drawn.popitem(last=False)


_recent = Recent(RECENT_BYTES)


def draw(data: bytes, kind: str, *, most_bytes: int, most_pixels: int, bounds: Bounds = BOUNDS) -> Drawn:
    """Decode or draw a file of one of DRAWN_KINDS: the primary picture of HEIC, the first page of PDF.

    `bounds` are those of SVG and PDF. Raises ImageRejected with a code `image.*`.
    """
    key = (hashlib.sha256(data).digest(), most_bytes, most_pixels)
    drawn = _recent.get(key)
    if drawn is None:
        drawn = _draw(data, kind, most_bytes, most_pixels, bounds)
        _recent.put(key, drawn)
    return drawn


def _draw(data: bytes, kind: str, most_bytes: int, most_pixels: int, bounds: Bounds) -> Drawn:
    if kind == "HEIC":
        photo = {"pixels": most_pixels, "side_px": HEIC_SIDE_PX}
        header, body = _run("heic_child", data, photo, _photo_bounds(most_pixels), kind)
        return Drawn(body, *header["size"])
    if kind == "PDF":
        options = {"all_pages": False, "pages": 1, "tried": TRIED_PAGES, **_sides(most_pixels)}
        header, body = _run("pdf_child", data, options, bounds, kind)
        if not body:
            raise ImageRejected("The first pages of the PDF are empty.", code="image.flat")
        return Drawn(body, *_png_size(body), header["page_count"])
    svg = inflate(data, most_bytes) if kind == "SVGZ" else data
    header, body = _run("svg_child", svg, _sides(most_pixels), bounds, "SVG")
    return Drawn(body, *header["size"])


def _photo_bounds(most_pixels: int) -> Bounds:
    """Return the limits of decoding a photo: 768 MiB and 10 seconds for 64 million pixels."""
    return Bounds(memory_bytes=256 * MIB + 8 * most_pixels, cpu_s=2 + most_pixels // 8_000_000, wall_s=40)


def _sides(most_pixels: int) -> dict[str, int]:
    """Return the sides of a drawing, which has at most `most_pixels` pixels in any shape."""
    longest_px = min(LONGEST_PX, math.isqrt(most_pixels))
    return {"side_px": min(SIDE_PX, longest_px), "longest_px": longest_px}


def draw_pages(data: bytes, *, most_pixels: int) -> list[bytes]:
    """Return each page of a PDF that shows something as a PNG, in order.

    Raises ImageRejected with a code `image.*`: `image.too_many_pages` for more than MOST_PAGES pages.
    """
    options = {"all_pages": True, "pages": MOST_PAGES, "tried": MOST_PAGES, **_sides(most_pixels)}
    header, body = _run("pdf_child", data, options, REGISTER_BOUNDS, "PDF")
    pages: list[bytes] = []
    start = 0
    for size_bytes in header["bytes"]:
        pages.append(body[start : start + size_bytes])
        start += size_bytes
    if not pages:
        raise ImageRejected("All pages of the PDF are empty.", code="image.flat")
    return pages


def _png_size(png: bytes) -> tuple[int, int]:
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def _run(
    child: str, data: bytes, options: Mapping[str, Any], bounds: Bounds, kind: str
) -> tuple[dict[str, Any], bytes]:
    try:
        header, body = run_bounded(f"authcheck.vision.pictures.{child}", data, options, bounds)
    except TooCostly as error:
        raise ImageRejected(
            f"The {kind} file needs more memory or time than we give to one picture, or it is damaged. "
            "Export the picture as PNG.",
            code="image.too_costly",
        ) from error
    if "error" in header:
        raise _refusal(kind, header)
    return header, body


def _refusal(kind: str, header: Mapping[str, Any]) -> ImageRejected:
    """Return the error that a child has named."""
    what = shown(str(header.get("what", "")))
    match header["error"]:
        case "pixels":
            width_px, height_px = header["size"]
            return too_many_pixels(header["limit"], width_px=width_px, height_px=height_px)
        case "truncated":
            return ImageRejected(
                "The file ends before the picture is complete. Send the file again.", code="image.truncated"
            )
        case "protected":
            return ImageRejected(
                "The PDF is protected with a password. Save it without a password.", code="image.protected"
            )
        case "pages":
            return ImageRejected(
                f"The PDF has {what} pages. We accept at most {MOST_PAGES}. Export the pages that show the "
                "design.",
                code="image.too_many_pages",
            )
        case "damaged":
            return ImageRejected(f"The {kind} file is damaged, so we cannot read it. Send another file.")
    return _svg_refusal(header["error"], what)


def _svg_refusal(name: str, what: str) -> ImageRejected:
    if name == "link":
        return ImageRejected(
            f"The SVG shows a file that is not inside it: {what}. Embed that file, or export as PNG.",
            code="image.svg_link",
        )
    if name == "text":
        return ImageRejected(
            f"The SVG has text that needs a font: {what}. Convert text to outlines, or export as PNG.",
            code="image.svg_text",
        )
    if name == "part":
        return ImageRejected(
            f"The SVG has a part that we would leave out: {what}. Export the drawing as PNG.",
            code="image.svg_part",
        )
    if name == "embedded":
        return ImageRejected(
            f"The SVG has a picture of a kind that we cannot draw inside it: {what}. Embed it as PNG.",
            code="image.svg_link",
        )
    if name == "entity":
        return ImageRejected(
            "The SVG has an entity that refers to a file or to another entity. Save it as plain SVG.",
            code="image.svg_entity",
        )
    return ImageRejected(
        f"The drawing has {what}, which is too much. Export it as PNG.", code="image.too_costly"
    )
