"""The fixed vocabulary: SIFT descriptors to 64 bytes, and the words under which those are filed.

`vocabulary.npz` is data, made by `tests/bench/train_vocabulary.py`: `mean` (128) and `basis` (128, 64) float32 of a
principal component analysis, scaled so that the components fit a signed byte; `words` (1024, 64) and `fine`
(1024, 16, 64) int8, the centres of a k-means in two levels. It is the same for every registry, so that a descriptor is
filed alike in every process, release and order of arrival, and nothing is ever trained on a user's machine.

The descriptor of a mirrored picture, or of one whose light and dark are swapped, has the same 128 numbers in another
order. The components were chosen among those that such a change leaves alone or negates (`mirror` and `invert` (64)
int8 say which), so that both edits are a change of signs here: nothing is extracted twice.
"""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from authcheck.vision.features.features import Descriptors

_FILE = np.load(Path(__file__).with_name("vocabulary.npz"))
_MEAN: NDArray[np.float32] = _FILE["mean"]
_BASIS: NDArray[np.float32] = _FILE["basis"]
WORDS: NDArray[np.float32] = _FILE["words"].astype(np.float32)  # (1024, 64), centred
FINE_WORDS: NDArray[np.float32] = _FILE["fine"].astype(np.float32)  # (1024, 16, 64), centred
MIRROR_SIGNS: NDArray[np.int8] = _FILE["mirror"]
INVERT_SIGNS: NDArray[np.int8] = _FILE["invert"]


def compress(sift: NDArray[np.float32]) -> Descriptors:
    """`(n, 64) uint8` of `(n, 128)` SIFT descriptors of any length: RootSIFT (Arandjelovic and Zisserman 2012), then PCA."""
    root = np.sqrt(sift / np.maximum(sift.sum(axis=1, keepdims=True), 1e-9))
    reduced = (root - _MEAN) @ _BASIS
    codes: Descriptors = (np.clip(np.rint(reduced), -127, 127) + 128).astype(np.uint8)
    return codes


def centred(descriptors: Descriptors) -> NDArray[np.float32]:
    """`(n, 64) float32` between -127 and 127: the descriptors as vectors around the mean."""
    return descriptors.astype(np.float32) - np.float32(128)


def edited(descriptors: Descriptors, *, mirrored: bool, inverted: bool) -> Descriptors:
    """The descriptors of the mirrored picture, of the one with light and dark swapped, or of both; to within 1."""
    signs = (MIRROR_SIGNS if mirrored else np.int8(1)) * (INVERT_SIGNS if inverted else np.int8(1))
    return (centred(descriptors) * signs + 128).astype(np.uint8)
