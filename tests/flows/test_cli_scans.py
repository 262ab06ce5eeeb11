"""Flow: a brand reads its scans and handles its alerts on the command line."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import scans_made as made
import units_made

from authcheck.certificates.tables import Certificate
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

Cli = Callable[..., Any]
ACME = ("--org", "acme")


@pytest.fixture
def unit(workspace: Workspace) -> Certificate:
    """A unit of Acme that was scanned like a copy."""
    now = utc_now() - timedelta(days=13)
    unit = units_made.issue(workspace, units_made.brand_with_key(workspace), now=now)[0]
    made.copied(workspace, unit, at=now)
    return unit


def test_an_alert_is_read_and_cleared(
    cli: Cli, workspace: Workspace, unit: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table fits into 80 columns and says what happened. Exit 1 says that an alert is new."""
    monkeypatch.setattr("authcheck.terminal.output.console.PIPE_WIDTH", 80)
    listed = cli("scans", "alerts", *ACME)
    assert listed.code == 1
    assert max(map(len, listed.out.splitlines())) <= 80
    assert "5 phones scanned it in 2 places far apart within 12 days" in " ".join(
        listed.out.replace("│", " ").split()
    )
    (alert,) = cli("scans", "alerts", *ACME, "--kind", "places", "--json").objects
    assert (alert["state"], alert["buyers_warned"], alert["unit"]) == ("new", True, unit.id)
    refused = cli("scans", "handle", alert["id"], *ACME, "--state", "cleared")
    assert (refused.code, "alert.why" in refused.err) == (2, True)
    cleared = cli("scans", "handle", alert["id"], *ACME, "--state", "cleared", "--why", "a fair", "--json")
    (row,) = cleared.objects
    assert (row["state"], row["buyers_warned"], row["why"], row["decided_by"]) == (
        "cleared",
        False,
        "a fair",
        "command line",
    )
    assert cli("scans", "alerts", *ACME).code == 0
    assert cli("scans", "handle", "alr_x", *ACME).code == 2


def test_a_look_up_warns(cli: Cli, unit: Certificate) -> None:
    """The look-up of a good certificate whose label was copied says so, and exits with 1."""
    found = cli("lookup", unit.code)
    assert found.code == 1
    assert "Caution: 5 phones scanned it in 2 places far apart within 12 days." in found.out
    assert found.out.startswith("good, but be careful\n")
    (row,) = cli("lookup", unit.code, "--json").objects
    assert (row["outcome"], row["advice"], row["cautions"][0]["code"]) == ("good", "careful", "scans.places")


def test_scans_and_figures(cli: Cli, unit: Certificate) -> None:
    """Scans are CSV, and figures have denominators."""
    table = cli("scans", "list", *ACME, "--country", "us").out.splitlines()
    assert len(table) == 3
    assert cli("scans", "list", *ACME, "--since", "2099-01-01").out.count("\n") == 1
    figures = cli("scans", "figures", *ACME)
    assert "1 of 2" in figures.out
    assert "few elsewhere 5" in figures.out
    (row,) = cli("scans", "figures", *ACME, "--json").objects
    assert (row["sessions"], row["first"], row["flagged"]) == (5, 1, {"places": 1})
    assert row["flagged_units"] == 1


def test_units_are_marked_and_batches_expected(cli: Cli, unit: Certificate) -> None:
    """A blocked unit warns, and a batch has markets."""
    assert "1 unit changed" in cli("scans", "mark", "blocked", unit.code, *ACME, "--reason", "stolen").err
    assert "2 units changed" in cli("scans", "mark", "sold", *ACME, "--batch", unit.batch_id).err
    assert cli("scans", "mark", "blocked", unit.code, *ACME).code == 2
    said = cli(
        "scans", "expect", unit.batch_id, *ACME, "--markets", "cn, Singapore", "--use-by", "2099-12-31"
    )
    assert "sold in CN, SG; use by 2099-12-31" in said.err
    assert "batch.markets" in cli("scans", "expect", unit.batch_id, *ACME, "--markets", "Mars").err
