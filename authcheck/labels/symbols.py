"""The QR code finder for untrusted pictures, in a separate process.

The command is `python -m authcheck.labels.symbols WIDTH HEIGHT`. The finder's time grows with the square of
the number of shapes that look like a corner of a QR code. A PNG of 15 KB can keep the finder busy for 20 s.
Only the end of its process stops the finder.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from math import ceil

import zxingcpp
from PIL import Image, ImageFilter

from authcheck.errors import Rejected

LIMIT_S = 8.0  # a whole page of labels takes 0.3 s, a picture without a QR code takes one second
LONGEST_PX = 3200  # the longest side of an enlarged picture
SHARPEN = ImageFilter.UnsharpMask(radius=5, percent=300, threshold=0)


def find(image: Image.Image, *, limit_s: float = LIMIT_S) -> list[str]:
    """Return the texts of the QR codes in a picture of mode L, from top to bottom.

    Raises Rejected (`label.overfull`) when the finder fails or takes longer than `limit_s` seconds.
    """
    command = [sys.executable, "-P", "-m", __spec__.name, str(image.width), str(image.height)]
    pixels = image.tobytes()
    try:
        process = subprocess.run(command, input=pixels, capture_output=True, timeout=limit_s, check=True)  # noqa: S603 - ours
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
        raise Rejected(
            "Too many shapes in this picture look like a QR code. Crop the picture to the label.",
            code="label.overfull",
        ) from error
    texts: list[str] = json.loads(process.stdout)
    return texts


def find_here(image: Image.Image) -> list[str]:
    """Do the work of `find` in this process, without a time limit."""
    return next(filter(None, map(_read_texts, _variants(image))), [])


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


if __name__ == "__main__":
    size = int(sys.argv[1]), int(sys.argv[2])
    json.dump(find_here(Image.frombytes("L", size, sys.stdin.buffer.read())), sys.stdout)
