"""The content of the evidence picture, and the differences that it marks."""

import io
import math
from dataclasses import replace

import evidence_scenes as scenes
import make
import numpy as np
import pytest
from PIL import Image, ImageChops, ImageDraw, ImageStat

from authcheck.checks import evidence
from authcheck.vision.matching import drawing, overlay
from authcheck.vision.matching.alignment import Alignment
from authcheck.vision.matching.differences import Mask, boxes, differing
from authcheck.vision.matching.overlay import PANEL_PX, Exhibit, compose

DESIGN = make.picture(4, (400, 320))
EDIT = (0.55, 0.5, 0.7, 0.66)  # left, top, right, bottom of the edit, in shares of the design


def edited(design: Image.Image = DESIGN) -> Image.Image:
    """Return the design with a striped patch over a known place."""
    changed = design.copy()
    left, top, right, bottom = (
        round(share * side) for share, side in zip(EDIT, (*design.size, *design.size), strict=True)
    )
    draw = ImageDraw.Draw(changed)
    for x in range(left, right, 12):
        draw.rectangle((x, top, min(right, x + 5), bottom), fill=(250, 250, 240))
        draw.rectangle((x + 6, top, min(right, x + 11), bottom), fill=(10, 10, 20))
    return changed


def marks(photo: Image.Image, alignment: Alignment, design: Image.Image = DESIGN) -> tuple[Mask, Mask]:
    """Return the marks of panel C, and the part of the panel that the picture shows."""
    laid = overlay._lay(photo, photo.size, design, alignment)
    assert laid is not None
    return overlay._marks(laid, inverted=alignment.inverted), laid.inside


def share_of_edit(marked: Mask, *, mirrored: bool = False) -> tuple[float, float]:
    """Return the marked share of the edited place, and of the rest (4 % around the edit left out)."""
    height_px, width_px = marked.shape
    left, top, right, bottom = (1 - EDIT[2], EDIT[1], 1 - EDIT[0], EDIT[3]) if mirrored else EDIT
    place = np.zeros_like(marked)
    place[
        round(top * height_px) : round(bottom * height_px), round(left * width_px) : round(right * width_px)
    ] = True
    around = np.zeros_like(marked)
    rows = slice(round((top - 0.04) * height_px), round((bottom + 0.04) * height_px))
    around[rows, round((left - 0.04) * width_px) : round((right + 0.04) * width_px)] = True
    return float(marked[place].mean()), float(marked[~around].mean())


def test_a_known_edit_is_marked_where_it_is() -> None:
    """Under another light and seen aslant, the edit is marked and nothing else."""
    marked, _ = marks(scenes.photo(edited()), scenes.alignment(DESIGN))
    inside, outside = share_of_edit(marked)
    assert inside > 0.7
    assert outside == 0


@pytest.mark.parametrize("seed", [1, 2, 4, 9])
def test_an_unedited_design_has_no_marks(seed: int) -> None:
    """Light from the side, a warm cast, noise, blur and another size are not marked."""
    design = make.picture(seed, (400, 320))
    marked, inside = marks(scenes.photo(design), scenes.alignment(design), design)
    assert inside.all()
    assert marked.mean() < 0.002


@pytest.mark.slow
def test_a_slightly_wrong_alignment_marks_little() -> None:
    """Corners that are off by about one percent, as after matching, cause few marks at edges."""
    off = np.add(scenes.SLANTED, ((4, -3), (-5, 3), (3, 5), (-3, -4)))
    marked, _ = marks(scenes.photo(DESIGN), scenes.alignment(DESIGN, off.tolist()))
    assert marked.mean() < 0.01
    marked, _ = marks(scenes.photo(edited()), scenes.alignment(DESIGN, off.tolist()))
    assert share_of_edit(marked)[0] > 0.7


def test_a_mirrored_design_is_laid_as_it_is_seen() -> None:
    """The registered picture is mirrored too, so that the panels can be compared.

    The edit is marked in place.
    """
    corners = [scenes.SLANTED[at] for at in (1, 0, 3, 2)]
    alignment = scenes.alignment(DESIGN, corners)
    assert alignment.mirrored
    laid = overlay._lay(scenes.photo(edited(), corners), scenes.PHOTO_PX, DESIGN, alignment)
    assert laid is not None
    as_mirrored = np.asarray(overlay._fit(DESIGN.transpose(Image.Transpose.FLIP_LEFT_RIGHT)))
    assert np.array_equal(laid.registered, as_mirrored)
    inside, outside = share_of_edit(overlay._marks(laid, inverted=False), mirrored=True)
    assert inside > 0.7
    assert outside == 0


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_turned_design_is_held_as_it_is_seen(quarters: int) -> None:
    """The registered picture is turned by quarters, clockwise, and then compared."""
    corners = list(np.roll(np.array(scenes.SLANTED), -quarters, axis=0))
    alignment = scenes.alignment(DESIGN, corners)
    assert round(alignment.angle_deg / 90) % 4 == quarters
    laid = overlay._lay(scenes.photo(DESIGN, corners), scenes.PHOTO_PX, DESIGN, alignment)
    assert laid is not None
    assert np.array_equal(laid.registered, np.rot90(np.asarray(overlay._fit(DESIGN)), -quarters))
    assert overlay._marks(laid, inverted=False).mean() < 0.002


