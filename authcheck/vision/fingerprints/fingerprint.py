"""Picture -> Fingerprint: two hash families over the windows of a picture, in eight orientations.

imagehash defines the families; it is imported here and nowhere else. `phash` sees structure and survives text and
stickers, but is half noise on mirror-symmetric pictures; `dhash` is not, and survives them.
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

SCHEME = "pd256-1"  # changes when any bit may change: decoding, windows, families, layout of the record
FAMILIES = ("phash", "dhash")
# What was done to the design to give the picture: mirrored left to right, then turned clockwise. The order is that of
# `_turned`: each is undone by the flip or transposition of the same place there.
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
FLAT_CONTRAST = 4.0  # standard deviation of grey levels below which a picture is called flat
WINDOW_CONTRAST = 8.0  # and below which a part of one says too little to be compared on its own
_MAGIC = b"AF1"

# The first 16 basis functions of the DCT-II over 64 pixels, scaled as scipy.fftpack.dct does.
_BASIS = 2 * np.cos(np.pi * np.outer(np.arange(HASH_SIDE), 2 * np.arange(TILE_SIDE) + 1) / (2 * TILE_SIDE))

Codes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is kept of a picture to compare it.

    `codes` is `(windows, orientations, families, 32) uint8`: 256 bits each, in the order of imagehash's own bits. A
    checked picture has one to eight windows in eight orientations, a registered one two windows, upright
    (`reference`). `windows` names them.
    """

    scheme: str
    windows: tuple[str, ...]
    codes: Codes

    def reference(self) -> Self:
        """The part that is stored of a registered picture: whole and trimmed (the whole again if plain borders lack)."""
        trimmed = int("trimmed" in self.windows)
        return type(self)(self.scheme, REFERENCE_WINDOWS, self.codes[[0, trimmed], :1])

    def to_bytes(self) -> bytes:
        """The record kept in the database: magic, counts, window kinds, codes. 135 bytes for a reference."""
        kinds = bytes(NAMES.index(name) for name in self.windows)
        return _MAGIC + bytes(self.codes.shape[:2]) + kinds + np.ascontiguousarray(self.codes).tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read a record back. Raises ValueError for the record of another scheme or a damaged one."""
        if len(data) < len(_MAGIC) + 2 or not data.startswith(_MAGIC):
            raise ValueError("not a fingerprint of this scheme")
        windows, orientations = data[len(_MAGIC) : len(_MAGIC) + 2]
        start = len(_MAGIC) + 2 + windows
        if len(data) != start + windows * orientations * len(FAMILIES) * CODE_BYTES:
            raise ValueError("a damaged fingerprint")
        names = tuple(NAMES[kind] for kind in data[start - windows : start])
        codes = np.frombuffer(data, np.uint8, offset=start)
        return cls(SCHEME, names, codes.reshape(windows, orientations, len(FAMILIES), CODE_BYTES))


def reference_codes(records: Sequence[bytes]) -> Codes:
    """`(n, windows, families, 32)` of n reference records at once. Raises ValueError as `Fingerprint.from_bytes` does."""
    head = (
        _MAGIC + bytes((len(REFERENCE_WINDOWS), 1)) + bytes(NAMES.index(name) for name in REFERENCE_WINDOWS)
    )
    size = len(head) + len(REFERENCE_WINDOWS) * len(FAMILIES) * CODE_BYTES
    joined = b"".join(records)
    if len(joined) != len(records) * size:
        raise ValueError("not the fingerprints of registered pictures")
    table = np.frombuffer(joined, np.uint8).reshape(-1, size)
    if (table[:, : len(head)] != np.frombuffer(head, np.uint8)).any():
        raise ValueError("not a fingerprint of this scheme")
    return table[:, len(head) :].reshape(-1, len(REFERENCE_WINDOWS), len(FAMILIES), CODE_BYTES)


def read(data: bytes, limits: Limits = DEFAULT_LIMITS) -> tuple[Picture, Fingerprint]:
    """Decode as this scheme wants it and fingerprint: the one way in for pictures that are registered or checked.

    Raises ImageRejected as `open_picture` and `of` do.
    """
    picture = open_picture(data, limits, detail_px=SIDE, grey=True)
    return picture, of(picture)


def of(picture: Picture) -> Fingerprint:
    """The fingerprint of a picture as it is compared. Raises ImageRejected (`image.flat`) where there is nothing to see."""
    grey = picture.image.convert("L")
    layout = _layout(grey)
    whole = layout.resize((TILE_SIDE, TILE_SIDE), Image.Resampling.BOX)
    contrast = float(np.asarray(whole).std())
    if contrast < FLAT_CONTRAST:
        raise ImageRejected(
            "The picture is flat: there is nothing in it to compare.",
            code="image.flat",
            contrast=round(contrast, 1),
        )
    names, tiles = ["whole"], [whole]
    for window in find_windows(np.asarray(layout))[1:]:
        tile = _tile(grey, window)
        if np.asarray(tile).std() >= WINDOW_CONTRAST:
            names.append(window.name)
            tiles.append(tile)
    return Fingerprint(SCHEME, tuple(names), codes_of(tiles))


def _layout(grey: Image.Image) -> Image.Image:
    """The picture squashed to the square in which windows are looked for."""
    factor = min(grey.size) // SIDE
    return (grey.reduce(factor) if factor > 1 else grey).resize((SIDE, SIDE), Image.Resampling.HAMMING)


def _tile(grey: Image.Image, window: Window) -> Image.Image:
    """A window as a small square."""
    left, top, right, bottom = window.box
    across, down = grey.width / SIDE, grey.height / SIDE
    box = (left * across, top * down, right * across, bottom * down)
    return grey.resize((TILE_SIDE, TILE_SIDE), Image.Resampling.BOX, box=box)


def codes_of(tiles: Sequence[Image.Image]) -> Codes:
    """`(tiles, orientations, families, 32)` of grey pictures of 64 x 64 pixels.

    Bit for bit what imagehash gives for each orientation of a tile, but where a DCT coefficient is the median itself.
    """
    codes = np.stack([_phash(tiles), _dhash(tiles)], axis=2)
    codes[0, 0, 0] = np.packbits(imagehash.phash(tiles[0], HASH_SIDE).hash)
    codes[0, 0, 1] = np.packbits(imagehash.dhash(tiles[0], HASH_SIDE).hash)
    return codes


def _phash(tiles: Sequence[Image.Image]) -> Codes:
    """imagehash.phash of every orientation from one DCT: a flip changes the sign of every second coefficient."""
    pixels = np.stack([np.asarray(tile) for tile in tiles]).astype(np.float64)
    low = _BASIS @ pixels @ _BASIS.T
    odd = np.where(np.arange(HASH_SIDE) % 2, -1.0, 1.0)
    both = np.stack([low, low.swapaxes(1, 2)], axis=1)
    turned = np.stack([both, both * odd, both * odd[:, None], both * odd * odd[:, None]], axis=2)
    flat = turned.reshape(len(tiles), len(ORIENTATIONS), -1)
    return np.packbits(flat > np.median(flat, axis=2, keepdims=True), axis=2)


def _dhash(tiles: Sequence[Image.Image]) -> Codes:
    """imagehash.dhash of every orientation from two reductions: the resampling is the same from either end."""
    size = HASH_SIDE + 1, HASH_SIDE
    small = np.stack(
        [
            np.asarray(side.resize(size, Image.Resampling.LANCZOS))
            for tile in tiles
            for side in (tile, tile.transpose(Image.Transpose.TRANSPOSE))
        ]
    ).reshape(len(tiles), 2, HASH_SIDE, HASH_SIDE + 1)
    rising, falling = small[..., 1:] > small[..., :-1], (small[..., 1:] < small[..., :-1])[..., ::-1]
    turned = np.stack([rising, falling, rising[..., ::-1, :], falling[..., ::-1, :]], axis=2)
    return np.packbits(turned.reshape(len(tiles), len(ORIENTATIONS), -1), axis=2)
