"""A table on a terminal: columns where there is room, records where words or ids would break."""

import io

import pytest
from rich.console import Console
from rich.table import Table

from authcheck.terminal.output import console

DESIGN_ID = "dsn_01H455VB4PEX5VSKNK084SN02Q"
TITLE = "The lighthouse at the end of the long pier"


def designs_table() -> Table:
    """Return a table of two designs. The second has no title."""
    table = console.table("reference", "title", "kind", "id", whole=("reference", "id"))
    table.add_row("HL-001", TITLE, "illustration", DESIGN_ID)
    table.add_row("HL-002", "", "illustration", DESIGN_ID)
    return table


def printed(table: Table, width: int) -> list[str]:
    """Return the lines that a terminal of `width` columns shows."""
    terminal = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    terminal.print(table)
    return [line.rstrip() for line in terminal.file.getvalue().splitlines()]  # type: ignore[attr-defined]


def test_wide_is_a_table() -> None:
    """On a wide terminal, each design is a line below the headings."""
    headings, first, second = printed(designs_table(), 120)
    assert headings.split() == ["reference", "title", "kind", "id"]
    assert first.split("  ")[0] == "HL-001"
    assert first.index(DESIGN_ID) == second.index(DESIGN_ID) == headings.index("id", 40)


def test_a_title_folds() -> None:
    """A title folds between words as long as the ids stay whole."""
    lines = printed(designs_table(), 80)
    assert lines[0].startswith("reference")
    assert [line for line in lines if DESIGN_ID in line] == [lines[1], lines[-1]]
    assert len(lines) > 3


@pytest.mark.parametrize("width", [48, 60, 66, 74])
def test_narrow_is_records(width: int) -> None:
    """On a narrow terminal each value follows its heading, whole, and no line is too long."""
    lines = printed(designs_table(), width)
    text = "\n".join(lines)
    assert max(map(len, lines)) <= width
    assert [line[:6] for line in lines if not line.startswith("  ")] == ["HL-001", "HL-002"]
    for value in ("kind illustration", f"id {DESIGN_ID}"):
        assert value in text
    assert f"title {TITLE}" in " ".join(text.split())
    assert text.count("title") == 1  # the second design has none
