"""QR codes of a stranger's picture, found in a process of their own: `python -m authcheck.labels.symbols WIDTH HEIGHT`.

The finder's time grows with the square of what looks like a corner of a QR code: 15 KB of PNG keep it busy for 20 s.
Nothing but the end of its process stops it.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from math import ceil

import zxingcpp
from PIL import Image, ImageFilter

from authcheck.errors import Rejected

LIMIT_S = 8.0  # whole pages of labels take 0.3 s, pictures without a code a second
LONGEST_PX = 3200  # that a picture is enlarged to
SHARPEN = ImageFilter.UnsharpMask(radius=5, percent=300, threshold=0)


def find(image: Image.Image, *, limit_s: float = LIMIT_S) -> list[str]:
    """What the QR codes of a picture of mode L say, from top to bottom. Raises Rejected (`label.overfull`)."""
    command = [sys.executable, "-P", "-m", __spec__.name, str(image.width), str(image.height)]
    pixels = image.tobytes()
    try:
        done = subprocess.run(command, input=pixels, capture_output=True, timeout=limit_s, check=True)  # noqa: S603 - ours
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
        raise Rejected(
            "Too much in this picture looks like a QR code: cut it down to the label.", code="label.overfull"
        ) from error
    texts: list[str] = json.loads(done.stdout)
    return texts


def find_here(image: Image.Image) -> list[str]:
    """As `find`, in this process and without a limit."""
    return next(filter(None, map(_texts, _looks(image))), [])


def _looks(image: Image.Image) -> Iterator[Image.Image]:
    """The picture, and for lack of a code twice as large, then sharpened too: blurred, noisy, coarse ones need that."""
    yield image
    times = min(2, LONGEST_PX / max(image.size))
    larger = image.resize((ceil(image.width * times), ceil(image.height * times)), Image.Resampling.BICUBIC)
    yield larger
    yield larger.filter(SHARPEN)


def _texts(image: Image.Image) -> list[str]:
    found = zxingcpp.read_barcodes(
        memoryview(image.tobytes()).cast("B", image.size[::-1]),
        formats=zxingcpp.BarcodeFormat.QRCode,
        text_mode=zxingcpp.TextMode.Plain,
    )
    found.sort(key=lambda symbol: (symbol.position.top_left.y, symbol.position.top_left.x))
    return [symbol.text for symbol in found]


if __name__ == "__main__":
    size = int(sys.argv[1]), int(sys.argv[2])
    json.dump(find_here(Image.frombytes("L", size, sys.stdin.buffer.read())), sys.stdout)
