"""Random local features for tests of the index.

Like real ones, they are spread around the words of the vocabulary.
"""

import numpy as np
from numpy.typing import NDArray

from authcheck.vision.features.features import Features
from authcheck.vision.features.vocabulary import FINE_WORDS

SPREAD = 15  # standard deviation of each number around the fine word; real descriptors are 120 away
NOISE = 10  # standard deviation of a point that is seen again in another picture: real ones have some 80


def features_of(codes: NDArray[np.uint8], seed: int = 0) -> Features:
    """Return features with these descriptors, at random places."""
    dice = np.random.default_rng(seed)
    steps = dice.integers(0, 65536, (len(codes), 4)).astype(np.uint16)
    return Features(320, 256, steps, codes, dice.integers(0, 4, len(codes)).astype(np.uint8))


def some_codes(dice: np.random.Generator, count: int) -> NDArray[np.uint8]:
    """Return descriptors around randomly drawn words."""
    words = FINE_WORDS.reshape(-1, 64)[dice.integers(0, FINE_WORDS.shape[0] * FINE_WORDS.shape[1], count)]
    return as_bytes(words + 128 + dice.normal(0, SPREAD, words.shape))


def seen_again(dice: np.random.Generator, codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the same points as another picture of the same object shows them."""
    return as_bytes(codes + dice.normal(0, NOISE, codes.shape))


def as_bytes(numbers: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Round to the nearest byte."""
    return np.clip(np.rint(numbers), 0, 255).astype(np.uint8)


def some_features(seed: int, count: int = 50) -> Features:
    """Return the features of a picture. Every seed gives a different picture."""
    return features_of(some_codes(np.random.default_rng(seed), count), seed)
