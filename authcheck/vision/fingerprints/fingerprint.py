"""Picture -> Fingerprint: two hash families over the windows of a picture, in eight orientations.

imagehash defines the families. Only this module imports it. `phash` sees structure and survives text and
stickers, but half of its bits are noise on mirror-symmetric pictures. `dhash` works on mirror-symmetric
pictures too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from authcheck.errors import ImageRejected
from authcheck.vision.fingerprints.windows import NAMES, SIDE, Window, find_windows
from authcheck.vision.pictures.decode import DEFAULT_LIMITS, Limits, Picture, open_picture

# A new name for every change that may change a bit: decoding, windows, families, layout of the record.
SCHEME = "pd256-1"
FAMILIES = ("phash", "dhash")
# The change from the design to the picture: mirrored left to right, then turned clockwise. The order is that
# of the flips and transpositions in `_phash` and `_dhash`. Each undoes the orientation at its position.
ORIENTATIONS = (
    "upright",
    "mirror",
    "mirror_rot180",
    "rot180",
    "mirror_rot270",
    "rot270",
    "rot90",
    "mirror_rot90",
)
REFERENCE_WINDOWS = ("whole", "trimmed")

HASH_SIDE = 16
TILE_SIDE = 64
CODE_BYTES = HASH_SIDE * HASH_SIDE // 8
FLAT_CONTRAST = 4.0  # standard deviation of grey levels below which a picture is flat
WINDOW_CONTRAST = 8.0  # standard deviation of grey levels below which a window is not compared on its own
_MAGIC = b"AF1"

# The first 16 basis functions of the DCT-II over 64 pixels, scaled as scipy.fftpack.dct does.
_BASIS = 2 * np.cos(np.pi * np.outer(np.arange(HASH_SIDE), 2 * np.arange(TILE_SIDE) + 1) / (2 * TILE_SIDE))

Codes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The stored or compared hashes of a picture.

    `codes` is `(windows, orientations, families, 32) uint8`: 256 bits each, in the order of imagehash's own
    bits. A checked picture has one to eight windows in eight orientations. A registered picture has two
    windows in upright orientation (`reference`). `windows` are the names of the windows.
    """

    scheme: str
    windows: tuple[str, ...]
    codes: Codes

    def reference(self) -> Self:
        """Return the part that is stored of a registered picture: the windows whole and trimmed.

        Without a plain border, trimmed is the whole again.
        """
        trimmed = int("trimmed" in self.windows)
        return type(self)(self.scheme, REFERENCE_WINDOWS, self.codes[[0, trimmed], :1])

    def to_bytes(self) -> bytes:
        """Return the record for the database: magic, counts, window kinds, codes. A reference: 135 bytes."""
        kinds = bytes(NAMES.index(name) for name in self.windows)
        return _MAGIC + bytes(self.codes.shape[:2]) + kinds + np.ascontiguousarray(self.codes).tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a record. Raises ValueError when the record has another scheme or is damaged."""
        if len(data) < len(_MAGIC) + 2 or not data.startswith(_MAGIC):
            raise ValueError("not a fingerprint of this scheme")
        windows, orientations = data[len(_MAGIC) : len(_MAGIC) + 2]
        start = len(_MAGIC) + 2 + windows
        if len(data) != start + windows * orientations * len(FAMILIES) * CODE_BYTES:
            raise ValueError("the fingerprint is damaged")
        names = tuple(NAMES[kind] for kind in data[start - windows : start])
        codes = np.frombuffer(data, np.uint8, offset=start)
        return cls(SCHEME, names, codes.reshape(windows, orientations, len(FAMILIES), CODE_BYTES))


def reference_codes(records: Sequence[bytes]) -> Codes:
    """Return the codes of n reference records at once, `(n, windows, families, 32)`.

    Raises ValueError as `Fingerprint.from_bytes` does.
    """
    header = (
        _MAGIC + bytes((len(REFERENCE_WINDOWS), 1)) + bytes(NAMES.index(name) for name in REFERENCE_WINDOWS)
    )
    size = len(header) + len(REFERENCE_WINDOWS) * len(FAMILIES) * CODE_BYTES
    data = b"".join(records)
    if len(data) != len(records) * size:
        raise ValueError("not the fingerprints of registered pictures")
    table = np.frombuffer(data, np.uint8).reshape(-1, size)
    if (table[:, : len(header)] != np.frombuffer(header, np.uint8)).any():
        raise ValueError("not a fingerprint of this scheme")
    return table[:, len(header) :].reshape(-1, len(REFERENCE_WINDOWS), len(FAMILIES), CODE_BYTES)


def read(data: bytes, limits: Limits = DEFAULT_LIMITS) -> tuple[Picture, Fingerprint]:
    """Decode a picture as this scheme requires and compute its fingerprint.

    Every registered and every checked picture goes through this function. Raises ImageRejected as
    `open_picture` and `of` do.
    """
    picture = open_picture(data, limits, detail_px=SIDE, grey=True)
    return picture, of(picture)


def of(picture: Picture) -> Fingerprint:
    """Compute a picture's fingerprint. Raises ImageRejected (`image.flat`) when there is nothing to see."""
    grey = picture.image.convert("L")
    layout = _squash(grey)
    whole = layout.resize((TILE_SIDE, TILE_SIDE), Image.Resampling.BOX)
    contrast = float(np.asarray(whole).std())
    if contrast < FLAT_CONTRAST:
        raise ImageRejected(
            "The picture is almost one colour, so there is nothing in it to compare. Use another picture.",
            code="image.flat",
            contrast=round(contrast, 1),
        )
    names, tiles = ["whole"], [whole]
    for window in find_windows(np.asarray(layout))[1:]:
        tile = _cut_tile(grey, window)
        if np.asarray(tile).std() >= WINDOW_CONTRAST:
            names.append(window.name)
            tiles.append(tile)
    return Fingerprint(SCHEME, tuple(names), codes_of(tiles))


