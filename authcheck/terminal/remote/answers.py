"""How the answers of a server are printed: tables, facts and lines, as by the same command at home."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from rich.text import Text

from authcheck.checks.reasons import reason_sentence
from authcheck.errors import BadSetting
from authcheck.files.writing import translated_write_errors, write_whole
from authcheck.terminal.output import console

Row = Mapping[str, Any]
Columns = Mapping[str, Any]  # of each heading: a field's name, or a function of the row


def show_rows(rows: Iterable[Row], columns: Columns, *, json: bool, whole: tuple[str, ...] = ()) -> None:
    """Print one line per row."""
    table = console.table(*columns, whole=whole)
    for row in rows:
        if json:
            console.json_line(row)
            continue
        cells = [row[column] if isinstance(column, str) else column(row) for column in columns.values()]
        table.add_row(*(Text(console.plain("" if cell is None else str(cell))) for cell in cells))
    if not json:
        console.out().print(table)


def show_facts(facts: Row, *, json: bool) -> None:
    """Print one line per fact that is there."""
    if json:
        console.json_line(facts)
        return
    shown = {name: value for name, value in facts.items() if value not in (None, "", [], {})}
    texts = {name: _in_words(value) for name, value in shown.items() if not name.endswith("salt")}
    console.show_facts(texts, json=False)


def _in_words(value: object) -> str:
    if isinstance(value, list):
        return ("\n" if isinstance(value[0], dict) else ", ").join(map(_in_words, value))
    if isinstance(value, dict):
        return ", ".join(
            f"{name.replace('_', ' ')} {_in_words(part)}" for name, part in value.items() if part
        )
    if isinstance(value, bool):
        return "yes" if value else "no"
    return console.plain(str(value))


def line(text: str) -> None:
    """Print a line that the terminal may fold and a pipe may not."""
    console.out().print(console.plain(text), markup=False, soft_wrap=True)


def reasons_text(reasons: Iterable[Row]) -> str:
    """Return reasons or breaches in one line."""
    return "; ".join(_reason_text(reason["code"], reason.get("params", {})) for reason in reasons)


def _reason_text(code: str, params: Row) -> str:
    """Return the sentence of a reason, or its code in words: strangers do not get the names and numbers."""
    try:
        return reason_sentence(code, params)
    except KeyError:
        return code.partition(".")[2].replace("_", " ")


def write(data: bytes, out: Path | None, *, mode: int = 0o644) -> None:
    """Write a file, or the standard output."""
    if out is None:
        print(data.decode(), end="")  # noqa: T201 - data goes to stdout, alone
        return
    with translated_write_errors(out):
        write_whole(out, data, mode=mode)


def refuse_options(**given: object) -> None:
    """Refuse options that a server does not take. Raises BadSetting (`server.option`)."""
    for name, value in given.items():
        if value:
            option = f"--{name.replace('_', '-')}"
            message = f"The server does not take {option}. Leave {option} out."
            raise BadSetting(message, code="server.option", option=option)
