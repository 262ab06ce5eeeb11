"""Flow: a marketplace scans folders of listings into a CSV for other programs."""

import csv
import io
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import make
import pytest
from sqlalchemy import func, select

from authcheck.checks.scan import COLUMNS, walk
from authcheck.checks.tables import Check
from authcheck.workspace import Workspace

NOT_UTF8 = b"caf\xe9.png"
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes there only")


def rows_of(text: str) -> list[dict[str, str]]:
    """The rows of a scan's CSV."""
    reader = csv.DictReader(io.StringIO(text, newline=""))
    rows = list(reader)
    assert tuple(reader.fieldnames or ()) == COLUMNS
    return rows


def read_best(rows: list[dict[str, str]]) -> dict[str, tuple[str, float]]:
    """Map each query to the (design, score) of its best design, as the evaluation of matching reads a scan."""
    best: dict[str, tuple[str, float]] = {}
    for row in rows:
        if not row["design_id"] or not row["score"]:
            continue
        query = "/".join(Path(row["query"]).parts[-2:])
        score = float(row["score"])
        if query not in best or score > best[query][1]:
            best[query] = (row["design_id"], score)
    return best


@pytest.fixture
def listings(workspace: Workspace, tmp_path: Path) -> Path:
    """A folder with copies of two registered designs, an unknown picture, and other kinds of files."""
    make.register(workspace, "A", seed=0)
    make.register(workspace, "B", seed=1)
    folder = tmp_path / "listings"
    (folder / "deep").mkdir(parents=True)
    (folder / "folder.jpg").mkdir()
    (folder / "a.jpg").write_bytes(make.picture_bytes(0, "JPEG", quality=60))
    (folder / "deep" / "b.PNG").write_bytes(make.picture_bytes(1))
    (folder / "folder.jpg" / "c.png").write_bytes(make.picture_bytes(2))
    (folder / "empty.png").touch()
    (folder / "liar.png").write_bytes(b"<html>")
    (folder / "gone.webp").symlink_to(folder / "nowhere.webp")
    (folder / "loop").symlink_to(folder)
    (folder / "notes.txt").write_text("no picture")
    os.mkfifo(folder / "pipe.png")
    return folder


@pytest.mark.slow
def test_every_picture_has_a_row(cli: Any, listings: Path, tmp_path: Path, workspace: Workspace) -> None:
    """Found, not found and unreadable pictures each have a row, in path order, with the query as given."""
    done = cli("scan", listings, "--csv", tmp_path / "out.csv")
    rows = rows_of((tmp_path / "out.csv").read_text())
    told = [
        (
            row["query"].removeprefix(f"{listings}/"),
            row["design_id"],
            row["verdict"],
            row["error"].split(":")[0],
        )
        for row in rows
    ]
    assert told == [
        ("a.jpg", "A", "match", ""),
        ("deep/b.PNG", "B", "match", ""),
        ("empty.png", "", "", "image.empty"),
        ("folder.jpg/c.png", "", "none", ""),
        ("gone.webp", "", "", "file.missing"),
        ("liar.png", "", "", "image.unreadable"),
    ]
    assert [row["owner"] for row in rows[:3]] == ["acme", "acme", ""]
    assert rows[1]["score"] == "1"
    assert (done.code, done.out) == (0, "")
    assert done.err == (
        "6 pictures: 2 match, 1 none, 3 unreadable. "
        "Left out 3 files: 1 .txt, 1 linked folders, 1 pipes or devices.\n"
    )
    with workspace.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(Check).where(Check.source == "scan")) == 3


