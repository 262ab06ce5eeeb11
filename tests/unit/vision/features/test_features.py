"""The record of local features, and the steps in which places are stored."""

from collections.abc import Callable

import numpy as np
import pytest
from features_made import some_features
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from authcheck.vision.features.features import CHANNELS, Features, joined, places_of, steps_of

SIDES = st.integers(0, 65535)


@st.composite
def features(draw: st.DrawFn) -> Features:
    """Draw any features that a record can hold."""
    count = draw(st.integers(0, 5))
    return Features(
        draw(SIDES),
        draw(SIDES),
        draw(arrays.arrays(np.uint16, (count, 4))),
        draw(arrays.arrays(np.uint8, (count, 64))),
        draw(arrays.arrays(np.uint8, count, elements=st.integers(0, len(CHANNELS) - 1))),
    )


def same(one: Features, other: Features) -> bool:
    """Return whether all fields are equal in value and type."""
    arrays_of = [(x.steps, x.descriptors, x.channels) for x in (one, other)]
    equal = [a.dtype == b.dtype and np.array_equal(a, b) for a, b in zip(*arrays_of, strict=True)]
    return all(equal) and (one.width_px, one.height_px) == (other.width_px, other.height_px)


@given(features())
def test_a_record_reads_back(given_features: Features) -> None:
    """Every field is read back, from 9 bytes and 73 for each point."""
    record = given_features.to_bytes()
    assert len(record) == 9 + 73 * len(given_features)
    assert same(Features.from_bytes(record), given_features)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:0],
        lambda data: data[:8],
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: b"LF2" + data[3:],
        lambda data: data[:3] + b"\xff\xff" + data[5:],
        lambda data: data[:-1] + bytes([len(CHANNELS)]),
    ],
    ids=["nothing", "head cut", "cut", "longer", "another scheme", "another count", "no such channel"],
)
def test_a_damaged_record_is_refused(damage: Callable[[bytes], bytes]) -> None:
    """A record that is cut or of another release is refused."""
    with pytest.raises(ValueError, match="local features"):
        Features.from_bytes(damage(some_features(1, 3).to_bytes()))


@given(st.binary(max_size=200))
def test_any_bytes_are_features_or_refused(data: bytes) -> None:
    """Any bytes are refused or read back to features that write the same bytes. No other error occurs."""
    try:
        read = Features.from_bytes(b"LF1" + data)
    except ValueError:
        return
    assert read.to_bytes() == b"LF1" + data


@given(arrays.arrays(np.uint16, st.tuples(st.integers(0, 8), st.just(4))))
def test_steps_are_places_are_steps(steps: NDArray[np.uint16]) -> None:
    """Decoding and encoding a place again moves it by one step at most."""
    places = places_of(np.minimum(steps, [65534, 65534, 65535, 65535]).astype(np.uint16))
    again = places_of(steps_of(places))
    assert np.all(np.abs(again[:, :2] - places[:, :2]) <= 1.01 / 32767)
    assert np.all(np.abs(np.log2(again[:, 2] / places[:, 2])) <= 1.01 / 4096)
    turn = np.abs((again[:, 3] - places[:, 3] + np.pi) % (2 * np.pi) - np.pi)
    assert np.all(turn <= 1.01 * 2 * np.pi / 65536)


@given(
    st.floats(-1, 1), st.floats(-1, 1), st.floats(2**-13, 3), st.floats(-7, 7)
)  # angles of both signs: a detector's are not all in [0, 2 pi)
def test_a_place_is_kept_to_half_a_step(x: float, y: float, size: float, angle: float) -> None:
    """Positions are exact to 1/65,534 of the longer side, sizes to 1/10,000, angles to 0.01 degrees."""
    kept = places_of(steps_of(np.array([[x, y, size, angle]], np.float64)))[0]
    assert np.abs(kept[:2] - [x, y]).max() <= 0.6 / 32767
    assert kept[2] == pytest.approx(size, rel=2e-4)
    assert abs((kept[3] - angle + np.pi) % (2 * np.pi) - np.pi) < 1e-4
    assert 0 <= kept[3] < 2 * np.pi + 1e-6


def test_what_lies_outside_is_held_at_the_border() -> None:
    """A place far outside is clipped to the border and does not wrap around."""
    kept = places_of(steps_of(np.array([[-9, 9, 1e-9, 0], [9, -9, 1e9, 0]], np.float32)))
    assert np.array_equal(kept[:, :2], np.array([[-1, 1], [1, -1]], np.float32))
    assert kept[0, 2] < 1e-4
    assert kept[1, 2] > 2


def test_nothing_joined_is_no_features() -> None:
    """A picture without points has a record of its size alone."""
    empty = joined(320, 256, [])
    assert (len(empty), empty.places().shape, empty.descriptors.shape) == (0, (0, 4), (0, 64))
    assert same(Features.from_bytes(empty.to_bytes()), empty)
