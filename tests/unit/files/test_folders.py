"""Folders as an NAS, a Mac, Windows and a careless colleague leave them."""

import gzip
import os
from collections import Counter
from pathlib import Path

import make
import pytest

from authcheck.checks.scan import walk
from authcheck.files.file_kinds import READABLE, foreign_kind, kind_by_suffix, kind_of
from authcheck.files.folders import search, skipped_text

NOTES = b"\0\x05\x16\x07\0\2\0\0Mac OS X        "
SVG = b'<?xml version="1.0"?><!-- logo -->\n<svg xmlns="http://www.w3.org/2000/svg"/>'


def box(*brands: bytes) -> bytes:
    """Return the first box of a file with these brands."""
    body = brands[0] + bytes(4) + b"".join(brands[1:])
    return (len(body) + 8).to_bytes(4) + b"ftyp" + body


def tiff(*tags: tuple[int, int]) -> bytes:
    """Return the start of a TIFF with these tags and values."""
    entries = b"".join(
        tag.to_bytes(2, "little") + b"\4\0\1\0\0\0" + value.to_bytes(4, "little") for tag, value in tags
    )
    return b"II*\0\x08\0\0\0" + len(tags).to_bytes(2, "little") + entries + bytes(4)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        *(
            (make.picture_bytes(1, kind), kind)
            for kind in ("JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF")
        ),
        (box(b"heic", b"mif1", b"heic"), "HEIC"),
        (box(b"mif1", b"mif1", b"heic"), "HEIC"),
        (box(b"mif1", b"avif"), "AVIF"),
        (box(b"crx ", b"isom"), "RAW"),
        (box(b"qt  "), "VIDEO"),
        (box(b"isom", b"mp42"), "VIDEO"),
        (SVG, "SVG"),
        (b"\xef\xbb\xbf  <svg>", "SVG"),
        (SVG.decode().encode("utf-16"), "SVG"),
        (b'<!DOCTYPE svg PUBLIC "x"><svg/>', "SVG"),
        (gzip.compress(SVG, mtime=0), "SVGZ"),
        (b"<!-- " + b"words " * 9000 + b"--><svg/>", "SVG"),
        (b"%PDF-1.7", "PDF"),
        (b"junk\n%PDF-1.4", "PDF"),
        (b"8BPS\0\1", "PSD"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "EPS"),
        (b"RIFF\0\0\0\0CDRD", "CDR"),
        (b"RIFF\0\0\0\0AVI LIST", "VIDEO"),
        (b"\xff\x0a\xfa\x1f", "JXL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JP2"),
        (tiff((254, 1), (330, 9)), "RAW"),
        (tiff((254, 0), (50706, 1)), "RAW"),
        (tiff((254, 0), (330, 9)), "TIFF"),
        (b"II*\0\x10\0\0\0CR\2\0", "RAW"),
        (NOTES, "AppleDouble"),
        (b"BMW prices\n" + bytes(20), ""),
        (b"<!DOCTYPE html><html><svg/></html>", ""),
        (b"reference,picture\n", ""),
        (b"PK\3\4", ""),
        (b"\x1f\x8bjunk", ""),
        (b"", ""),
        (b"II*\0", "TIFF"),
    ],
)
def test_bytes_tell_the_kind(data: bytes, kind: str) -> None:
    """The first bytes tell pictures, drawings, raw files, videos and the rest apart."""
    assert kind_of(data) == kind


@pytest.mark.parametrize(
    "suffix", [".jfif", ".JPE", ".jif", ".pjpeg", ".HEIC", ".svg", ".svgz", ".pdf", ".dib"]
)
def test_rare_suffixes_are_pictures(suffix: str) -> None:
    """Less common names of readable formats are known."""
    assert kind_by_suffix(f"KITE{suffix}") in READABLE


@pytest.mark.parametrize(
    "suffix", [".ai", ".psd", ".eps", ".indd", ".cdr", ".cr2", ".NEF", ".mp4", ".jxl", ".jp2"]
)
def test_formats_that_we_cannot_read_say_what_to_export(suffix: str) -> None:
    """Each format of a drawing program, camera or video has a name and an advice."""
    foreign = foreign_kind(kind_by_suffix(f"KITE{suffix}"))
    assert foreign is not None
    assert foreign.name
    assert foreign.advice.endswith(".")


