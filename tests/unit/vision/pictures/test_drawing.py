"""HEIC, SVG and PDF: read as their owners mean them, and no file of a stranger costs more than its bound."""

import base64
import gzip
import io
import resource
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import make
import numpy as np
import pillow_heif
import pytest
from foreign_files import heic, pdf, svg
from PIL import Image, TiffImagePlugin
from reportlab.lib.pdfencrypt import StandardEncryption

from authcheck.errors import ImageRejected
from authcheck.files.bounded import Bounds, TooCostly, run_bounded
from authcheck.vision.pictures import drawing, tiff_pages
from authcheck.vision.pictures.decode import Limits, Picture, open_picture, stills_of

LOGO = svg('<rect x="10" y="10" width="40" height="60" fill="#c21"/><circle cx="75" cy="40" r="20"/>')
PHOTO = make.picture(7, (640, 480))


def refusal(data: bytes) -> str:
    """Return the code with which a file is refused."""
    with pytest.raises(ImageRejected) as refused:
        open_picture(data)
    assert str(refused.value).isprintable()
    return refused.value.code


def difference(picture: Picture, image: Image.Image) -> float:
    """Return the mean difference of two pictures, in levels."""
    other = image.convert("RGB").resize(picture.image.size)
    return float(np.abs(np.asarray(picture.image, np.int16) - np.asarray(other, np.int16)).mean())


def test_heic_is_read() -> None:
    """A photo of an iPhone is the picture that it shows, with the size of the original."""
    picture = open_picture(heic(PHOTO))
    assert (picture.format, picture.width_px, picture.height_px) == ("HEIC", 640, 480)
    assert difference(picture, PHOTO) < 4


@pytest.mark.parametrize("orientation", [3, 6, 8])
def test_heic_is_upright(orientation: int) -> None:
    """A phone that is held sideways turns the picture by the file's own mark, once."""
    exif = Image.Exif()
    exif[274] = orientation
    stored = pillow_heif.from_bytes("RGB", PHOTO.size, PHOTO.tobytes())
    stored.info["exif"] = exif.tobytes()
    buffer = io.BytesIO()
    stored.save(buffer, quality=90)
    picture = open_picture(buffer.getvalue())
    angles = {3: Image.Transpose.ROTATE_180, 6: Image.Transpose.ROTATE_270, 8: Image.Transpose.ROTATE_90}
    upright = PHOTO.transpose(angles[orientation])
    assert (picture.width_px, picture.height_px) == upright.size
    assert difference(picture, upright) < 4


def test_the_primary_picture_of_several_is_read() -> None:
    """Of a burst or a Live Photo only the primary picture counts. Its thumbnails do not."""
    burst = pillow_heif.from_pillow(make.picture(1, (300, 300)))
    burst.add_from_pillow(PHOTO)
    buffer = io.BytesIO()
    burst.save(buffer, quality=90, primary_index=1, thumbnails=[64])
    assert difference(open_picture(buffer.getvalue()), PHOTO) < 4


def test_transparent_heic_and_profiles_are_converted() -> None:
    """Transparency lies on a ground as for PNG."""
    image = PHOTO.convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    picture = open_picture(heic(image))
    assert picture.image.mode == "RGB"
    assert (
        difference(
            picture, Image.composite(PHOTO, Image.new("RGB", PHOTO.size, "white"), image.getchannel("A"))
        )
        < 5
    )


@pytest.mark.slow
def test_the_size_in_the_header_decides_before_decoding() -> None:
    """A HEIC that says 60,000 x 60,000 pixels is refused by its header. One that lies small is damaged."""
    data = heic(PHOTO)
    place = data.index(b"ispe") + 8
    with pytest.raises(ImageRejected) as refused:
        open_picture(data[:place] + (60_000).to_bytes(4) * 2 + data[place + 8 :])
    assert refused.value.code == "image.too_many_pixels"
    assert refused.value.params["width_px"] == 60_000
    assert refusal(data[:place] + (32).to_bytes(4) * 2 + data[place + 8 :]) == "image.unreadable"
    with pytest.raises(ImageRejected) as refused:
        open_picture(data, Limits(pixels=100_000))
    assert refused.value.code == "image.too_many_pixels"


