"""The fixed vocabulary: it compresses SIFT descriptors to 64 bytes and has the words to file them under.

`tests/bench/train_vocabulary.py` writes the data in `vocabulary.npz`. `mean` (128) and `basis` (128, 64),
float32, are a principal component analysis, scaled so that the components fit a signed byte. `words` (1024,
64) and `fine` (1024, 16, 64), int8, are the centres of a k-means in two levels. The vocabulary is the same
for every registry. So a descriptor gets the same word in every process, release and order of arrival. No
training runs on a user's machine.

The descriptor of a mirrored picture, or of a picture with light and dark swapped, has the same 128 numbers in
another order. The components were chosen so that such an edit keeps or negates each component. The signs
`mirror` and `invert`, (64) int8, say which. So an edit of the picture changes only signs, and no picture is
extracted twice.
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
    """Compress `(n, 128)` SIFT descriptors to `(n, 64) uint8`.

    The descriptors may have any norm. The steps are RootSIFT (Arandjelovic and Zisserman 2012), then PCA.
    """
    root_sift = np.sqrt(sift / np.maximum(sift.sum(axis=1, keepdims=True), 1e-9))
    components = (root_sift - _MEAN) @ _BASIS
    descriptors: Descriptors = (np.clip(np.rint(components), -127, 127) + 128).astype(np.uint8)
    return descriptors


def centred(descriptors: Descriptors) -> NDArray[np.float32]:
    """Return the descriptors as vectors around the mean, `(n, 64) float32` between -127 and 127."""
    return descriptors.astype(np.float32) - np.float32(128)


def edited(descriptors: Descriptors, *, mirrored: bool, inverted: bool) -> Descriptors:
    """Return the descriptors of the picture after an edit, exact to within 1 in each number.

    The edits are a mirror image, a swap of light and dark, or both.
    """
    signs = (MIRROR_SIGNS if mirrored else np.int8(1)) * (INVERT_SIGNS if inverted else np.int8(1))
    return (centred(descriptors) * signs + 128).astype(np.uint8)
