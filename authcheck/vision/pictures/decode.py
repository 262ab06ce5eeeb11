"""The decoder of untrusted bytes to a Picture, the only entrance for every compared picture.

Registered and checked pictures both go through this module, so the same bytes always give the same pixels.
"""

import hashlib
import logging
import re
import warnings
from dataclasses import dataclass
from types import SimpleNamespace

from PIL import ExifTags, Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin

from authcheck.errors import ImageRejected
from authcheck.files.bounded import Bounds
from authcheck.files.file_kinds import APPLE_DOUBLE, Foreign, foreign_kind, kind_of
from authcheck.vision.pictures.bombs import Pieces, check_effort, limit_readers, too_many_pixels
from authcheck.vision.pictures.colours import shallow, to_srgb
from authcheck.vision.pictures.drawing import BOUNDS, DRAWN_KINDS, REGISTER_BOUNDS, Drawn, draw, draw_pages
from authcheck.vision.pictures.tiff_pages import has_further_pages, read_further_pages

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF")
NAMES = (*FORMATS, "HEIC", "SVG", "PDF")
UPRIGHT = {  # by EXIF orientation: the operation that turns the picture upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# Files that take the place of a picture, with what to do.
NO_PICTURES = (
    (
        re.compile(rb"version https://git-lfs\.github\.com/"),
        "This is Git LFS's note about a picture. Run git lfs pull, and send the picture itself.",
    ),
    (
        re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html|head|script)\b", re.IGNORECASE),
        "This is a web page, not a picture. Open it in a browser, and save the picture itself.",
    ),
    (
        re.compile(rb"book\0\0\0\0mark|L\0\0\0\x01\x14\x02\0|\s*\[InternetShortcut\]"),
        "This is a shortcut to a file. Send the picture itself.",
    ),
    (
        re.compile(rb"\s*(?:data:image/|iVBORw0KGgo|/9j/)"),
        "This is a picture written as text (base64). Decode it, and send the picture itself.",
    ),
)
OPAQUE = 255
TURNED = {5, 6, 7, 8}  # EXIF orientations that swap width and height

# Pillow warns of odd metadata, which does not concern our callers. The answer for a file must not depend on
# Python's warning filters. Filters belong to the process, so a thread cannot set its own.
_LOG = logging.getLogger(__name__)
_QUIET = SimpleNamespace(
    **(vars(warnings) | {"warn": lambda message, *_, **__: _LOG.debug("Pillow: %s", message)})
)
for _module in (Image, JpegImagePlugin, PngImagePlugin, TiffImagePlugin):
    vars(_module)["warnings"] = _QUIET
# Without a handler, Pillow's errors are printed where no log is set up.
logging.getLogger("PIL").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of open_picture: most `bytes` of the file, most `pixels`, least `side_px` of each side.

    `pixels` and `side_px` apply to the size in the header.
    """

    bytes: int = 25 * 1024 * 1024
    pixels: int = 64_000_000
    side_px: int = 16


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Picture:
    """A decoded picture, ready for comparison.

    `image` is sRGB, upright, without alpha, in mode RGB or, on request, L. The shorter side of `image` is at
    most about twice `detail_px`. `width_px` and `height_px` are those of the upright original. `notes` are
    codes of what was done to the picture.
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
    """Decode a picture, turn it upright, convert it to sRGB, put it on a plain ground, and reduce it.

    The shorter side stays >= `detail_px`. With `grey` the result is in mode L, and a JPEG's colours are not
    even decoded. With `opacity` the result for a picture with transparent parts is its alpha channel instead,
    mode L, 255 is opaque.

    A HEIC file shows its primary picture, a PDF the first page that shows something. Raises ImageRejected
    with one of the codes image.empty, image.too_large, image.unreadable, image.truncated,
    image.too_many_pixels, image.too_small, image.depth, image.format, and the codes of `draw`.
    """
    _check_bytes(data, limits)
    kind = kind_of(data)
    if foreign := foreign_kind(kind):
        raise foreign_error(foreign)
    drawn = _draw(data, kind, limits) if kind in DRAWN_KINDS else None
    source = drawn.data if drawn else data
    image = _open(source, limits)
    _check_size(image, limits)
    try:
        check_effort(image, source, limits.pixels)
        notes = _notes_of(image)
        pixels, size = _decode(image, detail_px, grey=grey, opacity=opacity)
    except ImageRejected:
        raise
    except Exception as error:  # decoders of untrusted bytes raise whatever they like
        raise _damage_error(source, error) from error
    image_format = "JPEG" if image.format == "MPO" else image.format or ""
    if drawn:
        size, image_format = (drawn.width_px, drawn.height_px), "SVG" if kind == "SVGZ" else kind
        notes = ("image.first_page",) if drawn.pages > 1 else ()
    return Picture(pixels, *size, image_format, hashlib.sha256(data).hexdigest(), notes)


def stills_of(data: bytes, limits: Limits = DEFAULT_LIMITS) -> list[bytes]:
    """Return the pictures to register for a file: the file itself, or PNGs of the drawing or of each page.

    Of a TIFF, the first page is the file itself. A drawing has no pixels of its own. Its PNG stays the same
    when a later release draws in another way, and a browser may show it, which it must not do with a
    stranger's SVG. Raises ImageRejected.
    """
    _check_bytes(data, limits)
    kind = kind_of(data)
    if kind == "PDF":
        return draw_pages(data, most_pixels=limits.pixels)
    if kind in {"SVG", "SVGZ"}:
        return [_draw(data, kind, limits, REGISTER_BOUNDS).data]
    if kind == "TIFF":
        return [data, *read_further_pages(_open(data, limits), data, limits.pixels)]
    return [data]


