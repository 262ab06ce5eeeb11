"""The QR code finder for untrusted pictures, in a separate process with little time.

The command is `python -m authcheck.labels.symbols WIDTH HEIGHT`. The finder's time grows with the square of
the number of shapes that look like a corner of a QR code. A PNG of 4 KB can keep the finder busy for 20 s.
Only the end of its process stops the finder.
"""

import json
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from math import ceil

import zxingcpp
from PIL import Image, ImageFilter

from authcheck.errors import Rejected

CPU_S = 1.0  # of the finder's process; a page of 65 labels takes 0.3 s, a picture without a QR code 0.3 s
WAIT_S = 10.0  # until the process has had its time on a busy machine
MEMORY_BYTES = 1024 * 1024 * 1024  # of address space
LONGEST_PX = 3200  # the longest side of an enlarged picture
SHARPEN = ImageFilter.UnsharpMask(radius=5, percent=300, threshold=0)


def find(image: Image.Image) -> list[str]:
    """Return the texts of the QR codes in a picture of mode L, from top to bottom.

    The finder has one second of CPU. The texts that it finds until then count. Raises Rejected
    (`label.overfull`) when the finder ends before it has searched the picture once.
    """
    command = [sys.executable, "-P", "-m", __spec__.name, str(image.width), str(image.height)]
    pixels = image.tobytes()
    try:
        lines = subprocess.run(command, input=pixels, capture_output=True, timeout=WAIT_S, check=False).stdout  # noqa: S603 - ours
    except subprocess.TimeoutExpired as error:
        lines = error.stdout or b""
    results: list[list[str]] = [json.loads(line) for line in lines.splitlines(keepends=True) if b"\n" in line]
    if not results:
        raise Rejected(
            "Too many shapes in this picture look like a QR code. Crop the picture to the label.",
            code="label.overfull",
        )
    return results[-1]


def main(width: int, height: int) -> None:
    """Search the grey pixels of standard input. Write a line of JSON after each search.

    The system ends the process after CPU_S seconds of CPU, start included.
    """
    signal.setitimer(signal.ITIMER_PROF, CPU_S - time.process_time())
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    image = Image.frombytes("L", (width, height), sys.stdin.buffer.read())
    for texts in searches(image):
        sys.stdout.write(json.dumps(texts) + "\n")
        sys.stdout.flush()


def searches(image: Image.Image) -> Iterator[list[str]]:
    """Search the variants of a picture until one has QR codes. Yield the texts of each search."""
    for variant in _variants(image):
        texts = _read_texts(variant)
        yield texts
        if texts:
            return


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
    main(int(sys.argv[1]), int(sys.argv[2]))
