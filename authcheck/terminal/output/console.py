"""Output of all commands. Data goes to standard output. Progress and messages go to standard error."""

import json
import math
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar

import typer
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
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

from authcheck.errors import Conflict, Rejected
from authcheck.licences.written import read_count

Json = Annotated[bool, typer.Option("--json", help="Print JSON Lines.")]
Sure = Annotated[bool, typer.Option("--yes", help="Do not ask before it is done.")]

LEAST_COLUMN_CHARS = 18  # in narrower columns, words break
PIPE_WIDTH = 10_000  # columns; so wide that rich does not fold lines in a pipe or file
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


class Bar(Progress):
    """A bar that stays below the lines that are printed meanwhile, of data and of messages."""

    shown: ClassVar[list["Bar"]] = []

    def start(self) -> None:
        """Show the bar."""
        super().start()
        if not self.disable and self.console.is_terminal:
            self.shown.append(self)

    def stop(self) -> None:
        """Leave the bar as it is."""
        super().stop()
        if self in self.shown:
            self.shown.remove(self)


def out() -> Console:
    """Return the console for data: standard output, or a bar's on the terminal that shows both."""
    if Bar.shown and sys.stdout.isatty():
        return Bar.shown[-1].console
    return Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)


def err() -> Console:
    """Return the console for progress and messages: standard error."""
    if Bar.shown:
        return Bar.shown[-1].console
    return Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else PIPE_WIDTH)


def say(text: str, style: str = "") -> None:
    """Print a message in one line to standard error, without markup and folding."""
    err().print(plain(text), style=style, markup=False, soft_wrap=True)


def can_ask() -> bool:
    """Return whether a person can answer a question: the command has a terminal."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirm(what: str, *, yes: bool) -> None:
    """Ask before something that cannot be taken back. `what` is a sentence, like `Revoke 3 certificates`.

    Raises Conflict (`command.unconfirmed`) if the answer is no, or if nobody can be asked.
    """
    if yes:
        return
    question = f"{plain(what)}? This cannot be taken back."
    if not can_ask():
        raise Conflict(f"{question} Add --yes to say that you mean it.", code="command.unconfirmed")
    if not typer.confirm(question, err=True):
        raise Conflict("Nothing was changed.", code="command.unconfirmed")


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: `1 page`, `2 pages`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def revoked_text(now: int, before: int) -> str:
    """Return how many certificates a command has revoked, and how many were revoked before."""
    done = f"{counted(now, 'certificate')} {'is' if now == 1 else 'are'} now revoked."
    return f"{done} {before:,} {'was' if before == 1 else 'were'} already revoked."


def score_text(score: float) -> str:
    """Return a score with three digits, rounded down: .8999 is not .900, which would be a match."""
    return f"{math.floor(score * 1000) / 1000:.3f}"


def plain(text: str) -> str:
    """Return text from others in a form that is safe for a terminal.

    Unprintable characters become escapes.
    """
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def progress(*, on_terminal_only: bool = True) -> Bar:
    """Return a bar with count, elapsed and remaining time. By default it is silent without a terminal."""
    console = err()
    return Bar(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        redirect_stdout=False,  # it would send data to standard error
        disable=on_terminal_only and not console.is_terminal,
    )


def styled(word: str) -> Text:
    """Return a verdict or status in its colour. The colour adds no meaning to the word."""
    return Text(word, style=STYLES.get(word, ""))


class FittingTable(Table):
    """A table that becomes a list of records on a terminal too narrow for it.

    A column may fold down to LEAST_COLUMN_CHARS, and one of `whole` not at all. In a record, the first cell
    begins the line, and every other cell follows its heading. No value is broken if it fits on a line.
    """

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the table, or the records."""
        if self._fits(console, options.max_width):
            yield from super().__rich_console__(console, options)
        else:
            for cells in zip(*(column.cells for column in self.columns), strict=True):
                yield from self._record([_as_text(console, cell) for cell in cells], options.max_width)

    def _fits(self, console: Console, width: int) -> bool:
        needed = 2 * (len(self.columns) - 1)
        for column in self.columns:
            cells = [column.header, *column.cells] if self.show_header else list(column.cells)
            natural = max((_as_text(console, cell).cell_len for cell in cells), default=0)
            needed += natural if column.no_wrap else min(natural, LEAST_COLUMN_CHARS)
        return needed <= width

    def _record(self, cells: Sequence[Text], width: int) -> Iterator[RenderableType]:
        """Yield the lines of a record. Lines after the first are indented."""
        indent = 0
        line = cells[0].copy()
        line.stylize("bold")
        for column, cell in zip(self.columns[1:], cells[1:], strict=True):
            if not cell.plain:
                continue
            part = Text.assemble((f"{column.header} ", "dim"), cell)
            if indent + line.cell_len + 2 + part.cell_len <= width:
                line.append("  ").append(part)
            else:
                yield Padding(line, (0, 0, 0, indent))
                line, indent = part, 2
        yield Padding(line, (0, 0, 0, indent))


def _as_text(console: Console, cell: RenderableType) -> Text:
    return cell if isinstance(cell, Text) else console.render_str(str(cell))


def table(*columns: str, whole: Sequence[str] = ()) -> Table:
    """Return an unboxed table with these headings. A narrow terminal never folds the columns in `whole`."""
    new_table = FittingTable(*columns, box=None, pad_edge=False, header_style="bold")
    for column in new_table.columns:
        column.overflow = "fold"
        column.no_wrap = column.header in whole
    return new_table


def data_line(text: str) -> None:
    """Print a line of data as it is, also if it is longer than the terminal is wide."""
    if Bar.shown and sys.stdout.isatty():
        Bar.shown[-1].console.out(text, highlight=False)
    else:
        print(text)  # noqa: T201 - data goes to stdout, alone


class DataLines:
    """Standard output as a file whose writer writes whole lines, on a terminal above a bar."""

    def write(self, text: str) -> None:
        """Print a line of data."""
        data_line(text.removesuffix("\n"))


def json_line(data: Mapping[str, Any]) -> None:
    """Print one JSON object as one line."""
    data_line(json.dumps(data, ensure_ascii=False, default=str))


def show_facts(facts: Mapping[str, Any], *, json: bool) -> None:
    """Print one line per fact, name and value, or all facts as one JSON object."""
    if json:
        json_line(facts)
        return
    facts_table = table("", "")
    facts_table.show_header = False
    for name, value in facts.items():
        facts_table.add_row(name.replace("_", " "), Text("" if value is None else str(value)))
    out().print(facts_table)


def split_list(text: str) -> tuple[str, ...]:
    """Return the values of an option that people write with commas, semicolons or bars between."""
    parts = re.split(r"[,;|\n\uff0c\u3001]", text)
    return tuple(part.strip() for part in parts if part.strip())


def read_number(text: str) -> int:
    """Return the whole number of an option, also with separated thousands. Raises typer.BadParameter."""
    try:
        return read_count(str(text))
    except Rejected as error:
        raise typer.BadParameter(str(error)) from error
