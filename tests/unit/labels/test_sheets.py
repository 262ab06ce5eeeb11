"""Labels: the content and size of their QR codes, and sheets that are read back as printed."""

import io
from dataclasses import replace

import labels_made as made
import pytest
from PIL import Image

from authcheck.errors import BadSetting, Rejected
from authcheck.ids import show_code
from authcheck.labels.layouts import LAYOUTS, Layout, find_layout, module_mm
from authcheck.labels.reading import recognise
from authcheck.labels.sheets import Label, label_url, qr, sheet
from authcheck.labels.symbols_child import search
from authcheck.labels.typesetting import fold

CODE = "0123456789ABV"
UNIT = made.Unit(serial=CODE, code=CODE)
DOTS = 300


def read(page: Image.Image) -> list[str]:
    """Return the texts of the QR codes of a page."""
    return search(page.convert("L"), 60)


@pytest.mark.parametrize(
    ("public_url", "short", "expected"),
    [
        ("https://a.example", True, f"HTTPS://A.EXAMPLE/C/{CODE}"),
        ("https://a.example", False, f"HTTPS://A.EXAMPLE/01/09506000134352/10/L1/21/{CODE}"),
        ("http://a.example:8000/Auth", True, f"HTTP://A.EXAMPLE:8000/Auth/C/{CODE}"),
    ],
)
def test_what_a_qr_code_says(public_url: str, short: bool, expected: str) -> None:
    """Scheme and host are in capitals for a small symbol. The path is spelled as the operator wrote it."""
    assert label_url(public_url, UNIT, short=short) == expected


def test_lots_and_serials_of_any_gs1_characters_survive_the_address() -> None:
    """Slashes, percent signs and the like are escaped, and come back unchanged."""
    unit = made.Unit(lot="A/1%2?x", serial="s;&=+'(,)", code=CODE)
    said = recognise(label_url(made.HOST, unit), [made.HOST])
    assert (said.gtin, said.lot, said.serial) == (unit.gtin, unit.lot, unit.serial)
    assert said.code == CODE  # the serial number is the brand's own, so the link carries the code


@pytest.mark.parametrize(
    ("characters", "modules"), [(47, 29), (48, 33), (67, 33), (68, 37), (87, 37), (88, 41)]
)
def test_how_large_a_symbol_gets(characters: int, modules: int) -> None:
    """At level Q 47 capitals and digits fit into 29 modules, 67 into 33, 87 into 37."""
    made_of = qr("HTTPS://A.EXAMPLE/".ljust(characters, "7"))
    assert (made_of.symbol_size(border=0), made_of.error) == ((modules, modules), "Q")


def test_a_short_address_has_29_modules_and_a_digital_link_33() -> None:
    """A short address with a host of up to 23 characters has 29 modules.

    A digital link has 33 where host and lot have 20 characters together.
    """
    long_host, short_host = (f"https://{host}" for host in ("a" * 15 + ".example", "a" * 10 + ".example"))
    assert len(qr(label_url(long_host, UNIT, short=True)).matrix) == 29
    assert len(qr(label_url(short_host, UNIT)).matrix) == 33


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=list(LAYOUTS))
@pytest.mark.parametrize("modules", [29, 37])
def test_modules_are_whole_dots_of_at_least_four_tenths(layout: Layout, modules: int) -> None:
    """On every sheet modules are whole dots, or 0.4 mm where the room ends before the next whole dot."""
    side_mm = module_mm(layout, modules)
    assert side_mm >= 0.4
    assert side_mm == 0.4 or abs(side_mm / 25.4 * DOTS - round(side_mm / 25.4 * DOTS)) < 1e-9
    assert side_mm * (modules + 8) <= min(layout.label_mm) - 2


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=list(LAYOUTS))
def test_labels_lie_within_their_page_and_beside_each_other(layout: Layout) -> None:
    """Labels do not overlap. The right and lower margins equal the left and upper ones."""
    left, bottom = layout.corner_mm(layout.labels - 1)
    assert layout.page_mm[0] - left - layout.label_mm[0] == pytest.approx(layout.left_mm, abs=0.02)
    assert bottom == pytest.approx(layout.top_mm, abs=0.02)
    assert all(pitch >= side for pitch, side in zip(layout.pitch_mm, layout.label_mm, strict=True))


def test_a_label_without_room_is_refused_and_nothing_written() -> None:
    """If a module would be below 0.4 mm, no sheet is drawn."""
    small = replace(LAYOUTS["a4-65"], name="tiny", label_mm=(38.1, 16.7))
    file = io.BytesIO()
    with pytest.raises(Rejected) as caught:
        sheet(made.labels(2, short=True), small, file)
    assert (caught.value.code, caught.value.params["module_mm"]) == ("label.too_small", 0.397)
    assert file.getvalue() == b""


def test_an_unknown_sheet_is_refused() -> None:
    """The error lists the known sheets."""
    with pytest.raises(BadSetting, match="a4-24"):
        find_layout("a5")


