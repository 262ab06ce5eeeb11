"""Untrusted bytes to a Picture: one door for everything that is ever compared.

Register and query pass through here alike, so that the same bytes always give the same pixels.
"""

import hashlib
import logging
import warnings
from dataclasses import dataclass
from types import SimpleNamespace

from PIL import ExifTags, Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin

from authcheck.errors import ImageRejected
from authcheck.vision.pictures.bombs import Pieces, check_effort, limit_readers, too_many_pixels
from authcheck.vision.pictures.colours import shallow, to_srgb

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF")
UPRIGHT = {  # what turns EXIF orientation n upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
OPAQUE = 255
TURNED = {5, 6, 7, 8}  # EXIF orientations that swap width and height

# Pillow warns of odd metadata, which is none of our caller's business: a file must be answered alike whatever Python's
# warning filters are, and filters belong to the process, so no thread could set them for itself.
_LOG = logging.getLogger(__name__)
_QUIET = SimpleNamespace(
    **(vars(warnings) | {"warn": lambda message, *_, **__: _LOG.debug("Pillow: %s", message)})
)
for _module in (Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin):
    vars(_module)["warnings"] = _QUIET
logging.getLogger("PIL").addHandler(
    logging.NullHandler()
)  # else its errors are printed where no log is set up


@dataclass(frozen=True, slots=True)
class Limits:
    """What open_picture accepts: at most `bytes` in the file and `pixels` in the header; each side at least `side_px`."""

    bytes: int = 25 * 1024 * 1024
    pixels: int = 64_000_000
    side_px: int = 16


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture, ready to compare.

    `image` is sRGB, mode RGB or (if so asked) L, upright, without alpha, and at most about twice `detail_px` on its
    shorter side;
    `width_px` and `height_px` are those of the upright original. `notes` are codes of what had to be done to it.
    """

    image: Image.Image
    width_px: int
    height_px: int
    format: str
    sha256: str
    notes: tuple[str, ...] = ()


def open_picture(
    data: bytes,
    limits: Limits = DEFAULT_LIMITS,
    *,
    detail_px: int = 256,
    grey: bool = False,
    opacity: bool = False,
) -> Picture:
    """Decode, turn upright, convert to sRGB, put on a ground, reduce so that the shorter side stays >= `detail_px`.

    With `grey` the picture is mode L, and a JPEG's colours are not even decoded. With `opacity` a picture that is
    transparent somewhere is its alpha channel instead: mode L, 255 opaque.
    Raises ImageRejected with one of the codes image.empty, image.too_large, image.unreadable, image.truncated,
    image.too_many_pixels, image.too_small, image.depth.
    """
    if not data:
        raise ImageRejected("The file is empty.", code="image.empty")
    if len(data) > limits.bytes:
        raise ImageRejected(
            f"The file has {len(data)} bytes; at most {limits.bytes} are accepted.",
            code="image.too_large",
            size_bytes=len(data),
            limit_bytes=limits.bytes,
        )
    image = _open(data, limits)
    _check_size(image, limits)
    try:
        check_effort(image, data, limits.pixels)
        notes = ("image.animated",) if _is_animated(image) else ()
        pixels, (width_px, height_px) = _decode(image, detail_px, grey=grey, opacity=opacity)
    except ImageRejected:
        raise
    except Exception as error:  # decoders of untrusted bytes raise whatever they like
        raise _broken(data, error) from error
    image_format = "JPEG" if image.format == "MPO" else image.format or ""
    return Picture(pixels, width_px, height_px, image_format, hashlib.sha256(data).hexdigest(), notes)


def _open(data: bytes, limits: Limits) -> Image.Image:
    limit_readers(limits.pixels)
    try:
        return Image.open(Pieces(data), formats=FORMATS)
    except ImageRejected:
        raise
    except Image.DecompressionBombError as error:
        raise too_many_pixels(limits.pixels) from error
    except Exception as error:  # header parsers of untrusted bytes raise whatever they like
        raise _broken(data, error, of_no_known_kind=True) from error


def _check_size(image: Image.Image, limits: Limits) -> None:
    width_px, height_px = image.size
    if width_px * height_px > limits.pixels:
        raise too_many_pixels(limits.pixels, width_px=width_px, height_px=height_px)
    if min(image.size) < limits.side_px:
        raise ImageRejected(
            f"The picture has {width_px} x {height_px} pixels; each side needs at least {limits.side_px}.",
            code="image.too_small",
            width_px=width_px,
            height_px=height_px,
            limit_px=limits.side_px,
        )


def _is_animated(image: Image.Image) -> bool:
    if image.format == "MPO":  # phones add a preview or a depth map
        return False
    try:
        return bool(getattr(image, "is_animated", False))
    except Exception:  # noqa: BLE001 - there is a second frame, and it is broken: we do not need it
        return True


def _decode(
    image: Image.Image, detail_px: int, *, grey: bool, opacity: bool
) -> tuple[Image.Image, tuple[int, int]]:
    """The pixels, and the size that the upright original has."""
    full_size = image.size
    profile = image.info.get(
        "icc_profile"
    )  # colours in another space must be converted before they become grey
    drafted = image.draft("L" if grey and not profile else "RGB", (detail_px, detail_px))
    image.load()
    if drafted is None:
        full_size = image.size  # TIFF turns itself
    profile = image.info.get("icc_profile")  # some formats know it only now
    orientation = _orientation(image)
    upright = image.transpose(UPRIGHT[orientation]) if orientation in UPRIGHT else image
    pixels = _reduce(shallow(upright), detail_px)
    if opacity and pixels.mode in {"LA", "RGBA"}:
        alpha = pixels.getchannel("A")
        if alpha.histogram()[OPAQUE] < alpha.width * alpha.height:
            pixels, profile = alpha, None
    if not grey or profile or pixels.mode != "L":
        pixels = to_srgb(pixels, profile)
    if grey:
        pixels = pixels.convert("L")
    pixels.info.clear()  # saved again, they must carry neither a profile that is no longer theirs nor where it was taken
    return pixels, (full_size[::-1] if orientation in TURNED else full_size)


def _orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001 - broken EXIF is common and harmless: shown as it lies, as viewers do
        return 1


def _reduce(image: Image.Image, detail_px: int) -> Image.Image:
    """Shrink by a whole factor, by averaging, while the shorter side stays >= `detail_px`."""
    factor = min(image.size) // detail_px
    return image.reduce(factor) if factor > 1 else image


def _broken(data: bytes, error: Exception, *, of_no_known_kind: bool = False) -> ImageRejected:
    if "truncated" in str(error).lower() or _declared_bytes(data) > len(data):
        return ImageRejected("The picture breaks off before its end.", code="image.truncated")
    if of_no_known_kind:
        return ImageRejected(f"The file is not a picture we can read ({', '.join(FORMATS)}).")
    return ImageRejected("The picture is damaged and cannot be decoded.")


def _declared_bytes(data: bytes) -> int:
    """How long the file claims to be at least, 0 where its format does not say at the start."""
    if data[:4] == b"RIFF":
        return 8 + int.from_bytes(data[4:8], "little")
    if data[:4] in {b"II*\0", b"MM\0*"}:  # where the first directory lies
        return 2 + int.from_bytes(data[4:8], "little" if data[:2] == b"II" else "big")
    position = 0
    if data[4:8] == b"ftyp":
        while len(data) - position >= 8 and (size := int.from_bytes(data[position : position + 4])) >= 8:  # noqa: PLR2004 - a box starts with its size and kind
            position += size
    return position
