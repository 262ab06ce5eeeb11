"""Other methods for comparison: hashes of whole pictures, by widely used libraries."""

from collections.abc import Callable, Sequence

import imagehash
import numpy as np
import pdqhash
from fit_score import PHOTOS, Query, designs
from numpy.typing import NDArray
from PIL import Image
from scoring import Rows

Codes = NDArray[np.uint8]


def peer(queries: Sequence[Query], hashes: Callable[[Image.Image], Codes]) -> Rows:
    """Find the best design of each query by one hash.

    `hashes` gives `(orientations, 32)`, the upright orientation first.
    """
    paths = [*designs(), *sorted((PHOTOS / "designs").iterdir())]
    stored = np.stack([hashes(Image.open(path))[0] for path in paths])
    rows = []
    for query in queries:
        codes = hashes(Image.open(query.path))
        bits = np.bitwise_count(codes[:, None] ^ stored).sum(axis=2).min(axis=0)
        rows.append((query.name, paths[int(bits.argmin())].stem, -float(bits.min())))
    return rows


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
