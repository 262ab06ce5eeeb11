"""Votes: a design's points that are in the picture agree on one pose, and random points scatter."""

import numpy as np
import pytest
from features_made import some_codes
from numpy.typing import NDArray

from authcheck.vision.features.features import Features, Places, steps_of
from authcheck.vision.features.index import BruteForceFeatureIndex, Neighbours, no_neighbours
from authcheck.vision.matching.votes import Ballot, Edit, count_votes, edited_places, weights_of

COUNT = 60
EDITS = [Edit(mirrored, inverted) for mirrored in (False, True) for inverted in (False, True)]


def places_by_lot(dice: np.random.Generator, count: int = COUNT) -> Places:
    """Return points all over a square picture."""
    return np.column_stack(
        [
            dice.uniform(-0.5, 0.5, (count, 2)),
            dice.uniform(0.01, 0.05, count),
            dice.uniform(0, 2 * np.pi, count),
        ]
    ).astype(np.float32)


def moved(places: Places, angle: float, size: float, middle: tuple[float, float]) -> Places:
    """Return the points of a design after a similarity."""
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    there = places.copy()
    there[:, :2] = places[:, :2] @ (turn * size).T + middle
    there[:, 2] *= size
    there[:, 3] = (places[:, 3] + angle) % (2 * np.pi)
    return there


def answers(known: Places, weights: NDArray[np.float32] | None = None, key: int = 8) -> Neighbours:
    """Return, for each asking point, the design's point in the same row."""
    found = no_neighbours(len(known), 1)
    found.keys[:], found.steps[:, 0], found.distances[:] = key, steps_of(known), 0
    return found


def ballot(seen: Places, known: Places, edit: Edit = Edit(), key: int = 8) -> Ballot:  # noqa: B008 - frozen
    """Return votes of every point, with weight 1, for the design's point in the same row."""
    return Ballot(
        edit, edited_places(seen, edit), answers(known, key=key), np.ones((len(seen), 1), np.float32)
    )


def test_a_design_gets_its_votes_in_one_pose() -> None:
    """Nearly all points of a placed design are in one cell, or a third where borders cut it twice."""
    dice = np.random.default_rng(1)
    shares = []
    for _ in range(200):
        known = places_by_lot(dice)
        middle = (dice.uniform(-0.5, 0.5), dice.uniform(-0.5, 0.5))
        seen = moved(known, dice.uniform(0, 2 * np.pi), np.exp2(dice.uniform(-3.5, 1)), middle)
        poses = count_votes([ballot(seen, known)])
        assert list(poses) == [8]
        shares.append(poses[8].votes / COUNT)
    assert np.median(shares) > 0.95
    assert min(shares) > 0.3


def test_a_little_error_costs_few_votes() -> None:
    """Points off by a fiftieth of the design, with angles and sizes off as in photos, still agree mostly."""
    dice = np.random.default_rng(2)
    known = places_by_lot(dice)
    seen = moved(known, 0.8, 0.35, (0.13, 0.11))
    seen[:, :2] += dice.normal(0, 0.35 * 0.02, (COUNT, 2))
    seen[:, 2] *= np.exp2(dice.normal(0, 0.1, COUNT))
    seen[:, 3] += dice.normal(0, 0.06, COUNT)
    assert count_votes([ballot(seen, known)])[8].votes > 0.5 * COUNT


def test_chance_scatters() -> None:
    """Points that resemble a design's points here and there get a small part of its votes."""
    dice = np.random.default_rng(3)
    known = places_by_lot(dice, 400)
    poses = count_votes([ballot(places_by_lot(dice, 400), known)])
    assert poses[8].votes < 0.05 * 400


@pytest.mark.parametrize("edit", EDITS, ids=str)
def test_the_edit_is_named(edit: Edit) -> None:
    """Of the ballots of all edits, the one that undoes the edit wins."""
    known = places_by_lot(np.random.default_rng(4))
    seen = edited_places(moved(known, 0.4, 0.4, (0.17, 0.12)), edit)
    poses = count_votes([ballot(seen, known, tried) for tried in EDITS])
    assert poses[8].edit == edit
    assert poses[8].votes > 0.95 * COUNT


