"""Flow: a command that reads no picture loads no picture library."""

import subprocess
import sys
from pathlib import Path

import pytest

from authcheck.terminal.app import COMMANDS, load_command
from authcheck.workspace import Workspace

HEAVY = ("cv2", "faiss", "numpy", "scipy", "PIL", "reportlab", "alembic", "fastapi", "uvicorn")
RUN = """
import os, sys
from authcheck.__main__ import main
os.environ["AUTHCHECK_DATA_DIR"], os.environ["AUTHCHECK_DATABASE_URL"] = sys.argv.pop(1), sys.argv.pop(1)
os.environ = {name: value for name, value in os.environ.items() if value}
try:
    main()
finally:
    print("loaded:", *sorted(name for name in sys.modules if "." not in name), file=sys.stderr)
"""


def modules_of(workspace: Workspace, *words: str) -> set[str]:
    """Run `authcheck WORDS` in a process of its own. Return the names of the packages loaded at its end."""
    settings = workspace.settings
    command = [sys.executable, "-c", RUN, str(settings.data_dir), settings.database_url or "", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - our own
    assert "Traceback" not in done.stderr, done.stderr
    return set(done.stderr.rpartition("loaded:")[2].split())


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("--version",),
        ("lookup", "0" * 64),
        ("ledger", "audit"),
        ("organisations", "list"),
        ("licences", "list"),
        ("agents", "list", "--org", "nobody"),
        ("ledger", "show", "0" * 64),
        ("storefronts", "list", "--org", "nobody"),
        ("keys", "list", "--org", "nobody"),
        ("certificates", "--help"),
        ("signing-keys", "--help"),
        ("anchors", "--help"),
    ],
    ids=" ".join,
)
def test_no_pictures_no_opencv(workspace: Workspace, words: tuple[str, ...]) -> None:
    """Commands without pictures load no library of pictures, PDF, migrations or the web."""
    loaded = modules_of(workspace, *words)
    assert "typer" in loaded
    assert not loaded & set(HEAVY)


@pytest.mark.slow
def test_a_picture_loads_opencv(workspace: Workspace, tmp_path: Path) -> None:
    """A check loads these packages, so the list names real packages."""
    assert {"cv2", "faiss"} <= modules_of(workspace, "check", str(tmp_path / "none.png"))


def test_help_fits_in_one_line_each() -> None:
    """At 80 columns each command takes one line of `authcheck --help`.

    Each command can be loaded and has its own help.
    """
    assert max(len(place.summary) for place in COMMANDS.values()) <= 56
    assert all(load_command(name).help for name in COMMANDS)
