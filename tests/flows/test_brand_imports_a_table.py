"""Flow: a brand imports folders and tables. Good rows are registered even when other rows are bad."""

import csv
import io
import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

import make
import pytest
from PIL import Image
from registry_state import live_hashes, pictures_of, rows_of, tick_of

from authcheck.errors import StorageFailed
from authcheck.files.folders import search
from authcheck.members import organisations
from authcheck.registry import bulk, designs
from authcheck.registry.design_files import Defaults, load_from, read_folder, read_table
from authcheck.registry.reports import RowReport, count_statuses
from authcheck.storage.pictures import PictureStore
from authcheck.workspace import Workspace


def run(workspace: Workspace, folder: Path, table: bytes | str, **words: object) -> list[RowReport]:
    """Import a table for acme whose pictures are in `folder`."""
    data = table if isinstance(table, bytes) else table.encode()
    name = str(words.pop("name", "designs.csv"))
    options = {"owner": "acme", **words}
    return list(workspace.importer().run(read_table(data, name), load_from(folder), **options))


def outcomes(reports: Iterable[RowReport]) -> list[tuple[str, str, str]]:
    """The status, code and column of each row."""
    return [(report.status, report.code, report.column) for report in reports]


def save(folder: Path, *names: str) -> None:
    """Save pictures by number: `3.png`, or `3-copy.jpg` for a recompressed copy of picture 3."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        number = int(path.stem.partition("-")[0])
        path.write_bytes(make.picture_bytes(number, "PNG" if path.suffix == ".png" else "JPEG"))


def table_of(rows: Sequence[Sequence[str]], header: Sequence[str]) -> str:
    """Return the rows as a CSV table."""
    buffer = io.StringIO()
    csv.writer(buffer).writerows([header, *rows])
    return buffer.getvalue()


def test_each_row_says_what_became_of_it(workspace: Workspace, tmp_path: Path) -> None:
    """Each row reports its own result: registered, already yours, yours under another reference, disputed or rejected."""
    save(tmp_path, "0.png", "1.png", "2.png", "2-copy.jpg")
    make.register(workspace, "MINE", seed=0)
    make.register(workspace, "THEIRS", owner="other", seed=2)
    rows = [
        ("MINE", "0.png"),
        ("AGAIN", "0.png"),
        ("NEW", "1.png"),
        ("NEAR", "2-copy.jpg"),
        ("GONE", "9.png"),
        ("MINE", "1.png"),
        ("MINE2", "../../../nowhere/x.png"),
    ]
    known, again, new, near, *bad = run(workspace, tmp_path, table_of(rows, ["reference", "picture"]))
    assert (known.status, known.known_as) == ("already_yours", "")
    assert (again.status, again.known_as) == ("already_yours", "MINE")
    assert (new.status, new.line) == ("registered", 4)
    assert (near.status, near.near_owner, near.near_reference) == ("disputed", "other", "THEIRS")
    assert near.near_score is not None
    assert workspace.policy.match <= near.near_score <= 1
    assert outcomes(bad) == [
        ("rejected", "row.picture_missing", "picture"),
        ("rejected", "row.duplicate_reference", "reference"),
        ("rejected", "row.picture_missing", "picture"),
    ]
    assert "9.png" in bad[0].detail


def test_running_again_changes_nothing(workspace: Workspace, tmp_path: Path) -> None:
    """A second import changes no byte of any row and does not advance the clock."""
    save(tmp_path, "0.png", "1.png", "2.png")
    table = table_of([("A", "0.png|1.png"), ("B", "2.png"), ("C", "9.png")], ["reference", "picture"])
    assert count_statuses(run(workspace, tmp_path, table))["registered"] == 2
    before, files = rows_of(workspace), pictures_of(workspace)
    again = run(workspace, tmp_path, table)
    assert [report.status for report in again] == ["already_yours", "already_yours", "rejected"]
    assert rows_of(workspace) == before
    assert pictures_of(workspace) == files


@pytest.mark.slow
def test_hundreds_of_rows_with_three_bad_ones(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import of several chunks registers 247 of 250 rows and reports the 3 bad rows with their lines."""
    monkeypatch.setattr("os.fsync", lambda _file: None)
    for number in range(250):
        dice = random.Random(number)
        tile = Image.frombytes("L", (16, 16), dice.randbytes(256)).resize((48, 48), Image.Resampling.BICUBIC)
        (tmp_path / f"{number}.png").write_bytes(make.encode(tile))
    rows = [(f"R{number}", f"{number}.png", "pattern") for number in range(250)]
    rows[10] = ("R10", "nowhere.png", "pattern")
    rows[100] = ("R100", "100.png", "poem")
    (tmp_path / "248.png").write_bytes(b"not a picture")
    reports = run(workspace, tmp_path, table_of(rows, ["reference", "picture", "kind"]))
    bad = [(report.line, report.code, report.column) for report in reports if report.status == "rejected"]
    assert bad == [
        (12, "row.picture_missing", "picture"),
        (102, "design.kind", "kind"),
        (250, "image.unreadable", "picture"),
    ]
    assert [report.line for report in reports] == list(range(2, 252))
    with workspace.database.reading() as session:
        assert designs.count_rows(session)["designs_registered"] == 247


