"""Flow: checks and replays from a terminal and from scripts."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import make
import pytest
from sqlalchemy import update

from authcheck.checks.tables import Check
from authcheck.workspace import Workspace


@pytest.fixture
def pictures(workspace: Workspace, tmp_path: Path) -> Path:
    """A copy of a registered design, an unknown picture, and a file that is no picture."""
    make.register(workspace)
    (tmp_path / "copy.jpg").write_bytes(make.picture_bytes(0, "JPEG", quality=60))
    (tmp_path / "other.png").write_bytes(make.picture_bytes(1))
    (tmp_path / "torn.png").write_bytes(b"not a picture")
    return tmp_path


@pytest.mark.parametrize(
    ("names", "code"),
    [
        (["other.png"], 0),
        (["copy.jpg"], 1),
        (["other.png", "copy.jpg"], 1),
        (["torn.png"], 3),
        (["copy.jpg", "torn.png", "other.png"], 3),
        (["nothing.png"], 3),
        (["."], 3),
    ],
)
def test_the_exit_status_says_what_was_found(cli: Any, pictures: Path, names: list[str], code: int) -> None:
    """The exit status is 0 when nothing is found, 1 when a design is found, 3 when a picture cannot be read."""
    assert cli("check", *(pictures / name for name in names)).code == code


def test_an_answer_is_read_by_people(cli: Any, pictures: Path) -> None:
    """The output for people has the verdict, file, design, score, reasons and the id for a replay."""
    verdict, reasons, check_id = cli("check", pictures / "copy.jpg").out.splitlines()
    assert verdict.startswith(f"match  {pictures / 'copy.jpg'}  REF-1 of acme  score ")
    assert "of 256 bits" in reasons
    assert check_id.strip().startswith("chk_")


@pytest.mark.slow
def test_an_answer_is_read_by_programs(cli: Any, pictures: Path) -> None:
    """With --json each picture, even an unreadable picture, is one object. Nothing else is on stdout."""
    done = cli("check", "--json", pictures / "copy.jpg", pictures / "other.png", pictures / "torn.png")
    copy, other, torn = done.objects
    assert (copy["verdict"], copy["design"]["reference"], copy["design"]["owner"]) == (
        "match",
        "REF-1",
        "acme",
    )
    assert copy["reasons"][0]["code"] == "image.near_copy"
    assert (other["verdict"], other["design"], other["method"]) == ("none", None, None)
    assert torn["error"]["code"] == "image.unreadable"
    assert done.err == ""


def test_standard_input_is_a_picture(cli: Any, pictures: Path) -> None:
    """The name `-` reads the picture from standard input."""
    done = cli("check", "-", "--json", stdin=make.picture_bytes(0))
    assert (done.code, done.objects[0]["query"], done.objects[0]["score"]) == (1, "-", 1.0)
    assert cli("check", "-").code == 3


@pytest.mark.slow
def test_file_names_do_not_write_to_the_terminal(cli: Any, pictures: Path) -> None:
    """A name with escape sequences, or a name that is not text, is printed with escapes."""
    (pictures / "\x1b[31mx\udcff.png").write_bytes(make.picture_bytes(1))
    done = cli("check", pictures / "\x1b[31mx\udcff.png", pictures / "\x1b[2Jgone\udcff")
    assert "\\x1b[31mx\\udcff.png" in done.out
    assert "\x1b" not in done.out + done.err
    assert cli("check", "--json", pictures / "\x1b[31mx\udcff.png").objects[0]["query"].endswith("\udcff.png")


def test_a_check_is_replayed(cli: Any, pictures: Path, workspace: Workspace) -> None:
    """A replay with the same answer exits with 0, and says whether the registry has changed since."""
    (given,) = cli("check", "--json", pictures / "copy.jpg").objects
    done = cli("replay", given["check_id"])
    assert (done.code, done.err) == (0, "The replay gives the same answer.\n")
    assert done.out.count("REF-1 of acme") == 3
    make.register(workspace, "LATER", seed=5)
    done = cli("replay", given["check_id"], "--json")
    assert done.objects[0]["registry_moved"]
    assert done.objects[0]["changes"] == []
    assert done.objects[0]["again"]["design"] == done.objects[0]["then"]["design"] == given["design"]


@pytest.mark.slow
def test_a_tampered_check_fails_its_replay(cli: Any, pictures: Path, workspace: Workspace) -> None:
    """A replay of a tampered check exits with 1, and stderr names the differences."""
    (given,) = cli("check", "--json", pictures / "other.png").objects
    with workspace.database.writing() as session:
        session.execute(update(Check).where(Check.id == given["check_id"]).values(verdict="match", score=1.0))
    done = cli("replay", given["check_id"])
    assert (done.code, done.err) == (1, "The replay differs in: verdict, score.\n")
    with workspace.database.writing() as session:
        session.execute(update(Check).values(scheme="older-1"))
    done = cli("replay", given["check_id"])
    assert done.code == 1
    assert "older-1" in done.err


def test_without_words_it_prints_help(cli: Any) -> None:
    """`authcheck` alone lists the commands. An unknown command is a usage error."""
    for words in ([], ["designs"], ["keys"], ["db"]):
        done = cli(*words)
        assert "Usage: authcheck" in done.out + done.err
    assert cli("--help").code == 0
    unknown = cli("authenticate")
    assert (unknown.code, unknown.out) == (2, "")


def test_a_bad_setting_is_one_line(cli: Any, environment: dict[str, str]) -> None:
    """The error names the variable with the bad value."""
    environment["AUTHCHECK_MAX_PICTURE_BYTES"] = "lots"
    done = cli("db", "info")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "AUTHCHECK_MAX_PICTURE_BYTES" in done.err


def test_a_database_that_cannot_be_reached_is_one_line(cli: Any, environment: dict[str, str]) -> None:
    """Exit status 3 means: the input is fine, try again later."""
    environment["AUTHCHECK_DATABASE_URL"] = "postgresql+psycopg://127.0.0.1:1/none"
    done = cli("db", "info")
    assert (done.code, done.err.count("\n")) == (3, 1)
    assert "[database.unreachable]" in done.err
    environment["AUTHCHECK_DATABASE_URL"] = "nonsense"
    assert cli("db", "info").code == 2


@pytest.mark.slow
def test_a_reader_that_goes_away_is_no_error(
    as_process: Callable[..., "subprocess.Popen[bytes]"], pictures: Path
) -> None:
    """`authcheck check ... | head -1` ends without a traceback."""
    check = as_process("check", *([pictures / "other.png"] * 60), "--json", pipesize=4096)
    assert check.stdout is not None
    assert check.stdout.readline().startswith(b'{"query"')
    check.stdout.close()
    check.stdout = None
    assert check.communicate()[1] == b""
    assert check.returncode != 0
