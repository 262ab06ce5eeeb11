"""Local features by lot for tests of the index: points around the words of the vocabulary, as real ones are."""

import numpy as np
from numpy.typing import NDArray

from authcheck.vision.features.features import Features
from authcheck.vision.features.vocabulary import FINE_WORDS

SPREAD = 15  # standard deviation of each number around the fine word; real descriptors lie some 120 from it
NOISE = 10  # of a point that is seen again in another picture: some 80


def features_of(codes: NDArray[np.uint8], seed: int = 0) -> Features:
    """Features with these descriptors, at places by lot."""
    dice = np.random.default_rng(seed)
    steps = dice.integers(0, 65536, (len(codes), 4)).astype(np.uint16)
    return Features(320, 256, steps, codes, dice.integers(0, 4, len(codes)).astype(np.uint8))


def some_codes(dice: np.random.Generator, count: int) -> NDArray[np.uint8]:
    """Descriptors around words drawn by lot."""
    words = FINE_WORDS.reshape(-1, 64)[dice.integers(0, FINE_WORDS.shape[0] * FINE_WORDS.shape[1], count)]
    return as_bytes(words + 128 + dice.normal(0, SPREAD, words.shape))


def seen_again(dice: np.random.Generator, codes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same points as another picture of the same thing gives them."""
    return as_bytes(codes + dice.normal(0, NOISE, codes.shape))


def as_bytes(numbers: NDArray[np.floating]) -> NDArray[np.uint8]:
    """To the nearest byte."""
    return np.clip(np.rint(numbers), 0, 255).astype(np.uint8)


def some_features(seed: int, count: int = 50) -> Features:
    """Features of a picture of its own for every seed."""
    return features_of(some_codes(np.random.default_rng(seed), count), seed)
