"""The drawer of PDF pages, inside a bounded process. `drawing` starts it."""

import io
from collections.abc import Iterator, Mapping
from typing import Any

import pypdfium2
from PIL import Image, PngImagePlugin  # the plugin: a confined process can load no module
from pypdfium2 import raw

from authcheck.files.bounded_child import Answer, serve

LOADED = PngImagePlugin
CLEAR = (0, 0, 0, 0)


def main() -> None:
    """Answer for the PDF on standard input."""
    pypdfium2.PdfDocument.new().close()  # loads the library
    Image.preinit()
    serve(draw)


def draw(data: bytes, options: Mapping[str, Any]) -> Answer:
    """Return PNGs of the first `pages` pages that show something, and the number of bytes of each.

    The shorter side of each has `side_px` pixels, unless the longer side would have over `longest_px`.
    """
    try:
        document = pypdfium2.PdfDocument(data)
        count = len(document)
        if options["all_pages"] and count > options["pages"]:
            return {"error": "pages", "what": count}, b""
        drawn: list[bytes] = []
        for picture in _pictures(document, min(count, options["tried"]), options):
            drawn.append(picture)
            if len(drawn) == options["pages"]:
                break
    except pypdfium2.PdfiumError as error:
        is_protected = error.err_code == raw.FPDF_ERR_PASSWORD
        return {"error": "protected" if is_protected else "damaged"}, b""
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - the reader of untrusted bytes raises whatever it likes
        return {"error": "damaged"}, b""
    return {"page_count": count, "bytes": [len(picture) for picture in drawn]}, b"".join(drawn)


def _pictures(document: Any, count: int, options: Mapping[str, Any]) -> Iterator[bytes]:
    for number in range(count):
        page = document[number]
        width, height = page.get_size()
        if not (0 < width < float("inf") and 0 < height < float("inf")):
            continue
        scale = min(options["side_px"] / min(width, height), options["longest_px"] / max(width, height))
        bitmap = page.render(
            scale=scale, fill_color=CLEAR, maybe_alpha=False, force_bitmap_format=raw.FPDFBitmap_BGRA
        )
        image = bitmap.to_pil()
        page.close()
        if any(low != high for low, high in image.getextrema()):
            buffer = io.BytesIO()
            image.save(buffer, "PNG", compress_level=1)
            yield buffer.getvalue()
