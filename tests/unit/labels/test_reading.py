"""QR codes from strangers: our codes are recognised, and any other code is answered safely."""

import random
import resource
from collections.abc import Sequence

import labels_made as made
import make
import numpy as np
import pytest
from PIL import Image

from authcheck.errors import ImageRejected, Rejected
from authcheck.files.bounded import Bounds
from authcheck.ids import show_code
from authcheck.labels import symbols, symbols_child
from authcheck.labels.reading import read_label, recognise
from authcheck.labels.sheets import qr
from authcheck.labels.symbols_child import search
from authcheck.vision.pictures.decode import Limits

CODE = "NEN5292JFEZ68"  # one object for all cases: pytest names tests by it, in each of its processes
WEARS = {
    "new": made.Wear(),
    "far": made.Wear(module_px=3),
    "blurred": made.Wear(blur=0.45),
    "inked": made.Wear(ink=0.2),
    "starved": made.Wear(ink=-0.2),
    "slanted": made.Wear(slant=0.3),
    "pale": made.Wear(contrast=50),
    "noisy": made.Wear(noise=50),
    "pressed": made.Wear(jpeg=20),
}


def side_by_side(*symbols_: Image.Image) -> Image.Image:
    """Return several pictures in a row on white."""
    row = Image.new("L", (sum(one.width for one in symbols_), max(one.height for one in symbols_)), 255)
    x = 0
    for one in symbols_:
        row.paste(one, (x, 0))
        x += one.width
    return row


@pytest.mark.slow
@pytest.mark.parametrize("wear", WEARS.values(), ids=list(WEARS))
@pytest.mark.parametrize("short", [True, False])
def test_worn_prints_are_read(wear: made.Wear, short: bool) -> None:
    """Six labels, each at any angle on a busy ground, are all read, and each gives its own code."""
    dice = random.Random(7)
    for label in made.labels(6, short=short):
        clean = made.symbol(label.url, 12)
        turned = made.Wear(**{**vars_of(wear), "turn_deg": dice.uniform(0, 360)})
        data = made.photographed(clean, clean.width // 12, turned, dice)
        assert [read.code for read in read_label(data, Limits(), [made.HOST])] == [label.code]


def vars_of(wear: made.Wear) -> dict[str, float]:
    """Return the fields of a wear."""
    return {name: getattr(wear, name) for name in made.Wear.__dataclass_fields__}


def test_several_codes_in_one_picture_are_all_read() -> None:
    """Two of our labels, a bare code and a foreign code give four answers, from the top left on."""
    texts = [*(label.url for label in made.labels(2)), show_code(CODE), "https://evil.example/"]
    picture = side_by_side(*map(made.symbol, texts))
    found = read_label(make.encode(picture), Limits(), [made.HOST])
    assert {(read.ours, read.code) for read in found} == {
        (read.ours, read.code) for read in (recognise(text, [made.HOST]) for text in texts)
    }
    assert len(found) == 4


def test_a_picture_without_a_code_has_none() -> None:
    """A picture without a code gives an empty list, not an error."""
    assert read_label(make.picture_bytes(), Limits(), [made.HOST]) == []


def test_codes_that_are_white_on_black_are_read() -> None:
    """Inverted prints on dark packaging are read."""
    (label,) = made.labels(1)
    inverted = made.symbol(label.url).point(lambda grey: 255 - grey)
    (read,) = read_label(make.encode(inverted), Limits(), [made.HOST])
    assert read.code == label.code


@pytest.mark.parametrize(
    "text",
    [
        f"HTTPS://AUTHCHECK.EXAMPLE/C/{CODE}",
        f"https://authcheck.example/c/{CODE.lower()}",
        f"https://AuthCheck.example/c/{show_code(CODE)}",
        CODE,
        show_code(CODE).lower(),
        f"HTTPS://AUTHCHECK.EXAMPLE/01/09506000134352/10/L1/21/{CODE}",
    ],
)
def test_ours_are_recognised(text: str) -> None:
    """Addresses below the public address, in either case, and bare codes are recognised."""
    read = recognise(text, [made.HOST])
    assert (read.ours, read.code) == (True, CODE)


def test_a_brands_own_serial_number_is_not_a_code() -> None:
    """With a brand's own serial number there is no code. GTIN, lot and serial identify the unit."""
    read = recognise("HTTPS://AUTHCHECK.EXAMPLE/01/09506000134352/10/L%2F1/21/A-17", [made.HOST])
    assert (read.ours, read.code) == (True, None)
    assert (read.gtin, read.lot, read.serial) == ("09506000134352", "L/1", "A-17")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        (f"?c={CODE}", CODE),
        (f"?c={CODE.lower()}", CODE),
        ("?c=", None),
        ("?c=A-17", None),
        (f"?c={CODE}&x=1", None),
    ],
)
def test_the_link_of_a_brands_own_serial_number_carries_the_code(query: str, code: str | None) -> None:
    """Only a query with nothing but a code belongs to a label of ours."""
    read = recognise(f"HTTPS://AUTHCHECK.EXAMPLE/01/09506000134352/10/L1/21/A-17{query}", [made.HOST])
    assert (read.ours, read.code) == (code is not None, code)
    assert not recognise(f"HTTPS://AUTHCHECK.EXAMPLE/C/{CODE}{query}", [made.HOST]).ours


