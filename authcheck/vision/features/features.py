"""The local features of a picture and their record. The stages after the hashes compare these features."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

# Change the scheme when a number may change: detector, channels, limits, vocabulary, layout of the record.
SCHEME = "lf-1"
CHANNELS = ("grey", "saturation", "a", "b")
DIMENSIONS = 64

_MAGIC = b"LF1"
_HEAD = struct.Struct("<3sHHH")  # magic, number of points, width and height of the picture
_UNIT = 32767  # steps of a position along the longer side of the picture
_LEAST_LOG2 = -14.0  # the smallest diameter of a point: log2 of its share of the longer side
_LOG2_STEPS = 4096

Places = NDArray[np.float32]
Descriptors = NDArray[np.uint8]
Channels = NDArray[np.uint8]
Steps = NDArray[np.uint16]


@dataclass(frozen=True, slots=True)
class Features:
    """The feature points of a picture, each with a descriptor of its surroundings.

    `steps` is `(n, 4) uint16`: the quantised `places`. `descriptors` is `(n, 64) uint8`, compared by
    Euclidean distance. `channels` is `(n,) uint8`: the channel of each point, as a place in CHANNELS. Points
    of different channels are never compared. `width_px` and `height_px` are the size of the picture. Only
    their ratio matters.
    """

    width_px: int
    height_px: int
    steps: Steps
    descriptors: Descriptors
    channels: Channels

    def __len__(self) -> int:
        return len(self.steps)

    def places(self) -> Places:
        """Return x, y, diameter and angle of the points, `(n, 4) float32`.

        x and y are measured from the middle of the picture. x, y and diameter are in units of the longer
        side. The angle is in radians, in [0, 2 pi), clockwise on the screen.
        """
        return places_of(self.steps)

    def to_bytes(self) -> bytes:
        """Return the record for the database: 9 bytes, and 73 bytes for each point."""
        head = _HEAD.pack(_MAGIC, len(self), self.width_px, self.height_px)
        return (
            head + self.steps.astype("<u2").tobytes() + self.descriptors.tobytes() + self.channels.tobytes()
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Parse a record. Raises ValueError when the record is damaged or of another scheme."""
        if len(data) < _HEAD.size or not data.startswith(_MAGIC):
            raise ValueError("This is not a record of local features of this scheme.")
        _, count, width_px, height_px = _HEAD.unpack_from(data)
        if len(data) != _HEAD.size + count * (8 + DIMENSIONS + 1):
            raise ValueError("The record of local features is damaged.")
        descriptors_at = _HEAD.size + 8 * count
        steps = np.frombuffer(data, "<u2", 4 * count, _HEAD.size).astype(np.uint16).reshape(-1, 4)
        descriptors = np.frombuffer(data, np.uint8, DIMENSIONS * count, descriptors_at).reshape(
            -1, DIMENSIONS
        )
        channels = np.frombuffer(data, np.uint8, count, descriptors_at + DIMENSIONS * count)
        if count and channels.max() >= len(CHANNELS):
            raise ValueError("The record of local features is damaged.")
        return cls(width_px, height_px, steps, descriptors, channels)


def steps_of(places: Places) -> Steps:
    """Quantise `(n, 4)` places, in the units of `Features.places`, to `(n, 4) uint16` steps."""
    position = np.rint(np.clip(places[:, :2], -1, 1) * _UNIT) + _UNIT
    size = np.rint((np.log2(np.maximum(places[:, 2], 2.0**_LEAST_LOG2)) - _LEAST_LOG2) * _LOG2_STEPS)
    angle = np.rint(places[:, 3] % (2 * np.pi) / (2 * np.pi) * 65536) % 65536
    return np.column_stack([position, np.minimum(size, 65535), angle]).astype(np.uint16)


def places_of(steps: Steps) -> Places:
    """Return the places of quantised steps, `(n, 4) float32`. See `Features.places`."""
    places = steps.astype(np.float32)
    places[:, :2] = (places[:, :2] - _UNIT) / _UNIT
    places[:, 2] = np.exp2(places[:, 2] / _LOG2_STEPS + _LEAST_LOG2)
    places[:, 3] *= 2 * np.pi / 65536
    return places


def joined(width_px: int, height_px: int, parts: Sequence[tuple[Places, Descriptors, int]]) -> Features:
    """Join the parts (places, descriptors, channel) of one picture to Features."""
    return Features(
        width_px,
        height_px,
        np.concatenate([np.empty((0, 4), np.uint16), *(steps_of(places) for places, _, _ in parts)]),
        np.concatenate([np.empty((0, DIMENSIONS), np.uint8), *(descriptors for _, descriptors, _ in parts)]),
        np.concatenate(
            [
                np.empty(0, np.uint8),
                *(np.full(len(places), channel, np.uint8) for places, _, channel in parts),
            ]
        ),
    )