@pytest.mark.slow
def test_damaged_heic_is_refused() -> None:
    """A file that is cut, or that has only the first box, is refused."""
    data = heic(PHOTO)
    assert refusal(data[:-2000]) == "image.truncated"
    assert refusal(data[:200]) == "image.unreadable"
    assert refusal(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(500)) == "image.unreadable"


@pytest.mark.slow
def test_svg_is_drawn_at_a_size_that_serves_the_comparison() -> None:
    """A drawing of any unit has a shorter side of 1,024 pixels, and transparent parts lie on a ground."""
    picture = open_picture(LOGO, detail_px=2000)
    assert (picture.format, picture.width_px, picture.height_px) == ("SVG", 1279, 1024)
    assert picture.image.getpixel((5, 5)) == (255, 255, 255)
    assert picture.image.getpixel((300, 500)) == (204, 34, 17)
    for attributes in ('width="10mm" height="8mm" viewBox="0 0 100 80"', 'width="10000000" height="8000000"'):
        assert abs(open_picture(svg('<rect width="50" height="9"/>', attributes)).width_px - 1280) < 16


@pytest.mark.parametrize(
    "data",
    [
        gzip.compress(LOGO, mtime=0),
        LOGO.decode().encode("utf-16"),
        b"\xef\xbb\xbf" + LOGO,
        b'<?xml version="1.0" encoding="iso-8859-1"?>\n<!-- \xe9 -->' + LOGO,
        b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">'
        + LOGO,
        b'<!DOCTYPE svg [<!ENTITY ns "http://ns.adobe.com/Extensibility/1.0/">]>'
        + LOGO.replace(b"<svg", b'<svg xmlns:x="&ns;"'),
        LOGO.replace(b"<rect", b"<script>alert(1)</script><text> </text><rect"),
        LOGO.replace(b"<rect", b'<a href="https://shop.example"><path d=""/></a><rect'),
        LOGO.replace(b"<rect", b'<switch><foreignObject requiredExtensions="x"/><g/></switch><rect'),
    ],
    ids=["svgz", "utf-16", "mark", "latin-1", "doctype", "illustrator", "script", "link", "switch"],
)
def test_svg_of_all_programs_is_the_same_picture(data: bytes) -> None:
    """Compression, encodings, document types and harmless extras change nothing."""
    assert open_picture(data).image.tobytes() == open_picture(LOGO).image.tobytes()


