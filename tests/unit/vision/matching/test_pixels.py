"""Pixel evidence: the pixels agree where the design is, and not elsewhere."""

import make
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from authcheck.vision.features.thumbnail import Thumbnail, thumbnail_bytes
from authcheck.vision.matching.pixels import NOT_SEEN, NOTHING, PixelEvidence, compare

Matrix = NDArray[np.float64]
DESIGN = make.fixture("nw-001")
PLACE = make.quad(DESIGN, (430, 300), 300, angle_deg=25, slant=0.1)


def thumbnail(image: Image.Image = DESIGN, mask: NDArray[np.bool_] | None = None) -> Thumbnail:
    """Return the stored thumbnail of a design."""
    return Thumbnail.from_bytes(thumbnail_bytes(image, mask))


def truth(place: NDArray[np.float32], of: Thumbnail) -> Matrix:
    """Return the map from thumbnail pixels to picture pixels, both with whole numbers at pixel centres."""
    height_px, width_px = of.pixels.shape[:2]
    frame = np.array([[0, 0], [width_px, 0], [width_px, height_px], [0, height_px]], np.float64) - 0.5
    rows = [
        row
        for (x, y), (u, v) in zip(frame, place - 0.5, strict=True)
        for row in ([x, y, 1, 0, 0, 0, -u * x, -u * y, u], [0, 0, 0, x, y, 1, -v * x, -v * y, v])
    ]
    table = np.array(rows, np.float64)
    return np.append(np.linalg.solve(table[:, :8], table[:, 8]), 1).reshape(3, 3)


def moved(by_px: float, turned_deg: float = 0.0) -> Matrix:
    """Return a small shift and turn, in pixels of the thumbnail."""
    turn = np.deg2rad(turned_deg)
    return np.array([[np.cos(turn), -np.sin(turn), by_px], [np.sin(turn), np.cos(turn), by_px], [0, 0, 1]])


def off_px(found: Matrix, true: Matrix) -> float:
    """Return the largest distance of two maps of the thumbnail, in pixels of the picture."""
    corners = np.array([[0, 0, 1], [127, 0, 1], [127, 84, 1], [0, 84, 1]])
    one, other = corners @ found.T, corners @ true.T
    return float(np.hypot(*(one[:, :2] / one[:, 2:] - other[:, :2] / other[:, 2:]).T).max())


def scene(seed: int = 1) -> NDArray[np.uint8]:
    """Return the design printed on a ground."""
    return np.asarray(make.printed(DESIGN, PLACE, make.busy_ground(seed)))


@pytest.mark.parametrize("name", ["as-011", "hl-003", "tt-006"])
def test_an_error_of_the_map_is_taken_back(name: str) -> None:
    """A map two pixels and a degree off (1/30 of the design at its corners) gets three times nearer."""
    design = make.fixture(name)
    place, known = make.quad(design, (430, 300), 300, angle_deg=25, slant=0.1), thumbnail(design)
    true = truth(place, known)
    picture = np.asarray(make.printed(design, place, make.busy_ground(1)))
    rough = true @ moved(2, 1)
    found = compare(known, picture, rough, inverted=False)
    assert found.aligned
    assert off_px(rough, true) > 9.5
    assert off_px(found.homography, true) < 4
    assert (found.seen, found.blocks) == (pytest.approx(1, abs=0.03), pytest.approx(1, abs=0.1))
    assert min(found.grey, found.gradient, found.colour) > 0.8


def test_an_alignment_that_goes_too_far_is_not_believed() -> None:
    """If the picture shows something else, the map stays near the given map."""
    known = thumbnail()
    given_map = truth(PLACE, known)
    found = compare(known, np.asarray(make.busy_ground(3)), given_map, inverted=False)
    assert off_px(found.homography, given_map) < 0.1 * 300


def test_another_picture_is_not_alike() -> None:
    """The ground alone and another design in the same place have low evidence."""
    known = thumbnail()
    other = make.fixture("as-011").resize(DESIGN.size)
    for picture in (make.busy_ground(1), make.printed(other, PLACE, make.busy_ground(1))):
        found = compare(known, np.asarray(picture), truth(PLACE, known), inverted=False)
        assert found.grey < 0.5
        assert found.gradient < 0.3
        assert found.blocks < 0.25


def test_an_inverted_picture_is_alike_once_it_is_said_to_be() -> None:
    """Grey, edges and colours agree if the inversion is declared, and disagree if it is not."""
    known = thumbnail()
    swapped = 255 - scene()
    told = compare(known, swapped, truth(PLACE, known), inverted=True)
    untold = compare(known, swapped, truth(PLACE, known), inverted=False)
    assert min(told.grey, told.gradient, told.colour, told.blocks) > 0.8
    assert max(untold.grey, untold.gradient, untold.colour) < -0.8
    assert untold.blocks == 0


