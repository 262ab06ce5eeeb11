"""Geometry: the map on which most pairs agree, with any outliers."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from authcheck.vision.features.features import Places, steps_of
from authcheck.vision.features.features import places_of as read_steps
from authcheck.vision.matching.geometry import LEAST_PAIRS, fit
from authcheck.vision.matching.pairs import Pairs

Affine = NDArray[np.float64]


def places_by_lot(dice: np.random.Generator, count: int) -> Places:
    """Return points all over a square picture."""
    return np.column_stack(
        [
            dice.uniform(-0.5, 0.5, (count, 2)),
            dice.uniform(0.01, 0.05, count),
            dice.uniform(0, 2 * np.pi, count),
        ]
    ).astype(np.float32)


def affine(angle: float, size: float, stretch: float, middle: tuple[float, float]) -> Affine:
    """Return a map with a turn, a size, a stretch of width against height, and a shift."""
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return np.column_stack([size * turn @ np.diag([stretch, 1 / stretch]), middle])


def seen_under(known: Places, given_map: Affine) -> Places:
    """Return the points of a design as a map moves them."""
    seen = known.copy()
    seen[:, :2] = known[:, :2] @ given_map[:, :2].T + given_map[:, 2]
    direction = np.column_stack([np.cos(known[:, 3]), np.sin(known[:, 3])]) @ given_map[:, :2].T
    seen[:, 2] *= np.sqrt(np.linalg.det(given_map[:, :2]))
    seen[:, 3] = np.arctan2(direction[:, 1], direction[:, 0]) % (2 * np.pi)
    return seen


def paired(count: int, weights: NDArray[np.float32] | None = None) -> Pairs:
    """Return the pairs of row i of the picture with row i of the design."""
    rows = np.arange(count)
    return Pairs(rows, rows, np.ones(count, np.float32) if weights is None else weights)


@pytest.mark.parametrize("stretch", [1, 1.15])
@pytest.mark.parametrize("angle", [0, 2.5, -1.2])
@pytest.mark.parametrize("size", [0.1, 0.5, 1.4])
def test_a_map_is_recovered_from_half_outliers(stretch: float, angle: float, size: float) -> None:
    """With 40 consistent and 40 random pairs, the map is right to a hundredth, without the outliers."""
    dice = np.random.default_rng(1)
    known = places_by_lot(dice, 80)
    truth = affine(angle, size, stretch, (0.1, -0.2))
    seen = seen_under(known, truth)
    seen[:40, :2] += dice.normal(0, 0.004 * size, (40, 2))
    seen[40:] = places_by_lot(dice, 40)
    found = fit(seen, known, paired(80))
    assert found is not None
    assert np.abs(found.affine - truth).max() < 0.015 * size
    assert (found.pairs.seen < 40).sum() >= 36
    assert (found.pairs.seen >= 40).sum() <= 2
    assert found.tried == 80
    assert found.errors.max() < 0.04
    assert found.votes == pytest.approx(len(found.pairs))


def test_weight_decides_not_number() -> None:
    """The pairs of the design with more weight win, even if they are fewer."""
    dice = np.random.default_rng(2)
    known = places_by_lot(dice, 60)
    one, other = affine(0, 0.4, 1, (0.2, 0.2)), affine(2, 0.4, 1, (-0.2, -0.2))
    seen = np.concatenate([seen_under(known[:20], one), seen_under(known[20:], other)])
    heavy = np.where(np.arange(60) < 20, 1, 0.3).astype(np.float32)
    chosen = [fit(seen, known, paired(60, weights)) for weights in (heavy, None)]
    assert [found is not None and bool(np.median(found.pairs.seen) < 20) for found in chosen] == [True, False]


@pytest.mark.parametrize("count", range(LEAST_PAIRS + 1))
def test_three_pairs_are_the_least(count: int) -> None:
    """Fewer than three pairs give no map. Three consistent pairs give one."""
    known = places_by_lot(np.random.default_rng(3), count)
    found = fit(seen_under(known, affine(1, 0.5, 1, (0, 0))), known, paired(count))
    assert (found is None) == (count < LEAST_PAIRS)


def test_pairs_by_chance_agree_on_little() -> None:
    """Of 60 random pairs at most a handful agree."""
    dice = np.random.default_rng(4)
    found = fit(places_by_lot(dice, 60), places_by_lot(dice, 60), paired(60))
    assert found is None or len(found.pairs) < 8


def test_points_that_turn_otherwise_do_not_agree() -> None:
    """Each point's own angle and size must agree with the map, not only its place."""
    dice = np.random.default_rng(5)
    known = places_by_lot(dice, 30)
    seen = seen_under(known, affine(0.4, 0.5, 1, (0, 0)))
    for column, off in ((3, np.pi), (2, None)):
        other = seen.copy()
        other[10:, column] = other[10:, column] + off if off else other[10:, column] * 4
        found = fit(other, known, paired(30))
        assert found is not None
        assert set(found.pairs.seen.tolist()) <= set(range(10)) or set(found.pairs.seen.tolist()) <= set(
            range(10, 30)
        )


def test_few_pairs_do_not_shear() -> None:
    """Three or four pairs with a little error give a similarity, not a distorted affine map."""
    dice = np.random.default_rng(6)
    for count in (3, 4):
        known = places_by_lot(dice, count)
        seen = seen_under(known, affine(0.4, 0.5, 1, (0, 0)))
        seen[:, :2] += dice.normal(0, 0.004, (count, 2))
        found = fit(seen, known, paired(count))
        assert found is not None
        scales = np.linalg.svd(found.affine[:, :2], compute_uv=False)
        assert scales[0] / scales[1] < 1.05


@pytest.mark.parametrize("count", [3, 5, 30])
def test_all_points_in_one_place(count: int) -> None:
    """Points in one place in the picture, the design or both give finite numbers or no map."""
    dice = np.random.default_rng(7)
    point, spread = np.repeat(places_by_lot(dice, 1), count, axis=0), places_by_lot(dice, count)
    for seen, known in ((point, point), (point, spread), (spread, point)):
        found = fit(seen, known, paired(count))
        assert found is None or np.isfinite(found.affine).all()


def test_points_on_a_line() -> None:
    """Points on a line give a similarity, because they fix no affine map."""
    known = places_by_lot(np.random.default_rng(8), 20)
    known[:, 1] = 0.1
    truth = affine(0.7, 0.3, 1, (0.1, 0.1))
    found = fit(seen_under(known, truth), known, paired(20))
    assert found is not None
    assert np.abs(found.affine - truth).max() < 0.01


@given(st.integers(3, 12).flatmap(lambda n: arrays.arrays(np.uint16, (2, n, 4))))
def test_no_points_break_it(steps: NDArray[np.uint16]) -> None:
    """Any two records give None, or finite numbers and at least three pairs."""
    seen, known = read_steps(steps[0]), read_steps(steps[1])
    found = fit(seen, known, paired(len(seen)))
    if found is not None:
        assert np.isfinite(found.affine).all()
        assert np.isfinite(found.errors).all()
        assert len(found.pairs) >= LEAST_PAIRS


def test_steps_are_enough_for_it() -> None:
    """Places stored in steps give the same map."""
    known = places_by_lot(np.random.default_rng(9), 40)
    truth = affine(0.7, 0.3, 1.1, (0.1, 0.1))
    kept = [read_steps(steps_of(places)) for places in (seen_under(known, truth), known)]
    found = fit(*kept, paired(40))
    assert found is not None
    assert np.abs(found.affine - truth).max() < 0.005
