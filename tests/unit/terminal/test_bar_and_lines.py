"""A bar on a terminal neither breaks lines of data nor takes them from a file."""

import os
import pty
import sys
from pathlib import Path

PROGRAM = """
from authcheck.terminal.output import console
with console.progress(on_terminal_only=False) as bar:
    for number in bar.track(range(2), description="Counting"):
        console.json_line({"number": number, "text": "x" * 100})
        console.out().print(f"row {number}")
        console.DataLines().write(f"cell {number}\\n")
        console.say(f"message {number}")
"""
DATA = [
    *('{"number": 0, "text": "' + "x" * 100 + '"}', "row 0", "cell 0"),
    *('{"number": 1, "text": "' + "x" * 100 + '"}', "row 1", "cell 1"),
]


def run_at_a_terminal(file: Path | None = None, number: int = 1) -> list[str]:
    """Return the lines of a terminal where the program runs, without what was erased from them.

    A file takes the output of this number: 1 is data, 2 is messages.
    """
    pid, terminal = pty.fork()
    if pid == 0:
        if file:
            os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), number)
        os.environ.update(TERM="xterm", COLUMNS="80")
        os.execv(sys.executable, [sys.executable, "-c", PROGRAM])  # noqa: S606 - our own program
    shown = b""
    try:
        while part := os.read(terminal, 65536):
            shown += part
    except OSError:  # the program has ended
        pass
    assert os.waitpid(pid, 0)[1] == 0, shown
    os.close(terminal)
    return [line.rsplit("\x1b[2K", 1)[-1] for line in shown.decode().replace("\r\n", "\n").split("\n")]


def test_lines_stand_alone_above_the_bar() -> None:
    """Every line begins on a line of its own and is whole, though longer than the terminal is wide."""
    lines = run_at_a_terminal()
    for line in (*DATA, "message 0", "message 1"):
        assert line in lines


def test_data_goes_to_its_file(tmp_path: Path) -> None:
    """With `> rows.txt` at a terminal, the data is in the file, and the bar and the messages are not."""
    lines = run_at_a_terminal(tmp_path / "rows.txt")
    assert (tmp_path / "rows.txt").read_text().splitlines() == DATA
    assert {"message 0", "message 1"} <= set(lines)
    assert not set(DATA) & set(lines)


def test_messages_go_to_their_file(tmp_path: Path) -> None:
    """With `2> log.txt` at a terminal, the data is on the terminal, and the messages are in the file."""
    lines = run_at_a_terminal(tmp_path / "log.txt", 2)
    assert [line for line in lines if line] == DATA
    assert {"message 0", "message 1"} <= set((tmp_path / "log.txt").read_text().splitlines())
