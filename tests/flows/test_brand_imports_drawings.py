"""Flow: a brand registers photos of its phones and drawings as it keeps them, and they are found again."""

from pathlib import Path
from typing import Any

import make
import pytest
from foreign_files import heic, pdf, svg, xlsx, zip_of
from PIL import Image

from authcheck.errors import ImageRejected
from authcheck.registry import negatives
from authcheck.vision.pictures.decode import open_picture, stills_of
from authcheck.workspace import Workspace

LOGO = svg(
    "".join(
        f'<circle cx="{7 + 17 * (n % 6)}" cy="{9 + 19 * (n // 6)}" r="{3 + n % 5}" fill="#{n * 73 % 256:02x}3{n % 9}80"/>'
        for n in range(24)
    )
    + '<path d="M10 60 L30 10 L90 70 Z" fill="none" stroke="black" stroke-width="2"/>'
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a photo of a phone, a drawing, a document of two pages and a Photoshop file."""
    made = tmp_path / "prints"
    made.mkdir()
    (made / "PHOTO.HEIC").write_bytes(heic(make.picture(3)))
    (made / "LOGO.svg").write_bytes(LOGO)
    (made / "BOOK.pdf").write_bytes(pdf(3, blank=[1]))
    (made / "ART.psd").write_bytes(b"8BPS\0\1" + bytes(60))
    return made


@pytest.mark.slow
def test_drawings_and_photos_are_registered_and_found(cli: Any, folder: Path, workspace: Workspace) -> None:
    """HEIC, SVG and each page of a PDF are registered. A Photoshop file is named with what to do."""
    done = cli("designs", "import", folder, "--org", "acme", "--json")
    assert [(row["reference"], row["status"], row["code"]) for row in done.objects] == [
        ("ART", "rejected", "image.format"),
        ("BOOK", "registered", ""),
        ("LOGO", "registered", ""),
        ("PHOTO", "registered", ""),
    ]
    views = {
        design["reference"]: len(
            cli("designs", "show", design["reference"], "--org", "acme", "--json").objects[0]["views"]
        )
        for design in cli("designs", "list", "--json").objects
    }
    assert views == {"BOOK": 2, "LOGO": 1, "PHOTO": 1}
    again = cli("designs", "import", folder, "--org", "acme")
    assert again.err.startswith("0 registered, 3 already yours, 0 disputed, 1 rejected.")
    shot = folder.parent / "shot.jpg"
    open_picture(LOGO).image.save(shot, quality=70)
    for picture in (shot, folder / "LOGO.svg", folder / "PHOTO.HEIC", folder / "BOOK.pdf"):
        assert cli("check", picture, "--json").objects[0]["verdict"] == "match", picture


@pytest.mark.slow
def test_a_single_drawing_is_a_design(cli: Any, folder: Path) -> None:
    """A drawing or photo that is named alone is known by its bytes, whatever its name is."""
    (folder / "noname").write_bytes(LOGO)
    assert cli("designs", "import", folder / "noname", "--org", "acme").err.startswith("1 registered")
    assert cli("designs", "list", "--json").objects[0]["reference"] == "noname"


@pytest.mark.slow
def test_a_mask_does_not_fit_several_pages(cli: Any, folder: Path) -> None:
    """A mask file for a document of several pages is refused."""
    mask = folder.parent / "mask.png"
    Image.new("L", (300, 400), 255).save(mask)
    done = cli("designs", "import", folder / "BOOK.pdf", "--org", "acme", "--mask", mask)
    assert "[mask.pages, mask]" in done.out


def test_a_drawing_as_a_negative_is_stored_as_a_picture(workspace: Workspace) -> None:
    """A backdrop that is an SVG is kept as the PNG that was drawn of it."""
    read = negatives.read_negative(LOGO, workspace.limits)
    assert read.data == stills_of(LOGO)[0]
    with pytest.raises(ImageRejected) as refused:
        negatives.read_negative(pdf(2), workspace.limits)
    assert refused.value.code == "image.too_many_pages"


@pytest.mark.slow
def test_a_zip_of_pictures_is_imported_and_scanned(cli: Any, tmp_path: Path) -> None:
    """An archive is like a folder: each picture has a row, the others are counted."""
    files = {
        "b/KITE.png": make.picture_bytes(1),
        "b/LOGO.svg": LOGO,
        "__MACOSX/._KITE.png": b"x",
        "inner.zip": zip_of({}),
    }
    (tmp_path / "prints.zip").write_bytes(zip_of(files))
    done = cli("designs", "import", tmp_path / "prints.zip", "--org", "acme", "--json")
    assert [(row.get("reference"), row.get("status"), row.get("code")) for row in done.objects[:3]] == [
        ("KITE", "registered", ""),
        ("LOGO", "registered", ""),
        ("inner", "rejected", "image.unreadable"),
    ]
    assert "archive" in done.objects[2]["detail"]
    assert done.objects[3] == {"skipped": {"in __MACOSX": 1}}
    scanned = cli("scan", tmp_path / "prints.zip", "--fast")
    assert scanned.err == "3 pictures: 2 match, 1 unreadable. Left out 1 file: 1 in __MACOSX.\n"


@pytest.mark.slow
@pytest.mark.parametrize("table", ["designs.csv", "designs.xlsx"])
def test_a_table_in_a_zip_names_the_pictures_beside_it(cli: Any, tmp_path: Path, table: str) -> None:
    """The table gives references and pictures. What it does not name is counted."""
    rows = [["Reference", "picture"], ["K-1", "prints\\kite.PNG"], ["K-2", "../all/prints/none.png"]]
    text = "\n".join(";".join(row) for row in rows)
    files = {
        f"all/{table}": xlsx({"A": rows}) if table.endswith("xlsx") else text,
        "all/prints/KITE.png": make.picture_bytes(1),
        "all/prints/other.png": make.picture_bytes(2),
    }
    (tmp_path / "all.zip").write_bytes(zip_of(files))
    done = cli("designs", "import", tmp_path / "all.zip", "--org", "acme", "--json")
    assert [(row.get("reference"), row.get("code")) for row in done.objects[:2]] == [
        ("K-1", ""),
        ("K-2", "row.picture_missing"),
    ]
    assert done.objects[2] == {"skipped": {"not named in the table": 1}}
    assert f"We read the table all/{table} in the archive." in done.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "data"),
    [("prices.csv", "sku;price\n1;2\n"), ("notes.json", '{"camera": "X"}'), ("bad.xlsx", b"PK\3\4")],
)
def test_a_table_of_something_else_in_a_zip_is_counted(
    cli: Any, tmp_path: Path, name: str, data: bytes | str
) -> None:
    """A price list or a camera's notes beside the pictures change nothing, and are named."""
    (tmp_path / "a.zip").write_bytes(zip_of({"K.png": make.picture_bytes(1), name: data}))
    done = cli("designs", "import", tmp_path / "a.zip", "--org", "acme")
    assert f"We do not read {name} in the archive" in done.err
    assert done.err.endswith(
        f"1 registered, 0 already yours, 0 disputed, 0 rejected. Left out 1 file: 1 {Path(name).suffix}.\n"
    )


@pytest.mark.slow
def test_the_only_table_in_a_folder_gives_the_references(cli: Any, tmp_path: Path) -> None:
    """A table beside the pictures is read. Of two tables of designs none is read, and the command says so."""
    (tmp_path / "all" / "prints").mkdir(parents=True)
    (tmp_path / "all" / "prints" / "KITE.png").write_bytes(make.picture_bytes(1))
    (tmp_path / "all" / "prints" / "other.png").write_bytes(make.picture_bytes(2))
    (tmp_path / "all" / "designs.csv").write_text("reference,picture,owner\nK-1,prints/kite.png,Acme\n")
    done = cli("designs", "import", tmp_path / "all", "--org", "ACME", "--json")
    assert [(row.get("reference"), row.get("status")) for row in done.objects] == [
        ("K-1", "registered"),
        (None, None),
    ]
    assert done.objects[1] == {"skipped": {"not named in the table": 1}}
    assert "We read the table" in done.err
    assert cli("designs", "list", "--org", "acme", "--json").objects[0]["reference"] == "K-1"
    (tmp_path / "all" / "old.csv").write_text("reference,picture\nK-2,prints/other.png\n")
    both = cli("designs", "import", tmp_path / "all", "--org", "acme", "--dry-run")
    assert "has several tables of designs" in both.err
    assert "Left out 2 files: 2 .csv." in both.err


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.rar", b"Rar!\x1a\x07\x01\0", "archive.kind"),
        ("a.7z", b"7z\xbc\xaf\x27\x1c", "archive.kind"),
        ("a.zip", b"PK\3\4", "archive.unreadable"),
        ("a.zip", zip_of({"a.txt": b"text"}), "table.no_pictures"),
    ],
)
def test_other_archives_are_named(cli: Any, tmp_path: Path, name: str, data: bytes, code: str) -> None:
    """An archive that we cannot read says what to do."""
    (tmp_path / name).write_bytes(data)
    done = cli("designs", "import", tmp_path / name, "--org", "acme")
    assert (done.code, f"[{code}]" in done.err) == (2, True)