def _draw(data: bytes, kind: str, limits: Limits, bounds: Bounds = BOUNDS) -> Drawn:
    return draw(data, kind, most_bytes=limits.bytes, most_pixels=limits.pixels, bounds=bounds)


def _check_bytes(data: bytes, limits: Limits) -> None:
    if not data:
        raise ImageRejected(
            "The file is empty. Send it again. A file in the folder of a cloud must be downloaded first.",
            code="image.empty",
        )
    if len(data) > limits.bytes:
        raise ImageRejected(
            f"The file has {len(data)} bytes. We accept at most {limits.bytes}. Send a smaller file.",
            code="image.too_large",
            size_bytes=len(data),
            limit_bytes=limits.bytes,
        )


def _open(data: bytes, limits: Limits) -> Image.Image:
    limit_readers(limits.pixels)
    try:
        return Image.open(Pieces(data), formats=FORMATS)
    except ImageRejected:
        raise
    except Image.DecompressionBombError as error:
        raise too_many_pixels(limits.pixels) from error
    except Exception as error:  # header parsers of untrusted bytes raise whatever they like
        raise _damage_error(data, error, in_header=True) from error


def _check_size(image: Image.Image, limits: Limits) -> None:
    width_px, height_px = image.size
    if width_px * height_px > limits.pixels:
        raise too_many_pixels(limits.pixels, width_px=width_px, height_px=height_px)
    if min(image.size) < limits.side_px:
        raise ImageRejected(
            f"The picture has {width_px} x {height_px} pixels. Each side needs at least {limits.side_px}.",
            code="image.too_small",
            width_px=width_px,
            height_px=height_px,
            limit_px=limits.side_px,
        )


def _notes_of(image: Image.Image) -> tuple[str, ...]:
    if image.format == "TIFF":
        return ("image.first_page",) if has_further_pages(image) else ()
    if image.format == "MPO":  # further frames of phones are previews or depth maps
        return ()
    try:
        is_animated = bool(getattr(image, "is_animated", False))
    except Exception:  # noqa: BLE001 - the picture has a second frame that is broken, and we do not need it
        is_animated = True
    return ("image.animated",) if is_animated else ()


def _decode(
    image: Image.Image, detail_px: int, *, grey: bool, opacity: bool
) -> tuple[Image.Image, tuple[int, int]]:
    """Return the pixels and the size of the upright original."""
    full_size = image.size
    # Colours in another space must be converted before they become grey.
    profile = image.info.get("icc_profile")
    drafted = image.draft("L" if grey and not profile else "RGB", (detail_px, detail_px))
    image.load()
    if drafted is None:
        full_size = image.size  # Pillow turns a TIFF upright while it loads
    profile = image.info.get("icc_profile")  # some formats know their profile only after loading
    orientation = _read_orientation(image)
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
    # A saved copy must carry neither a profile that no longer applies nor the place where it was taken.
    pixels.info.clear()
    return pixels, (full_size[::-1] if orientation in TURNED else full_size)


def _read_orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # noqa: BLE001 - broken EXIF is common and harmless, and viewers ignore it too
        return 1


def _reduce(image: Image.Image, detail_px: int) -> Image.Image:
    """Shrink by a whole factor, by averaging, while the shorter side stays >= `detail_px`."""
    factor = min(image.size) // detail_px
    return image.reduce(factor) if factor > 1 else image


def foreign_error(foreign: Foreign, name: str = "") -> ImageRejected:
    """Return the error for a kind of file that we know and cannot read. It begins with the file's name."""
    return ImageRejected(
        f"{name}{': ' * bool(name)}We cannot read {foreign.name} files. {foreign.advice}", code="image.format"
    )


def _damage_error(data: bytes, error: Exception, *, in_header: bool = False) -> ImageRejected:
    if "truncated" in str(error).lower() or _read_declared_bytes(data) > len(data):
        return ImageRejected(
            "The file ends before the picture is complete. Send the file again.", code="image.truncated"
        )
    if in_header:
        if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
            return ImageRejected(
                "This is an archive or an office document. Unpack or export its pictures and send those."
            )
        if kind_of(data) == APPLE_DOUBLE:
            return ImageRejected("This is a Mac's note about a picture (._ file). Send the picture itself.")
        for start, words in NO_PICTURES:
            if start.match(data):
                return ImageRejected(words)
        return ImageRejected(f"The file is not a picture that we can read. Send one of {', '.join(NAMES)}.")
    return ImageRejected("The picture is damaged, so we cannot decode it. Send another file.")


def _read_declared_bytes(data: bytes) -> int:
    """Return the least length that the file claims to have, or 0 when its first bytes do not say so."""
    if data[:4] == b"RIFF":
        return 8 + int.from_bytes(data[4:8], "little")
    if data[:4] in {b"II*\0", b"MM\0*"}:  # TIFF: the place of the first directory
        return 2 + int.from_bytes(data[4:8], "little" if data[:2] == b"II" else "big")
    position = 0
    if data[4:8] == b"ftyp":
        while len(data) - position >= 8 and (size := int.from_bytes(data[position : position + 4])) >= 8:  # noqa: PLR2004 - a box starts with its size and kind
            position += size
    return position
