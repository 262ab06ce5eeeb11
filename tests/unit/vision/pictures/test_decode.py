"""Untrusted bytes at the only entrance: accepted files, upright orientation, and the codes of refusals."""

import hashlib
import io
import re
import struct
import sys
import warnings
import zipfile
from concurrent.futures import ThreadPoolExecutor

import crafted
import make
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, features

from authcheck.errors import ImageRejected
from authcheck.vision.pictures import decode
from authcheck.vision.pictures.decode import Limits, Picture, open_picture

READER = re.compile(r"PIL\.(Image|ImageFile|TiffTags|(Jpeg|Mpo|Png|WebP|Gif|Tiff|Bmp|Avif)ImagePlugin)")
ENCODINGS = {
    "jpeg": ("JPEG", {"quality": 92}),
    "progressive": ("JPEG", {"progressive": True}),
    "png": ("PNG", {}),
    "webp": ("WEBP", {"quality": 90}),
    "lossless": ("WEBP", {"lossless": True}),
    "gif": ("GIF", {}),
    "tiff": ("TIFF", {}),
    "lzw": ("TIFF", {"compression": "tiff_lzw"}),
    "bmp": ("BMP", {}),
} | ({"avif": ("AVIF", {"speed": 10})} if features.check("avif") else {})


def encoded(name: str, size: tuple[int, int] = (320, 256)) -> bytes:
    """Return a picture in one of ENCODINGS."""
    image_format, options = ENCODINGS[name]
    return make.encode(make.picture(5, size), image_format, **options)


def refusal(data: bytes) -> str:
    """Return the code with which the bytes are refused."""
    with pytest.raises(ImageRejected) as caught:
        open_picture(data)
    return caught.value.code


def difference(one: Image.Image, other: Image.Image) -> float:
    """Return the mean difference of two pictures of one size, in levels of 255."""
    assert one.size == other.size
    return float(np.abs(np.asarray(one, np.int16) - np.asarray(other, np.int16)).mean())