@pytest.mark.parametrize("serial", [CODE, f"A-17?c={CODE}"])
def test_a_link_without_a_lot_is_a_label(serial: str) -> None:
    """GTIN and serial number name a unit: the page accepts such links, and so do the readers of labels."""
    read = recognise(f"HTTPS://AUTHCHECK.EXAMPLE/01/09506000134352/21/{serial}", [made.HOST])
    assert (read.ours, read.code, read.lot) == (True, CODE, None)


def test_a_service_below_a_path_has_its_own_codes_alone() -> None:
    """An address beside the public address's path is not ours."""
    below = "https://shop.example/auth"
    assert recognise(f"HTTPS://SHOP.EXAMPLE/auth/C/{CODE}", [below]).code == CODE
    assert not recognise(f"HTTPS://SHOP.EXAMPLE/C/{CODE}", [below]).ours
    assert not recognise(f"HTTPS://SHOP.EXAMPLE/authority/C/{CODE}", [below]).ours


@pytest.mark.parametrize(
    "text",
    [
        f"https://authcheck.example.evil.com/c/{CODE}",
        f"https://evil.com/authcheck.example/c/{CODE}",
        f"https://authcheck.example@evil.com/c/{CODE}",
        f"https://evil.com@authcheck.example/c/{CODE}",
        f"https://authcheck.example:444/c/{CODE}",
        f"https://authcheck.example\\@evil.com/c/{CODE}",
        f"https://аuthcheck.example/c/{CODE}",  # noqa: RUF001 - the attack: a Cyrillic letter
        f"http://authcheck.example/c/{CODE}",
        f"//authcheck.example/c/{CODE}",
        f"javascript:location='https://authcheck.example/c/{CODE}'",
        f"data:text/html,<script>alert(1)</script>/c/{CODE}",
        f"https://authcheck.example/c/{CODE}?next=https://evil.com",
        f"https://authcheck.example/c/{CODE}#x",
        f"https://authcheck.example/c/{CODE}/../../admin",
        f"https://authcheck.example/c/../c/{CODE}",
        f"https://authcheck.example/c/{CODE[:-1]}",
        f"https://authcheck.example/c/{CODE}\x00",
        f"https://authcheck.example/c/\n{CODE}",
        f"{CODE}\r\nSet-Cookie: a=b",
        "https://authcheck.example/01/09506000134353/10/L1/21/A1",
        "https://authcheck.example/01/09506000134352/10/L1/21/..",
        "https://authcheck.example/01/09506000134352/10/L1/21/%2e%2e",
        "https://authcheck.example/01/09506000134352/10/L%00/21/A1",
        "https://authcheck.example/01/09506000134352/10/" + "L" * 21 + "/21/A1",
        "https://[authcheck.example/c/",
        "<img src=x onerror=alert(1)>",
        "WIFI:T:WPA;S:x;P:y;;",
        "\x1b[31mred\x1b[0m",
        "\u202egpj.exe",
        "\ud800",
        "x" * 4096,
        "",
    ],
)
def test_what_is_not_ours_is_told_without_a_link(text: str) -> None:
    """Foreign hosts, tricks with our host, scripts and long texts give a short plain text, no link."""
    read = recognise(text, [made.HOST])
    assert not read.ours
    assert (read.code, read.gtin, read.lot, read.serial) == (None, None, None, None)
    assert read.text.isprintable()
    assert len(read.text) < 260
    assert not any(bad in read.text for bad in ("://", "javascript:", "data:", "evil.com"))


