"""Terminal output of imports of designs."""

from collections.abc import Mapping, Sequence

from rich.text import Text

from authcheck.files.folders import skipped_text
from authcheck.registry.reports import RowReport
from authcheck.terminal.output import console

NAMED_POOR = 20  # at most this number of designs are named in the warning


def show_row(report: RowReport, *, json: bool) -> None:
    """Print a row of an import. Without `json`, print only rows that need attention."""
    if json:
        console.json_line(report.to_dict())
        return
    is_poor = report.findability == "poor"
    is_similar = bool(report.near_reference)
    is_plain = (report.status == "registered" and not is_similar and not report.twin) or (
        report.status == "already_yours" and not report.known_as
    )
    if is_plain and not is_poor:
        return
    line = Text.assemble(
        f"line {report.line}  {console.plain(report.reference)}  ",
        console.styled(report.status.replace("_", " ")),
    )
    score = console.score_text(report.near_score or 0)
    other = f"{console.plain(report.near_reference)} of {report.near_owner}, score {score}"
    if report.status == "disputed":
        line.append(f": shows the earlier {other}")
    elif report.status == "registered" and is_similar:
        line.append(f": similar to the earlier {other}")
    elif is_poor:
        line.append(f": hard to find in photos [{', '.join(report.warnings)}]")
    elif report.known_as:
        line.append(f", as {report.known_as}")
    elif report.status == "rejected":
        line.append(
            f": {console.plain(report.detail)} [{report.code}{', ' * bool(report.column)}{report.column}]"
        )
    if report.twin:
        line.append(f", near your design {console.plain(report.twin)} (a licence for one counts for both)")
    console.out().print(line, soft_wrap=True)


def show_counts(
    counts: Mapping[str, int], skipped: Mapping[str, int], *, dry_run: bool, json: bool = False
) -> None:
    """Print the number of rows for each status and of the files left out, as the last line of an import.

    With `json`, files that were left out also have a line of their own on standard output.
    """
    count_text = ", ".join(f"{count} {status.replace('_', ' ')}" for status, count in counts.items())
    left_out = f" {skipped_text(skipped)}" if skipped else ""
    if json and skipped:
        console.json_line({"skipped": dict(sorted(skipped.items()))})
    console.say(f"{count_text}{' (dry run: nothing was stored)' if dry_run else ''}.{left_out}")


def show_poor(reports: Sequence[RowReport]) -> None:
    """Print a warning that names the new designs that are hard to find. Print nothing when there are none."""
    poor = [report.reference for report in reports if report.findability == "poor"]
    if poor:
        more = f" and {len(poor) - NAMED_POOR} more" * (len(poor) > NAMED_POOR)
        console.say(
            f"{len(poor)} of these designs will be hard to find in photos: "
            f"{', '.join(poor[:NAMED_POOR])}{more}. "
            "Add a larger or more detailed picture of each. api/errors.md explains the codes.",
            style="yellow",
        )