def test_a_covered_half_has_blocks_that_disagree() -> None:
    """Half of the blocks agree, and they are those of the visible half."""
    known = thumbnail()
    place = make.quad(DESIGN, (400, 320), 400)
    picture = make.printed(DESIGN, place, make.busy_ground(1))
    picture.paste(make.busy_ground(9).crop((0, 0, 220, 300)), (400, 170))
    found = compare(known, np.asarray(picture), truth(place, known), inverted=False)
    assert 0.3 < found.blocks < 0.7
    columns = found.alike.shape[1]
    left, right = found.alike[:, : columns // 2], found.alike[:, columns // 2 :]
    assert np.median(left[left > NOT_SEEN]) > 0.8
    assert np.median(right[right > NOT_SEEN]) < 0.4


def test_only_what_is_in_the_picture_is_compared() -> None:
    """For a design a third outside the picture, two thirds are seen, and they agree."""
    known = thumbnail()
    place = make.quad(DESIGN, (50, 320), 300)
    picture = np.asarray(make.printed(DESIGN, place, make.busy_ground(1)))
    found = compare(known, picture, truth(place, known), inverted=False)
    assert found.seen == pytest.approx(2 / 3, abs=0.04)
    assert found.blocks > 0.9
    assert (found.alike == NOT_SEEN).any()


def test_what_does_not_belong_to_the_design_does_not_count() -> None:
    """Outside the mask, the registered picture may have any pixels."""
    mask = np.zeros((100, 150), np.bool_)
    mask[:, :75] = True
    half = make.busy_ground(9).resize(DESIGN.size)
    half.paste(DESIGN.crop((0, 0, 300, 400)))
    masked, unmasked = (
        compare(kept, scene(), truth(PLACE, kept), inverted=False)
        for kept in (thumbnail(half, mask), thumbnail(half))
    )
    assert masked.grey > 0.9 > unmasked.grey
    assert masked.seen == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    "homography",
    [
        np.diag([1.0, 1, 1]) + np.array([[0, 0, 5000], [0, 0, 0], [0, 0, 0]]),
        np.diag([0.0, 0, 1]),
        np.diag([1e-9, 1e-9, 1]),
        np.array([[1.0, 1, 0], [1, 1, 0], [0, 0, 1]]),
        np.array([[1.0, 0, 0], [0, 1, 0], [-0.05, 0, 1]]),
        np.diag([1.0, 1, -1]),
        np.diag([1.0, 1, 0]),
        np.full((3, 3), np.nan),
        np.diag([1e30, 1e30, 1]),
    ],
    ids=["outside", "zero", "a point", "a line", "horizon", "behind", "at infinity", "nan", "huge"],
)
def test_degenerate_maps_are_no_evidence(homography: Matrix) -> None:
    """Degenerate maps give zero or numbers within their ranges, never NaN and never an error."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = compare(thumbnail(), scene(), homography, inverted=False)
    assert all_finite(found)
    assert found.blocks < 0.5


def all_finite(found: PixelEvidence) -> bool:
    """Return whether every number of the evidence is finite."""
    numbers = [found.seen, found.grey, found.gradient, found.colour, found.blocks]
    return bool(np.isfinite(numbers).all() and np.isfinite(found.homography).all())


def test_a_flat_thumbnail_is_alike_to_nothing() -> None:
    """A design without contrast has no block that agrees, and no correlation that is NaN."""
    flat = thumbnail(Image.new("RGB", (300, 200), (90, 120, 60)))
    for picture in (scene(), np.full((640, 800, 3), 127, np.uint8)):
        found = compare(flat, picture, truth(PLACE, flat), inverted=False)
        assert all_finite(found)
        assert (found.blocks, found.speaking.any()) == (0, False)
        assert abs(found.grey) < 0.5


def test_a_flat_picture_is_alike_to_nothing() -> None:
    """A picture without contrast has no block that agrees either."""
    known = thumbnail()
    found = compare(known, np.full((640, 800, 3), 200, np.uint8), truth(PLACE, known), inverted=False)
    assert (found.grey, found.colour, found.blocks) == (0, 0, 0)


def test_nothing_is_nothing() -> None:
    """The constant for no evidence cannot be changed by its readers."""
    assert (NOTHING.seen, NOTHING.blocks, NOTHING.aligned) == (0, 0, False)
    assert NOTHING.alike.tolist() == [[NOT_SEEN]]


def test_what_is_hidden_is_not_seen() -> None:
    """The hidden half of a design gives evidence neither for nor against it."""
    known, place = thumbnail(), make.quad(DESIGN, (430, 300), 300)
    picture = np.asarray(make.printed(DESIGN, place, make.busy_ground(1))).copy()
    whole = compare(known, picture, truth(place, known), inverted=False)
    picture[:, :430] = 0
    hidden = np.zeros(known.pixels.shape[:2], np.bool_)
    hidden[:, : hidden.shape[1] // 2] = True
    half = compare(known, picture, truth(place, known), inverted=False, hidden=hidden)
    assert (whole.seen, half.seen) == (pytest.approx(1, abs=0.03), pytest.approx(0.5, abs=0.03))
    assert half.grey > 0.8 > compare(known, picture, truth(place, known), inverted=False).grey
    assert (half.alike[:, : half.alike.shape[1] // 2] == NOT_SEEN).all()
    hidden[:] = True
    assert compare(known, picture, truth(place, known), inverted=False, hidden=hidden) is NOTHING
