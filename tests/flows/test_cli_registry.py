"""Flow: the registry is managed from a terminal."""

import json
import re
from pathlib import Path
from typing import Any

import make
import pytest
from registry_state import rows_of

from authcheck.errors import StorageFailed
from authcheck.members import api_keys
from authcheck.storage.pictures import PictureStore
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two pictures and a file that is no picture."""
    made = tmp_path / "prints"
    made.mkdir()
    (made / "kite.png").write_bytes(make.picture_bytes(0))
    (made / "lark.png").write_bytes(make.picture_bytes(1))
    (made / "torn.png").write_bytes(b"not a picture")
    return made


def test_a_folder_is_imported_twice(cli: Any, folder: Path, workspace: Workspace) -> None:
    """Good pictures are registered, the bad file is named with its code, and a second run changes nothing."""
    done = cli("designs", "import", folder, "--org", "acme", "--kind", "pattern")
    assert done.code == 0, "what could be used has landed"
    assert re.fullmatch(r"line 3  torn  rejected: .* \[image\.unreadable, picture\]\n", done.out)
    assert done.err == "2 registered, 0 already yours, 0 disputed, 1 rejected.\n"
    before = rows_of(workspace)
    again = cli("designs", "import", folder, "--org", "acme", "--kind", "pattern")
    assert again.err == "0 registered, 2 already yours, 0 disputed, 1 rejected.\n"
    assert rows_of(workspace) == before


def test_one_picture_is_imported(cli: Any, folder: Path) -> None:
    """The reference of an imported picture is the file's stem."""
    assert cli("designs", "import", folder / "kite.png", "--org", "acme").code == 0
    assert cli("designs", "list", "--json").objects[0]["reference"] == "kite"


def test_an_import_answers_in_json(cli: Any, folder: Path) -> None:
    """With --json every row is an object on stdout, and the count stays on stderr."""
    done = cli("designs", "import", folder, "--org", "acme", "--json")
    assert [(one["reference"], one["status"]) for one in done.objects] == [
        ("kite", "registered"),
        ("lark", "registered"),
        ("torn", "rejected"),
    ]
    assert done.err.startswith("2 registered")


def test_what_was_left_out_is_counted(cli: Any, folder: Path) -> None:
    """The end line and a line of JSON say how many files of which kind were left out."""
    (folder / "@eaDir").mkdir()
    (folder / "@eaDir" / "kite.png").write_bytes(make.picture_bytes(0))
    (folder / "notes.txt").write_text("text")
    done = cli("designs", "import", folder, "--org", "acme", "--json", "--dry-run")
    assert done.objects[-1] == {"skipped": {".txt": 1, "in @eaDir": 1}}
    assert done.err.endswith("Left out 2 files: 1 .txt, 1 in @eaDir.\n")


def test_a_dry_run_says_so(cli: Any, folder: Path, workspace: Workspace) -> None:
    """A dry run stores nothing, and the count says so."""
    before = rows_of(workspace)
    done = cli("designs", "import", folder, "--org", "acme", "--dry-run")
    assert done.err.endswith("(dry run: nothing was stored).\n")
    assert rows_of(workspace) == before


def test_a_near_design_of_another_owner_is_named(cli: Any, folder: Path, workspace: Workspace) -> None:
    """The line names the owner of the near design and the score."""
    make.register(workspace, "ORIGINAL", owner="other")
    done = cli("designs", "import", folder / "kite.png", "--org", "acme")
    assert (done.code, done.out) == (
        0,
        "line 1  kite  disputed: shows the earlier ORIGINAL of other, score 1.000\n",
    )


def test_a_table_with_hostile_words_prints_safely(cli: Any, tmp_path: Path) -> None:
    """Escape sequences in another owner's table do not reach the terminal."""
    row = {"reference": "\x1b[31mred", "picture": "\x1b]0;x\x07.png"}
    (tmp_path / "x.jsonl").write_text(json.dumps(row))
    done = cli("designs", "import", tmp_path / "x.jsonl", "--org", "acme")
    assert done.code == 1
    assert "\x1b" not in done.out + done.err