@pytest.mark.parametrize(
    ("fields", "code", "column"),
    [
        ({"reference": "x" * 201}, "design.reference", "reference"),
        ({"reference": "two\nlines"}, "design.reference", "reference"),
        ({"reference": ""}, "design.reference", "reference"),
        ({"title": "x" * 301}, "design.title", "title"),
        ({"kind": "poem"}, "design.kind", "kind"),
        ({"kind": "po\0em"}, "row.encoding", "kind"),
        ({"owner": "Not A Handle"}, "organisation.handle", "owner"),
        ({"owner": "ac\0me"}, "row.encoding", "owner"),
        ({"picture": "/etc"}, "row.picture_unreadable", "picture"),
        ({"picture": "x" * 5000}, "row.picture_unreadable", "picture"),
        ({"picture": "/dev/zero"}, "row.picture_unreadable", "picture"),
        ({"picture": "empty.png"}, "image.empty", "picture"),
        ({"picture": "0.png|9.png"}, "row.picture_missing", "picture"),
    ],
)
def test_a_bad_field_refuses_its_row_only(
    workspace: Workspace, tmp_path: Path, fields: dict[str, str], code: str, column: str
) -> None:
    """A bad field refuses its row with a code and stores nothing of the row. The next row is registered."""
    save(tmp_path, "0.png", "1.png")
    (tmp_path / "empty.png").touch()
    bad = {"reference": "BAD", "picture": "0.png", **fields}
    lines = [json.dumps(bad), json.dumps({"reference": "GOOD", "picture": "1.png", "owner": "acme"})]
    reports = run(workspace, tmp_path, "\n".join(lines), name="x.jsonl", owner="fallback")
    assert outcomes(reports) == [("rejected", code, column), ("registered", "", "")]
    with workspace.database.reading() as session:
        assert [one.handle for one in organisations.list_organisations(session)] == ["acme"]
        assert [one.reference for one in designs.all_designs(session)] == ["GOOD"]


def test_names_that_leave_the_folder_are_paths_like_others(workspace: Workspace, tmp_path: Path) -> None:
    """On the owner's own machine a table may name any file that the owner can read."""
    save(tmp_path, "elsewhere/0.png", "elsewhere/1.png")
    (tmp_path / "tables").mkdir()
    absolute = str(tmp_path / "elsewhere" / "1.png")
    table = table_of([("A", "../elsewhere/0.png"), ("B", absolute)], ["reference", "picture"])
    assert [report.status for report in run(workspace, tmp_path / "tables", table)] == ["registered"] * 2


