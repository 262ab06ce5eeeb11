"""Files that are small on disk and huge in memory: each is refused with little memory and the right code."""

import json
import resource
import subprocess
import sys
from pathlib import Path

import crafted
import make
import pytest
from PIL import Image

from authcheck.errors import ImageRejected
from authcheck.vision.pictures.bombs import MAX_SCANS
from authcheck.vision.pictures.decode import Limits, open_picture

HEADROOM_BYTES = 160 * crafted.MIB  # decoded, the bombs of pixels and of text would take 190 MiB to 4 GiB
CHILD = """
import json, resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import crafted
from authcheck.errors import ImageRejected
from authcheck.vision.pictures.decode import open_picture
open_picture(crafted.png((16, 16), crafted.zlib.compress(bytes(16 * 49))))  # loads every reader
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
codes = {}
for name, (data, _) in crafted.BOMBS.items():
    try:
        open_picture(data)
        codes[name] = "decoded"
    except ImageRejected as error:
        codes[name] = error.code
print(json.dumps(codes))
"""


@pytest.fixture(scope="module")
def codes() -> dict[str, str]:
    """Return the codes of all bombs from a process with little memory."""
    if not Path("/proc/self/statm").exists() or resource.getrlimit(resource.RLIMIT_AS)[1] != -1:
        pytest.skip("needs /proc and an address space that can be limited")
    command = [sys.executable, "-c", CHILD, str(Path(crafted.__file__).parent), str(HEADROOM_BYTES)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own interpreter
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return dict(json.loads(done.stdout))


@pytest.mark.slow
@pytest.mark.parametrize("name", crafted.BOMBS)
def test_a_bomb_is_refused_before_it_is_decoded(codes: dict[str, str], name: str) -> None:
    """A tiny file that asks for hundreds of megabytes is refused by a process that does not have them."""
    assert codes[name] == crafted.BOMBS[name][1]


@pytest.mark.parametrize("name", crafted.BOMBS)
def test_a_bomb_is_smaller_than_the_largest_file_we_accept(name: str) -> None:
    """The bombs are refused for their content, not for their size on disk."""
    assert len(crafted.BOMBS[name][0]) < Limits().bytes


def test_a_refused_bomb_says_how_many_pixels_are_accepted() -> None:
    """The refusal carries the limit, even if the reader stopped before it knew the size."""
    for name in ("png_of_200_megapixels", "gif_disposing_of_4_gigapixels", "tiff_of_one_huge_tile"):
        with pytest.raises(ImageRejected) as caught:
            open_picture(crafted.BOMBS[name][0])
        assert caught.value.params["limit_pixels"] == 64_000_000


def test_a_picture_just_over_the_limit_is_refused_with_its_size() -> None:
    """The limit counts pixels of the header, and the refusal names both sides."""
    limits = Limits(pixels=100 * 100)
    assert open_picture(make.encode(make.picture(1, (100, 100))), limits).width_px == 100
    with pytest.raises(ImageRejected) as caught:
        open_picture(make.encode(make.picture(1, (101, 100))), limits)
    assert caught.value.code == "image.too_many_pixels"
    assert caught.value.params == {"limit_pixels": 10_000, "width_px": 101, "height_px": 100}


def test_an_operator_may_accept_more_than_pillow_would(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit above Pillow's own is applied.

    Pillow's guard rises with ours and never falls below its default.
    """
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)
    assert open_picture(make.encode(make.picture(1, (300, 200)))).width_px == 300
    open_picture(make.encode(make.picture(1, (64, 64))), Limits(pixels=5_000))
    assert Limits().pixels == Image.MAX_IMAGE_PIXELS


def test_a_jpeg_of_many_scans_is_refused() -> None:
    """A progressive JPEG that repaints the picture hundreds of times is refused. A valid one is read."""
    honest = make.picture_bytes(2, "JPEG", progressive=True)
    assert open_picture(honest).format == "JPEG"
    with pytest.raises(ImageRejected, match="scans") as caught:
        open_picture(crafted.jpeg_of_many_scans(honest, MAX_SCANS))
    assert caught.value.code == "image.unreadable"


def test_a_png_that_inflates_beyond_its_rows_costs_no_memory() -> None:
    """Data after the last row is never inflated. The picture is read as its header says."""
    assert open_picture(crafted.png((100, 100), crafted.INFLATING)).image.size == (100, 100)


def test_a_honest_png_of_small_pieces_is_read() -> None:
    """A file of 256-byte chunks is slow to read, but is read."""
    rows = make.encode(make.picture(3, (400, 300)))
    start = rows.index(b"IDAT") - 4
    length = int.from_bytes(rows[start : start + 4])
    deflated = rows[start + 8 : start + 8 + length]
    pieces = b"".join(
        crafted.png_chunk(b"IDAT", deflated[at : at + 256]) for at in range(0, len(deflated), 256)
    )
    split = rows[:start] + pieces + crafted.png_chunk(b"IEND", b"")
    assert open_picture(split).image.tobytes() == open_picture(rows).image.tobytes()


def test_a_file_over_the_byte_limit_is_refused_unread() -> None:
    """The size on disk is checked first."""
    with pytest.raises(ImageRejected) as caught:
        open_picture(bytes(1025), Limits(bytes=1024))
    assert caught.value.code == "image.too_large"
    assert caught.value.params == {"size_bytes": 1025, "limit_bytes": 1024}
