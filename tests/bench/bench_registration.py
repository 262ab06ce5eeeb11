"""How many copies a registration notices, and what a comparison costs, on match-data.

    python tests/bench/bench_registration.py [DESIGNS] [COPIED]

Registers DESIGNS designs for one owner (default 300). Then another owner's copies of COPIED of them (default
60) are compared, each in several ways, and as many designs that nobody has registered. "hashes" is the policy
of `--fast`, the comparison of earlier releases. Times are CPU times of one core, beside the fingerprint of
the same pictures. The script needs match-data, as `quality.py` does.
"""

import os
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageOps

sys.path.insert(0, str(Path(__file__).parents[1]))

import make

from authcheck.checks.comparing import PictureComparer
from authcheck.checks.policies import FAST_POLICY
from authcheck.config import Settings
from authcheck.errors import ImageRejected
from authcheck.members import organisations
from authcheck.registry.comparison import Comparer
from authcheck.registry.reading import ReadView, read_view
from authcheck.registry.registration import NewDesign, Registration
from authcheck.vision.fingerprints import fingerprint
from authcheck.workspace import Workspace


def turned(image: Image.Image, degrees: float) -> Image.Image:
    """Return the picture turned on white."""
    return image.rotate(degrees, expand=True, fillcolor="white", resample=Image.Resampling.BICUBIC)


def cropped(image: Image.Image, share: float, x: float = 0.5, y: float = 0.5) -> Image.Image:
    """Return a part of the picture, `share` of each side. `x` and `y` in [0, 1] say which part."""
    width, height = round(image.width * share), round(image.height * share)
    left, top = round((image.width - width) * x), round((image.height - height) * y)
    return image.crop((left, top, left + width, top + height))


SHARED = Path(__file__).resolve().parents[3] / "shared" / "match-data"
DATA = Path(os.environ.get("AUTHCHECK_MATCH_DATA", SHARED))
COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "recompressed": lambda image: image,
    "turned by 33 degrees": lambda image: turned(image, 33),
    "cropped to 75 % of each side": lambda image: cropped(image, 0.75, 0.2, 0.2),
    "cropped to 60 %": lambda image: cropped(image, 0.6),
    "cropped to 40 %": lambda image: cropped(image, 0.4, 0.3, 0.6),
    "cropped to 70 %, mirrored": lambda image: ImageOps.mirror(cropped(image, 0.7)),
    "cropped to 80 %, turned by 120 degrees": lambda image: turned(cropped(image, 0.8), 120),
}


def main(designs: int, copied: int) -> None:
    """Print the tables, as Markdown."""
    paths = sorted((DATA / "designs").iterdir())
    random.Random(5).shuffle(paths)
    with tempfile.TemporaryDirectory() as folder:
        work = Workspace.open(Settings(data_dir=Path(folder)))
        register(work, paths[:designs])
        hashes = PictureComparer(work.database, work.finder, work.store, FAST_POLICY, work.limits)
        comparers = {"hashes": hashes, "all stages": work.comparer()}
        print(
            "| copy | " + " | ".join(f"{name}: match, lookalike" for name in comparers) + " |\n|---|---|---|"
        )
        seconds: Counter[str] = Counter()
        pictures = 0
        copies = {kind: [(path, edit) for path in paths[:copied]] for kind, edit in COPIES.items()}
        copies["of another design"] = [(path, COPIES["recompressed"]) for path in paths[designs:][:copied]]
        for kind, edits in copies.items():
            counts = {name: Counter[str]() for name in comparers}
            for path, edit in edits:
                data = make.encode(edit(flat(path)), "JPEG", quality=80)
                try:
                    view = read_view(data, work.limits)
                except ImageRejected:
                    continue
                pictures += 1
                seconds["fingerprint"] += timed(lambda data=data: fingerprint.read(data, work.limits))
                for name, comparer in comparers.items():
                    seconds[name] += compare(comparer, view, counts[name])
            cells = [f"{counts[name]['match']}, {counts[name]['lookalike']}" for name in comparers]
            print(f"| {kind} ({len(edits)}) | {' | '.join(cells)} |")
        means = {name: taken / pictures * 1000 for name, taken in seconds.items()}
        base = means["fingerprint"]
        print("\n" + ", ".join(f"{name} {ms:.0f} ms ({ms / base:.0f} x)" for name, ms in means.items()))


def register(work: Workspace, paths: list[Path]) -> None:
    """Register the pictures for one owner."""
    for path in paths:
        try:
            view = read_view(path.read_bytes(), work.limits)
        except ImageRejected:
            continue
        with work.database.writing() as session:
            owner = organisations.ensure_brand(session, "brand", make.NOW)
            registration = Registration(session, work.comparer(), work.store, make.NOW)
            registration.register(owner, NewDesign(path.stem, path.stem), [view])


def compare(comparer: Comparer, view: ReadView, counts: Counter[str]) -> float:
    """Count the surest verdict of a comparison. Returns the CPU seconds."""
    started = time.thread_time()
    compared = view.compare(comparer, None).compared
    taken = time.thread_time() - started
    verdicts = {one.verdict for one in compared.similar} if compared else set()
    counts["match" if "match" in verdicts else "lookalike" if verdicts else "none"] += 1
    return taken


def timed(run: Callable[[], object]) -> float:
    """Return the CPU seconds of a call."""
    started = time.thread_time()
    run()
    return time.thread_time() - started


def flat(path: Path) -> Image.Image:
    """Return a picture on white."""
    image = Image.open(path).convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]]
    main(*(numbers or [300, 60]))