def archive() -> bytes:
    """Return a ZIP archive that holds a picture."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("picture.png", make.picture_bytes())
    return buffer.getvalue()


@pytest.mark.parametrize("name", ENCODINGS)
def test_every_format_gives_the_same_picture(name: str) -> None:
    """Each accepted format gives about the same pixels, and its size, name and hash."""
    data = encoded(name)
    picture = open_picture(data)
    assert (picture.width_px, picture.height_px) == (320, 256)
    assert picture.image.mode == "RGB"
    assert picture.format == ENCODINGS[name][0]
    assert picture.sha256 == hashlib.sha256(data).hexdigest()
    assert picture.notes == ()
    assert difference(picture.image, make.picture(5)) < 12


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"hello, this is text", id="text"),
        pytest.param(b"<html><body><img src='a.jpg'></body></html>", id="html"),
        pytest.param(b"%PDF-1.7\n1 0 obj<<>>endobj\n%%EOF", id="pdf"),
        pytest.param(archive(), id="zip"),
        pytest.param(b"\0" * 4096, id="zeros"),
        pytest.param(b"\xff\xd8\xff", id="magic of jpeg alone"),
        pytest.param(b"GIF89a", id="magic of gif alone"),
        pytest.param(make.picture_bytes(0, "PPM"), id="ppm: a picture of a format not accepted"),
    ],
)
def test_what_is_not_a_picture_we_read_is_refused(data: bytes) -> None:
    """Other files are unreadable, whatever their name. No format of Pillow but the seven is even tried."""
    assert refusal(data) == "image.unreadable"


def test_an_empty_file_is_refused() -> None:
    """An empty file has its own code."""
    assert refusal(b"") == "image.empty"


@pytest.mark.parametrize("part", [0.3, 0.6, 0.95])
@pytest.mark.parametrize("name", ENCODINGS)
def test_a_file_that_breaks_off_is_called_truncated(name: str, part: float) -> None:
    """Half a download is told apart from a broken file in every format."""
    data = encoded(name)
    code = refusal(data[: int(len(data) * part)])
    assert code == "image.truncated"


@pytest.mark.parametrize("size", [(1, 1), (50_000, 1), (1, 50_000), (15, 4000)])
def test_a_sliver_is_refused_as_too_small(size: tuple[int, int]) -> None:
    """Each side needs 16 pixels, however long the other is."""
    with pytest.raises(ImageRejected) as caught:
        open_picture(make.encode(Image.new("RGB", size, "red")))
    assert caught.value.code == "image.too_small"
    assert (caught.value.params["width_px"], caught.value.params["height_px"]) == size


def test_a_long_strip_is_read() -> None:
    """A picture of 20,000 x 16 pixels is odd but valid, so it is read."""
    assert open_picture(make.encode(make.picture(1, (20_000, 30)))).image.size == (20_000, 30)


@pytest.mark.parametrize("size", [(0, 0), (0, 100), (100, 0)])
def test_a_picture_without_pixels_is_refused(size: tuple[int, int]) -> None:
    """A header that says zero pixels is refused and causes no division by zero later."""
    assert refusal(crafted.png(size)) in {"image.too_small", "image.unreadable"}
    assert refusal(crafted.bmp(*size)) in {"image.too_small", "image.unreadable"}


@pytest.mark.parametrize("image_format", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_read_and_that_is_noted(image_format: str) -> None:
    """GIF, WebP and APNG give their first frame and the note `image.animated`."""
    frames = [make.picture(seed, (96, 80)) for seed in (1, 2, 3)]
    options = {"lossless": True} if image_format == "WEBP" else {}
    data = make.encode(frames[0], image_format, save_all=True, append_images=frames[1:], **options)
    picture = open_picture(data)
    assert picture.notes == ("image.animated",)
    assert difference(picture.image, frames[0]) < 10 < difference(picture.image, frames[1])


def test_an_animation_with_a_broken_second_frame_is_read() -> None:
    """Only the first frame is compared, so only the first frame must be complete."""
    frames = [make.picture(seed, (96, 80)) for seed in (1, 2)]
    data = make.encode(frames[0], "GIF", save_all=True, append_images=frames[1:])
    second = data.rindex(b"," + struct.pack("<HH", 0, 0))
    picture = open_picture(data[: second + 5])
    assert picture.notes == ("image.animated",)
    assert difference(picture.image, frames[0]) < 10


def test_a_phones_picture_of_several_is_not_called_animated() -> None:
    """MPO files, which are JPEGs with a preview behind them, are read as plain JPEGs."""
    frames = [make.picture(seed, (96, 80)) for seed in (1, 2)]
    picture = open_picture(make.encode(frames[0], "MPO", save_all=True, append_images=frames[1:]))
    assert picture.notes == ()
    assert picture.format == "JPEG"


ORIENTED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}  # what a camera does to the upright picture before it writes that orientation


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("orientation", ORIENTED)
def test_every_exif_orientation_is_turned_upright(image_format: str, orientation: int) -> None:
    """Pixels, width and height are those of the upright picture, for all eight orientations."""
    upright, turn = make.picture(7, (780, 520)), ORIENTED[orientation]
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    stored = upright if turn is None else upright.transpose(turn)
    options = {"PNG": {"compress_level": 1}, "WEBP": {"method": 0}}.get(image_format, {})
    picture = open_picture(make.encode(stored, image_format, exif=exif, **options))
    assert (picture.width_px, picture.height_px) == (780, 520)
    assert difference(picture.image.resize((78, 52)), upright.resize((78, 52))) < 6


@pytest.mark.parametrize(
    "exif",
    [
        pytest.param(b"Exif\0\0", id="nothing"),
        pytest.param(b"Exif\0\0II*\0\xff\xff\xff\xff", id="directory beyond the end"),
        pytest.param(b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + bytes(20), id="65,535 tags promised"),
        pytest.param(b"Exif\0\0garbage garbage garbage", id="garbage"),
        pytest.param(b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x63\0\0\0" + bytes(4), id="99"),
        pytest.param(
            b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\x04\0\0\0six\0" + bytes(4), id="a word for a number"
        ),
    ],
)
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_broken_exif_is_ignored(image_format: str, exif: bytes) -> None:
    """A picture whose EXIF cannot be read is shown as stored, as viewers do."""
    plain = open_picture(make.picture_bytes(5, image_format))
    assert difference(open_picture(make.picture_bytes(5, image_format, exif=exif)).image, plain.image) == 0


@pytest.mark.parametrize("size", [(1024, 1024), (2050, 1500)])
def test_a_drafted_jpeg_is_close_to_the_whole_one(size: tuple[int, int]) -> None:
    """Decoding at an eighth of the size gives nearly the picture that shrinking a full decode gives."""
    data = make.encode(make.picture(9, size), "JPEG", quality=90)
    drafted = open_picture(data).image
    with Image.open(io.BytesIO(data)) as whole:
        assert difference(drafted, whole.resize(drafted.size, Image.Resampling.BOX)) < 2


@pytest.mark.parametrize("detail_px", [64, 256, 1000])
@pytest.mark.parametrize("name", ["jpeg", "png"])
def test_detail_is_kept_where_the_original_has_it(name: str, detail_px: int) -> None:
    """The shorter side keeps `detail_px` or all it had, and not much more than twice `detail_px`."""
    for size in ((900, 700), (300, 1500), (1030, 515)):
        shorter = min(open_picture(encoded(name, size), detail_px=detail_px).image.size)
        assert min(detail_px, *size) <= shorter <= max(2 * detail_px, min(detail_px, *size))


@pytest.mark.parametrize("name", ENCODINGS)
def test_the_same_bytes_give_the_same_pixels(name: str) -> None:
    """Decoding is deterministic."""
    data = encoded(name)
    assert open_picture(data).image.tobytes() == open_picture(data).image.tobytes()


def test_threads_decode_what_one_thread_decodes() -> None:
    """Eight threads that decode every format at once get the pixels of one thread alone."""
    files = [encoded(name) for name in ENCODINGS] * 3
    with ThreadPoolExecutor(8) as pool:
        together = [picture.image.tobytes() for picture in pool.map(open_picture, files)]
    assert together == [open_picture(data).image.tobytes() for data in files]


def test_warnings_of_the_readers_are_not_shown(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """A file that makes Pillow warn gets the same answer under any filter, and nothing is printed."""
    odd = crafted.png((100, 100), extra=crafted.png_chunk(b"acTL", bytes(8)))  # an animation of no frames
    bad_tag = crafted.tiff(bytes(10_000), t270=7)
    caplog.set_level("DEBUG", decode.__name__)
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        codes = [refusal(odd), open_picture(bad_tag[:-4] + b"\xff").notes]
    assert shown == []
    assert len(caplog.messages) > 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert codes == [refusal(odd), open_picture(bad_tag[:-4] + b"\xff").notes]
    assert capfd.readouterr() == ("", "")


def test_no_reader_that_can_warn_was_forgotten() -> None:
    """`warnings` is replaced in every module of Pillow that uses it and reads one of our formats."""
    loud = [
        name
        for name, module in sys.modules.items()
        if READER.fullmatch(name) and getattr(module, "warnings", decode._QUIET) is not decode._QUIET
    ]
    assert loud == []


SEEDS = [encoded(name, (40, 32)) for name in ENCODINGS]
SEEDS += [
    make.encode(make.picture(1, (40, 32)).convert(mode), image_format)
    for mode, image_format in (
        ("CMYK", "JPEG"),
        ("RGBA", "PNG"),
        ("P", "PNG"),
        ("RGBA", "WEBP"),
        ("1", "TIFF"),
    )
]


@given(
    data=st.sampled_from(SEEDS),
    edits=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=6)), max_size=8),
    kept=st.floats(0, 1),
)
def test_mutated_files_raise_nothing_but_a_refusal(
    data: bytes, edits: list[tuple[float, bytes]], kept: float
) -> None:
    """On damaged files `open_picture` returns a Picture or raises ImageRejected, and no other error."""
    damaged = bytearray(data)
    for place, patch in edits:
        at = int(place * len(damaged))
        damaged[at : at + len(patch)] = patch
    if edits and kept < 0.2:
        del damaged[int(kept * 5 * len(damaged)) :]
    try:
        picture = open_picture(bytes(damaged), Limits(pixels=1_000_000, side_px=1))
    except ImageRejected:
        return
    assert isinstance(picture, Picture)
    assert picture.image.mode == "RGB"
