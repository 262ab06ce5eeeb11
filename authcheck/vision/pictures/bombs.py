"""Files that are small outside and enormous inside: refused before anything of them is decoded."""

import io
import re

from PIL import Image, JpegImagePlugin, TiffImagePlugin

from authcheck.errors import ImageRejected

READS = 10_000  # pieces a reader may ask for, and one more for every 32 bytes: honest PNGs and GIFs need far fewer
MAX_SCANS = (
    64  # of a progressive JPEG, each of which costs time for every pixel; cameras and tools write about ten
)
SCAN = re.compile(rb"\xff\xda\x00(?:\x08\x01|\x0a\x02|\x0c\x03|\x0e\x04)")  # start of scan: ITU T.81 B.2.3


class Pieces(io.BytesIO):
    """A file that gives out only so many pieces.

    Every reader of headers loops over reads; a file of millions of tiny segments would keep one busy for many seconds.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._left = READS + len(data) // 32

    def read(self, size: int | None = -1, /) -> bytes:
        """As any file's. Raises ImageRejected when there were too many."""
        self._left -= 1
        if self._left < 0:
            raise ImageRejected("The file is cut into too many pieces to be a picture.")
        return super().read(size)


def limit_readers(pixels: int) -> None:
    """Stop Pillow's readers that allocate a frame while they parse the header, as GIF's and WebP's do.

    They do so beyond twice this number of the whole process, so our own check follows. It never falls, and no thread
    undoes what another set.
    """
    Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS or 0, pixels)


def check_effort(image: Image.Image, data: bytes, limit_pixels: int) -> None:
    """Refuse a picture that asks for far more memory or time than its width and height admit."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        # A tile is decoded whole, however little of it is seen; a side that is not given is the picture's.
        width_px = image.tag_v2.get(TiffImagePlugin.TILEWIDTH) or image.width
        height_px = image.tag_v2.get(TiffImagePlugin.TILELENGTH) or image.height
        if width_px * height_px > limit_pixels:
            raise too_many_pixels(limit_pixels)
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        scans = sum(1 for _ in SCAN.finditer(data))
        if scans > MAX_SCANS:
            raise ImageRejected(f"The picture has {scans} scans; at most {MAX_SCANS} are decoded.")


def too_many_pixels(limit_pixels: int, **size_px: int) -> ImageRejected:
    """The refusal (`image.too_many_pixels`), with width and height where they are known."""
    says = " x ".join(str(side_px) for side_px in size_px.values()) or "too many"
    return ImageRejected(
        f"The picture has {says} pixels; at most {limit_pixels} in all are accepted.",
        code="image.too_many_pixels",
        limit_pixels=limit_pixels,
        **size_px,
    )
