"""Training of authcheck/vision/features/vocabulary.npz on half of match-data.

    python tests/bench/train_vocabulary.py [OUT.npz]

The result is the components and the words of local descriptors. The script reads the folder
AUTHCHECK_MATCH_DATA, or shared/match-data beside the repository: designs with even numbers, the queries that
show them, and every second negative. It uses only descriptors, no answers. The shipped file (November 2026)
was trained while pictures were still read at 800 and 400 pixels, on 515,521 descriptors. At today's 640 and
320 pixels there are 437,958, and as much of the variance is kept (.957). Another file is another SCHEME.
"""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import faiss
import numpy as np
from fit_score import DATA
from numpy.typing import NDArray

from authcheck.vision.features import extract
from authcheck.vision.features.features import DIMENSIONS
from authcheck.vision.pictures.decode import open_picture

CELLS = np.arange(128).reshape(4, 4, 8)
MIRRORED = CELLS[::-1][
    :, :, (-np.arange(8)) % 8
].ravel()  # the place of each number after the picture is mirrored
INVERTED = CELLS[::-1, ::-1].ravel()  # the place of each number after light and dark are swapped
WORDS, FINE = 1024, 16
MOST_A_CHANNEL = 200
Vectors = NDArray[np.float32]


def training_pictures() -> Iterator[tuple[Path, bool]]:
    """Return the pictures of the training half, and whether each is a design."""
    with (DATA / "truth.csv").open(newline="") as file:
        shown = {row["query"]: row["design_id"] for row in csv.DictReader(file)}
    for path in sorted(DATA.glob("*/*.*")):
        name = f"{path.parent.name}/{path.name}"
        number = shown.get(name) or path.stem
        if int(number[1:]) % 2 == 0:
            yield path, path.parent.name == "designs"


def root_sift() -> Vectors:
    """Return RootSIFT of all points of all channels, `(n, 128)`."""
    found = []
    for path, is_design in training_pictures():
        detail_px = extract.DESIGN_DETAIL_PX if is_design else extract.PICTURE_DETAIL_PX
        pixels = np.asarray(open_picture(path.read_bytes(), detail_px=detail_px).image)
        for reading in extract.DESIGN_PASSES if is_design else extract.PICTURE_PASSES:
            small = extract.fitted(pixels, reading)
            for channel, most in reading.points.items():
                sift = extract.detect(extract.channel_of(small, channel), min(most, MOST_A_CHANNEL))[1]
                found.append(np.sqrt(sift / np.maximum(sift.sum(axis=1, keepdims=True), 1e-9)))
    return np.concatenate(found)


def components(root: Vectors) -> tuple[Vectors, Vectors, NDArray[np.int8], NDArray[np.int8]]:
    """Return mean, basis, and the signs by which mirroring and inverting change each component.

    The covariance is averaged over the four edits, so that it commutes with them. Each of the four
    subspaces in which the edits are +1 or -1 is then decomposed on its own.
    """
    edits = [np.arange(128), MIRRORED, INVERTED, MIRRORED[INVERTED]]
    mean = np.mean([root.mean(axis=0)[edit] for edit in edits], axis=0)
    plain = np.cov((root - mean).T)
    covariance = np.mean([plain[np.ix_(edit, edit)] for edit in edits], axis=0)
    one = np.eye(128)
    rows = []
    for mirror in (1, -1):
        for invert in (1, -1):
            both = (one + mirror * one[MIRRORED]) / 2 @ ((one + invert * one[INVERTED]) / 2)
            left, size, _ = np.linalg.svd(both)
            inside = left[:, size > 0.5]
            values, vectors = np.linalg.eigh(inside.T @ covariance @ inside)
            rows += [(v, inside @ vectors[:, i], mirror, invert) for i, v in enumerate(values)]
    rows.sort(key=lambda row: -row[0])
    kept = rows[:DIMENSIONS]
    print(
        f"{sum(r[0] for r in kept) / sum(r[0] for r in rows):.4f} of the variance in {DIMENSIONS} components"
    )
    basis = np.column_stack([row[1] for row in kept])
    scale = 127 / np.quantile(np.abs((root - mean) @ basis), 0.9995)
    signs = np.array([row[2:] for row in kept], np.int8)
    return mean.astype(np.float32), (basis * scale).astype(np.float32), signs[:, 0], signs[:, 1]


def centres(vectors: Vectors) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    """Return the words and the fine words below each word, by k-means in two levels."""
    coarse = faiss.Kmeans(DIMENSIONS, WORDS, niter=15, seed=1, max_points_per_centroid=256)
    coarse.train(vectors)
    word = coarse.index.search(vectors, 1)[1][:, 0]
    fine = np.repeat(coarse.centroids[:, None], FINE, axis=1)
    for number in range(WORDS):
        members = vectors[word == number]
        if len(members) >= FINE:
            below = faiss.Kmeans(DIMENSIONS, FINE, niter=12, seed=1, min_points_per_centroid=1)
            below.train(members)
            fine[number] = below.centroids
    return tuple(np.clip(np.rint(c), -127, 127).astype(np.int8) for c in (coarse.centroids, fine))


def main(out: Path) -> None:
    """Train the vocabulary and write it."""
    root = root_sift()
    mean, basis, mirror, invert = components(root)
    vectors = np.clip(np.rint((root - mean) @ basis), -127, 127).astype(np.float32)
    vectors = vectors[np.random.default_rng(0).permutation(len(vectors))]
    quarters = np.array_split(np.arange(len(vectors)), 4)  # words must serve edited pictures too
    for rows, signs in zip(quarters[1:], (mirror, invert, mirror * invert), strict=True):
        vectors[rows] *= signs
    words, fine = centres(vectors)
    np.savez_compressed(out, mean=mean, basis=basis, words=words, fine=fine, mirror=mirror, invert=invert)
    print(f"{len(vectors)} descriptors -> {out}")


if __name__ == "__main__":
    faiss.omp_set_num_threads(2)
    here = Path(__file__).resolve().parents[2]
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else here / "authcheck" / "local" / "vocabulary.npz")
