"""Other methods for comparison: hashes of whole pictures by widely used libraries, and plain local features."""

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import faiss
import imagehash
import numpy as np
import pdqhash
from fit_score import PHOTOS, Query, designs
from numpy.typing import NDArray
from PIL import Image
from rich.progress import track
from scoring import Rows
from threatexchange.signal_type.pdq.signal import PdqSignal

LONGER_PX = 640
DESIGN_POINTS, PICTURE_POINTS = 300, 500
RATIO = 0.8  # Lowe 2004 s7.1, against the nearest point of another design
NEAREST = 20
VERIFIED = 10  # designs with the most pairs
REPROJECTION_PX = 8.0

Codes = NDArray[np.uint8]


def peer(queries: Sequence[Query], hashes: Callable[[Image.Image], Codes]) -> Rows:
    """Find the best design of each query by one hash.

    `hashes` gives `(orientations, 32)`, the upright orientation first.
    """
    paths = registered()
    stored = np.stack([hashes(Image.open(path))[0] for path in paths])
    rows = []
    for query in queries:
        codes = hashes(Image.open(query.path))
        bits = np.bitwise_count(codes[:, None] ^ stored).sum(axis=2).min(axis=0)
        rows.append((query.name, paths[int(bits.argmin())].stem, -float(bits.min())))
    return rows


def registered() -> list[Path]:
    """Return the pictures of all designs."""
    return [*designs(), *sorted((PHOTOS / "designs").iterdir())]


def threatexchange(queries: Sequence[Query]) -> Rows:
    """Ask threatexchange's index of PDQ with its default radius, and take its nearest match."""
    codes = {path.stem: PdqSignal.hash_from_bytes(path.read_bytes()) for path in registered()}
    index = PdqSignal.get_index_cls()([(code, name) for name, code in codes.items() if code])
    rows = []
    for query in queries:
        code = PdqSignal.hash_from_bytes(query.path.read_bytes())
        matches = index.query(code) if code else []
        if matches:
            best = min(matches, key=lambda match: match.similarity_info.distance)
            rows.append((query.name, best.metadata, -float(best.similarity_info.distance)))
    return rows


def root_sift(queries: Sequence[Query]) -> Rows:
    """Pair RootSIFT points (Arandjelovic and Zisserman 2012) and count the inliers of an affine map (RANSAC)."""
    paths, stored = [], []
    for path in registered():
        places, vectors = _read_points(path, DESIGN_POINTS)
        if len(places):
            paths.append(path.stem)
            stored.append((places, vectors))
    owners = np.repeat(np.arange(len(stored)), [len(places) for places, _ in stored])
    first = np.concatenate([[0], np.cumsum([len(places) for places, _ in stored])])
    index = faiss.IndexFlatIP(128)
    for _, vectors in stored:
        index.add(vectors)
    rows = []
    for query in track(queries, "RootSIFT"):
        places, asked = _read_points(query.path, PICTURE_POINTS)
        votes: dict[int, list[tuple[int, int]]] = {}
        likeness, near = (
            index.search(asked, NEAREST) if len(places) else (np.empty((0, 1)), np.empty((0, 1), np.intp))
        )
        distances = np.sqrt(np.maximum(2 - 2 * likeness, 0))
        for row, columns in enumerate(near):
            is_other = owners[columns] != owners[columns[0]]
            # With no other design among the nearest points, the point is as clear as can be.
            if not is_other.any() or distances[row, 0] < RATIO * distances[row, is_other.argmax()]:
                votes.setdefault(int(owners[columns[0]]), []).append((row, int(columns[0])))
        inliers = {
            design: _count_inliers(places, stored[design][0], np.array(pairs), int(first[design]))
            for design, pairs in sorted(votes.items(), key=lambda vote: -len(vote[1]))[:VERIFIED]
        }
        best = sorted(inliers.items(), key=lambda pair: -pair[1])[:3]
        rows += [(query.name, paths[design], float(count)) for design, count in best if count]
    return rows


def _read_points(path: Path, most: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return places `(n, 2)` in pixels and RootSIFT vectors `(n, 128)` of unit length."""
    image = Image.open(path).convert("RGBA")
    image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("L")
    image.thumbnail((LONGER_PX, LONGER_PX))
    points, sift = cv2.SIFT.create(nfeatures=most).detectAndCompute(np.asarray(image), None)
    if not points:
        return np.empty((0, 2), np.float32), np.empty((0, 128), np.float32)
    vectors = np.sqrt(sift / np.maximum(sift.sum(axis=1, keepdims=True), 1e-6))
    return np.array([point.pt for point in points], np.float32), vectors.astype(np.float32)


def _count_inliers(
    places: NDArray[np.float32], design: NDArray[np.float32], pairs: NDArray[np.intp], first: int
) -> int:
    """Return how many pairs agree on one affine map. `first` is the number of the design's first point."""
    if len(pairs) < 3:
        return 0
    source, target = design[pairs[:, 1] - first], places[pairs[:, 0]]
    _, is_inlier = cv2.estimateAffine2D(source, target, ransacReprojThreshold=REPROJECTION_PX)
    return 0 if is_inlier is None else int(is_inlier.sum())


def phash(image: Image.Image) -> Codes:
    """Return imagehash.phash, 256 bits."""
    return np.packbits(imagehash.phash(image, 16).hash)[None]


def dhash(image: Image.Image) -> Codes:
    """Return imagehash.dhash, 256 bits."""
    return np.packbits(imagehash.dhash(image, 16).hash)[None]


def pdq(image: Image.Image) -> Codes:
    """Return PDQ of the eight orientations."""
    hashes, _ = pdqhash.compute_dihedral(np.asarray(image.convert("RGB")))
    return np.packbits(np.asarray(hashes, np.uint8), axis=1)
