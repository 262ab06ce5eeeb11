"""The place of a design in a picture that is known to show it: hashes found it, and they know no place.

A comparison of two pictures at the moment when a person looks at them. It decides nothing: the person sees
whether the two cover each other.
"""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from authcheck.vision.matching.alignment import Alignment, Matrix, alignment_of
from authcheck.vision.matching.differences import Rgb
from authcheck.vision.matching.overlay import is_usable, warp

SIDE_PX = 320  # longer side of the pictures that are compared
POINTS = 500
RATIO = 0.8  # of the distances to the nearest and the second nearest point (Lowe 2004)
TOLERANCE_PX = 3.0
BLUR_PX = 2.0  # the pixels may agree a little beside each other
LEAST_PAIRS = 10
LEAST_AGREEMENT = 0.5  # correlation of the grey pixels where both pictures are seen
LEAST_SEEN = 0.25  # share of the design that must be inside the picture
ASPECT = 1.06  # a copy of the whole picture has nearly the same ratio of its sides
Found = tuple[Sequence[cv2.KeyPoint], NDArray[np.float32] | None]
MIRROR = np.array([[-1, 0, 1], [0, 1, 0], [0, 0, 1]], np.float64)  # of the unit square


def find_place(
    submission: Image.Image,
    full_px: tuple[int, int],
    design: Image.Image,
    *,
    mirrored: bool = False,
    inverted: bool = False,
) -> Alignment | None:
    """Return the place of a design in a picture, or None when the two do not cover each other.

    `submission` is RGB, perhaps reduced. `full_px` is its full (width, height), and the result is in these
    pixels. `mirrored`, and `inverted` for light and dark swapped, are how the picture shows the design. Takes
    about a tenth of a second.
    """
    picture, registered = _reduce(submission), _reduce(design)
    if inverted:
        registered = (255 - registered).astype(np.uint8)
    if mirrored:
        registered = np.ascontiguousarray(registered[:, ::-1])
    proposed = _propose(picture, registered)
    homography = next((place for place in proposed if _agree(picture, registered, place)), None)
    if homography is None:
        return None
    to_full = np.diag([full_px[0] / picture.shape[1], full_px[1] / picture.shape[0], 1.0])
    return alignment_of(
        to_full @ homography @ (MIRROR if mirrored else np.eye(3)),
        design_px=design.size,
        picture_px=full_px,
        coverage=_share_inside(homography, picture.shape[1::-1]),
        inverted=inverted,
    )


def _propose(picture: Rgb, registered: Rgb) -> Iterator[Matrix]:
    """Yield homographies from the unit square to the picture's pixels: by points, then the whole picture."""
    detector = cv2.SIFT_create(POINTS)  # type: ignore[attr-defined]
    in_picture, in_design = (
        detector.detectAndCompute(_grey(pixels), None) for pixels in (picture, registered)
    )
    by_points = _match(in_picture, in_design, registered.shape)
    if by_points is not None:
        yield by_points
    (height_px, width_px), (rows, columns) = picture.shape[:2], registered.shape[:2]
    if 1 / ASPECT < (width_px / height_px) / (columns / rows) < ASPECT:
        yield np.diag([float(width_px), float(height_px), 1.0])


def _match(in_picture: Found, in_design: Found, shape: tuple[int, ...]) -> Matrix | None:
    """Return the homography from the unit square on which most pairs of alike points agree."""
    (points, vectors), (design_points, design_vectors) = in_picture, in_design
    if vectors is None or design_vectors is None or min(len(vectors), len(design_vectors)) < LEAST_PAIRS:
        return None
    nearest = cv2.BFMatcher(cv2.NORM_L2).knnMatch(design_vectors, vectors, k=2)
    pairs = [first for first, second in nearest if first.distance < RATIO * second.distance]
    if len(pairs) < LEAST_PAIRS:
        return None
    size = np.array([shape[1], shape[0]], np.float64)
    known = np.array([design_points[pair.queryIdx].pt for pair in pairs]) / size
    seen = np.array([points[pair.trainIdx].pt for pair in pairs])
    homography, agree = cv2.findHomography(known, seen, cv2.USAC_MAGSAC, TOLERANCE_PX)
    if homography is None or int(agree.sum()) < LEAST_PAIRS:
        return None
    place = np.asarray(homography, np.float64)
    return place if is_usable(place) else None


def _agree(picture: Rgb, registered: Rgb, homography: Matrix) -> bool:
    """Return whether enough of the design is inside the picture, and the grey pixels agree there."""
    height_px, width_px = registered.shape[:2]
    to_picture = homography @ np.diag([1 / width_px, 1 / height_px, 1.0])
    cut, inside = warp(picture, to_picture, (width_px, height_px))
    if inside.mean() < LEAST_SEEN:
        return False
    first, second = (
        cv2.GaussianBlur(_grey(pixels), (0, 0), BLUR_PX)[inside].astype(np.float64)
        for pixels in (cut, registered)
    )
    first, second = first - first.mean(), second - second.mean()
    spread = float(np.sqrt((first**2).sum() * (second**2).sum()))
    return spread > 0 and float((first * second).sum()) / spread >= LEAST_AGREEMENT


def _share_inside(homography: Matrix, size_px: tuple[int, ...]) -> float:
    """Return the share of the design that is inside the picture."""
    filled = np.full((size_px[1], size_px[0]), 255, np.uint8)
    to_picture = homography @ np.diag([1 / 100, 1 / 100, 1.0])
    return float((cv2.warpPerspective(filled, to_picture, (100, 100), flags=cv2.WARP_INVERSE_MAP) > 0).mean())


def _reduce(image: Image.Image) -> Rgb:
    reduced = image.convert("RGB")
    reduced.thumbnail((SIDE_PX, SIDE_PX))
    return np.asarray(reduced)


def _grey(pixels: Rgb) -> NDArray[np.uint8]:
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.uint8)
