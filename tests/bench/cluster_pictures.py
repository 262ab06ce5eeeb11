"""Pictures with known answers for the benches of picture clusters: pictures of designs, and copies of them.

Copies are made of shop photographs of packages (`photo`, match-photos), of photographs with a printed design
(`print`, track B of match-data) and of registered artwork (`artwork`, every third design of match-data). Two
kinds are made here, because two pictures of one product are hard to tell apart there: one flat package
photographed from several sides on a plain ground (`packshot`), and the same cut out on pure white
(`cut-out`), eight of each for each package of match-photos.
"""

import csv
import hashlib
import io
import random
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pdqhash
from fit_score import DATA, PHOTOS
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

from authcheck.errors import ImageRejected
from authcheck.vision.fingerprints import fingerprint

sys.path.insert(0, str(Path(__file__).parents[1]))
from make import printed, quad

PACKSHOTS = 8
Edit = Callable[[Image.Image, random.Random], Image.Image]


@dataclass(frozen=True, slots=True)
class Taken:
    """A picture or an edited copy of it. `base` names the picture, `product` the design that it shows."""

    kind: str
    product: str
    base: str
    edit: str
    codes: NDArray[np.uint8]  # (whole and trimmed, orientations, families, 32)
    pdq: NDArray[np.uint8]

    @property
    def is_for_choosing(self) -> bool:
        """Return whether the picture belongs to the half on which radii are chosen."""
        return hashlib.sha256(self.base.encode()).digest()[0] % 2 == 0


def crop(image: Image.Image, dice: random.Random, share: float) -> Image.Image:
    """Return the picture without up to this share at each side."""
    width, height = image.size
    left, top, right, bottom = (dice.uniform(0, share) for _ in range(4))
    box = (left * width, top * height, width * (1 - right), height * (1 - bottom))
    return image.crop(tuple(map(round, box)))  # type: ignore[arg-type]


