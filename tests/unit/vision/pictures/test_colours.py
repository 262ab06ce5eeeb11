"""Every way in which a file can store colours, read as a viewer shows them."""

import io
import struct
import zlib

import crafted
import make
import numpy as np
import pytest
from foreign_files import heic
from PIL import ExifTags, Image, ImageCms, ImageDraw

from authcheck.errors import ImageRejected
from authcheck.vision.pictures import colours
from authcheck.vision.pictures.decode import open_picture

RED = (200, 30, 40)


def plain(mode: str, colour: object, size: tuple[int, int] = (64, 48)) -> Image.Image:
    """Return one colour all over."""
    return Image.new(mode, size, colour)  # type: ignore[arg-type]


def shown(data: bytes) -> tuple[int, int, int]:
    """Return the colour in the middle of the picture that was read."""
    image = open_picture(data).image
    red, green, blue = image.getpixel((image.width // 2, image.height // 2))  # type: ignore[misc]
    return red, green, blue


def near(one: tuple[int, int, int], other: tuple[int, int, int], within: int = 6) -> bool:
    """Return whether two colours look alike."""
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) <= within


def profile(
    primaries: tuple[float, ...] = (0.68, 0.32, 0.265, 0.69, 0.15, 0.06), name: str = "wide"
) -> bytes:
    """Return a matrix profile of these xy primaries (Display P3's by default), white D65 and gamma 2.2."""
    xy = np.array(primaries).reshape(3, 2)
    columns = np.stack([xy[:, 0] / xy[:, 1], np.ones(3), (1 - xy.sum(1)) / xy[:, 1]])
    white = np.array([0.9505, 1.0, 1.0891])
    matrix = columns * np.linalg.solve(columns, white)
    bradford = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    d50 = np.array([0.9642, 1.0, 0.8249])
    adapt = np.linalg.solve(bradford, np.diag((bradford @ d50) / (bradford @ white)) @ bradford)
    text = name.encode() + b"\0"
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", len(text)) + text + bytes(78),
        b"cprt": b"text" + bytes(4) + b"none\0",
        b"wtpt": _xyz(d50),
        **{
            b"%cXYZ" % letter: _xyz(column) for letter, column in zip(b"rgb", (adapt @ matrix).T, strict=True)
        },
        **{b"%cTRC" % letter: b"curv" + bytes(4) + struct.pack(">IH", 1, 563) for letter in b"rgb"},
    }
    table, body = struct.pack(">I", len(tags)), b""
    for tag, value in tags.items():
        table += tag + struct.pack(">II", 132 + 12 * len(tags) + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    head = (
        bytes(4)
        + b"lcms\x02\x40\0\0mntrRGB XYZ "
        + bytes(12)
        + b"acsp"
        + bytes(28)
        + _xyz(d50)[8:]
        + bytes(48)
    )
    return struct.pack(">I", 128 + len(table + body)) + head[4:128] + table + body


def _xyz(values: np.ndarray) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(value * 65536) for value in values))


WIDE = profile()
SWAPPED = profile(
    (0.30, 0.60, 0.64, 0.33, 0.15, 0.06), name="sRGB IEC61966-2.1"
)  # red and green change places


@pytest.mark.parametrize(
    ("mode", "colour", "image_format", "expected"),
    [
        ("RGB", RED, "PNG", RED),
        ("L", 77, "PNG", (77, 77, 77)),
        ("1", 1, "PNG", (255, 255, 255)),
        ("1", 0, "TIFF", (0, 0, 0)),
        ("LA", (60, 255), "PNG", (60, 60, 60)),
        ("LA", (0, 0), "PNG", (255, 255, 255)),
        ("RGBA", (*RED, 255), "PNG", RED),
        ("RGBA", (0, 0, 0, 128), "PNG", (127, 127, 127)),
        ("RGBA", (*RED, 255), "WEBP", RED),
        ("RGBA", (*RED, 255), "TIFF", RED),
        ("CMYK", (0, 255, 255, 0), "JPEG", (254, 0, 0)),
        ("CMYK", (0, 255, 255, 0), "TIFF", (255, 0, 0)),
        ("YCbCr", (76, 85, 255), "TIFF", (254, 0, 0)),
        ("LAB", (200, 128, 128), "TIFF", (194, 194, 194)),
        ("I;16", 0x8000, "PNG", (128, 128, 128)),
        ("I;16", 0xFFFF, "PNG", (255, 255, 255)),
        ("I;16", 0x8000, "TIFF", (128, 128, 128)),
        ("I;16B", 0x8000, "TIFF", (128, 128, 128)),
        ("I", 0x8000, "TIFF", (128, 128, 128)),
        ("I;16", 200, "PNG", (200, 200, 200)),
    ],
)
def test_every_mode_is_read_in_its_colours(
    mode: str, colour: object, image_format: str, expected: tuple[int, int, int]
) -> None:
    """Grey, bilevel, transparent, printed and deep pictures are read in the colours they show."""
    assert near(shown(make.encode(plain(mode, colour), image_format)), expected)