def test_light_and_dark_swapped_is_no_difference() -> None:
    """An inverted copy is compared with the inverted design. Panel B keeps its own colours."""
    photo = scenes.photo(ImageChops.invert(edited()))
    alignment = scenes.alignment(DESIGN, inverted=True)
    marked, _ = marks(photo, alignment)
    inside, outside = share_of_edit(marked)
    assert inside > 0.7
    assert outside == 0
    panel = overlay._panels(photo, photo.size, Exhibit(DESIGN, alignment), 1)[1]
    assert panel.signs == ("inverted",)
    assert panel.image.tobytes() == overlay._fit(DESIGN).tobytes()


def test_what_lies_outside_the_picture_is_hatched_and_never_marked() -> None:
    """A design that the photo cuts off has no differences beyond the photo's edge."""
    corners = [(x - 400, y) for x, y in scenes.SLANTED]
    marked, inside = marks(scenes.photo(DESIGN, corners), scenes.alignment(DESIGN, corners))
    assert 0.3 < 1 - inside.mean() < 0.6
    assert not (marked & ~inside).any()
    assert marked.mean() < 0.002
    hatched = np.asarray(drawing.marked(np.zeros((*inside.shape, 3), np.uint8), inside, marked))
    stripes = {tuple(colour) for colour in hatched[~inside].tolist()}
    assert stripes == set(drawing.HATCH)


def test_a_reduced_submission_lies_as_the_full_one_does() -> None:
    """Alignments are in pixels of the full picture. A working copy of a third of it is compared correctly."""
    photo = scenes.photo(edited())
    small = photo.resize((320, 240))
    laid = overlay._lay(small, photo.size, DESIGN, scenes.alignment(DESIGN))
    assert laid is not None
    inside, outside = share_of_edit(overlay._marks(laid, inverted=False))
    assert inside > 0.6
    assert outside < 0.002


@pytest.mark.parametrize(
    "homography",
    [
        (0.0,) * 9,
        (0.0,) * 8 + (1.0,),
        (1e300,) * 9,
        (100.0, 0.0, 0.0, 0.0, 100.0, 0.0, -2.0, 0.0, 1.0),  # a corner behind the camera
        (100.0, 200.0, 0.0, 50.0, 100.0, 0.0, 0.0, 0.0, 1.0),  # a line
        (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),  # one pixel
        (1e8, 0.0, 0.0, 0.0, 1e8, 0.0, 0.0, 0.0, 1.0),  # far larger than the picture
        (100.0, 0.0, 1e6, 0.0, 100.0, 1e6, 0.0, 0.0, 1.0),  # far outside it
        (1.0, 0.0, 0.0, 0.0, 500.0, 0.0, 0.0, 0.0, 1.0),  # a sliver
    ],
)
@pytest.mark.parametrize(
    "outline", [(), ((1.0, 1.0), (2.0, 2.0)), ((math.nan, 0.0), (1.0, 1.0), (1e30, 9.0))]
)
def test_a_useless_alignment_still_gives_a_picture(
    homography: tuple[float, ...], outline: tuple[tuple[float, float], ...]
) -> None:
    """A useless homography still gives a picture of bounded size, with the two pictures side by side."""
    broken = replace(scenes.alignment(DESIGN), homography=homography, outline=outline, angle_deg=math.nan)
    picture = compose(scenes.photo(DESIGN), scenes.PHOTO_PX, [Exhibit(DESIGN, broken)])
    assert picture.width <= 1600
    assert picture.height <= 1200


@pytest.mark.parametrize("size", [(1, 1), (16, 800), (800, 16), (3, 2)])
@pytest.mark.parametrize("layout", ["wide", "tall"])
def test_odd_shapes_are_drawn(size: tuple[int, int], layout: overlay.Layout) -> None:
    """Slivers and specks are drawn, as submission and as design, in either layout."""
    sliver = Image.new("RGB", size, "white")
    full = (size[0] * 100, size[1] * 100)
    corners = [(0, 0), (full[0], 0), full, (0, full[1])]
    exhibit = Exhibit(sliver, scenes.alignment(sliver, corners, size=full))
    picture = compose(sliver, full, [exhibit, Exhibit(DESIGN, exhibit.alignment)], layout)
    assert picture.width <= 1600