@pytest.mark.slow
@pytest.mark.parametrize("short", [True, False])
def test_every_code_of_a_large_sheet_is_read_back(short: bool) -> None:
    """200 labels with PINs on the smallest size are all read back in order. The printer has 300 dpi."""
    printed = made.labels(200, short=short, pin="123456")
    drawn = made.pages(made.pdf(printed, LAYOUTS["a4-65"]), DOTS)
    assert len(drawn) == 4
    assert sorted(text for page in drawn for text in read(page)) == sorted(label.url for label in printed)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=list(LAYOUTS))
def test_every_sheet_is_read_back(layout: Layout) -> None:
    """A full page of each size is read back."""
    printed = made.labels(layout.labels)
    (page,) = made.pages(made.pdf(printed, layout), 200)
    assert sorted(read(page)) == sorted(label.url for label in printed)


def test_a_symbol_is_as_large_on_paper_as_stated_and_has_its_quiet_zone() -> None:
    """At 600 dots per inch the symbol has 29 modules of 16 dots each and 64 white dots on each side."""
    label = made.labels(1, short=True)[0]
    layout = LAYOUTS["a4-24"]
    file = io.BytesIO()
    side_mm = sheet([replace(label, product="")], layout, file).module_mm
    assert side_mm == pytest.approx(16 * 25.4 / 600)
    (page,) = made.pages(file.getvalue(), 600)
    left, top = (round(mm * 600 / 25.4) for mm in (layout.left_mm, layout.top_mm))
    symbol = page.crop((left, top, left + round(26.1 / 25.4 * 600), top + round(33.9 / 25.4 * 600)))
    x, y, right, bottom = symbol.point(lambda grey: 255 * (grey < 128)).getbbox() or (0, 0, 0, 0)
    assert abs(right - x - 29 * 16) <= 1
    assert abs(bottom - y - 29 * 16) <= 1
    assert x >= 64
    assert symbol.width - right >= 63


def test_a_page_says_what_people_need() -> None:
    """A label shows the product, the code in groups, the address for it, and the PIN.

    The margin states the module's size.
    """
    (label,) = made.labels(1, short=True, pin="907431")
    said = made.words(made.pdf([label], title="bat_1"))
    for part in (
        "牡丹真丝方巾",
        show_code(label.code),
        "authcheck.example",
        "907431",
        "bat_1",
        "QR module 0.677 mm, quiet zone 4 modules, level Q",
        "print at 100 %",
    ):
        assert part in said


def test_without_pins_there_is_no_place_for_them() -> None:
    """Only a label with a PIN has a frame and a text of six digits."""
    (label,) = made.labels(1)
    assert "907431" not in made.words(made.pdf([label]))
    assert made.pdf([label]) != made.pdf([replace(label, pin="907431")])


def test_the_same_labels_give_the_same_bytes() -> None:
    """A sheet holds no time and nothing random."""
    printed = made.labels(3)
    assert made.pdf(printed) == made.pdf(printed)


def test_progress_is_told_label_by_label() -> None:
    """`advance` is called once for each label."""
    told: list[int] = []
    sheet(made.labels(30, short=True), LAYOUTS["a4-24"], io.BytesIO(), advance=lambda: told.append(1))
    assert len(told) == 30


@pytest.mark.parametrize("product", ["", " ", "x" * 200, "牡" * 200, "<b>&amp;", "ว่าว" * 40, "كنزة " * 40])
def test_any_product_name_is_drawn(product: str) -> None:
    """The symbol stays readable with any product name, however long."""
    (label,) = made.labels(1)
    for pin in (None, "123456"):
        odd = Label(
            label.code, label.url, product, pin, brand="Müller & Söhne " * 5, lot="L2026-11-29/0042-ABCD"[:20]
        )
        for layout in LAYOUTS.values():
            (page,) = made.pages(made.pdf([odd], layout), 200)
            assert read(page) == [label.url]


@pytest.mark.parametrize("product", ["rose 🌹", "தமிழ்", "\ud800", "a\u2fff"])
def test_a_letter_without_a_font_is_refused_before_anything_is_drawn(product: str) -> None:
    """The refusal names the letters. Nothing is ever drawn in their place."""
    (label,) = made.labels(1)
    file = io.BytesIO()
    with pytest.raises(Rejected) as refused:
        sheet([replace(label, product=product)], LAYOUTS["a4-24"], file)
    assert (refused.value.code, file.getvalue()) == ("label.letters", b"")
    assert refused.value.params["letters"][:1] in product


def test_a_label_names_the_brand_the_lot_and_what_to_do() -> None:
    """Also on the smallest label."""
    (label,) = made.labels(1, short=True)
    said = made.words(made.pdf([replace(label, brand="Acme", lot="L7")], LAYOUTS["a4-65"]))
    for part in ("Acme", "Lot L7", "scan to check", show_code(label.code), "authcheck.example"):
        assert part in said


def test_lines_are_folded_between_words_and_characters() -> None:
    """Latin words stay whole, and Chinese text breaks anywhere. Text that does not fit ends in dots."""
    assert fold("silk scarf red", 10, 52, 3) == ["silk scarf", "red"]
    assert fold("牡丹真丝方巾", 10, 35, 2) == ["牡丹真", "丝方巾"]
    assert fold("silk scarf of peonies", 10, 60, 1) == ["silk scarf..."]
    assert fold("ที่ที่", 10, 8, 3) == ["ที่", "ที่"]
    assert fold("silk", 10, 50, 0) == []