def test_a_picture_over_the_limit_is_never_held(workspace: Workspace, tmp_path: Path) -> None:
    """A file of one gigabyte refuses only its own row, and is never held in memory."""
    with (tmp_path / "big.png").open("wb") as file:
        file.truncate(1 << 30)
    reports = run(workspace, tmp_path, "reference,picture\nA,big.png\n")
    assert outcomes(reports) == [("rejected", "image.too_large", "picture")]


def test_rows_without_an_owner_are_refused(workspace: Workspace, tmp_path: Path) -> None:
    """A row without an owner is refused unless the whole table has an owner."""
    save(tmp_path, "0.png", "1.png")
    table = table_of([("A", "0.png", ""), ("B", "1.png", "acme")], ["reference", "picture", "owner"])
    reports = run(workspace, tmp_path, table, owner=None)
    assert outcomes(reports) == [("rejected", "row.owner", "owner"), ("registered", "", "")]


def test_a_key_registers_for_its_own_organisation(workspace: Workspace, tmp_path: Path) -> None:
    """With only_owner a row cannot register a design for another owner."""
    save(tmp_path, "0.png", "1.png")
    table = table_of([("A", "0.png", "victim"), ("B", "1.png", "")], ["reference", "picture", "owner"])
    reports = run(workspace, tmp_path, table, only_owner=True)
    assert outcomes(reports) == [("rejected", "row.owner", "owner"), ("registered", "", "")]


def test_a_folder_is_imported(workspace: Workspace, tmp_path: Path) -> None:
    """Each picture becomes a design whose reference is the file's stem.

    The second file of the same stem is refused.
    """
    save(tmp_path, "0.png", "1.jpg", "deep/2.png")
    (tmp_path / "deep/0.png").write_bytes(make.picture_bytes(3))
    (tmp_path / "readme.txt").write_text("not a picture")
    reports = list(
        workspace.importer().run(
            read_folder(tmp_path, search(str(tmp_path)), Defaults("logo")), load_from(tmp_path), owner="acme"
        )
    )
    assert [(report.reference, report.status) for report in reports] == [
        ("0", "registered"),
        ("1", "registered"),
        ("0", "rejected"),
        ("2", "registered"),
    ]


def test_several_views_are_one_row(workspace: Workspace, tmp_path: Path) -> None:
    """All pictures of a field are views of one design."""
    save(tmp_path, "0.png", "1.png")
    run(workspace, tmp_path, "reference,picture\nA,0.png|1.png\n")
    assert len(live_hashes(workspace, "A")) == 2


def test_two_owners_in_one_table(workspace: Workspace, tmp_path: Path) -> None:
    """A row near an earlier row of another owner is disputed, even though neither row was committed before."""
    save(tmp_path, "0.png", "0-copy.jpg", "1.png")
    rows = [("A", "0.png", "acme"), ("B", "0-copy.jpg", "other"), ("C", "1.png", "other")]
    first, second, third = run(workspace, tmp_path, table_of(rows, ["reference", "picture", "owner"]))
    assert (first.status, third.status) == ("registered", "registered")
    assert (second.status, second.near_owner, second.near_reference) == ("disputed", "acme", "A")


@pytest.mark.slow
@pytest.mark.parametrize("chunk_rows", [1, 64])
def test_a_dry_run_reports_the_same_and_stores_nothing(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk_rows: int
) -> None:
    """A dry run compares rows across chunks, but stores no row and no picture and does not advance the clock."""
    monkeypatch.setattr(bulk, "CHUNK_ROWS", chunk_rows)
    save(tmp_path, "0.png", "0-copy.jpg", "1.png", "2.png")
    make.register(workspace, "OLD", owner="other", seed=2)
    rows = [
        ("A", "0.png|1.png", "new-brand"),
        ("B", "0-copy.jpg", "other"),
        ("C", "1.png|0.png", "new-brand"),
        ("D", "9.png", "other"),
        ("E", "2.png", "acme"),
        ("F", "1.png", "Bad Handle"),
        ("G", "1.png", "other"),
    ]
    table = table_of(rows, ["reference", "picture", "owner"])
    before, files, tick = rows_of(workspace), pictures_of(workspace), tick_of(workspace)
    rehearsed = run(workspace, tmp_path, table, dry_run=True)
    assert (rows_of(workspace), pictures_of(workspace), tick_of(workspace)) == (before, files, tick)
    landed = run(workspace, tmp_path, table)
    assert [report.status for report in landed] == [
        "registered",
        "disputed",
        "already_yours",
        "rejected",
        "disputed",
        "rejected",
        "disputed",
    ]
    assert [report.to_dict() | {"design_id": ""} for report in landed] == [
        report.to_dict() for report in rehearsed
    ]


