"""The finder of QR codes, inside a bounded process. `symbols` starts it."""

import time
from collections.abc import Iterator, Mapping
from math import ceil
from typing import Any

import zxingcpp
from PIL import Image, ImageFile, ImageFilter  # ImageFile: a confined process can load no module

from authcheck.files.bounded_child import Answer, serve

LOADED = ImageFile
LONGEST_PX = 3200  # the longest side of an enlarged picture
SHARPEN = ImageFilter.UnsharpMask(radius=5, percent=300, threshold=0)


def main() -> None:
    """Answer for the grey pixels on standard input."""
    serve(find)


def find(pixels: bytes, options: Mapping[str, Any]) -> Answer:
    """Return the texts of the QR codes. `options` has the size, and the seconds for further searches."""
    image = Image.frombytes("L", tuple(options["size"]), pixels)
    return {"texts": search(image, options["patience_s"])}, b""


def search(image: Image.Image, patience_s: float) -> list[str]:
    """Search the variants of a picture until one has QR codes.

    No variant is searched after `patience_s` seconds of CPU.
    """
    for variant in _variants(image):
        texts = _read_texts(variant)
        if texts or time.process_time() > patience_s:
            return texts
    return []


def _variants(image: Image.Image) -> Iterator[Image.Image]:
    """Yield the picture, the picture at twice its size, and the large picture sharpened.

    Blurred, noisy and coarse QR codes need the later variants.
    """
    yield image
    scale = min(2, LONGEST_PX / max(image.size))
    larger = image.resize((ceil(image.width * scale), ceil(image.height * scale)), Image.Resampling.BICUBIC)
    yield larger
    yield larger.filter(SHARPEN)


def _read_texts(image: Image.Image) -> list[str]:
    symbols = zxingcpp.read_barcodes(
        memoryview(image.tobytes()).cast("B", image.size[::-1]),
        formats=zxingcpp.BarcodeFormat.QRCode,
        text_mode=zxingcpp.TextMode.Plain,
    )
    symbols.sort(key=lambda symbol: (symbol.position.top_left.y, symbol.position.top_left.x))
    return [symbol.text for symbol in symbols]