def test_flat_pictures_have_no_differences() -> None:
    """One plain colour on another counts as a change of light."""
    white, black = np.full((200, 200, 3), 255, np.uint8), np.zeros((200, 200, 3), np.uint8)
    assert not differing(black, white, np.ones((200, 200), bool)).any()
    assert not differing(black, white, np.zeros((200, 200), bool)).any()


@pytest.mark.slow
def test_at_most_four_findings_are_drawn_and_the_picture_stays_bounded() -> None:
    """Ten findings give no larger picture than four. The width is at most 1,600 px, tall 720."""
    exhibit = Exhibit(DESIGN, scenes.alignment(DESIGN))
    photo = scenes.photo(DESIGN)
    four, ten = (compose(photo, photo.size, [exhibit] * count) for count in (4, 10))
    assert four.size == ten.size
    assert four.width <= 1600
    assert compose(photo, photo.size, [exhibit] * 2, "tall").width <= 720
    assert max(overlay._fit(make.picture(1, (2000, 90))).size) == PANEL_PX


def test_without_the_design_only_the_submission_is_shown() -> None:
    """A design that may not be shown is outlined, and no colour of it appears in the picture."""
    photo, alignment = scenes.photo(DESIGN), scenes.alignment(DESIGN)
    hidden = compose(photo, photo.size, [Exhibit(None, alignment)])
    assert hidden.width < 1000
    plain = compose(photo, photo.size, [])
    assert hidden.size == plain.size
    changed = ImageChops.difference(hidden.convert("RGB"), plain.convert("RGB")).getbbox()
    assert changed is not None
    blue = np.asarray(hidden.convert("RGB")).reshape(-1, 3)
    assert (np.abs(blue.astype(int) - drawing.COLOURS[0]).sum(axis=1) == 0).any()


def test_without_an_alignment_the_two_stand_side_by_side() -> None:
    """One panel shows the design as registered. It makes no claim about its place or its differences."""
    photo = scenes.photo(DESIGN)
    (panel,) = overlay._panels(photo, photo.size, Exhibit(DESIGN, None), 1)
    assert (panel.letter, panel.signs) == ("B", ())
    assert compose(photo, photo.size, [Exhibit(DESIGN, None)]).width > overlay.SHOWN_PX["wide"][0]


@pytest.mark.parametrize("ground", ["white", "black", "#0072b2", "#808080"])
def test_an_outline_is_seen_on_any_ground(ground: str) -> None:
    """The line has a white and a dark casing, so that one of the three is visible."""
    image = Image.new("RGB", (300, 200), ground)
    drawn = drawing.outlined(
        image, {1: np.array([(40.0, 40.0), (250.0, 50.0), (240.0, 160.0), (50.0, 150.0)])}
    )
    contrast = ImageStat.Stat(ImageChops.difference(drawn, image).convert("L")).extrema[0][1]
    assert contrast > 90


def test_boxes_come_largest_first_and_bounded() -> None:
    """Each connected part comes once, at most as many as asked for."""
    mask = np.zeros((60, 60), bool)
    mask[5:10, 5:10] = mask[20:50, 20:40] = mask[0:2, 50:52] = True
    assert boxes(mask, 2) == [(20, 20, 40, 50), (5, 5, 10, 10)]


def test_the_page_shows_through_between_the_panels() -> None:
    """No white slab on a dark page. A JPEG knows no transparency, and gets a white ground."""
    photo = scenes.photo(DESIGN)
    sheet = compose(photo, photo.size, [Exhibit(DESIGN, scenes.alignment(DESIGN))])
    corner = sheet.getpixel((sheet.width - 1, 0))
    assert isinstance(corner, tuple)
    assert corner[3] == 0
    printed = Image.open(io.BytesIO(evidence.encode(sheet, "JPEG"))).convert("L")
    assert printed.getpixel((sheet.width - 1, 0)) == pytest.approx(255, abs=3)


def test_panels_fill_the_sheet() -> None:
    """Below the photo, panels are as wide as the photo. Beside it, they are as large as it leaves room."""
    panels = [drawing.Panel(1, letter, Image.new("RGB", (320, 200), "red")) for letter in "ABC"]
    tall = np.asarray(drawing.sheet(Image.new("RGB", (656, 400)), [panels], beside=False))[..., 3] > 0
    assert tall.shape[1] == 656 + 2
    a_and_b, c = tall[480], tall[-10]
    assert (a_and_b.sum(), c.sum()) == (656 - drawing.GAP_PX + 4, 640 + 2)
    wide = drawing.sheet(Image.new("RGB", (560, 600)), [panels], beside=True)
    assert 1590 <= wide.width <= 1604
    assert wide.height == 602
    crowded = drawing.sheet(Image.new("RGB", (560, 600)), [panels] * 4, beside=True)
    assert crowded.height == 4 * (drawing.STRIP_PX + 200) + 3 * drawing.GAP_PX + 2