def test_a_disk_that_fills_up_keeps_what_landed(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunks before the failure stay. The failed chunk is rolled back whole.

    A second import completes the table.
    """
    monkeypatch.setattr(bulk, "CHUNK_ROWS", 2)
    save(tmp_path, *(f"{number}.png" for number in range(6)))
    table = table_of([(f"R{number}", f"{number}.png") for number in range(6)], ["reference", "picture"])
    put, stored = PictureStore.put, []

    def put_until_full(store: PictureStore, data: bytes) -> str:
        if len(stored) == 3:
            raise StorageFailed(code="storage.full")
        stored.append(data)
        return put(store, data)

    monkeypatch.setattr(PictureStore, "put", put_until_full)
    reports: list[RowReport] = []
    with pytest.raises(StorageFailed):
        reports.extend(
            workspace.importer().run(read_table(table.encode(), "x.csv"), load_from(tmp_path), owner="acme")
        )
    with workspace.database.reading() as session:
        assert [one.reference for one in designs.all_designs(session)] == ["R0", "R1"]
    monkeypatch.setattr(PictureStore, "put", put)
    again = [report.status for report in run(workspace, tmp_path, table)]
    assert again == ["already_yours"] * 2 + ["registered"] * 4


def test_pictures_in_memory_are_bounded(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chunk of large pictures ends long before 64 rows."""
    monkeypatch.setattr(bulk, "CHUNK_BYTES", 1)
    save(tmp_path, "0.png", "1.png", "2.png")
    table = table_of([(f"R{number}", f"{number}.png") for number in range(3)], ["reference", "picture"])
    run(workspace, tmp_path, table)
    assert tick_of(workspace) == 3


def test_an_import_may_be_left_half_way(workspace: Workspace, tmp_path: Path) -> None:
    """When the caller stops reading the report, committed rows stay and nothing hangs."""
    save(tmp_path, *(f"{number}.png" for number in range(4)))
    table = table_of([(f"R{number}", f"{number}.png") for number in range(4)], ["reference", "picture"])
    reports = workspace.importer().run(read_table(table.encode(), "x.csv"), load_from(tmp_path), owner="acme")
    assert next(reports).status == "registered"
    reports.close()
    with workspace.database.reading() as session:
        assert designs.count_rows(session)["designs_registered"] == 4


def test_a_title_has_one_line(workspace: Workspace, tmp_path: Path) -> None:
    """A line end inside a cell is a blank of the title. Round quotes around a file's name are no part of it."""
    save(tmp_path, "0.png")
    reports = run(workspace, tmp_path, 'reference,title,picture\nA,"Kite\r\n red",\u201c0.png\u201d\n')
    assert outcomes(reports) == [("registered", "", "")]
    with workspace.database.reading() as session:
        assert designs.find_design(session, "acme", "A").title == "Kite red"


def test_two_files_of_one_name_are_named(workspace: Workspace, tmp_path: Path) -> None:
    """In a folder nobody knows line numbers, so the error names both files."""
    save(tmp_path, "a/0.png", "b/0.png")
    rows = read_folder(tmp_path, search(str(tmp_path)), Defaults("logo"))
    reports = list(workspace.importer().run(rows, load_from(tmp_path), owner="acme"))
    assert outcomes(reports)[1] == ("rejected", "row.duplicate_reference", "reference")
    assert "b/0.png and a/0.png" in reports[1].detail
