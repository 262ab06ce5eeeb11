"""Flow: a moderator reads the evidence (docs/flows/moderator-reads-the-evidence.md)."""

from pathlib import Path
from typing import Any

import evidence_scenes as scenes
import make
import pytest
from PIL import Image

from authcheck.checks import evidence
from authcheck.errors import NotFound
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace


@pytest.fixture
def photos(workspace: Workspace, tmp_path: Path) -> Path:
    """A copy of a registered design, whose owner keeps it from the public, and an unknown picture."""
    make.register(workspace, "KOI", seed=1)
    (tmp_path / "copy.jpg").write_bytes(make.picture_bytes(1, "JPEG"))
    (tmp_path / "other.png").write_bytes(make.picture_bytes(9))
    return tmp_path


@pytest.mark.parametrize(
    ("suffix", "kind"), [(".png", "PNG"), (".JPG", "JPEG"), (".jpeg", "JPEG"), (".webp", "WEBP")]
)
def test_a_check_is_explained(cli: Any, photos: Path, suffix: str, kind: str) -> None:
    """The picture has the format of its suffix. stderr says what it shows.

    The answer is the same as without it.
    """
    target = photos / f"out{suffix}"
    done = cli("check", photos / "copy.jpg", "--explain", target)
    assert done.code == 1
    assert done.out.startswith("match")
    assert "1 KOI of acme" in done.err
    with Image.open(target) as image:
        assert image.format == kind
        assert image.width <= 1600


@pytest.mark.slow
def test_where_nothing_was_found_the_file_says_nothing_else(cli: Any, photos: Path) -> None:
    """The picture alone replaces an older file, and the output says that nothing was found."""
    target = photos / "out.png"
    target.write_bytes(b"an older one")
    done = cli("check", photos / "other.png", "--explain", target)
    assert (done.code, "found no design" in done.err) == (0, True)
    with Image.open(target) as image:
        assert image.format == "PNG"


def test_a_picture_from_a_pipe_is_explained(cli: Any, photos: Path) -> None:
    """Standard input is read once and still drawn. stdout holds only JSON."""
    done = cli("check", "-", "--json", "--explain", photos / "out.png", stdin=make.picture_bytes(1))
    assert [one["verdict"] for one in done.objects] == ["match"]
    assert (photos / "out.png").is_file()


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (["copy.jpg", "--explain", "out.gif"], 2, "evidence.format"),
        (["copy.jpg", "--explain", "out"], 2, "evidence.format"),
        (["copy.jpg", "other.png", "--explain", "out.png"], 2, "evidence.one_picture"),
        (["copy.jpg", "--explain", "nowhere/out.png"], 3, "storage.read_only"),
    ],
)
def test_what_cannot_be_explained_is_refused(
    cli: Any, photos: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], *, code: int, told: str
) -> None:
    """A picture that cannot be explained gives one line with the code, and no file."""
    monkeypatch.chdir(photos)
    done = cli("check", *words)
    assert done.code == code
    assert f"[{told}]" in done.err
    assert not list(photos.glob("out*"))


def test_the_terminal_keeps_no_copy(cli: Any, photos: Path, workspace: Workspace) -> None:
    """The command line draws at once and keeps no copy of the picture."""
    cli("check", photos / "copy.jpg", "--explain", photos / "out.png")
    assert not workspace.settings.submissions_dir.exists()


@pytest.mark.slow
def test_the_evidence_of_a_stored_check_says_where_and_what(workspace: Workspace) -> None:
    """A stored finding shows outline and three panels to its organisation, and the outline alone to the public."""
    design = scenes.registered(workspace, "KOI", seed=1)
    data = make.encode(scenes.photo(make.picture(1)), "JPEG")
    row = scenes.finding(design, scenes.alignment(make.picture(1)))
    check_id = scenes.answered(workspace, data, [row])
    with workspace.database.reading() as session:
        check = session.get_one(make.Check, check_id)
        (found,) = evidence.found_in(session, [check])[check_id]
    evidence.require(check, workspace.copies, utc_now())
    copy = workspace.copies.get(check.picture_sha256, check.asked_at, utc_now())
    assert copy is not None
    assert max(copy.image.size) == 800
    drawn = {
        public: evidence.draw(copy, [found], workspace.store, workspace.limits, public=public, layout="wide")
        for public in (True, False)
    }
    assert drawn[True].width < 1000 < drawn[False].width


def test_the_start_of_the_server_clears_up(workspace: Workspace) -> None:
    """Before it listens, `authcheck serve` deletes expired copies from the disk."""
    design = scenes.registered(workspace, "KOI", seed=1)
    data = make.picture_bytes(1)
    check_id = scenes.answered(workspace, data, [scenes.finding(design, None)], asked_at=make.NOW)
    workspace.copies.sweep(make.NOW.replace(year=make.NOW.year + 1))
    assert not list(workspace.settings.submissions_dir.rglob("*.webp"))
    with workspace.database.reading() as session, pytest.raises(NotFound) as refused:
        evidence.require(session.get_one(make.Check, check_id), workspace.copies, make.NOW)
    assert refused.value.code == "evidence.none"
