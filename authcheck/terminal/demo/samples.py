"""The sample pictures with their known answers, and which of them the demo shows unless it shows all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from authcheck.terminal.demo.tables import read_rows

# What was done to a picture, by the edit of listings.csv, in the order of the printed table.
GROUPS: Mapping[str, Sequence[str]] = {
    "saved again": ("untouched", "recompressed", "resized", "format"),
    "cut, framed or tiled": ("cropped", "padded", "bordered", "part", "several", "tiled"),
    "turned or mirrored": ("mirrored", "rotated", "turned"),
    "written on": ("text", "watermark"),
    "other colours": ("recoloured", "inverted"),
    "screenshots, prints": ("screenshot", "screen", "printed"),
    "drawn again": ("lookalike",),
    "nothing registered": ("unrelated",),
}


@dataclass(frozen=True, slots=True)
class KnownAnswer:
    """A sample listing: its picture's name and the expected answer. `design` is a reference or empty."""

    picture: str
    verdict: str
    design: str
    owner: str
    edit: str

    @property
    def group(self) -> str:
        """Return what was done to the picture, in words."""
        return next((name for name, edits in GROUPS.items() if self.edit in edits), self.edit)


def read_known(fixtures: Path) -> list[KnownAnswer]:
    """Return the sample listings with their expected answers. Raises Rejected (`demo.fixtures`)."""
    return [KnownAnswer(**row) for row in read_rows(fixtures / "listings.csv", KnownAnswer.__slots__)]


def choose(fixtures: Path, known: Sequence[KnownAnswer]) -> list[KnownAnswer]:
    """Return the pictures of the marketplace's listings, and the first of each edit that has none.

    A picture of several designs is left out: its known answer holds where all of them are registered. Raises
    Rejected (`demo.fixtures`).
    """
    offered = {row["picture"] for row in read_rows(fixtures / "offers.csv", ("picture",))}
    edits = {one.edit for one in known if one.picture in offered}
    chosen = []
    for one in known:
        if one.picture in offered or one.edit not in edits | {"several"}:
            chosen.append(one)
            edits.add(one.edit)
    return chosen


def designs_of(fixtures: Path, chosen: Sequence[KnownAnswer]) -> set[tuple[str, str]]:
    """Return owner and reference of the designs that these pictures, the licences and the stories are about.

    Raises Rejected (`demo.fixtures`).
    """
    named = {(one.owner, one.design) for one in chosen if one.design}
    for row in read_rows(fixtures / "licences.csv", ("owner", "designs")):
        named |= {(row["owner"], reference) for reference in row["designs"].split("|")}
    for row in read_rows(fixtures / "products.csv", ("owner", "design")):
        named.add((row["owner"], row["design"]))
    for row in read_rows(fixtures / "offers.csv", ("reported",)):
        if row["reported"]:
            owner, reference, _ = row["reported"].split("/")
            named.add((owner, reference))
    return named
