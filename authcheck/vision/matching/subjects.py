"""The two sides of a comparison: a submitted picture, and the stored data of a registered view."""

from dataclasses import dataclass, field
from typing import Self

import numpy as np

from authcheck.vision.features import extract
from authcheck.vision.features.features import Features
from authcheck.vision.features.thumbnail import Rgb, Thumbnail
from authcheck.vision.matching.pairs import Points
from authcheck.vision.matching.votes import Edit
from authcheck.vision.pictures.decode import Picture


@dataclass(frozen=True, slots=True)
class Submitted:
    """A submitted picture for the local stages.

    `pixels` `(H, W, 3)` is a reduced copy of the upright original.
    """

    features: Features
    pixels: Rgb
    width_px: int
    height_px: int
    _points: dict[Edit, Points] = field(default_factory=dict, compare=False)

    @classmethod
    def of(cls, picture: Picture) -> Self:
        """Extract the features. The picture must have colours and `extract.PICTURE_DETAIL_PX` of detail."""
        features = extract.of_picture(picture.image)
        return cls(features, np.asarray(picture.image), picture.width_px, picture.height_px)

    @property
    def extent(self) -> tuple[float, float]:
        """Return width and height in longer sides."""
        longer_px = max(self.width_px, self.height_px)
        return self.width_px / longer_px, self.height_px / longer_px

    def points(self, edit: Edit) -> Points:
        """Return the points with an edit undone."""
        if edit not in self._points:
            self._points[edit] = Points.of(self.features, edit)
        return self._points[edit]


@dataclass(frozen=True, slots=True)
class Known:
    """The stored data of a registered view. `design` and `owner` are ids.

    `thumbnail` are the bytes of `thumbnail_bytes`: few of the views that are verified get a closer look.
    `priority` is the place of the picture in the order of registration. Views of one design are not rivals.
    """

    key: int
    design: str
    owner: str
    features: Features
    thumbnail: bytes
    width_px: int
    height_px: int
    priority: int = 0

    def read_thumbnail(self) -> Thumbnail:
        """Decode the small copy of the picture. Raises ValueError for damaged bytes."""
        return Thumbnail.from_bytes(self.thumbnail)

    def precedes(self, other: "Known") -> bool:
        """Return whether another view is a later view of another owner."""
        return self.owner != other.owner and self.priority < other.priority