def put(folder: Path, names: dict[str, bytes]) -> None:
    """Write files by their path below a folder."""
    for name, data in names.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


PICTURE = make.picture_bytes(1)


def test_thumbnails_and_system_files_are_counted(tmp_path: Path) -> None:
    """Files of devices, systems and programs are left out, and each is counted by its kind."""
    left_out = {
        "@eaDir/KITE.png/SYNOPHOTO_THUMB_M.jpg": "in @eaDir", "@EADIR/a.jpg": "in @EADIR",
        "deep/#recycle/a.jpg": "in #recycle", "@Recycle/a.jpg": "in @Recycle",
        "$RECYCLE.BIN/S-1/a.jpg": "in $RECYCLE.BIN", "System Volume Information/a.jpg": "in System Volume Information",
        "__MACOSX/._KITE.png": "in __MACOSX", "lost+found/a.jpg": "in lost+found",
        ".thumbnails/1.png": "in hidden folders", ".git/a.png": "in hidden folders",
        ".Trashes/a.png": "in hidden folders", ".@__thumb/a.png": "in hidden folders",
        "My.lrdata/a.jpg": "in My.lrdata", "._KITE.png": "._ files of a Mac", "COPY.png": "._ files of a Mac",
        ".DS_Store": ".DS_Store", "deep/Thumbs.db": "Thumbs.db", "Desktop.ini": "Desktop.ini",
        "SYNOPHOTO_THUMB_XL.jpg": "thumbnails", ".hidden.png": "hidden files",
        ".KITE.png.icloud": "not downloaded from iCloud", "notes.TXT": ".txt", "a.csv": ".csv", "README": "without suffix",
    }  # fmt: skip
    put(tmp_path, {name: NOTES if name == "COPY.png" else b"some text" for name in left_out})
    taken = ["KITE.png", "a/WAVE.jfif", "a/noname", "b/photo.jpg.1", "b/ART.psd", "c/EMPTY.png"]
    put(tmp_path, {name: b"" if "EMPTY" in name else b"8BPS" if "ART" in name else PICTURE for name in taken})
    os.mkfifo(tmp_path / "pipe.png")
    found = search(str(tmp_path))
    assert sorted(os.path.relpath(path, tmp_path) for path in found.paths) == sorted(taken)
    assert found.skipped == Counter([*left_out.values(), "pipes or devices"])
    assert "2 ._ files of a Mac" in skipped_text(found.skipped)
    assert f"Left out {len(left_out) + 1} files" in skipped_text(found.skipped)


@pytest.mark.parametrize("name", ["@eaDir", ".thumbnails", "__MACOSX"])
def test_a_system_folder_that_is_named_is_taken(tmp_path: Path, name: str) -> None:
    """Who names a folder means it, whatever its name is."""
    put(tmp_path / name, {"KITE.png": PICTURE})
    assert search(str(tmp_path / name)).paths == [str(tmp_path / name / "KITE.png")]
    found = walk([tmp_path, tmp_path / name])
    assert (found.paths, found.left_out) == ([str(tmp_path / name / "KITE.png")], {})


def test_copies_that_programs_leave_are_no_pictures(tmp_path: Path) -> None:
    """Backups, unfinished downloads, snapshots and the files of packages are counted."""
    for name in (
        "a.png",
        "a.png~",
        "b.png.crdownload",
        "c.png.BAK",
        "~snapshot/a.png",
        "node_modules/x/d.png",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"\x89PNG\r\n\x1a\n")
    found = search(str(tmp_path))
    assert found.paths == [f"{tmp_path}/a.png"]
    assert found.skipped == {
        "backups or unfinished downloads": 3,
        "in ~snapshot": 1,
        "in node_modules": 1,
    }


def test_archives_in_a_folder_are_named_with_what_to_do() -> None:
    """Nobody guesses that an archive in a folder must be named by itself."""
    assert skipped_text({".zip": 1, ".txt": 1}).endswith("Unpack the archives, or name a ZIP archive itself.")
    assert skipped_text({".txt": 1}) == "Left out 1 file: 1 .txt."
