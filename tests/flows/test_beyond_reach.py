"""Pictures that authcheck answers wrongly today.

The list records these known failures until a release finds them.
"""

import csv
from pathlib import Path

import pytest

from authcheck.checks import answers
from authcheck.errors import ImageRejected
from authcheck.registry.design_files import Row, load_from, read_table
from authcheck.registry.reports import count_statuses
from authcheck.workspace import Workspace

FIXTURES = Path(__file__).parents[2] / "fixtures"
RIVALS = {("TT-001", "tanaka-toys")}  # named instead of the right design of a row


def comes_out(workspace: Workspace, row: dict[str, str]) -> bool:
    """Tell whether authcheck gives the right answer to a row today."""
    try:
        submission = answers.read_submission((FIXTURES / row["picture"]).read_bytes(), workspace.limits)
    except ImageRejected:
        return row["verdict"] == "none"
    given = answers.answer(workspace.database, workspace.finder, submission, workspace.policy).verdict
    if given.code.value != row["verdict"] or row["verdict"] == "none":
        return given.code.value == row["verdict"]
    found = given.candidate
    return found is not None and (found.reference, found.owner) == (row["design"], row["owner"])


@pytest.mark.slow
def test_none_of_them_comes_out_yet(workspace: Workspace) -> None:
    """Every third listed picture is still answered wrongly. `fixtures/margins.py` asks all of them.

    Only the designs of these pictures and their rivals are registered. `fixtures/margins.py` registers all.
    A picture with a right answer belongs among the listings.
    """
    with (FIXTURES / "beyond_reach.csv").open(encoding="utf-8", newline="") as stream:
        beyond = list(csv.DictReader(stream))[::3]
    named = {(row["design"], row["owner"]) for row in beyond} | RIVALS
    table = FIXTURES / "designs.csv"
    table_rows = [row for row in read_table(table.read_bytes(), table.name) if isinstance(row, Row)]
    rows = [row for row in table_rows if (row.new.reference, row.owner) in named]
    reports = workspace.importer().run(rows, load_from(FIXTURES), owner=None)
    assert count_statuses(reports)["registered"] == len(rows) == len(named)
    solved = [Path(row["picture"]).name for row in beyond if comes_out(workspace, row)]
    assert not solved, (
        f"{len(solved)} known answers come out at last: {', '.join(solved)}. Take them out of BEYOND_REACH in "
        "fixtures/listing_plan.py and run fixtures/make_fixtures.py: their rows move to listings.csv, where the demo "
        "holds them from then on."
    )
