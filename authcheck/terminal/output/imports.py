"""What the terminal shows of an import of designs."""

from collections.abc import Mapping, Sequence

from rich.text import Text

from authcheck.registry.bulk import RowReport
from authcheck.terminal.output import console

NAMED_POOR = 20


def show_row(report: RowReport, *, json: bool) -> None:
    """A row of an import; plainly registered ones are only counted."""
    if json:
        console.json_line(report.to_dict())
        return
    poor = report.findability == "poor"
    plain = report.status == "registered" or (report.status == "already_yours" and not report.known_as)
    if plain and not poor:
        return
    line = Text.assemble(
        f"line {report.line}  {console.plain(report.reference)}  ",
        console.styled(report.status.replace("_", " ")),
    )
    if report.status == "disputed":
        line.append(
            f": near {report.near_reference} of {report.near_owner}, score {report.near_score or 0:.3f}"
        )
    elif report.status == "registered":
        line.append(f": hard to find in photos [{', '.join(report.warnings)}]")
    elif report.known_as:
        line.append(f", as {report.known_as}")
    else:
        line.append(
            f": {console.plain(report.detail)} [{report.code}{', ' * bool(report.column)}{report.column}]"
        )
    console.out().print(line, soft_wrap=True)


def show_counts(counts: Mapping[str, int], *, dry_run: bool) -> None:
    """The last line of an import."""
    words = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in counts.items())
    console.say(f"{words}{' (dry run: nothing was stored)' if dry_run else ''}.")


def show_poor(reports: Sequence[RowReport]) -> None:
    """Which of the designs just registered are hard to find; nothing where none is."""
    poor = [report.reference for report in reports if report.findability == "poor"]
    if poor:
        named = ", ".join(poor[:NAMED_POOR]) + f" and {len(poor) - NAMED_POOR} more" * (
            len(poor) > NAMED_POOR
        )
        console.say(
            f"{len(poor)} of these designs will be hard to find in photos: {named}. "
            "Add a larger or more detailed picture of each; docs/errors.md explains the codes.",
            style="yellow",
        )
