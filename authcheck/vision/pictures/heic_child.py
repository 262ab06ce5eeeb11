"""The decoder of HEIC, inside a bounded process. `drawing` starts it."""

import io
from collections.abc import Mapping
from typing import Any

import pillow_heif
from PIL import Image, TiffImagePlugin  # the plugin: a confined process can load no module

from authcheck.files.bounded_child import Answer, serve

LOADED = TiffImagePlugin


def main() -> None:
    """Answer for the HEIC file on standard input."""
    pillow_heif.options.DECODE_THREADS = 1
    Image.preinit()
    serve(decode)


def decode(data: bytes, options: Mapping[str, Any]) -> Answer:
    """Return the primary picture as an uncompressed TIFF, upright, and its size before it was reduced.

    The size is compared with `pixels` before anything is decoded. The picture is reduced by a whole factor
    while its shorter side stays at `side_px` or more.
    """
    try:
        heif = pillow_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=True)
        width_px, height_px = heif.size
        if width_px * height_px > options["pixels"]:
            return {"error": "pixels", "size": (width_px, height_px), "limit": options["pixels"]}, b""
        image = heif.to_pillow()
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - the reader of untrusted bytes raises whatever it likes
        return {"error": "truncated" if "end of file" in str(error).lower() else "damaged"}, b""
    size = image.size
    profile = image.info.get("icc_profile")
    factor = min(size) // options["side_px"]
    if factor > 1:
        image = image.reduce(factor)
    buffer = io.BytesIO()
    image.save(buffer, "TIFF", icc_profile=profile)
    return {"size": size}, buffer.getvalue()