def test_a_full_disk_counts_what_landed(cli: Any, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The count comes before the error. The exit status says to try again."""

    def fail(*_: object) -> str:
        raise StorageFailed("The disk is full: nothing was stored.", code="storage.full")

    monkeypatch.setattr(PictureStore, "put", fail)
    done = cli("designs", "import", folder, "--org", "acme")
    assert (done.code, done.out) == (3, "")
    assert done.err.splitlines() == [
        "0 registered, 0 already yours, 0 disputed, 0 rejected.",
        "authcheck: The disk is full: nothing was stored. [storage.full]",
    ]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["designs", "import", "{folder}"], "setting.owner"),
        (["designs", "import", "{folder}/kite.png"], "setting.owner"),
        (["designs", "import", "{folder}", "--org", "acme", "--kind", "poem"], "design.kind"),
        (["designs", "import", "{folder}/nothing.csv"], "file.missing"),
        (["designs", "import", "{folder}/table.csv"], "table.columns"),
        (["designs", "import", "{folder}/empty", "--org", "acme"], "table.no_pictures"),
        (["designs", "list", "--org", "nobody"], "organisation.not_found"),
        (["designs", "list", "--org", "no\udcffbody"], "organisation.not_found"),
        (["designs", "list", "--state", "lost"], "setting.state"),
        (["designs", "show", "kite"], "design.not_found"),
        (["designs", "show", "ki\udcffte", "--org", "acme"], "design.not_found"),
        (["designs", "retire", "dsn_0"], "design.not_found"),
        (["designs", "retire", "kite", "--org", "nobody"], "design.not_found"),
        (["keys", "create", "--org", "Not A Handle", "--scope", "admin"], "organisation.not_found"),
        (["keys", "create", "--org", "acme", "--scope", "everything"], "organisation.not_found"),
        (["keys", "list", "--org", "nobody"], "organisation.not_found"),
        (["keys", "revoke", "ack_0", "--yes"], "key.not_found"),
        (["replay", "chk_0"], "check.not_found"),
        (["replay", "\udcff"], "check.not_found"),
        (["demo", "--fixtures", "{folder}", "--no-serve"], "demo.fixtures"),
    ],
)
def test_an_error_is_one_line_with_its_code(cli: Any, folder: Path, words: list[str], code: str) -> None:
    """An error is one line on stderr with its code, and the exit status is 2."""
    (folder / "table.csv").write_text("name;file\nA;a.png\n")
    (folder / "empty").mkdir()
    done = cli(*(word.format(folder=folder) for word in words))
    assert (done.code, done.out) == (2, "")
    assert re.fullmatch(rf"authcheck: .+ \[{re.escape(code)}\]\n", done.err)


def test_an_unknown_reference_hints_at_the_owner(cli: Any) -> None:
    """A command that gets a reference instead of an id suggests --org."""
    assert "--org" in cli("designs", "show", "kite").err


def test_designs_are_listed_shown_and_retired(cli: Any, folder: Path) -> None:
    """A design is listed, found by id and by reference, and retired only once."""
    cli("designs", "import", folder, "--org", "acme")
    listed = cli("designs", "list", "--org", "acme", "--json").objects
    assert [one["reference"] for one in listed] == ["kite", "lark"]
    by_id = cli("designs", "show", listed[0]["id"], "--json").objects
    assert by_id == cli("designs", "show", "kite", "--org", "acme", "--json").objects == listed[:1]
    assert cli("designs", "retire", "kite", "--org", "acme", "--yes").err == "kite of acme is retired.\n"
    assert cli("designs", "retire", listed[0]["id"]).code == 0
    assert [one["reference"] for one in cli("designs", "list", "--state", "retired", "--json").objects] == [
        "kite"
    ]
    shown = cli("designs", "show", "kite", "--org", "acme").out
    assert "retired" in shown
    assert listed[0]["id"] in shown


def test_a_list_names_every_design_on_its_line(cli: Any, workspace: Workspace) -> None:
    """Markup in a title is printed as text."""
    make.register(workspace, "REF-1", title="[bold]Kite[/bold]")
    assert "[bold]Kite[/bold]" in cli("designs", "list").out
    assert "[bold]Kite[/bold]" in cli("designs", "show", "REF-1", "--org", "acme").out


def test_a_key_is_made_listed_and_revoked(cli: Any, workspace: Workspace) -> None:
    """The token is printed to stdout once. The list never shows it. A revocation is permanent."""
    cli("organisations", "add", "acme", "--role", "brand")
    done = cli("keys", "create", "--org", "acme", "--scope", "designs:write", "--scope", "listings:check")
    token = done.out.removesuffix("\n")
    assert re.fullmatch(r"ack_[0-9A-Z]+_[\w-]+", token)
    assert token not in done.err
    (key,) = cli("keys", "list", "--org", "acme", "--json").objects
    assert (key["scopes"], key["revoked_at"]) == (["designs:write", "listings:check"], "")
    assert token.rpartition(key["id"])[0] == ""
    with workspace.database.reading() as session:
        assert api_keys.authenticate(session, token).handle == "acme"
    assert cli("keys", "revoke", key["id"], "--yes").code == 0
    assert cli("keys", "list", "--org", "acme", "--json").objects[0]["revoked_at"]
    assert key["id"] in cli("keys", "list", "--org", "acme").out


def test_the_database_is_described(cli: Any, workspace: Workspace) -> None:
    """Info prints the counts, revision, scheme and policy. A second upgrade changes nothing."""
    make.register(workspace)
    (facts,) = cli("db", "info", "--json").objects
    assert (facts["organisations"], facts["designs_registered"], facts["views"]) == (1, 1, 1)
    assert facts["policy"] == workspace.policy.name
    assert facts["revision"] in cli("db", "info").out
    done = cli("db", "upgrade")
    assert (done.code, done.out) == (0, "")
    assert "0 pictures" in done.err


def test_a_refused_picture_is_named(cli: Any, folder: Path) -> None:
    """The line of a refused row has the file, also where the row has several pictures."""
    (folder / "ART.psd").write_bytes(b"8BPS\0\1")
    done = cli("designs", "import", folder, "--org", "acme", "--dry-run")
    assert "line 1  ART  rejected: ART.psd: We cannot read Photoshop files." in done.out
    assert "line 4  torn  rejected: torn.png: The file is not a picture" in done.out
    (folder / "t.csv").write_text("reference,picture\nA,kite.png|torn.png\n")
    done = cli("designs", "import", folder / "t.csv", "--org", "acme", "--dry-run")
    assert "line 2  A  rejected: torn.png: The file is not a picture" in done.out