@pytest.mark.parametrize("edit", EDITS, ids=str)
def test_an_edit_undoes_itself(edit: Edit) -> None:
    """An edit done twice restores every point. Angles stay in [0, 2 pi)."""
    places = places_by_lot(np.random.default_rng(5))
    before = places.copy()
    again = edited_places(edited_places(places, edit), edit)
    assert np.array_equal(places, before)
    assert np.abs(again[:, :3] - places[:, :3]).max() < 1e-6
    assert np.abs(np.sin((again[:, 3] - places[:, 3]) / 2)).max() < 1e-5
    assert again[:, 3].min() >= 0
    assert again[:, 3].max() <= np.float32(2 * np.pi)


def test_a_point_has_one_vote_for_a_pose() -> None:
    """Ten neighbours of one point, all of one design and pose, count once, with the best weight."""
    known = places_by_lot(np.random.default_rng(6), 3)
    found = no_neighbours(3, 10)
    found.keys[:], found.steps[:] = 8, steps_of(known)[:, None]
    weights = np.linspace(0.9, 0.1, 10, dtype=np.float32)[None].repeat(3, axis=0)
    (pose,) = count_votes([Ballot(Edit(), known, found, weights)]).values()
    assert pose.votes == pytest.approx(3 * 0.9)


def test_designs_are_counted_apart() -> None:
    """Two designs in one picture get their own votes only."""
    dice = np.random.default_rng(7)
    one, other = places_by_lot(dice), places_by_lot(dice, 30)
    seen = np.concatenate([moved(one, 0, 0.3, (-0.2, 0)), moved(other, 2, 0.3, (0.3, 0.1))])
    found = answers(np.concatenate([one, other]))
    found.keys[COUNT:] = 14
    poses = count_votes([Ballot(Edit(), seen, found, np.ones((len(seen), 1), np.float32))])
    assert {key: round(pose.votes / 10) for key, pose in poses.items()} == {8: 6, 14: 3}


def test_too_small_or_too_large_is_not_believed() -> None:
    """A design seen 16 times smaller than registered has no votes.

    A picture without points has none either.
    """
    known = places_by_lot(np.random.default_rng(8))
    for size in (1 / 20, 20):
        assert count_votes([ballot(moved(known, 0, size, (0, 0)), known)])[8].votes == 0
    assert count_votes([ballot(known[:0], known[:0])]) == {}
    assert count_votes([]) == {}


def test_the_farthest_neighbour_weighs_nothing() -> None:
    """A vote's weight is how far it stands out. Equally near neighbours have none."""
    found = no_neighbours(2, 3)
    found.keys[:], found.distances[:] = 8, [[50, 100, 200], [70, 70, 70]]
    weights = weights_of(found, np.zeros(2, np.uint8))
    assert weights.tolist() == [[0.75, 0.5, 0], [0, 0, 0]]


def test_other_channels_and_nobody_have_no_vote() -> None:
    """A neighbour in another channel and a place without a neighbour have no vote. No number is NaN."""
    found = no_neighbours(3, 3)
    found.keys[:2], found.distances[:2] = 8, [20, 40, 80]
    found.keys[1, 2], found.distances[1, 2] = -1, np.inf
    found.channels[0, 0] = 2
    weights = weights_of(found, np.zeros(3, np.uint8))
    assert weights == pytest.approx(np.array([[0, 0.5, 0], [1 - 20 / 70, 1 - 40 / 70, 0], [0, 0, 0]]))


def test_copies_of_one_point_all_have_a_vote() -> None:
    """Ten equally near neighbours (colourways of one design) each weigh nearly as much as one alone."""
    found = no_neighbours(1, 10)
    found.keys[:], found.distances[:] = np.arange(10), np.linspace(7, 14, 10)
    weights = weights_of(found, np.zeros(1, np.uint8))
    assert ((weights >= 0.8) & (weights <= 0.9)).all()


def test_an_index_of_strangers_gives_no_design_many_votes() -> None:
    """Random descriptors in a real index give the best of 20 designs few votes of 300."""
    dice = np.random.default_rng(9)
    index = BruteForceFeatureIndex()
    for key in range(0, 40, 2):
        zeros = np.zeros(COUNT, np.uint8)
        index.add([key], [Features(320, 256, steps_of(places_by_lot(dice)), some_codes(dice, COUNT), zeros)])
    found = index.nearest(some_codes(dice, 300), 10)
    weights = weights_of(found, np.zeros(300, np.uint8))
    poses = count_votes([Ballot(Edit(), places_by_lot(dice, 300), found, weights)])
    assert 0 < max(pose.votes for pose in poses.values()) < 4
