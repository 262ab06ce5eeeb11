"""Commands of scans: who looks at a brand's labels, the alerts about them, and what the brand says."""

import sys
from datetime import timedelta
from typing import Annotated, Literal

import typer

from authcheck.certificates.batches import Selection
from authcheck.licences.written import read_day
from authcheck.members import organisations
from authcheck.scans import figures, handling, listing, marks
from authcheck.scans.alerts import KINDS, STATES
from authcheck.scans.handling import AlertFilter
from authcheck.scans.listing import ScanFilter
from authcheck.scans.tables import ScanAlert
from authcheck.storage.opening import open_storage, utc_now
from authcheck.terminal.output import console, scans
from authcheck.terminal.output.console import Json

PAGE = 500
BY = "command line"
scans_app = typer.Typer(no_args_is_help=True, help="Scans of labels, and alerts about them.")
Org = Annotated[str, typer.Option("--org", help="Handle of the brand or the licensee.")]
AlertId = Annotated[str, typer.Argument(metavar="ALERT", help="Id of the alert.")]
Batch = Annotated[str, typer.Argument(metavar="BATCH", help="Id of the batch.")]
Day = Annotated[str | None, typer.Option(metavar="DATE", help="In UTC.")]


@scans_app.command("list")
def list_scans(
    organisation: Org,
    *,
    batch: Annotated[str, typer.Option(help="Only this batch.")] = "",
    unit: Annotated[str, typer.Option(help="Only this certificate, by its id.")] = "",
    country: Annotated[str, typer.Option(help="Only this country, ISO 3166-1.")] = "",
    since: Day = None,
    until: Day = None,
) -> None:
    """Write the scans of a brand's units as CSV, oldest first."""
    wanted = ScanFilter(
        batch_id=batch,
        unit_id=unit,
        country=country,
        since=read_day(since, error_code="scan.period") if since else None,
        until=read_day(until, error_code="scan.period") if until else None,
    )
    with open_storage() as storage, storage.database.reading() as session:
        brand = organisations.get_organisation(session, organisation)
        for page in listing.scans_csv(session, brand.id, wanted):
            sys.stdout.write(page)


@scans_app.command("figures")
def show_figures(
    organisation: Org,
    *,
    days: Annotated[int, typer.Option(min=1, max=366, help="Days until today.")] = 30,
    json: Json = False,
) -> None:
    """Show figures about the scans of a brand's units: coverage, countries, off-market, flagged."""
    until = utc_now().date()
    with open_storage() as storage, storage.database.reading() as session:
        brand = organisations.get_organisation(session, organisation)
        result = figures.compute(session, brand.id, since=until - timedelta(days=days - 1), until=until)
    scans.show_figures(result, json=json)


@scans_app.command("alerts")
def list_alerts(
    organisation: Org,
    *,
    kind: Annotated[str | None, typer.Option(help=f"Only this kind: {', '.join(KINDS)}.")] = None,
    state: Annotated[str | None, typer.Option(help=f"Only this state: {', '.join(STATES)}.")] = None,
    json: Json = False,
) -> None:
    """List a brand's alerts, oldest first. Exit 1: some are new."""
    rows: list[ScanAlert] = []
    with open_storage() as storage, storage.database.reading() as session:
        brand = organisations.get_organisation(session, organisation)
        wanted = AlertFilter(kind=kind or "", states=(state,) if state else ())
        while page := handling.list_alerts(
            session, brand.id, wanted, after=rows[-1].id if rows else "", limit=PAGE
        ):
            rows += page
    scans.show_alerts(rows, json=json)
    raise typer.Exit(any(row.state == "new" for row in rows))


@scans_app.command("handle")
def handle_alert(
    alert: AlertId,
    organisation: Org,
    *,
    state: Annotated[
        Literal["seen", "cleared", "acted"] | None, typer.Option(help="What you do with it. Default: show.")
    ] = None,
    why: Annotated[str, typer.Option(help="The reason. Clearing needs one.")] = "",
    json: Json = False,
) -> None:
    """Show an alert, or say what you do with it. A cleared alert no longer warns buyers."""
    with open_storage() as storage, storage.database.writing() as session:
        brand = organisations.get_organisation(session, organisation)
        row = handling.get_alert(session, alert, brand.id, lock=True)
        if state is not None:
            handling.set_state(row, state, why=why, by=BY, now=utc_now())
    scans.show_alert(row, json=json)


@scans_app.command("mark")
def mark_units(
    act: Annotated[str, typer.Argument(metavar="MARK", help=f"{', '.join(marks.ACTS)}.")],
    codes: Annotated[list[str] | None, typer.Argument(metavar="CODE", help="Codes or ids.")] = None,
    *,
    organisation: Org,
    batch: Annotated[str | None, typer.Option(help="All units of this batch.")] = None,
    reason: Annotated[str, typer.Option(help=f"Why blocked: {', '.join(marks.REASONS)}.")] = "",
) -> None:
    """Mark units as sold or blocked, or take the mark back. A blocked unit warns its buyers."""
    with open_storage() as storage, storage.database.writing() as session:
        brand = organisations.get_organisation(session, organisation)
        selection = Selection(tuple(codes or ()), batch)
        changed = marks.mark(
            session, selection, act, organisation_id=brand.id, reason=reason, by=BY, now=utc_now()
        )
    console.say(f"{changed} unit{'' if changed == 1 else 's'} changed.")


@scans_app.command("expect")
def expect(
    batch: Batch,
    organisation: Org,
    *,
    markets: Annotated[str, typer.Option(help="Countries, comma-separated. Default: as licensed.")] = "",
    use_by: Annotated[str | None, typer.Option(metavar="DATE", help="Last day of use, in UTC.")] = None,
) -> None:
    """Say where the units of a batch are sold, and until when they may be used."""
    with open_storage() as storage, storage.database.writing() as session:
        brand = organisations.get_organisation(session, organisation)
        row = marks.expect(
            session,
            batch,
            organisation_id=brand.id,
            markets=console.split_list(markets),
            use_by=read_day(use_by, error_code="scan.period") if use_by else None,
            now=utc_now(),
        )
    places = ", ".join(row.markets) or "as licensed, else everywhere"
    console.say(f"{batch}: sold in {places}; use by {row.use_by or 'any day'}.")
