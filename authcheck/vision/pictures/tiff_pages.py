"""Pages of a TIFF, as scanners write them. Small previews and masks in the same file are no pages."""

import io
from collections.abc import Iterator

from PIL import Image, TiffImagePlugin

from authcheck.errors import ImageRejected
from authcheck.vision.pictures.bombs import check_effort, too_many_pixels
from authcheck.vision.pictures.colours import shallow, to_srgb

SUBFILE_TYPE, OLD_SUBFILE_TYPE = 254, 255  # TIFF 6.0, section 8
REDUCED_OR_MASK = 0b101
OLD_REDUCED = 2
MOST_PAGES = 64
MOST_BYTES = 256 * 1024 * 1024  # of all further pages: pages may share their bytes in the file
MOST_FRAMES = 256  # pages, previews and masks
SIDE_PX = 2400  # a further page keeps this shorter side


def has_further_pages(image: Image.Image) -> bool:
    """Return whether a file is a TIFF with a page after its first one. Leaves the file at its first page."""
    try:
        return any(True for _ in _further_pages(image))
    except Exception:  # noqa: BLE001 - a further page is broken, and we do not need it
        return True
    finally:
        image.seek(0)


def _further_pages(image: Image.Image) -> Iterator[int]:
    """Go to each page after the first one, and yield its number among all frames."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return
    for number in range(1, MOST_FRAMES):
        try:
            image.seek(number)
        except EOFError:
            return
        is_reduced = image.tag_v2.get(OLD_SUBFILE_TYPE) == OLD_REDUCED
        if not (is_reduced or image.tag_v2.get(SUBFILE_TYPE, 0) & REDUCED_OR_MASK):
            yield number


def read_further_pages(image: Image.Image, data: bytes, most_pixels: int) -> list[bytes]:
    """Return each page of a TIFF after its first one that shows something as a PNG.

    Raises ImageRejected (`image.too_many_pages`, `image.too_many_pixels`, `image.too_costly`, `image.depth`,
    `image.unreadable`).
    """
    pages: list[bytes] = []
    try:
        for _ in _further_pages(image):
            if len(pages) + 1 == MOST_PAGES:
                break
            pages.append(_read_page(image, data, most_pixels))
            _check_bytes(pages)
        else:
            return [page for page in pages if page]
    except ImageRejected:
        raise
    except Exception as error:  # decoders of untrusted bytes raise whatever they like
        raise ImageRejected(
            "A further page of the TIFF is damaged, so we cannot decode it. Send another file."
        ) from error
    raise ImageRejected(
        f"The TIFF has more than {MOST_PAGES} pages. Export the pages that show the design.",
        code="image.too_many_pages",
    )


def _check_bytes(pages: list[bytes]) -> None:
    if sum(map(len, pages)) > MOST_BYTES:
        raise ImageRejected(
            "The pages of the TIFF need too much memory. Export the pages that show the design.",
            code="image.too_costly",
        )


def _read_page(image: Image.Image, data: bytes, most_pixels: int) -> bytes:
    """Return the present page as a PNG, b"" for an empty page."""
    if image.width * image.height > most_pixels:
        raise too_many_pixels(most_pixels, width_px=image.width, height_px=image.height)
    check_effort(image, data, most_pixels)
    image.load()
    profile = image.info.get("icc_profile")
    pixels = shallow(image.copy())
    factor = min(pixels.size) // SIDE_PX
    pixels = pixels.reduce(factor) if factor > 1 else pixels
    if pixels.mode == "CMYK":
        pixels, profile = to_srgb(pixels, profile), None
    if not any(channel.getextrema()[0] != channel.getextrema()[1] for channel in pixels.split()):
        return b""
    buffer = io.BytesIO()
    pixels.save(buffer, "PNG", icc_profile=profile, compress_level=1)
    return buffer.getvalue()
