"""The letters of labels: which font has them, in which order they are drawn, and how they look."""

import io

import numpy as np
import pypdfium2
import pytest
from reportlab.pdfbase.ttfonts import TTFontFace
from reportlab.pdfgen.canvas import Canvas

from authcheck.labels.letters import EMBEDDED, clusters, missing_letters, visual_runs
from authcheck.labels.typesetting import FOLDER, Pdf, draw_line, fold, width_of

NAMES = [
    "Sukienka żółta", "Çiğdem gömleği", "Áo dài lụa đỏ rực", "ปู่ย่าตายาย", "قميص أزرق", "पतंग क्षत्रिय", "Κόκκινος αετός", "Красный змей", "חולצה כחולה",
    "Ångström №5 €", "凧のシャツ", "牡丹真丝方巾", "한국 셔츠", "日本 ไทย Ж Š", "Kite ملابس L",
]  # fmt: skip


def ink(text: str, size: float = 40) -> np.ndarray:
    """Return the columns with ink of a drawn line, at one pixel a point."""
    file = io.BytesIO()
    canvas = Canvas(file, (900, 80), invariant=1)
    draw_line(Pdf(canvas), 10, 30, text, size)
    canvas.save()
    page = pypdfium2.PdfDocument(file.getvalue())[0].render().to_pil().convert("L")
    columns: np.ndarray = (np.asarray(page) < 128).any(axis=0)
    return columns


@pytest.mark.parametrize("font", EMBEDDED)
def test_the_table_of_letters_is_that_of_the_files(font: str) -> None:
    """The list that is read without a font library equals the font's own, and its licence is beside it."""
    spans = [span.split("-") for span in EMBEDDED[font].split(",")]
    listed = {number for span in spans for number in range(int(span[0], 16), int(span[-1], 16) + 1)}
    assert listed == set(TTFontFace(FOLDER / f"{font}.ttf").charToGlyph) - {0xFFFF}
    assert "SIL Open Font License" in (FOLDER / "OFL.txt").read_text()
    assert font in (FOLDER / "README.md").read_text()


@pytest.mark.parametrize("name", NAMES)
def test_the_letters_of_many_countries_are_drawn(name: str) -> None:
    """Each name has a font for all its letters, is drawn, and is about as wide as reckoned."""
    assert missing_letters(name) == ""
    assert sorted("".join(run.text for run in visual_runs(name))) == sorted(name)
    columns = np.flatnonzero(ink(name))
    assert len(columns) > 20
    assert columns[-1] - columns[0] <= width_of(name, 40) + 4


@pytest.mark.parametrize(
    ("text", "letters"), [("rose 🌹🌹", "🌹"), ("தமிழ்", "தமிழ்"), ("a\ud800", "\ud800"), ("Kite", "")]
)
def test_letters_without_a_font_are_named(text: str, letters: str) -> None:
    """Each letter is named once, with its marks."""
    assert missing_letters(text) == letters


def test_lines_from_right_to_left_are_drawn_from_their_end() -> None:
    """Words from right to left are in reverse. Numbers and Latin words inside keep their order."""
    runs = visual_runs("קיט 12 (Kite) כחול")
    assert [run.text.strip() for run in runs if run.text.strip()] == ["כחול", ")", "12 (Kite", "קיט"]
    assert [run.text for run in visual_runs("Kite קיט L")] == ["Kite ", "קיט", " L"]
    assert runs[0].is_rtl
    assert [run.is_rtl for run in visual_runs("Kite 12")] == [False]


def test_joined_letters_are_narrower_than_single_ones() -> None:
    """Arabic letters are joined, which only shaping does."""
    joined, single = np.flatnonzero(ink("بيت")), np.flatnonzero(ink("ب ي ت"))
    assert joined[-1] - joined[0] < 0.8 * (single[-1] - single[0])
    assert ink("بيت")[joined[0] : joined[-1]].all()


def test_persian_numbers_keep_their_order() -> None:
    """A number is read from left to right in a line from right to left."""
    assert not np.array_equal(ink("۱۲"), ink("۲۱"))
    assert visual_runs("سلام ۱۲")[0].text.strip() == "۱۲"


def test_a_mark_stays_with_its_letter() -> None:
    """Lines break between letters, never between a letter and its mark."""
    assert clusters("กี่ปู") == ["กี่", "ปู"]
    assert all(line[0] not in "ีู่" for line in fold("กี่ปู่กี่ปู่", 10, 9, 9))