def test_the_query_is_the_path_as_given(cli: Any, listings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Relative, dotted and doubled paths appear unchanged, once each, in the order given."""
    monkeypatch.chdir(listings.parent)
    given = ["./listings/a.jpg", "listings//deep", "listings/nothing.jpg", "./listings/a.jpg"]
    queries = [row["query"] for row in rows_of(cli("scan", *given).out)]
    assert queries == ["./listings/a.jpg", "listings//deep/b.PNG", "listings/nothing.jpg"]


@pytest.mark.slow
def test_an_evaluation_reads_the_csv(cli: Any, listings: Path) -> None:
    """A plain reader finds the best design of each query, with and without --top."""
    for options in ([], ["--top", "5"]):
        best = read_best(rows_of(cli("scan", listings, *options).out))
        assert best["listings/a.jpg"][0] == "A"
        assert best["deep/b.PNG"] == ("B", 1.0)


@pytest.mark.slow
def test_top_shows_what_is_below_the_threshold(cli: Any, listings: Path) -> None:
    """With --top each picture lists its best designs by falling score. Only the first can be a match."""
    rows = [row for row in rows_of(cli("scan", listings, "--top", "2").out) if not row["error"]]
    queries = [row["query"].removeprefix(f"{listings}/") for row in rows]
    assert queries == [name for name in ("a.jpg", "deep/b.PNG", "folder.jpg/c.png") for _ in range(2)]
    for first, second in zip(rows[::2], rows[1::2], strict=True):
        assert {first["design_id"], second["design_id"]} == {"A", "B"}
        assert float(first["score"]) >= float(second["score"])
        assert second["verdict"] != "match"
    assert [row["verdict"] for row in rows[::2]] == ["match", "match", "none"]


@pytest.mark.slow
def test_alike_designs_are_lookalikes_of_the_match(cli: Any, listings: Path, workspace: Workspace) -> None:
    """A second design with the same score is a lookalike, not a second match."""
    make.register(workspace, "A2", pictures=[make.picture_bytes(0, "JPEG", quality=90)])
    rows = rows_of(cli("scan", listings / "a.jpg", "--top", "3").out)
    assert [row["verdict"] for row in rows] == ["match", "lookalike", "none"]


def test_top_of_an_empty_registry_has_a_row_a_picture(cli: Any, tmp_path: Path) -> None:
    """With an empty registry each picture has one row with the verdict none."""
    (tmp_path / "a.png").write_bytes(make.picture_bytes(0))
    (row,) = rows_of(cli("scan", tmp_path / "a.png", "--top", "3").out)
    assert (row["design_id"], row["verdict"], row["score"]) == ("", "none", "0")


@pytest.mark.slow
def test_two_workers_write_the_same(cli: Any, listings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The CSV does not depend on the number of processes."""
    monkeypatch.setattr("authcheck.checks.scan.WORTH_A_PROCESS", 1)
    monkeypatch.setattr("authcheck.checks.scan.BATCH", 2)
    alone = cli("scan", listings, "--workers", "1", "--top", "2")
    assert cli("scan", listings, "--workers", "2", "--top", "2").out == alone.out


@pytest.mark.slow
def test_few_pictures_start_no_process(cli: Any, listings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A few pictures are checked in this process, because starting processes takes longer."""
    monkeypatch.delattr("authcheck.checks.scan.ProcessPoolExecutor")
    assert cli("scan", listings, "--workers", "8").code == 0


@pytest.mark.slow
@linux_only
def test_a_name_that_is_not_text_is_written_as_escapes(
    cli: Any, tmp_path: Path, workspace: Workspace
) -> None:
    """A file name that is not text leaves the CSV and the database readable."""
    folder = tmp_path / "odd"
    folder.mkdir()
    Path(os.fsdecode(bytes(folder) + b"/" + NOT_UTF8)).write_bytes(make.picture_bytes(0))
    (folder / 'with "quotes", commas\nand a line.png').write_bytes(make.picture_bytes(1))
    (folder / "with\rreturn.png").write_bytes(make.picture_bytes(2))
    names = ["caf\\udce9.png", "with\rreturn.png", 'with "quotes", commas\nand a line.png']
    cli("scan", folder, "--csv", tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        assert [Path(row["query"]).name for row in rows_of(file.read())] == names
    assert "caf\\udce9.png" in cli("scan", folder).out
    with workspace.database.reading() as session:
        kept = session.scalars(select(Check.picture_name)).all()
    assert {Path(name).name for name in kept} == set(names)


def test_an_output_that_cannot_be_written(cli: Any, listings: Path, tmp_path: Path) -> None:
    """The error comes before any picture is read."""
    done = cli("scan", listings, "--csv", tmp_path / "nowhere" / "out.csv")
    assert (done.code, done.out) == (3, "")
    assert "cannot be written" in done.err
    assert "[storage.read_only]" in done.err


def test_nothing_to_scan_is_an_error(cli: Any, tmp_path: Path) -> None:
    """An empty folder is an error. A missing path is a row."""
    done = cli("scan", tmp_path)
    assert done.code == 2
    assert "[scan.no_pictures]" in done.err
    (row,) = rows_of(cli("scan", tmp_path / "nothing.jpg").out)
    assert row["error"].startswith("file.missing")


def test_walking_twice_finds_each_once(listings: Path) -> None:
    """A folder that is given twice, or inside another given folder, is scanned once."""
    once = walk([str(listings)])
    assert walk([str(listings), listings / "deep", str(listings)]) == once
    assert walk([]).paths == []


@pytest.mark.slow
def test_ctrl_c_leaves_a_readable_csv(
    as_process: Callable[..., "subprocess.Popen[bytes]"], workspace: Workspace, tmp_path: Path
) -> None:
    """After an interruption the CSV holds whole rows for all answers so far."""
    make.register(workspace, "A")
    (tmp_path / "copy.jpg").write_bytes(make.encode(make.picture(0).resize((800, 640)), "JPEG"))
    (tmp_path / "many").mkdir()
    for number in range(2000):
        (tmp_path / "many" / f"{number:04}.jpg").hardlink_to(tmp_path / "copy.jpg")
    output = tmp_path / "out.csv"
    scan = as_process("scan", tmp_path / "many", "--csv", output, "--workers", "2", start_new_session=True)
    while scan.poll() is None and not (output.exists() and output.read_bytes().count(b"\n") > 1):
        time.sleep(0.02)
    os.killpg(scan.pid, signal.SIGINT)
    _, err = scan.communicate()
    assert scan.returncode == 130, err.decode()
    assert b"Traceback" not in err
    rows = rows_of(output.read_text())
    assert 0 < len(rows) < 2000
    assert {row["verdict"] for row in rows} == {"match"}
