"""ZIP archives of pictures, as a Mac, Windows and an attacker pack them."""

import unicodedata
from pathlib import Path

import make
import pytest
from foreign_files import declare, xlsx, zip_of

from authcheck.checks.scan import walk
from authcheck.errors import Rejected
from authcheck.files.archives import Archive, is_archive, read_picture

PICTURE = make.picture_bytes(1)
LIMIT = 1_000_000


def archive(folder: Path, files: dict[str, bytes]) -> Archive:
    """Return an archive of these files."""
    path = folder / "prints.zip"
    path.write_bytes(zip_of(files))
    return Archive(str(path))


def refusal(found: Archive, name: str) -> str:
    """Return the code with which an entry is refused."""
    with pytest.raises(Rejected) as refused:
        found.read(name, LIMIT)
    return refused.value.code


def test_pictures_are_found_and_others_are_counted(tmp_path: Path) -> None:
    """Pictures have their path as a name. A Mac's notes, thumbnails and texts are counted."""
    found = archive(
        tmp_path,
        {
            "b/KITE.png": PICTURE, "a/noname": PICTURE, "__MACOSX/b/._KITE.png": b"\0\5\x16\7", ".DS_Store": b"x",
            "@eaDir/KITE.png/T.jpg": PICTURE, "readme.txt": b"text", "inner.zip": zip_of({"x.png": PICTURE}), "d/": b"",
        },
    )  # fmt: skip
    assert found.found.paths == ["a/noname", "b/KITE.png", "inner.zip"]
    assert found.found.skipped == {"in __MACOSX": 1, ".DS_Store": 1, "in @eaDir": 1, ".txt": 1}
    assert found.read("b/KITE.png", LIMIT) == PICTURE
    assert refusal(found, "none.png") == "row.picture_missing"


def test_names_lead_nowhere(tmp_path: Path) -> None:
    """Names with `..`, roots and drives are names inside the archive. Equal names stay apart."""
    names = ["../../etc/a.png", "/abs/b.png", "C:\\x\\c.png", "d.png", "./d.png"]
    found = archive(tmp_path, dict.fromkeys(names, PICTURE))
    assert sorted(found.found.paths) == ["abs/b.png", "d.png", "d.png (2)", "etc/a.png", "x/c.png"]
    assert found.read("etc/a.png", LIMIT) == PICTURE
    assert list(tmp_path.iterdir()) == [tmp_path / "prints.zip"]


def test_names_of_a_mac_are_utf8(tmp_path: Path) -> None:
    """A Mac writes UTF-8 names without the flag that says so."""
    name = unicodedata.normalize("NFD", "é.png")
    data = zip_of({name: PICTURE})
    for flag in (b"PK\1\2\x14\x03\x14\0", b"PK\3\4\x14\0"):
        start = data.index(flag) + len(flag)
        data = data[:start] + b"\0\0" + data[start + 2 :]
    (tmp_path / "mac.zip").write_bytes(data)
    assert Archive(str(tmp_path / "mac.zip")).found.paths == [name]


def test_bombs_are_refused_by_what_they_say_and_by_what_they_are(tmp_path: Path) -> None:
    """An entry is too large by its declared size, and by its real size when it lies."""
    bomb = zip_of({"bomb.png": PICTURE + bytes(5_000_000)})
    for declared in (5_000_000, 2**31, 100):
        path = tmp_path / f"{declared}.zip"
        path.write_bytes(declare(bomb, declared))
        assert refusal(Archive(str(path)), "bomb.png") in {"image.too_large", "row.picture_unreadable"}
    assert refusal(Archive(str(tmp_path / "5000000.zip")), "bomb.png") == "image.too_large"


def test_encrypted_damaged_and_odd_entries_are_named(tmp_path: Path) -> None:
    """An entry that cannot be read keeps its row and says why."""
    data = zip_of({"a.png": PICTURE})
    entry = data.index(b"PK\1\2")
    crc = data.index(PICTURE[-12:]) if PICTURE[-12:] in data else 60
    for name, changed, words in (
        ("encrypted", data[: entry + 8] + b"\1\0" + data[entry + 10 :], "encrypted"),
        ("lzma", data[: entry + 10] + b"\x0e\0" + data[entry + 12 :], "packed in a way"),
        ("damaged", data[:crc] + bytes(9) + data[crc + 9 :], "damaged"),
    ):
        path = tmp_path / f"{name}.zip"
        path.write_bytes(changed)
        found = Archive(str(path))
        assert found.found.paths == ["a.png"]
        with pytest.raises(Rejected, match=words):
            found.read("a.png", LIMIT)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"PK\3\4" + bytes(100), "archive.unreadable"),
        (zip_of({"a.png": PICTURE})[:-30], "archive.unreadable"),
        (declare(zip_of({"a.png": PICTURE}), 10**9, at=20), "archive.unreadable"),
        (b"PK\5\6" + bytes(8) + (2**30).to_bytes(4, "little") + bytes(6), "archive.too_many_files"),
    ],
    ids=["empty", "cut", "overlapping", "endless"],
)
def test_a_hostile_archive_is_refused_as_a_whole(tmp_path: Path, data: bytes, code: str) -> None:
    """Damage, entries that share their bytes and an endless list of files are refused."""
    (tmp_path / "x.zip").write_bytes(data)
    with pytest.raises(Rejected) as refused:
        Archive(str(tmp_path / "x.zip"))
    assert refused.value.code == code


def test_a_workbook_is_no_archive(tmp_path: Path) -> None:
    """A workbook is a table. A damaged archive is one by its name only."""
    for name, data, expected in (
        ("a.zip", zip_of({"a.png": PICTURE}), True),
        ("a.zip", xlsx({"A": [["x"]]}), False),
        ("a.zip", b"PK\3\4", True),
        ("a.xlsx", b"PK\3\4", False),
    ):
        (tmp_path / name).write_bytes(data)
        assert is_archive(tmp_path / name, data[:4]) is expected


def test_a_scan_reads_inside_an_archive(tmp_path: Path) -> None:
    """A scan names the pictures below the archive's path, and reads them by that name."""
    archive(tmp_path, {"b/KITE.png": PICTURE, "notes.txt": b"text"})
    found = walk([tmp_path / "prints.zip"])
    assert found.paths == [f"{tmp_path}/prints.zip/b/KITE.png"]
    assert found.skipped == {".txt": 1}
    assert read_picture(found.paths[0], LIMIT) == PICTURE
    with pytest.raises(Rejected) as refused:
        read_picture(f"{tmp_path}/none.zip/a.png", LIMIT)
    assert refused.value.code == "file.missing"