def test_four_kilobytes_in_one_symbol_are_read_and_cut() -> None:
    """The longest text that a QR code can hold, at the lowest level of correction, is read and cut."""
    text = "9" * 1600 + "https://authcheck.example"
    modules = np.array([[not dark for dark in row] for row in qr(text).matrix_iter(border=4)], np.uint8)
    picture = Image.fromarray(np.kron(modules * 255, np.ones((4, 4), np.uint8)))
    (read,) = read_label(make.encode(picture), Limits(), [made.HOST])
    assert (read.ours, read.text) == (False, "9" * 80 + "...")


def test_caps_come_before_decoding() -> None:
    """The limits on bytes and pixels of all pictures apply.

    Files that are no pictures are refused as usual.
    """
    data = make.encode(made.symbol(CODE))
    for limits, code in (
        (Limits(bytes=100), "image.too_large"),
        (Limits(pixels=100), "image.too_many_pixels"),
    ):
        with pytest.raises(ImageRejected) as caught:
            read_label(data, limits, [made.HOST])
        assert caught.value.code == code
    with pytest.raises(ImageRejected):
        read_label(b"%PDF-1.7", Limits(), [made.HOST])


@pytest.mark.parametrize("size", [(100_000, 16), (16, 100_000), (16, 16)])
def test_pictures_of_any_shape_are_looked_at(size: tuple[int, int]) -> None:
    """Pictures longer than the reader's limit and pictures of the smallest size are read."""
    data = make.encode(Image.new("L", size, 255))
    assert read_label(data, Limits(), [made.HOST]) == []


def corners(module_px: int, side_px: int) -> Image.Image:
    """Return a picture of nothing but the corner patterns of QR codes."""
    corner = np.full((8, 8), 255, np.uint8)
    corner[1:8, 1:8], corner[2:7, 2:7], corner[3:6, 3:6] = 0, 255, 0
    times = side_px // (8 * module_px)
    return Image.fromarray(np.tile(np.kron(corner, np.ones((module_px,) * 2, np.uint8)), (times, times)))


def cpu_s() -> float:
    """Return the CPU time of all child processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


@pytest.mark.slow
def test_a_picture_full_of_corners_is_given_up() -> None:
    """4 KB that keep the finder busy for 20 seconds are refused after one second of CPU."""
    before_s = cpu_s()
    with pytest.raises(Rejected) as caught:
        symbols.find(corners(1, 2400))
    assert caught.value.code == "label.overfull"
    assert cpu_s() - before_s < symbols.BOUNDS.cpu_s + 0.3


@pytest.mark.parametrize("bounds", [Bounds(memory_bytes=1000), Bounds(wall_s=0.0)])
def test_a_finder_that_is_ended_is_a_refusal(monkeypatch: pytest.MonkeyPatch, bounds: Bounds) -> None:
    """A finder without time or memory, as for a picture that crashes it, leaves our process alive."""
    monkeypatch.setattr(symbols, "BOUNDS", bounds)
    with pytest.raises(Rejected) as caught:
        symbols.find(made.symbol(CODE))
    assert caught.value.code == "label.overfull"


def test_without_patience_only_the_picture_itself_is_searched(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow machine answers that it found nothing, instead of refusing an honest picture."""
    calls = []
    monkeypatch.setattr(symbols_child, "_read_texts", lambda variant: calls.append(variant.size) or [])
    empty = Image.new("L", (100, 100), 255)
    assert symbols_child.search(empty, 0.0) == []
    assert calls == [(100, 100)]
    assert symbols_child.search(empty, 1e9) == []
    assert calls[1:] == [(100, 100), (200, 200), (200, 200)]


@pytest.mark.parametrize("texts", [[], ["a"], ["a", "b", "c"]])
def test_the_process_of_its_own_says_the_same(texts: Sequence[str]) -> None:
    """The separate process returns the same texts in the same order as this process."""
    picture = side_by_side(Image.new("L", (60, 60), 255), *map(made.symbol, texts))
    assert symbols.find(picture) == search(picture, 60)
    assert sorted(symbols.find(picture)) == sorted(texts)
