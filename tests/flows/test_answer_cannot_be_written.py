"""A full disk, a closed pipe and a fault of ours end with status 3 and one line, never with 1 ("found")."""

import os
import subprocess
import sys
from pathlib import Path

import make
import pytest

COMMANDS = (
    ["check", "x.png"],
    ["check", "x.png", "--json"],
    ["scan", "x.png"],
    ["--help"],
    ["verify-bundle", "--help"],
)
FULL = Path("/dev/full")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a picture that shows no registered design."""
    (tmp_path / "x.png").write_bytes(make.picture_bytes(7))
    return tmp_path


def run(folder: Path, command: list[str], redirection: str) -> subprocess.CompletedProcess[str]:
    """Run a command with a redirection of the shell."""
    line = f'"$0" -m authcheck "$@" {redirection}'
    environment = {**os.environ, "AUTHCHECK_DATA_DIR": str(folder / "data"), "AUTHCHECK_FAST": "1"}
    return subprocess.run(  # noqa: S603 - ours
        ["/bin/sh", "-c", line, sys.executable, *command],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
@pytest.mark.parametrize("redirection", [">/dev/full", ">&-"])
@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_an_answer_that_cannot_be_written_is_no_answer(
    folder: Path, command: list[str], redirection: str
) -> None:
    """The status is 3, and one line says why."""
    done = run(folder, command, redirection)
    assert done.returncode == 3, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("authcheck: ")]
    assert line.startswith("authcheck: The standard output cannot be written: ")
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")
@pytest.mark.parametrize(
    "command", [["scan", "x.png", "--csv", "/dev/full"], ["ledger", "export", "/dev/full/x"]]
)
def test_a_file_that_cannot_be_written_is_named(folder: Path, command: list[str]) -> None:
    """A file on a full disk gives status 3 with its name."""
    done = run(folder, command, "")
    assert done.returncode == 3, done.stderr
    assert "/dev/full" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-"])
def test_messages_that_cannot_be_written_change_no_answer(folder: Path, redirection: str) -> None:
    """Progress and messages are expendable: the answer and its status are the same."""
    done = run(folder, ["check", "x.png", "--json"], redirection)
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 1)


@pytest.mark.slow
def test_a_pipe_whose_reader_has_gone_is_no_finding(folder: Path) -> None:
    """`authcheck check x.png | true` ends with 3."""
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "authcheck", "check", "x.png"]
    environment = {**os.environ, "AUTHCHECK_DATA_DIR": str(folder / "data"), "AUTHCHECK_FAST": "1"}
    with subprocess.Popen(  # noqa: S603 - ours
        command, cwd=folder, env=environment, stdout=writer, stderr=subprocess.PIPE, text=True
    ) as process:
        os.close(writer)
        _, messages = process.communicate(timeout=60)
    assert process.returncode == 3
    assert messages.splitlines()[-1].endswith("Broken pipe. [storage.failed]")


@pytest.mark.slow
def test_a_fault_of_ours_is_no_finding(folder: Path) -> None:
    """A program that breaks says so with 3. For scripts 1 means that a design was found."""
    (folder / "authcheck_fault.py").write_text(
        "import sys; from authcheck.terminal.commands import checks\n"
        "def broken(*_, **__): raise ZeroDivisionError\n"
        "checks._check_one = broken; sys.argv[1:] = ['check', 'x.png']\n"
        "from authcheck.__main__ import main; main()\n"
    )
    environment = {**os.environ, "AUTHCHECK_DATA_DIR": str(folder / "data")}
    done = subprocess.run(
        [sys.executable, "authcheck_fault.py"],
        cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert "ZeroDivisionError" in done.stderr


@pytest.mark.slow
def test_no_picture_on_a_closed_input_is_said(folder: Path) -> None:
    """`authcheck check - <&-` has no picture to read."""
    done = run(folder, ["check", "-"], "<&-")
    assert done.returncode == 3
    assert "image.empty" in done.stderr
