"""Cells of the CSV tables that people open in a spreadsheet."""

FORMULA_STARTS = (*"=+-@\t\r\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")  # the last four are full-width


def as_text(cell: str) -> str:
    """Return the cell as text for a spreadsheet: put an apostrophe before the start of a formula (OWASP).

    A stranger's file name or another member's reference must not run as a formula: `=1+2.png` becomes
    `'=1+2.png`.
    """
    return f"'{cell}" if cell.startswith(FORMULA_STARTS) else cell
