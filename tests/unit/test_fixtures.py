"""The sample data in fixtures/: complete, open, of every promised kind, without evaluation pictures."""

import csv
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "fixtures"
MATCH_DATA = Path(os.environ.get("AUTHCHECK_MATCH_DATA", ROOT.parent / "shared" / "match-data"))
KINDS = {"illustration", "logo", "pattern", "character", "photo"}
EDITS = {
    "untouched": 8, "recompressed": 8, "resized": 8, "recoloured": 8, "padded": 6, "bordered": 5, "cropped": 6,
    "mirrored": 5, "rotated": 6, "text": 6, "watermark": 6, "screenshot": 6, "format": 9, "unrelated": 30, "lookalike": 6,
    "printed": 8, "turned": 3, "part": 2, "several": 3, "screen": 3, "inverted": 2, "tiled": 0,
}  # fmt: skip
TABLES = ("designs.csv", "listings.csv", "beyond_reach.csv")


def rows(name: str) -> list[dict[str, str]]:
    """Return every row of one table."""
    with (FIXTURES / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def pictures() -> list[str]:
    """Return every picture named in a table, relative to the folder."""
    return [row["picture"] for table in TABLES for row in rows(table)]


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `make_fixtures.py --check` of that folder."""
    return subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-B", str(folder / "make_fixtures.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )


def has_transparency(path: Path) -> bool:
    """Return whether any pixel is transparent."""
    with Image.open(path) as picture:
        return picture.convert("RGBA").getchannel("A").getextrema() != (255, 255)


def test_there_are_enough_designs_of_every_kind_and_owner() -> None:
    """There are at least sixty designs of all five kinds, and five owners with at least ten each."""
    designs = rows("designs.csv")
    assert len(designs) >= 60
    assert {row["kind"] for row in designs} == KINDS
    assert min(Counter(row["kind"] for row in designs).values()) >= 8
    owners = Counter(row["owner"] for row in designs)
    assert len(owners) >= 5
    assert min(owners.values()) >= 10


def test_references_are_unique_and_previews_mostly_public() -> None:
    """An owner's reference names one design, and most designs may be previewed."""
    designs = rows("designs.csv")
    references = [row["reference"] for row in designs]
    assert len(references) == len(set(references))
    assert {row["public_preview"] for row in designs} == {"true", "false"}
    assert sum(row["public_preview"] == "true" for row in designs) > len(designs) * 0.8


def test_some_designs_are_transparent_and_one_is_white_on_nothing() -> None:
    """There are at least six transparent PNGs, one of them drawn in white alone."""
    files = [FIXTURES / row["picture"] for row in rows("designs.csv") if row["picture"].endswith(".png")]
    transparent = [path for path in files if has_transparency(path)]
    assert len(transparent) >= 6
    white = 0
    for path in transparent:
        with Image.open(path) as picture:
            pixels = picture.convert("RGBA")
            ground = Image.new("RGBA", pixels.size, "#ffffff")
            ground.alpha_composite(pixels)
            white += ground.convert("L").getextrema() == (255, 255)
    assert white >= 1


def test_every_kind_of_edit_occurs() -> None:
    """There are at least 150 listings with an answer, and as many of each edit as promised.

    Look-alikes mostly have none.
    """
    listings, beyond = rows("listings.csv"), rows("beyond_reach.csv")
    assert len(listings) >= 150
    counted = Counter(row["edit"] for row in listings)
    assert set(counted) | {row["edit"] for row in beyond} == set(EDITS)
    assert counted["lookalike"] + sum(row["edit"] == "lookalike" for row in beyond) >= 50
    assert {edit: counted[edit] for edit, least in EDITS.items() if counted[edit] < least} == {}


def test_verdicts_agree_with_their_design_and_edit() -> None:
    """A stranger names no design. A match or look-alike names a design of the given owner."""
    owners = {row["reference"]: row["owner"] for row in rows("designs.csv")}
    for row in [*rows("listings.csv"), *rows("beyond_reach.csv")]:
        expected = {"unrelated": "none", "lookalike": "lookalike"}.get(row["edit"], "match")
        assert row["verdict"] == expected, row
        assert row["owner"] == owners.get(row["design"], ""), row
        assert bool(row["design"]) == (row["verdict"] != "none"), row


def test_owners_are_listed_organisations_and_one_is_a_marketplace() -> None:
    """Each owner of a design is a brand. The marketplace owns no design."""
    organisations = {row["handle"]: row["roles"] for row in rows("organisations.csv")}
    owners = {row["owner"] for row in rows("designs.csv")}
    assert {organisations[owner] for owner in owners} == {"brand"}
    assert {organisations[handle] for handle in organisations.keys() - owners} == {"marketplace"}


def test_tables_and_folders_hold_the_same_pictures() -> None:
    """Every picture is named once, and every named picture is there."""
    present = [
        f"{folder}/{path.name}"
        for folder in ("designs", "listings")
        for path in (FIXTURES / folder).iterdir()
    ]
    assert sorted(pictures()) == sorted(present)


@pytest.mark.slow
def test_every_picture_opens() -> None:
    """Pillow decodes each picture to the end."""
    for name in pictures():
        with Image.open(FIXTURES / name) as picture:
            picture.load()
            assert min(picture.size) >= 40, name


@pytest.mark.slow
def test_check_finds_nothing_wrong() -> None:
    """`make_fixtures.py --check` reports no missing file and no unusual size."""
    done = check(FIXTURES)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_picture_is_in_the_evaluation_data() -> None:
    """No fixture has the bytes of an evaluation picture."""
    if not MATCH_DATA.is_dir():
        pytest.skip(f"no evaluation data at {MATCH_DATA}: set AUTHCHECK_MATCH_DATA to its folder")
    theirs = {
        hashlib.sha256(path.read_bytes()).hexdigest() for path in MATCH_DATA.rglob("*") if path.is_file()
    }
    ours = {name: hashlib.sha256((FIXTURES / name).read_bytes()).hexdigest() for name in pictures()}
    assert [name for name, digest in ours.items() if digest in theirs] == []


def test_readme_covers_every_picture() -> None:
    """The provenance tables cover every design by a range and every kind of edit by a row."""
    readme = (FIXTURES / "README.md").read_text(encoding="utf-8")
    provenance = readme.split("## How the answers were determined")[0]
    covered = set(re.findall(r"\b[A-Z]{2}-\d{3}\b", provenance))
    for prefix, first, last in re.findall(r"\b([A-Z]{2})-(\d{3}) to \1-(\d{3})\b", provenance):
        covered |= {f"{prefix}-{number:03}" for number in range(int(first), int(last) + 1)}
    assert {row["reference"] for row in rows("designs.csv")} - covered == set()
    assert [edit for edit in EDITS if not re.search(rf"\b{edit}\b", readme)] == []
    imported = {
        row["picture"].split("/")[1] for row in rows("listings.csv") if "unrelated-photo" in row["picture"]
    }
    assert [name for name in sorted(imported) if name not in provenance] == []
    assert len(rows("designs.csv")) == int(re.search(r"(\d+) designs;", readme)[1])  # type: ignore[index]
    assert len(rows("listings.csv")) == int(re.search(r"(\d+) listing pictures;", readme)[1])  # type: ignore[index]
    assert len(rows("beyond_reach.csv")) == int(re.search(r"(\d+) more,", readme)[1])  # type: ignore[index]


@pytest.mark.slow
def test_check_finds_a_picture_in_no_table(tmp_path: Path) -> None:
    """`--check` names a picture that is in neither table and a picture that is in both."""
    folder = tmp_path / "fixtures"
    shutil.copytree(FIXTURES, folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copyfile(FIXTURES / rows("listings.csv")[0]["picture"], folder / "listings" / "stray.webp")
    twice = rows("beyond_reach.csv")[0]["picture"]
    with (folder / "listings.csv").open("a", encoding="utf-8") as stream:
        stream.write(f"{twice},match,,,untouched,\n")
    done = check(folder)
    assert done.returncode == 1
    assert done.stdout.splitlines() == [f"named twice: {twice}", "in no table: listings/stray.webp"]
