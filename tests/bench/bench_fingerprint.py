"""Time from bytes to fingerprint on one core, beside the 1/8-scale decode alone and naive imagehash.

    python tests/bench/bench_fingerprint.py [PICTURE.jpg ...]

The figures are ratios to these two. Without pictures the bench draws JPEGs of 1, 3 and 12 megapixels. One is
photo-like (noise of equal energy per octave, sensor grain). The other is an illustration on white, the
slowest kind for the search for windows. The rounds of all contenders are interleaved and the fastest round of
each counts, so that other work on the machine cancels out.
"""

import io
import sys
import time
from collections.abc import Callable
from pathlib import Path

import imagehash
import numpy as np
from PIL import Image, ImageDraw

from authcheck.vision.fingerprints import fingerprint
from authcheck.vision.fingerprints.windows import SIDE
from authcheck.vision.pictures.decode import open_picture

SIZES = {"1 MP": (1154, 866), "3 MP": (2000, 1500), "12 MP": (4000, 3000)}
ALLOWED = {"1 MP": 2.2, "3 MP": 1.6, "12 MP": 1.2}
ROUNDS = 40


def photo(size: tuple[int, int], rng: np.random.Generator) -> bytes:
    """Return a JPEG with the spectrum and the file size of a photo."""
    width, height = size
    pixels = np.full((height, width, 3), 128.0, np.float32)
    for octave in range(2, 10):
        if 2**octave * 4 > width:
            break
        noise = rng.integers(0, 256, (3 * 2**octave, 4 * 2**octave, 3), np.uint8)
        layer = Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)
        pixels += (np.asarray(layer, np.float32) - 128) * 0.9 / octave
    pixels += rng.normal(0, 2, pixels.shape)
    return jpeg(Image.fromarray(pixels.clip(0, 255).astype(np.uint8)))


def illustration(size: tuple[int, int], rng: np.random.Generator) -> bytes:
    """Return a JPEG of flat shapes in rows on white."""
    image = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(image)
    step = size[0] // 6
    for left in range(step // 2, size[0] - step, step):
        for top in range(step // 2, size[1] - step, step):
            colour = tuple(rng.integers(0, 256, 3).tolist())
            draw.ellipse((left, top, left + step * 0.7, top + step * 0.7), fill=colour)
    return jpeg(image)


def jpeg(image: Image.Image) -> bytes:
    """Encode the picture as a JPEG of quality 88."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=88)
    return file.getvalue()


def floor(data: bytes) -> None:
    """Do the cheapest work that any program can do: decode at 1/8 scale, in grey."""
    image = Image.open(io.BytesIO(data))
    image.draft("L", (1, 1))
    image.load()


def naive(data: bytes) -> None:
    """Compute one hash in one orientation, as in the imagehash manual."""
    imagehash.phash(Image.open(io.BytesIO(data)), 16)


def ours(data: bytes) -> None:
    """Compute all families, windows and orientations, as every check does."""
    fingerprint.read(data)


def decode(data: bytes) -> None:
    """Decode as `ours` does, and nothing else."""
    open_picture(data, detail_px=SIDE, grey=True)


def fastest(contenders: list[Callable[[bytes], None]], data: bytes) -> list[float]:
    """Return the least time of each contender, in milliseconds."""
    times = [[0.0] * ROUNDS for _ in contenders]
    for turn in range(ROUNDS):
        for row, contender in zip(times, contenders, strict=True):
            start = time.perf_counter()
            contender(data)
            row[turn] = 1e3 * (time.perf_counter() - start)
    return [min(row) for row in times]


def main() -> None:
    """Print one row per picture."""
    rng = np.random.default_rng(2)
    named = {Path(path).name: (Path(path).read_bytes(), 0.0) for path in sys.argv[1:]}
    if not named:
        named = {f"photo {name}": (photo(size, rng), ALLOWED[name]) for name, size in SIZES.items()}
        named |= {f"illustration {name}": (illustration(size, rng), 0.0) for name, size in SIZES.items()}
    print(
        "picture                KB  floor ms  decode  decode + fingerprint  ratio  allowed  naive imagehash / ours"
    )
    for name, (data, allowed) in named.items():
        least, decoded, whole, plain = fastest([floor, decode, ours, naive], data)
        print(
            f"{name:20} {len(data) // 1024:5} {least:9.2f} {decoded:7.2f} {whole:21.2f} {whole / least:6.2f} "
            f"{allowed or '':>8} {plain / whole:23.1f}"
        )


if __name__ == "__main__":
    main()
