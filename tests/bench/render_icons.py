"""Distinct pictures for registry_size.py: drawings of the families that match-data's designs come from.

    npm install --prefix NODE @iconify-json/{fluent-emoji,noto,openmoji,logos}
    pip install --target PY resvg-py
    PYTHONPATH=PY python tests/bench/render_icons.py NODE/node_modules FOLDER [COUNT]

The script skips drawings that match-data uses (sources.csv), and variants of skin. Licences: MIT, Apache-2.0,
CC BY-SA 4.0 (OpenMoji, openmoji.org), CC0 (the marks remain their owners'). The pictures are for measuring
only and are not stored in the repository.
"""

import io
import json
import random
import sys
from pathlib import Path

import resvg_py
from fit_score import DATA
from PIL import Image

FAMILIES = {"fluent-emoji": "fluent", "noto": "noto", "openmoji": "openmoji", "logos": "logos"}
COUNT = 2100
SIDE_PX, MARGIN_PX = 280, 12


def used() -> set[str]:
    """Return the drawings in match-data, as family/name."""
    lines = (DATA / "sources.csv").read_text().splitlines()[1:]
    return {line.split(",")[1].rpartition(".")[0] for line in lines}


def picture(body: str, width: float, height: float) -> Image.Image:
    """Draw an icon on white, with a small margin."""
    factor = SIDE_PX / max(width, height)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="{width * factor}"'
        f' height="{height * factor}" viewBox="0 0 {width} {height}">{body}</svg>'
    )
    drawn = Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=svg)))).convert("RGBA")
    ground = Image.new("RGBA", (drawn.width + 2 * MARGIN_PX, drawn.height + 2 * MARGIN_PX), "white")
    ground.alpha_composite(drawn, (MARGIN_PX, MARGIN_PX))
    return ground.convert("RGB")


def main(modules: Path, folder: Path, count: int) -> None:
    """Draw this number of icons, evenly from the families."""
    folder.mkdir(parents=True, exist_ok=True)
    known, dice = used(), random.Random(1)
    for package, family in FAMILIES.items():
        data = json.loads((modules / "@iconify-json" / package / "icons.json").read_text())
        names = sorted(n for n in data["icons"] if f"{family}/{n}" not in known and "skin" not in n)
        for name in dice.sample(names, min(len(names), count // len(FAMILIES))):
            icon = data["icons"][name]
            width, height = (icon.get(side, data.get(side, 24)) for side in ("width", "height"))
            picture(icon["body"], width, height).save(folder / f"{family}--{name}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else COUNT)