@pytest.mark.parametrize("size", [(64, 48), (1100, 900)])
def test_a_palette_is_read_as_its_colours(size: tuple[int, int]) -> None:
    """A reduced palette picture is averaged by colour, never by palette index."""
    image = make.picture(4, size)
    palette = image.quantize(64)
    read = open_picture(make.encode(palette)).image
    expected = palette.convert("RGB").resize(read.size, Image.Resampling.BOX)
    assert np.abs(np.asarray(read, np.int16) - np.asarray(expected, np.int16)).mean() < 2


@pytest.mark.parametrize("size", [(64, 48), (1100, 900)])
@pytest.mark.parametrize("kind", ["one index", "an alpha for each entry"])
def test_a_transparent_palette_is_put_on_a_ground(kind: str, size: tuple[int, int]) -> None:
    """Transparent palette entries show the ground, whether one is named or each has its own alpha."""
    palette = plain("P", 0, size)
    palette.putpalette([*RED, 0, 0, 255])
    ImageDraw.Draw(palette).rectangle((0, 0, size[0] // 4, size[1]), fill=1)
    data = make.encode(palette, transparency=0 if kind == "one index" else b"\0\xff")
    assert shown(data) == (255, 255, 255)
    assert near(open_picture(data).image.getpixel((1, 1)), (0, 0, 255))  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [(64, 48), (1100, 900)])
def test_a_colour_named_transparent_is_put_on_a_ground(size: tuple[int, int]) -> None:
    """PNG's single transparent colour survives the reduction."""
    assert shown(make.encode(plain("RGB", RED, size), transparency=RED)) == (255, 255, 255)
    assert shown(make.encode(plain("L", 90, size), transparency=90)) == (255, 255, 255)


def test_sixteen_bits_of_colour_keep_their_high_byte() -> None:
    """A 16-bit RGB PNG is read as the 8-bit one of the same colours."""
    row = b"\0" + struct.pack(">3H", *(value * 257 for value in RED)) * 64
    assert shown(crafted.png((64, 48), zlib.compress(row * 48), depth=16)) == RED


@pytest.mark.parametrize("mode", ["CMYK", "inverted CMYK"])
def test_a_printers_jpeg_is_read_in_its_colours(mode: str) -> None:
    """CMYK JPEGs are read alike whether their inks are stored straight or, as Adobe does, inverted."""
    data = make.encode(plain("CMYK", (0, 255, 255, 0)), "JPEG", quality=95)
    adobe = data.index(b"Adobe") - 4
    assert data[adobe : adobe + 2] == b"\xff\xee"  # Pillow writes CMYK as Adobe does
    if mode == "CMYK":
        length = int.from_bytes(data[adobe + 2 : adobe + 4])
        data = data[:adobe] + data[adobe + 2 + length :]
        assert near(shown(data), (0, 0, 0), within=255)  # no marker, no convention: only reading is tested
        return
    assert near(shown(data), (254, 0, 0))


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(make.encode(plain("F", 0.5), "TIFF"), id="floating point"),
        pytest.param(make.encode(plain("I", 1 << 20), "TIFF"), id="20 bits"),
        pytest.param(make.encode(plain("I", -5), "TIFF"), id="below zero"),
    ],
)
def test_depths_whose_white_nobody_knows_are_refused(data: bytes) -> None:
    """Floating-point and very deep pictures have the code `image.depth`."""
    with pytest.raises(ImageRejected) as caught:
        open_picture(data)
    assert caught.value.code == "image.depth"


