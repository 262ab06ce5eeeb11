"""A guard that refuses files that are small on disk and enormous when decoded, before they are decoded."""

import io
import re

from PIL import Image, JpegImagePlugin, TiffImagePlugin

from authcheck.errors import ImageRejected

# A reader may ask for this many pieces, and one more for every 32 bytes. Honest PNGs and GIFs need far fewer.
READS = 10_000
# Scans of a progressive JPEG. Each scan costs time for every pixel. Cameras and tools write about ten.
MAX_SCANS = 64
SCAN = re.compile(rb"\xff\xda\x00(?:\x08\x01|\x0a\x02|\x0c\x03|\x0e\x04)")  # start of scan: ITU T.81 B.2.3


class Pieces(io.BytesIO):
    """A file that limits the number of reads.

    Every reader of headers loops over reads. A file of millions of tiny segments would keep a reader busy for
    many seconds.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._left = READS + len(data) // 32

    def read(self, size: int | None = -1, /) -> bytes:
        """Read like any file. Raises ImageRejected when there were too many reads."""
        self._left -= 1
        if self._left < 0:
            raise ImageRejected(
                "The file has too many pieces to be a picture. Save the picture again and try once more."
            )
        return super().read(size)


def limit_readers(pixels: int) -> None:
    """Set the pixel limit for Pillow's readers that allocate a frame while they parse the header (GIF, WebP).

    These readers refuse a picture with more than twice this number, which is one setting of the whole
    process. Our own check therefore follows. The limit never falls, so that no thread undoes the setting of
    another thread.
    """
    Image.MAX_IMAGE_PIXELS = max(Image.MAX_IMAGE_PIXELS or 0, pixels)


def check_effort(image: Image.Image, data: bytes, limit_pixels: int) -> None:
    """Refuse a picture that needs far more memory or time than its width and height suggest."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        # A tile is always decoded completely, even if only a part is visible. A missing tile side means the
        # picture's side.
        width_px = image.tag_v2.get(TiffImagePlugin.TILEWIDTH) or image.width
        height_px = image.tag_v2.get(TiffImagePlugin.TILELENGTH) or image.height
        if width_px * height_px > limit_pixels:
            raise too_many_pixels(limit_pixels)
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        scans = sum(1 for _ in SCAN.finditer(data))
        if scans > MAX_SCANS:
            raise ImageRejected(
                f"The JPEG has {scans} scans. We accept at most {MAX_SCANS}. Save it as a baseline JPEG."
            )


def too_many_pixels(limit_pixels: int, **size_px: int) -> ImageRejected:
    """Return the error `image.too_many_pixels`, with width and height where they are known."""
    size = " x ".join(str(side_px) for side_px in size_px.values()) or "too many"
    return ImageRejected(
        f"The picture has {size} pixels. We accept at most {limit_pixels} in total. Send a smaller picture.",
        code="image.too_many_pixels",
        limit_pixels=limit_pixels,
        **size_px,
    )
