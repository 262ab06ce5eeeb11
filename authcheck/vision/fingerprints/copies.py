"""The distance between two pictures that may be copies of one: re-saved, marked, bordered or mirrored.

This question is narrower than that of the gallery, which asks whether two pictures show one design. Two
photographs of one product show one design and are no copies.
"""

from collections.abc import Sequence

import numpy as np

from authcheck.vision.fingerprints.blocks import Bits, Codes
from authcheck.vision.fingerprints.fingerprint import (
    CODE_BYTES,
    FAMILIES,
    REFERENCE_WINDOWS,
    Fingerprint,
    reference_codes,
)
from authcheck.vision.fingerprints.index import CODE_BITS

FAMILY = FAMILIES.index("dhash")
WORDS = CODE_BYTES // 8

# Pictures up to this distance count as copies. Chosen by `python tests/bench/cluster_pairs.py`, see ADR 26.
RADIUS_BITS = 27
# A window with fewer slopes shows little but the outline of a small thing, and is not compared.
LEAST_SLOPES = 96


def measure(picture: Fingerprint, records: Sequence[bytes]) -> Bits:
    """Return the distance in bits, 0-256, of a picture to each reference record (`Fingerprint.reference`).

    The distance is that of dhash, the least over both pictures' windows whole and trimmed and the eight
    orientations. It counts the differing bits in 256 bits of the picture's slopes: a plain ground has no
    slopes, so two small things on white are not alike because of the white. It is 256 for a picture without
    enough slopes. Raises ValueError for a record of another scheme.
    """
    stored = reference_codes(records)[:, :, FAMILY].reshape(-1, CODE_BYTES)
    words = np.ascontiguousarray(stored.view(np.uint64).T)
    least = np.full(words.shape[1], CODE_BITS, np.int32)
    for code, slopes in _list_variants(picture):
        bits = np.zeros(words.shape[1], np.uint16)
        for word, value in zip(words, code.view(np.uint64), strict=True):
            bits += np.bitwise_count(word ^ value)
        np.minimum(least, bits.astype(np.int32) * CODE_BITS // slopes, out=least)
    distances: Bits = least.reshape(-1, len(REFERENCE_WINDOWS)).min(axis=1)
    return distances


def _list_variants(picture: Fingerprint) -> list[tuple[Codes, int]]:
    """Return the code of each window and orientation with its number of slopes, if there are enough.

    A bit of dhash says that the picture rises from one place to the next. The mirrored orientation, which
    is next to each orientation, says that it falls. A plain place does neither.
    """
    trimmed = int("trimmed" in picture.windows)
    codes = picture.codes[: trimmed + 1, :, FAMILY]
    risen = np.bitwise_count(codes).sum(axis=2, dtype=np.int64).reshape(len(codes), -1, 2)
    slopes = risen.sum(axis=2).repeat(2, axis=1)
    return [
        (codes[window, orientation], int(slopes[window, orientation]))
        for window, orientation in np.argwhere(slopes >= LEAST_SLOPES)
    ]
