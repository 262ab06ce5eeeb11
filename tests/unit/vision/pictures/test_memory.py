"""The memory that one picture takes: what docs/settings.md tells operators to reserve for each place."""

import io
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).parents[4]
SIDE_PX = 3000
BYTES_PER_PIXEL = 16  # docs/settings.md
OTHER_BYTES = 30_000_000  # buffers whose size does not depend on the picture
MEASURE = """
import resource, sys
from authcheck.vision.pictures.decode import DEFAULT_LIMITS, open_picture
data = sys.stdin.buffer.read()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
open_picture(data, DEFAULT_LIMITS)
scale = 1 if sys.platform == "darwin" else 1024
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * scale)
"""


def saved(mode: str, image_format: str, **options: object) -> bytes:
    """Return a picture without content, so small on disk that nobody suspects its size."""
    buffer = io.BytesIO()
    Image.new(mode, (SIDE_PX, SIDE_PX)).save(buffer, image_format, **options)
    return buffer.getvalue()


def turned() -> Image.Exif:
    """Return EXIF data that asks to turn the picture, which takes a second copy."""
    exif = Image.Exif()
    exif[274] = 6
    return exif


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mode", "image_format", "options"),
    [
        ("RGBA", "WEBP", {"lossless": True}),
        ("RGB", "WEBP", {"lossless": True, "exif": turned()}),
        ("RGBA", "PNG", {"exif": turned()}),
        ("I", "TIFF", {"compression": "tiff_adobe_deflate"}),
        ("RGBA", "AVIF", {}),
        ("P", "GIF", {}),
        ("RGB", "JPEG", {"progressive": True}),
    ],
    ids=["webp", "webp turned", "png turned", "tiff", "avif", "gif", "jpeg"],
)
def test_a_picture_takes_no_more_memory_than_documented(
    mode: str, image_format: str, options: dict[str, object]
) -> None:
    """The costliest ways to write a picture stay below the documented number of bytes per pixel."""
    data = saved(mode, image_format, **options)
    done = subprocess.run(  # noqa: S603 - ours
        [sys.executable, "-c", MEASURE], input=data, capture_output=True, cwd=ROOT, check=True, timeout=60
    )
    assert int(done.stdout) < BYTES_PER_PIXEL * SIDE_PX**2 + OTHER_BYTES


def test_the_documented_number_is_the_tested_one() -> None:
    """docs/settings.md gives the number of bytes, and what it means for the default limit."""
    text = (ROOT / "docs" / "settings.md").read_text()
    found = re.search(r"takes up to (\d+) bytes of memory\s+per pixel", text)
    assert found
    assert int(found[1]) == BYTES_PER_PIXEL
