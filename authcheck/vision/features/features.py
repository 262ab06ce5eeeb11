"""The local features of a picture: what the stages after the hashes compare, and the record kept of them."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

SCHEME = (
    "lf-1"  # changes when any number may change: detector, channels, limits, vocabulary, layout of the record
)
CHANNELS = ("grey", "saturation", "a", "b")
DIMENSIONS = 64

_MAGIC = b"LF1"
_HEAD = struct.Struct("<3sHHH")  # magic, points, width and height of the picture they were read from
_UNIT = 32767  # steps of a position: the longer side of the picture
_LEAST_LOG2 = -14.0  # the smallest size that a point can have, as a power of two of the longer side
_LOG2_STEPS = 4096

Places = NDArray[np.float32]
Descriptors = NDArray[np.uint8]
Channels = NDArray[np.uint8]
Steps = NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Features:
    """Points of a picture with what surrounds each of them.

    `steps` is `(n, 4) uint16`: the quantised `places`. `descriptors` is `(n, 64) uint8`, compared by Euclidean
    distance; `channels` `(n,) uint8`, the place in CHANNELS where the point was seen; points are compared within
    their channel. `width_px` and `height_px` are those of the picture that was read: only their ratio matters.
    """

    width_px: int
    height_px: int
    steps: Steps
    descriptors: Descriptors
    channels: Channels

    def __len__(self) -> int:
        return len(self.steps)

    def places(self) -> Places:
        """`(n, 4) float32`: x and y from the middle of the picture and diameter, in units of its longer side; angle.

        The angle is in radians, in [0, 2 pi), clockwise on the screen.
        """
        return places_of(self.steps)

    def to_bytes(self) -> bytes:
        """The record kept in the database: 9 bytes and 73 a point."""
        head = _HEAD.pack(_MAGIC, len(self), self.width_px, self.height_px)
        return (
            head + self.steps.astype("<u2").tobytes() + self.descriptors.tobytes() + self.channels.tobytes()
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a record back. Raises ValueError for the record of another scheme or a damaged one."""
        if len(data) < _HEAD.size or not data.startswith(_MAGIC):
            raise ValueError("not local features of this scheme")
        _, count, width_px, height_px = _HEAD.unpack_from(data)
        if len(data) != _HEAD.size + count * (8 + DIMENSIONS + 1):
            raise ValueError("a damaged record of local features")
        middle = _HEAD.size + 8 * count
        steps = np.frombuffer(data, "<u2", 4 * count, _HEAD.size).astype(np.uint16).reshape(-1, 4)
        descriptors = np.frombuffer(data, np.uint8, DIMENSIONS * count, middle).reshape(-1, DIMENSIONS)
        channels = np.frombuffer(data, np.uint8, count, middle + DIMENSIONS * count)
        if count and channels.max() >= len(CHANNELS):
            raise ValueError("a damaged record of local features")
        return cls(width_px, height_px, steps, descriptors, channels)


def steps_of(places: Places) -> Steps:
    """Quantise `(n, 4)` places as `Features.places` gives them."""
    position = np.rint(np.clip(places[:, :2], -1, 1) * _UNIT) + _UNIT
    size = np.rint((np.log2(np.maximum(places[:, 2], 2.0**_LEAST_LOG2)) - _LEAST_LOG2) * _LOG2_STEPS)
    angle = np.rint(places[:, 3] % (2 * np.pi) / (2 * np.pi) * 65536) % 65536
    return np.column_stack([position, np.minimum(size, 65535), angle]).astype(np.uint16)


def places_of(steps: Steps) -> Places:
    """`(n, 4) float32` of quantised places, see `Features.places`."""
    places = steps.astype(np.float32)
    places[:, :2] = (places[:, :2] - _UNIT) / _UNIT
    places[:, 2] = np.exp2(places[:, 2] / _LOG2_STEPS + _LEAST_LOG2)
    places[:, 3] *= 2 * np.pi / 65536
    return places


def joined(width_px: int, height_px: int, parts: Sequence[tuple[Places, Descriptors, int]]) -> Features:
    """Features from (places, descriptors, channel) of each channel."""
    return Features(
        width_px,
        height_px,
        np.concatenate([np.empty((0, 4), np.uint16), *(steps_of(places) for places, _, _ in parts)]),
        np.concatenate([np.empty((0, DIMENSIONS), np.uint8), *(codes for _, codes, _ in parts)]),
        np.concatenate(
            [np.empty(0, np.uint8), *(np.full(len(places), c, np.uint8) for places, _, c in parts)]
        ),
    )
