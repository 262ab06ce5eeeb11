"""What every command uses to show something: data goes to stdout, progress and prose go to stderr."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

Json = Annotated[bool, typer.Option("--json", help="Print JSON Lines.")]

PIPE_WIDTH = 10_000  # columns: lines in a pipe or file are not folded
STYLES = {
    "match": "bold red",
    "lookalike": "yellow",
    "none": "green",
    "registered": "green",
    "already_yours": "dim",
    "disputed": "yellow",
    "rejected": "bold red",
    "retired": "dim",
}


def out() -> Console:
    """Where data goes."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)


def err() -> Console:
    """Where progress and prose go."""
    return Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else PIPE_WIDTH)


def say(text: str, style: str = "") -> None:
    """One line of prose to stderr, as it is: no markup, no folding."""
    err().print(plain(text), style=style, markup=False, soft_wrap=True)


def plain(text: str) -> str:
    """Text of a stranger made safe for a terminal: what does not print becomes an escape."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def progress(*, on_terminal_only: bool = True) -> Progress:
    """A bar with count, elapsed and remaining time; silent where stderr is no terminal."""
    console = err()
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        disable=on_terminal_only and not console.is_terminal,
    )


def styled(word: str) -> Text:
    """A verdict or status in its colour; the word alone carries the meaning."""
    return Text(word, style=STYLES.get(word, ""))


def table(*columns: str, whole: Sequence[str] = ()) -> Table:
    """An unboxed table with these headings; on a narrow terminal the columns named in `whole` are folded last."""
    made = Table(*columns, box=None, pad_edge=False, header_style="bold")
    for column in made.columns:
        column.overflow = "fold"
        column.no_wrap = column.header in whole
    return made


def json_line(data: Mapping[str, Any]) -> None:
    """One JSON object on a line of its own."""
    print(json.dumps(data, ensure_ascii=False, default=str))  # noqa: T201 - rich would wrap it