@pytest.mark.parametrize(("ink", "ground"), [("white", colours.DARK_GROUND), ("black", colours.LIGHT_GROUND)])
@pytest.mark.parametrize("image_format", ["PNG", "WEBP", "GIF"])
def test_a_transparent_logo_stays_visible(image_format: str, ink: str, ground: tuple[int, int, int]) -> None:
    """White on transparent is put on dark, anything darker on white, so that neither disappears."""
    image = Image.new("RGBA", (400, 300), (0, 0, 0, 0))
    ImageDraw.Draw(image).ellipse((100, 75, 300, 225), fill=ink)
    options = {"lossless": True} if image_format == "WEBP" else {}
    read = open_picture(make.encode(image, image_format, **options)).image
    assert read.getpixel((2, 2)) == ground
    assert read.getpixel((200, 150)) == ((255,) * 3 if ink == "white" else (0,) * 3)


def test_what_lies_under_full_transparency_does_not_show() -> None:
    """Colours that no viewer shows leave no trace, also after reduction."""
    hidden = make.picture(2, (1200, 900)).convert("RGBA")
    hidden.putalpha(0)
    assert set(np.unique(np.asarray(open_picture(make.encode(hidden, compress_level=1)).image))) == {255}


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
def test_a_wide_gamut_is_converted(mode: str) -> None:
    """Display P3's (200, 100, 100) is a stronger red in sRGB, with or without alpha and palette."""
    image = (
        plain("RGB", (200, 100, 100)).convert(mode)
        if mode != "P"
        else plain("RGB", (200, 100, 100)).quantize(2)
    )
    red, green, _ = shown(make.encode(image, icc_profile=WIDE))
    assert red > 208
    assert green < 96


def test_an_srgb_profile_changes_no_pixel() -> None:
    """The commonest profile leaves the picture exactly as it is."""
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = make.picture(6)
    assert open_picture(make.encode(image, icc_profile=srgb)).image.tobytes() == image.tobytes()


def test_a_profile_is_believed_for_its_numbers_not_its_name() -> None:
    """A forged profile that swaps red and green and calls itself sRGB is applied, as viewers apply it."""
    red, green, _ = shown(make.encode(plain("RGB", (30, 220, 30)), icc_profile=SWAPPED))
    assert red > green + 100


def test_a_printers_profile_is_applied_to_inks() -> None:
    """A CMYK picture with a profile that does not fit it is still read in plain colours."""
    data = make.encode(plain("CMYK", (0, 255, 255, 0)), "JPEG", icc_profile=WIDE)
    assert near(shown(data), (254, 0, 0))


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"not a profile at all", id="garbage"),
        pytest.param(WIDE[:200], id="truncated"),
        pytest.param(WIDE[:128] + b"\xff" * 400, id="absurd tags"),
        pytest.param(WIDE + bytes(colours.PROFILE_BYTES), id="over 4 MiB"),
    ],
)
@pytest.mark.parametrize("image_format", ["JPEG", "TIFF"])
def test_a_broken_profile_is_ignored(image_format: str, broken: bytes) -> None:
    """A profile that cannot be used leaves the stored colours."""
    assert near(shown(make.encode(plain("RGB", RED), image_format, icc_profile=broken)), RED)


def test_a_grey_picture_with_a_colour_profile_is_read() -> None:
    """A profile of the wrong kind is ignored."""
    assert shown(make.encode(plain("L", 77), icc_profile=WIDE)) == (77, 77, 77)


def test_a_picture_read_by_us_carries_nothing_along() -> None:
    """A picture that was read and saved again has no profile, no location and no comment."""
    exif = Image.Exif()
    exif[ExifTags.Base.Copyright] = "somebody"
    data = make.encode(plain("RGB", RED), icc_profile=WIDE, exif=exif)
    with Image.open(io.BytesIO(make.encode(open_picture(data).image))) as saved:
        assert saved.info == {}


def test_the_profile_of_an_iphone_is_applied() -> None:
    """A HEIC photo in Display P3 is converted to sRGB, as a JPEG with this profile."""
    image = plain("RGB", (200, 100, 100))
    image.info["icc_profile"] = WIDE
    red, green, _ = shown(heic(image))
    assert red > 205
    assert green < 98
