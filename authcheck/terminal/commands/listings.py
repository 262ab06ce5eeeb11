"""Commands that check listings, one by one."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from authcheck.errors import BadSetting, Rejected
from authcheck.files.picture_files import read_file, read_stream
from authcheck.ids import new_id
from authcheck.listings import imports, judging
from authcheck.listings.judging import Judged
from authcheck.listings.offer_files import read_offers
from authcheck.listings.offers import NewListing, read_date, read_goods
from authcheck.listings.rules import ListingVerdict
from authcheck.listings.tables import ListingImport
from authcheck.members import organisations
from authcheck.storage.opening import utc_now
from authcheck.terminal.output import console, listings
from authcheck.terminal.output.console import Json
from authcheck.workspace import Workspace, open_workspace

listings_app = typer.Typer(no_args_is_help=True, help="Offers on marketplaces, and their verdicts.")
Org = Annotated[str | None, typer.Option("--org", help="Handle of the member whose listings they are.")]
MAX_TABLE_BYTES = 1024**3
FINE = {ListingVerdict.LICENSED, ListingVerdict.NONE}


def check_listing(
    pictures: Annotated[
        list[str],
        typer.Argument(metavar="PICTURE...", help="The listing's pictures; - reads standard input."),
    ],
    *,
    seller: Annotated[str, typer.Option(help="The shop's id on the marketplace.")],
    channel: Annotated[str, typer.Option(help="The marketplace.")],
    territory: Annotated[str, typer.Option(help="Country it is offered in: two letters (ISO 3166-1).")],
    goods: Annotated[str, typer.Option(help="Nice classes, with commas between.")] = "",
    price: Annotated[str | None, typer.Option(help='Amount and currency, as "19.90 EUR".')] = None,
    day: Annotated[
        str | None, typer.Option("--date", metavar="DATE", help="Day it is offered; today without it.")
    ] = None,
    certificate: Annotated[str | None, typer.Option(help="The code on its label, if it shows one.")] = None,
    reference: Annotated[
        str | None,
        typer.Option(help="Your listing ID. Checking the same ID again replaces the earlier result."),
    ] = None,
    organisation: Org = None,
    json: Json = False,
) -> None:
    """Say whether this seller may offer this here. Exit 0: licensed or nothing found, 1: to act on, 3: cannot be told."""
    now = utc_now()
    new = NewListing(
        reference=new_id("ref", now) if reference is None else reference,
        seller=seller,
        channel=channel,
        territory=territory,
        goods=read_goods(goods),
        price=price,
        listed_on=now.date() if day is None else read_date(day),
        certificate_code=certificate,
    ).checked()
    judged = _check(new, pictures, organisation)
    if judged is None:
        raise typer.Exit(3)
    listings.show_judged(judged, json=json)
    raise typer.Exit(exit_code(judged))


def _check(new: NewListing, names: list[str], organisation: str | None) -> Judged | None:
    """None where no picture can be looked at; why has been said."""
    judging.check_number(len(names))
    with open_workspace() as work:
        with work.database.reading() as session:
            asker = organisations.get_organisation(session, organisation).id if organisation else None
        pictures = [(name, _read(name, work.limits.bytes)) for name in names]
        try:
            return judging.check_listing(
                work, new, pictures, organisation_id=asker, source="cli", now=utc_now()
            )
        except Rejected as error:
            if error.code != "listing.pictures":
                raise
            console.say(f"{error} [{error.code}]", style="red")
            return None


def _read(name: str, limit: int) -> bytes | Rejected:
    """The bytes of a picture, or why there is no reading it: the others go on."""
    try:
        return read_stream(sys.stdin.buffer, limit) if name == "-" else read_file(name, limit)
    except Rejected as error:
        return error


def exit_code(judged: Judged) -> int:
    """0 where nobody has to act, 1 where somebody has, 3 where that cannot be told because not all was seen."""
    if judged.decision.code not in FINE:
        return 1
    return 3 if judged.unreadable else 0


@listings_app.command("list")
def list_listings(
    organisation: Org = None,
    *,
    verdict: Annotated[str | None, typer.Option(help="Only those of this verdict.")] = None,
    seller: Annotated[str | None, typer.Option(help="Only this shop's.")] = None,
    after: Annotated[str, typer.Option(help="Only what was handed in after the listing of this id.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 1000,
    json: Json = False,
) -> None:
    """List listings, first handed in first."""
    if verdict is not None and verdict not in {*ListingVerdict}:
        raise BadSetting(f"Verdicts are {', '.join(ListingVerdict)}.", code="setting.verdict")
    with open_workspace() as work, work.database.reading() as session:
        asker = organisations.get_organisation(session, organisation).id if organisation else None
        found = judging.list_listings(
            session, organisation_id=asker, verdict=verdict, seller=seller, after=after, limit=limit
        )
        listings.show_listings(found, json=json)


@listings_app.command("show")
def show_listing(
    listing: Annotated[str, typer.Argument(metavar="LISTING", help="Its id.")], *, json: Json = False
) -> None:
    """Show one listing: the verdict, why, and what it rests on."""
    with open_workspace() as work, work.database.reading() as session:
        listings.show_listing(judging.get_listing(session, listing), json=json)


@listings_app.command("import")
def import_listings(
    table: Annotated[Path, typer.Argument(metavar="TABLE", help="A .csv or .jsonl; pictures lie beside it.")],
    organisation: Org = None,
    *,
    json: Json = False,
) -> None:
    """Check a table of listings; a line a row on which somebody has to act. Exit 1 if no row could be used."""
    with open_workspace() as work:
        rows = read_offers(read_file(table, MAX_TABLE_BYTES), table.name)
        with work.database.writing() as session:
            asker = organisations.get_organisation(session, organisation).id if organisation else None
            made = imports.begin(
                session, rows, folder=table.parent, name=table.name, organisation_id=asker, now=utc_now()
            )
        _work_off(work, made, json=json)


@listings_app.command("resume")
def resume_import(
    import_id: Annotated[str, typer.Argument(metavar="IMPORT_ID", help="As import printed it.")],
    *,
    json: Json = False,
) -> None:
    """Go on with a table that was stopped: its rows with a result are shown, the others are checked."""
    with open_workspace() as work:
        with work.database.reading() as session:
            made = imports.get_import(session, import_id)
        _work_off(work, made, json=json)


def _work_off(work: Workspace, made: ListingImport, *, json: bool) -> None:
    """Check what is left, show every row, and end with the exit status."""
    console.say(f"{made.id}: {made.total} rows.")
    with work.database.reading() as session:
        before = imports.results(session, made.id)
    done = list(before)
    for row in before:
        listings.show_row(row, json=json)
    try:
        with console.progress() as progress:
            task = progress.add_task("Checking", total=made.total, completed=len(done))
            for row in imports.work_off(work, made.id, now=utc_now):
                done.append(row)
                listings.show_row(row, json=json)
                progress.update(task, completed=len(done))
    finally:  # also where it was stopped half-way: these have landed
        listings.show_counts(made, done)
    useless = bool(done) and all("code" in row.result for row in done)
    raise typer.Exit(1 if useless else 0)