def _squash(grey: Image.Image) -> Image.Image:
    """Return the picture squashed to the square in which windows are searched."""
    factor = min(grey.size) // SIDE
    return (grey.reduce(factor) if factor > 1 else grey).resize((SIDE, SIDE), Image.Resampling.HAMMING)


def _cut_tile(grey: Image.Image, window: Window) -> Image.Image:
    """Return a window as a small square."""
    left, top, right, bottom = window.box
    across, down = grey.width / SIDE, grey.height / SIDE
    box = (left * across, top * down, right * across, bottom * down)
    return grey.resize((TILE_SIDE, TILE_SIDE), Image.Resampling.BOX, box=box)


def codes_of(tiles: Sequence[Image.Image]) -> Codes:
    """Compute the codes of grey pictures of 64 x 64 pixels, `(tiles, orientations, families, 32)`.

    The bits equal those of imagehash for each orientation of a tile, except where a DCT coefficient equals
    the median.
    """
    codes = np.stack([_phash(tiles), _dhash(tiles)], axis=2)
    codes[0, 0, 0] = np.packbits(imagehash.phash(tiles[0], HASH_SIDE).hash)
    codes[0, 0, 1] = np.packbits(imagehash.dhash(tiles[0], HASH_SIDE).hash)
    return codes


def _phash(tiles: Sequence[Image.Image]) -> Codes:
    """Compute imagehash.phash of every orientation from one DCT: a flip negates every second coefficient."""
    pixels = np.stack([np.asarray(tile) for tile in tiles]).astype(np.float64)
    coefficients = _BASIS @ pixels @ _BASIS.T
    signs = np.where(np.arange(HASH_SIDE) % 2, -1.0, 1.0)
    both = np.stack([coefficients, coefficients.swapaxes(1, 2)], axis=1)
    turned = np.stack([both, both * signs, both * signs[:, None], both * signs * signs[:, None]], axis=2)
    flat = turned.reshape(len(tiles), len(ORIENTATIONS), -1)
    return np.packbits(flat > np.median(flat, axis=2, keepdims=True), axis=2)


def _dhash(tiles: Sequence[Image.Image]) -> Codes:
    """Compute imagehash.dhash of every orientation from two reductions: resampling is symmetric."""
    size = HASH_SIDE + 1, HASH_SIDE
    reduced = np.stack(
        [
            np.asarray(image.resize(size, Image.Resampling.LANCZOS))
            for tile in tiles
            for image in (tile, tile.transpose(Image.Transpose.TRANSPOSE))
        ]
    ).reshape(len(tiles), 2, HASH_SIDE, HASH_SIDE + 1)
    rising, falling = reduced[..., 1:] > reduced[..., :-1], (reduced[..., 1:] < reduced[..., :-1])[..., ::-1]
    turned = np.stack([rising, falling, rising[..., ::-1, :], falling[..., ::-1, :]], axis=2)
    return np.packbits(turned.reshape(len(tiles), len(ORIENTATIONS), -1), axis=2)