def _watermark(image: Image.Image, dice: random.Random) -> Image.Image:
    marked = image.copy()
    font = ImageFont.load_default(max(10, image.width // 12))
    place = image.width * dice.uniform(0.05, 0.4), image.height * dice.uniform(0.1, 0.8)
    ImageDraw.Draw(marked).text(
        place, "best-shop.example", "white", font, stroke_width=1, stroke_fill="black"
    )
    return Image.blend(image, marked, 0.7)


def _badge(image: Image.Image, dice: random.Random) -> Image.Image:
    marked, side = image.copy(), 0.22 * min(image.size)
    x = dice.choice([0.02 * image.width, 0.98 * image.width - side])
    y = dice.choice([0.02 * image.height, 0.98 * image.height - side])
    ImageDraw.Draw(marked).ellipse((x, y, x + side, y + side), (220, 20, 30))
    return marked


def _banner(image: Image.Image, _dice: random.Random) -> Image.Image:
    marked = image.copy()
    ImageDraw.Draw(marked).rectangle((0, 0.91 * image.height, *image.size), (20, 60, 160))
    return marked


def _light(image: Image.Image, dice: random.Random) -> Image.Image:
    lit = ImageEnhance.Brightness(image).enhance(dice.uniform(0.75, 1.3))
    return ImageEnhance.Color(ImageEnhance.Contrast(lit).enhance(dice.uniform(0.8, 1.3))).enhance(1.5)


EDITS: Mapping[str, Edit] = {
    "none": lambda image, _: image,
    "resaved": lambda image, _: image,
    "small": lambda image, dice: image.resize(
        (max(32, round(image.width * dice.uniform(0.3, 0.6))), max(32, round(image.height * 0.45)))
    ),
    "light": _light,
    "grey": lambda image, _: image.convert("L").convert("RGB"),
    "watermark": _watermark,
    "badge": _badge,
    "banner": _banner,
    "border": lambda image, _: ImageOps.expand(image, round(0.08 * image.width), "white"),
    "crop 3 %": lambda image, dice: crop(image, dice, 0.03),
    "crop 8 %": lambda image, dice: crop(image, dice, 0.08),
    "mirrored": lambda image, _: ImageOps.mirror(image),
    "turned": lambda image, _: image.transpose(Image.Transpose.ROTATE_90),
}


def read_queries(folder: Path, track: str) -> Iterator[tuple[str, str, Image.Image]]:
    """Read (product, name, picture) of the queries of a track in a folder like match-data."""
    if not (folder / "truth.csv").is_file():
        raise SystemExit(
            f"not measured: {folder.name} is not here; name it in AUTHCHECK_MATCH_DATA or _PHOTOS"
        )
    with (folder / "truth.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["track"] == track:
                yield row["design_id"], row["query"], open_opaque(folder / row["query"])


def read_bases() -> Iterator[tuple[str, str, str, Image.Image]]:
    """Read (kind, product, name, picture) of every picture from which copies are made."""
    for kind, folder, track in (("photo", PHOTOS, "D"), ("print", DATA, "B")):
        for product, name, picture in read_queries(folder, track):
            yield kind, product, name, picture
    for path in sorted((DATA / "designs").iterdir())[::3]:
        yield "artwork", path.stem, path.name, open_opaque(path)
    for path in sorted((PHOTOS / "designs").iterdir()):
        for number in range(PACKSHOTS):
            name = f"packshot {number} of {path.stem}"
            yield "packshot", path.stem, name, shoot(open_opaque(path), random.Random(name), 15, 0.2)
            name = f"cut-out {number} of {path.stem}"
            yield "cut-out", path.stem, name, _cut_out(open_opaque(path), random.Random(name))


def open_opaque(path: Path) -> Image.Image:
    """Open a picture on white, without transparency."""
    picture = Image.open(path).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")


def shoot(front: Image.Image, dice: random.Random, most_deg: float, most_slant: float) -> Image.Image:
    """Return a photograph of a flat package on a plain light ground, at most so far turned and slanted."""
    ground = Image.new("RGB", (500, 500), (dice.randrange(225, 250),) * 3)
    middle = dice.uniform(235, 265), dice.uniform(235, 265)
    longer_px, angle_deg = dice.uniform(130, 430), dice.uniform(-most_deg, most_deg)
    place = quad(front, middle, longer_px, angle_deg=angle_deg, slant=dice.uniform(0, most_slant))
    return printed(front, place, ground, seed=dice.randrange(10**6))


def _cut_out(front: Image.Image, dice: random.Random) -> Image.Image:
    """Return a photograph of a package from any side, cut out, on pure white."""
    place = quad(
        front, (250, 250), dice.uniform(130, 420), angle_deg=dice.uniform(-30, 30), slant=dice.uniform(0, 0.3)
    )
    shown = printed(front, place, Image.new("RGB", (500, 500), "white"), seed=dice.randrange(10**6))
    inside = Image.new("L", shown.size)
    ImageDraw.Draw(inside).polygon([(float(x), float(y)) for x, y in place], 255)
    return Image.composite(shown, Image.new("RGB", shown.size, "white"), inside)


def make_copies() -> list[Taken]:
    """Make the edited copies of every picture and hash them. Leaves out pictures of almost one colour."""
    taken = []
    for kind, product, name, picture in read_bases():
        for edit, change in EDITS.items():
            dice = random.Random(f"{name} {edit}")
            file = io.BytesIO()
            change(picture, dice).save(file, "JPEG", quality=95 if edit == "none" else dice.randrange(45, 85))
            try:
                _, found = fingerprint.read(file.getvalue())
            except ImageRejected:
                continue
            codes = found.codes[[0, int("trimmed" in found.windows)]]
            hashes, _ = pdqhash.compute_dihedral(np.asarray(Image.open(file).convert("RGB")))
            taken.append(
                Taken(kind, product, name, edit, codes, np.packbits(np.asarray(hashes, np.uint8), axis=1))
            )
    return taken
