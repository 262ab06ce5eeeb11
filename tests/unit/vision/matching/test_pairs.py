"""Pairs: mutually nearest points of one channel, weighted by how far the second best is behind."""

import numpy as np
import pytest
from features_made import seen_again, some_codes
from numpy.typing import NDArray

from authcheck.vision.features.features import Features
from authcheck.vision.matching.pairs import (
    FULL_MARGIN,
    LEAST_WEIGHT,
    Points,
    mutual_pairs,
    nearest_pairs,
    repeats_itself,
)
from authcheck.vision.matching.votes import Edit


def features(codes: NDArray[np.uint8], channels: NDArray[np.uint8] | None = None) -> Features:
    """Return points with these descriptors at one place."""
    given = np.zeros(len(codes), np.uint8) if channels is None else channels
    return Features(320, 256, np.full((len(codes), 4), 30000, np.uint16), codes, given)


def by_hand(picture: NDArray[np.uint8], design: NDArray[np.uint8]) -> dict[int, int]:
    """Return the mutual nearest of one channel from every distance."""
    far = np.square(picture[:, None].astype(int) - design).sum(axis=2)
    nearest = far.argmin(axis=0)
    return {int(row): column for column, row in enumerate(nearest.tolist()) if far[row].argmin() == column}


def test_the_same_points_find_each_other() -> None:
    """In another order and with noise, every point finds itself, with full or nearly full weight."""
    dice = np.random.default_rng(1)
    codes = some_codes(dice, 80)
    order = dice.permutation(80)
    pairs = mutual_pairs(Points.of(features(seen_again(dice, codes[order]))), Points.of(features(codes)))
    assert len(pairs) == 80
    assert np.array_equal(order[pairs.seen], pairs.known)
    assert np.median(pairs.weights) > 0.5


@pytest.mark.parametrize("seed", range(5))
def test_pairs_are_those_of_all_distances(seed: int) -> None:
    """The pairs equal those from comparing every point with every other."""
    dice = np.random.default_rng(seed)
    picture, design = some_codes(dice, 120), some_codes(dice, 40)
    pairs = mutual_pairs(Points.of(features(picture)), Points.of(features(design)))
    assert dict(zip(pairs.seen.tolist(), pairs.known.tolist(), strict=True)) == by_hand(picture, design)
    assert np.all((pairs.weights >= LEAST_WEIGHT) & (pairs.weights <= 1))


def test_channels_do_not_mix() -> None:
    """The same descriptor in another channel is no pair. Rows refer to the whole features."""
    dice = np.random.default_rng(2)
    codes = some_codes(dice, 40)
    channels = np.arange(40, dtype=np.uint8) % 4
    design = Points.of(features(codes, channels))
    same = mutual_pairs(Points.of(features(codes, channels)), design)
    assert sorted(same.seen.tolist()) == list(range(40))
    assert np.array_equal(same.seen, same.known)
    shifted = mutual_pairs(Points.of(features(codes, (channels + 1) % 4)), design)
    assert not np.any(shifted.seen == shifted.known)


def test_a_repeated_point_weighs_least() -> None:
    """If the second best is as near, a pair's weight is almost nothing. If it is far, the weight is full."""
    codes = some_codes(np.random.default_rng(3), 2)
    twice = np.concatenate([codes, codes[:1]])
    pairs = mutual_pairs(Points.of(features(twice)), Points.of(features(codes)))
    weights = dict(zip(pairs.known.tolist(), pairs.weights.tolist(), strict=True))
    apart = np.square(codes[0].astype(int) - codes[1]).sum()
    assert apart > FULL_MARGIN
    assert weights == pytest.approx({0: LEAST_WEIGHT, 1: 1.0})


@pytest.mark.parametrize(("seen", "known"), [(0, 0), (0, 5), (5, 0), (1, 5), (5, 1), (1, 1)])
def test_few_points_or_none(seen: int, known: int) -> None:
    """There is no pair if one side has no point.

    A side with one point gives one pair with a finite weight.
    """
    codes = some_codes(np.random.default_rng(4), 5)
    pairs = mutual_pairs(Points.of(features(codes[:seen])), Points.of(features(codes[:known])))
    assert len(pairs) == min(seen, known)
    assert np.isfinite(pairs.weights).all()


def test_points_of_an_edit_are_the_edits_points() -> None:
    """With the edit undone, the edited picture's points pair with the plain picture's at equal places."""
    plain = features(some_codes(np.random.default_rng(5), 30))
    edit = Edit(mirrored=True, inverted=True)
    points = Points.of(plain, edit)
    again = Features(320, 256, plain.steps, (points.vectors[0] + 128).astype(np.uint8), plain.channels)
    assert np.array_equal(Points.of(again, edit).vectors[0], Points.of(plain).vectors[0])
    assert np.allclose(points.places[:, 0], -plain.places()[:, 0])


def test_every_copy_of_a_point_finds_it() -> None:
    """In an all-over print each point of each copy is paired, the surest first, and strangers are not."""
    dice = np.random.default_rng(3)
    codes = some_codes(dice, 40)
    picture = np.concatenate([seen_again(dice, codes) for _ in range(5)] + [255 - some_codes(dice, 10)])
    pairs = nearest_pairs(Points.of(features(picture)), Points.of(features(codes)), 500)
    copies = pairs.seen < 200
    assert np.array_equal(np.sort(pairs.seen[copies]), np.arange(200))
    assert np.array_equal(pairs.known[copies], pairs.seen[copies] % 40)
    assert np.all(np.diff(pairs.weights) <= 0)
    assert len(nearest_pairs(Points.of(features(picture)), Points.of(features(codes)), 30)) == 30
    assert len(nearest_pairs(Points.of(features(codes[:0])), Points.of(features(codes)), 30)) == 0


def test_a_pattern_repeats_itself_and_a_picture_does_not() -> None:
    """Equal points of one size and angle, apart from each other, are repeats. A few of them make no pattern."""
    dice = np.random.default_rng(4)
    codes = some_codes(dice, 60)
    steps = dice.integers(0, 65536, (60, 4)).astype(np.uint16)
    none = np.zeros(60, np.uint8)
    assert not repeats_itself(Points.of(Features(320, 256, steps, codes, none)))
    one_in_three = codes.copy()
    one_in_three[:20] = codes[0]
    steps[:20, 2:] = steps[0, 2:]
    assert repeats_itself(Points.of(Features(320, 256, steps, one_in_three, none)))
    steps[:20, :2] = steps[0, :2]  # all at one place: one thing that the detector found twenty times
    assert not repeats_itself(Points.of(Features(320, 256, steps, one_in_three, none)))
    assert not repeats_itself(Points.of(Features(320, 256, steps[:20], one_in_three[:20], none[:20])))