NESTED = base64.b64encode(svg('<image href="/etc/hostname" width="100" height="80"/>')).decode()
COPIES = "".join(f'<g id="g{n + 1}">' + f'<use href="#g{n}"/>' * 10 + "</g>" for n in range(9))


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (svg('<image href="/etc/passwd" width="9" height="9"/>'), "image.svg_link"),
        (svg('<image xlink:href="file:///etc/passwd" width="9" height="9"/>'), "image.svg_link"),
        (svg('<image href=" http://127.0.0.1/x.png" width="9" height="9"/>'), "image.svg_link"),
        (svg('<use href="other.svg#a"/>'), "image.svg_link"),
        (svg('<filter id="f"><feImage href="x.png"/></filter>'), "image.svg_link"),
        (svg('<image href="data:image/tiff;base64,AAAA" width="9" height="9"/>'), "image.svg_link"),
        (svg("", before='<?xml-stylesheet href="style.css"?>'), "image.svg_link"),
        (svg("<foreignObject><p>KITE</p></foreignObject>"), "image.svg_part"),
        (svg("<text>KITE</text>"), "image.svg_text"),
        (svg("<text><tspan>KITE</tspan></text>"), "image.svg_text"),
        (svg("&x;", before='<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]>'), "image.svg_entity"),
        (svg("&b;", before='<!DOCTYPE svg [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>'), "image.svg_entity"),
        (svg('<rect width="9" height="9"/>', 'width="1" height="1000000"'), "image.too_costly"),
        (svg('<rect width="9" height="9"/>', 'width="0" height="0"'), "image.unreadable"),
        (svg("<g>" * 100_000 + "</g>" * 100_000), "image.too_costly"),
        (svg('<rect width="9" height="9"/>' * 200_001), "image.too_costly"),
        (svg(f'<defs><rect id="g0"/>{COPIES}</defs><use href="#g9"/>'), "image.unreadable"),
        (svg('<g opacity="0.9">' * 300 + '<rect width="90" height="9"/>' + "</g>" * 300), "image.too_costly"),
        (LOGO[:-9], "image.unreadable"),
        (gzip.compress(LOGO, mtime=0)[:-20], "image.truncated"),
        (gzip.compress(svg(" " * 30_000_000), mtime=0), "image.too_large"),
        (gzip.compress(LOGO, mtime=0)[:40] + bytes(200), "image.unreadable"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_hostile_svg_is_refused(data: bytes, code: str) -> None:
    """Links, entities and drawings that grow without end are refused within the bound."""
    start = time.monotonic()
    assert refusal(data) == code
    assert time.monotonic() - start < drawing.BOUNDS.wall_s


@pytest.mark.slow
@pytest.mark.parametrize(
    "body",
    [
        '<filter id="f"><feTurbulence baseFrequency="0.5" numOctaves="100000"/></filter><rect filter="url(#f)" width="90" height="90"/>',
        '<filter id="f">'
        + '<feGaussianBlur stdDeviation="50"/>' * 500
        + '</filter><rect filter="url(#f)" width="90" height="90"/>',
    ],
    ids=["turbulence", "blur"],
)
def test_a_drawing_has_two_seconds(body: str) -> None:
    """A filter that would run for hours ends with the processor time of its process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert refusal(svg(body)) == "image.too_costly"
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < drawing.BOUNDS.cpu_s + 1


def test_a_file_inside_a_drawing_inside_a_drawing_is_not_read() -> None:
    """A drawing that is embedded as data shows no file of this machine, and no text."""
    image = (
        '<image href="data:image/svg+xml;base64,{}" width="100" height="80"/><rect width="50" height="80"/>'
    )
    assert refusal(svg(image.format(NESTED))) == "image.svg_link"
    text = base64.b64encode(svg("<text>KITE</text>")).decode()
    assert refusal(svg(image.format(text))) == "image.svg_text"


RECT = '<rect x="10" y="10" width="40" height="60" {}/><circle cx="75" cy="40" r="20"/>'


@pytest.mark.parametrize(
    "paint",
    [
        'fill="#c21" style="fill:#c21;fill:color(display-p3 0.75 0.2 0.1);fill-opacity:1;"',
        'fill="var(--fill-0, #c21)"',
        'style="--a:#c21; fill:var(--a)"',
        'fill="#c21 icc-color(press, 0.1, 0.9, 0.9, 0.1)"',
        'fill="rgb(204 34 17 / 100%)"',
        'style="fill:hsl(5.5deg 85% 43.3%)"',
        'class="a"/><style>@import url(x.css); @media print {.a{fill:lab(1 2 3)}} .a{fill:#c21;fill:oklch(1 2 3)}</style><g ',
    ],
    ids=["figma", "default", "variable", "print", "blanks", "degrees", "sheet"],
)
def test_colours_that_only_browsers_know_are_drawn_as_the_plain_ones(paint: str) -> None:
    """Drawing programs write a new spelling of a colour beside the plain one."""
    assert open_picture(svg(RECT.format(paint))).image.tobytes() == open_picture(LOGO).image.tobytes()


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (RECT.format('fill="color(display-p3 1 0 0)"'), "image.svg_part"),
        (RECT.format('style="fill:var(--unknown)"'), "image.svg_part"),
        (RECT.format('style="--a:red" fill="var(--a, blue)"'), "image.svg_part"),
        (RECT.format('clip-path="polygon(0 0, 9 0, 9 9)"'), "image.svg_part"),
        (RECT.format('fill="url(other.svg#a)"'), "image.svg_link"),
        ("<style>.a{mask:url('https://x.example/m.svg#a')}</style>" + RECT.format(""), "image.svg_link"),
        ('<meshgradient id="m"/>' + RECT.format('fill="url(#m)"'), "image.svg_part"),
        ('<video href="x.mp4"/>', "image.svg_part"),
        ("<style>rect:nth-child(2){fill:#c21}</style>" + RECT.format(""), "image.svg_part"),
        ("<style>@media screen{rect{fill:#c21}}</style>" + RECT.format(""), "image.svg_part"),
        (RECT.format('style="transform:translate(9px, 0)"'), "image.svg_part"),
        (RECT.format('style="width:90px"'), "image.svg_part"),
        ('<image href="data:image/png;base64,AAAA" width="9" height="9"/>', "image.svg_link"),
        (
            f'<image href="data:image/jpeg;base64,{base64.b64encode(make.encode(PHOTO.convert("CMYK"), "JPEG")).decode()}"/>',
            "image.svg_link",
        ),
    ],
)
def test_nothing_of_an_svg_is_left_out_silently(body: str, code: str) -> None:
    """A part that the drawing library would pass over is named."""
    assert refusal(svg(body)) == code


@pytest.mark.parametrize("media_type", ["image/jpeg", "img/png", "application/octet-stream", "image/PNG"])
def test_an_embedded_picture_is_known_by_its_bytes(media_type: str) -> None:
    """A wrong media type changes nothing."""
    png = base64.b64encode(make.encode(make.picture(7, (64, 48)))).decode()
    image = f'<image xlink:href="data:{media_type};base64,{png[:40]}\n {png[40:]}" width="64" height="48"/>'
    picture = open_picture(svg(image, 'viewBox="0 0 64 48"'))
    assert difference(picture, make.picture(7, (64, 48))) < 20


@pytest.mark.parametrize(
    ("name", "encoding"), [("Shift_JIS", "shift_jis"), ("GB2312", "gb2312"), ("UTF-16", "utf-8")]
)
def test_svg_of_other_encodings(name: str, encoding: str) -> None:
    """Old encodings are read, and a text in single bytes is never UTF-16."""
    data = f'<?xml version="1.0" encoding="{name}"?><!-- \u5149 -->{LOGO.decode()}\0'.encode(encoding)
    assert open_picture(data).image.tobytes() == open_picture(LOGO).image.tobytes()


@pytest.mark.slow
def test_embedded_pictures_are_drawn() -> None:
    """A PNG inside the SVG is part of the drawing."""
    png = base64.b64encode(make.encode(PHOTO)).decode()
    picture = open_picture(
        svg(f'<image href="data:image/png;base64,{png}" width="640" height="480"/>', 'viewBox="0 0 640 480"')
    )
    assert difference(picture, PHOTO) < 3


@pytest.mark.slow
def test_the_first_page_of_a_pdf_that_shows_something_is_checked() -> None:
    """A check looks at one page and says so. Empty pages before it do not count."""
    picture = open_picture(pdf(3, blank=[0]))
    assert (picture.format, picture.width_px, picture.height_px) == ("PDF", 1024, 1366)
    assert picture.notes == ("image.first_page",)
    assert picture.image.tobytes() == open_picture(stills_of(pdf(3, blank=[0]))[0]).image.tobytes()
    assert open_picture(pdf()).notes == ()


@pytest.mark.slow
def test_every_page_of_a_pdf_is_a_picture_to_register() -> None:
    """Each page that shows something becomes a PNG, which stays the same."""
    pages = stills_of(pdf(4, blank=[1]))
    assert len(set(pages)) == 3
    assert all(open_picture(page).format == "PNG" for page in pages)
    assert pages == stills_of(pdf(4, blank=[1]))
    assert [open_picture(still).format for still in stills_of(LOGO)] == ["PNG"]
    assert stills_of(make.picture_bytes(1)) == [make.picture_bytes(1)]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (pdf(65), "image.too_many_pages"),
        (pdf(1, blank=[0]), "image.flat"),
        (pdf(encrypt=StandardEncryption("secret")), "image.protected"),
        (pdf()[:300], "image.unreadable"),
        (b"%PDF-1.7\n" + bytes(2000), "image.unreadable"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_pdf_that_cannot_be_registered_says_why(data: bytes, code: str) -> None:
    """Too many pages, empty pages, passwords and damage are refused in words."""
    with pytest.raises(ImageRejected) as refused:
        stills_of(data)
    assert refused.value.code == code


@pytest.mark.slow
def test_hostile_pdf_costs_little() -> None:
    """A page as large as a town and a document of ten thousand pages are drawn as any other."""
    assert open_picture(pdf(size_pt=(1e6, 1e6))).width_px == 1024
    assert open_picture(pdf(10_000)).notes == ("image.first_page",)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"8BPS\0\1", "Photoshop"),
        (b"%!PS-Adobe", "EPS"),
        (b"\xff\x0a", "JPEG XL"),
        (b"\0\0\0\x14ftypqt  ", "video"),
    ],
)
def test_formats_that_we_cannot_read_are_named(data: bytes, name: str) -> None:
    """The error names the format and what to export."""
    with pytest.raises(ImageRejected, match=f"{name}.*PNG") as refused:
        open_picture(data + bytes(100))
    assert refused.value.code == "image.format"


def test_notes_of_a_mac_are_no_picture() -> None:
    """AppleDouble bytes under the name of a picture are named."""
    with pytest.raises(ImageRejected, match="Mac's note"):
        open_picture(b"\0\x05\x16\x07\0\2\0\0Mac OS X        ")


def test_small_limits_draw_small() -> None:
    """A drawing obeys the limit of pixels by its size."""
    picture = open_picture(LOGO, Limits(pixels=40_000))
    assert picture.width_px * picture.height_px <= 40_000


@pytest.mark.slow
def test_threads_and_repeated_reading_give_the_same() -> None:
    """The pictures drawn last are kept within a limit, whatever thread asks."""
    with ThreadPoolExecutor(4) as pool:
        read = [
            picture.image.tobytes()
            for picture in pool.map(open_picture, [LOGO, pdf(), LOGO, heic(PHOTO)] * 2)
        ]
    assert read[:4] == read[4:]
    recent = drawing.Recent(100)
    for number in range(9):
        recent.put((number,), drawing.Drawn(bytes(40), 1, 1))
    assert [number for number in range(9) if recent.get((number,))] == [7, 8]


CHILDREN = {
    "files": "import socket\nopen('/etc/passwd')",
    "sockets": "import socket\nsocket.socket()",
    "memory": "bytearray(2 ** 30)",
    "time": "while True: pass",
    "answer": "return {}, bytes(10_000_000)",
    "crash": "import os\nos.abort()",
}


@pytest.mark.slow
@pytest.mark.parametrize("what", CHILDREN)
def test_a_bounded_process_holds_its_bounds(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process can open no file and no socket, and ends at its limits of memory, time and answer."""
    body = CHILDREN[what].replace("\n", "\n    ")
    module = (
        "import socket, os\nfrom authcheck.files.bounded_child import serve\n"
        f"def work(data, options):\n    {body}\n    return {{}}, b''\n"
        "def main():\n    serve(work)\n"
    )
    (tmp_path / "hostile_child.py").write_text(module)
    start = f"import sys; sys.path[:0] = [{str(tmp_path)!r}, sys.argv[1]]; import hostile_child; hostile_child.main()"
    monkeypatch.setattr("authcheck.files.bounded.START", start)
    with pytest.raises(TooCostly):
        run_bounded("", b"x", {}, Bounds(memory_bytes=2**28, cpu_s=1, wall_s=10, answer_bytes=1_000_000))


def test_a_process_that_sleeps_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time by the clock ends a process that uses no processor, and nothing is left of it."""
    monkeypatch.setattr("authcheck.files.bounded.START", "import time; time.sleep(60)")
    start = time.monotonic()
    with pytest.raises(TooCostly):
        run_bounded("", b"x", {}, Bounds(wall_s=0.3))
    assert time.monotonic() - start < 5
    assert not any(
        isinstance(thread, threading.Timer) and thread.is_alive() for thread in threading.enumerate()
    )


@pytest.mark.slow
def test_the_libraries_are_loaded_by_children_only() -> None:
    """The parent loads none of the libraries that read HEIC, SVG, PDF and workbooks."""
    code = (
        "import sys; from authcheck.vision.pictures.decode import open_picture; from authcheck.files import import_rows;"
        f"open_picture({LOGO!r}); print([n for n in sys.modules if n in ('pillow_heif', 'resvg_py', 'pypdfium2', 'python_calamine')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n", "git lfs pull"),
        (b"<!DOCTYPE html><html><head><title>Sign in</title></head></html>", "web page"),
        (b"book\0\0\0\0mark" + bytes(80), "shortcut"),
        (b"[InternetShortcut]\r\nURL=https://x.example", "shortcut"),
        (b"data:image/png;base64,iVBORw0KGgo", "base64"),
        (b"", "downloaded"),
        (b"nothing", "Send one of JPEG"),
    ],
)
def test_what_takes_the_place_of_a_picture_is_named(data: bytes, words: str) -> None:
    """A pointer, a web page, a shortcut or text instead of a picture says what to do."""
    with pytest.raises(ImageRejected, match=words):
        open_picture(data)


@pytest.mark.slow
def test_every_page_of_a_tiff_is_a_picture_to_register(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scanner's file has several pages. A preview in the file is no page."""
    first, second, third = (make.picture(seed, (300, 200)) for seed in (1, 2, 3))
    data = make.encode(first, "TIFF", save_all=True, append_images=[second, third.convert("CMYK")])
    stills = stills_of(data)
    assert stills[0] == data
    assert [
        difference(open_picture(still), page) < 12
        for still, page in zip(stills, (first, second, third), strict=True)
    ] == [True] * 3
    assert open_picture(data).notes == ("image.first_page",)
    blank = make.encode(first, "TIFF", save_all=True, append_images=[Image.new("RGB", (99, 99), "white")])
    assert stills_of(blank) == [blank]
    with monkeypatch.context() as patch:
        patch.setattr(tiff_pages, "MOST_BYTES", 100)
        with pytest.raises(ImageRejected) as costly:
            stills_of(data)
    assert costly.value.code == "image.too_costly"
    preview = TiffImagePlugin.ImageFileDirectory_v2()
    preview[254] = 1
    buffer = io.BytesIO()
    with TiffImagePlugin.AppendingTiffWriter(buffer, new=True) as file:
        first.save(file, "TIFF")
        file.newFrame()
        second.resize((60, 40)).save(file, "TIFF", tiffinfo=preview)
    assert stills_of(buffer.getvalue()) == [buffer.getvalue()]
    assert open_picture(buffer.getvalue()).notes == ()
    with pytest.raises(ImageRejected) as refused:
        stills_of(make.encode(first, "TIFF", save_all=True, append_images=[second.resize((16, 16))] * 64))
    assert refused.value.code == "image.too_many_pages"
