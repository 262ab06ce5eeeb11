"""The QR codes in untrusted pictures, found in a separate process with little time.

The finder's time grows with the square of the number of shapes that look like a corner of a QR code. A PNG of
4 KB can keep the finder busy for 20 s. Only the end of its process stops the finder.
"""

from PIL import Image

from authcheck.errors import Rejected
from authcheck.files.bounded import MIB, Bounds, TooCostly, run_bounded

# One second of CPU with the start of the process. A page of 65 labels takes 0.3 s, a picture without a QR
# code 0.3 s.
BOUNDS = Bounds(memory_bytes=512 * MIB, cpu_s=1, wall_s=10, answer_bytes=4 * MIB)
PATIENCE_S = 0.5  # of CPU, after which no enlarged copy of the picture is searched


def find(image: Image.Image) -> list[str]:
    """Return the texts of the QR codes in a picture of mode L, from top to bottom.

    Raises Rejected (`label.overfull`) when the search takes more than a second of CPU, or fails.
    """
    options = {"size": image.size, "patience_s": PATIENCE_S}
    try:
        header, _ = run_bounded("authcheck.labels.symbols_child", image.tobytes(), options, BOUNDS)
    except TooCostly as error:
        raise Rejected(
            "Too many shapes in this picture look like a QR code. Crop the picture to the label.",
            code="label.overfull",
        ) from error
    texts: list[str] = header["texts"]
    return texts
