"""Commands that check single listings and tables of listings, and show stored verdicts."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from authcheck.cases.opening import open_for
from authcheck.errors import BadSetting, Rejected
from authcheck.files.picture_files import read_file, read_stream
from authcheck.ids import as_word, new_id
from authcheck.listings import imports, judging
from authcheck.listings.details import DETAILS
from authcheck.listings.judging import Judged
from authcheck.listings.offer_files import read_offers
from authcheck.listings.offers import NewListing, read_date, read_goods
from authcheck.listings.policies import ListingVerdict
from authcheck.listings.tables import ListingImport
from authcheck.members import organisations
from authcheck.storage.opening import utc_now
from authcheck.terminal.commands import offer_options as options
from authcheck.terminal.output import console, listings
from authcheck.terminal.output.console import Json
from authcheck.workspace import Workspace, open_workspace

listings_app = typer.Typer(no_args_is_help=True, help="Marketplace listings and verdicts.")
Org = Annotated[str | None, typer.Option("--org", help="Handle of the listings' member.")]
MAX_TABLE_BYTES = 1024**3


def check_listing(
    pictures: options.Pictures,
    *,
    seller: options.Seller,
    channel: options.Channel,
    territory: options.Territory,
    goods: options.Goods = "",
    price: options.Price = None,
    currency: options.Currency = None,
    day: options.Day = None,
    certificate: options.Certificate = None,
    url: options.Url = None,
    title: options.Title = None,
    description: options.Description = None,
    language: options.Language = None,
    seller_name: options.SellerName = None,
    gtin: options.Gtin = None,
    sold_30d: options.Sold = None,
    stock: options.Stock = None,
    rank: options.Rank = None,
    query: options.Query = None,
    reference: options.Reference = None,
    organisation: Org = None,
    json: Json = False,
) -> None:
    """Check whether a seller may offer a product. Exit 0: no action needed, 1: action needed, 3: unknown."""
    listing = _read_listing(locals())
    judged = _judge(listing, pictures, organisation)
    if judged is None:
        raise typer.Exit(3)
    listings.show_judged(judged, json=json)
    raise typer.Exit(exit_code(judged))


def _read_listing(given: Mapping[str, Any]) -> NewListing:
    """Return the offer that the options describe."""
    now, same = utc_now(), ("seller", "channel", "territory", "price", "currency", *DETAILS)
    return NewListing(
        reference=new_id("ref", now) if given["reference"] is None else given["reference"],
        goods=read_goods(given["goods"]),
        listed_on=now.date() if given["day"] is None else read_date(given["day"]),
        certificate_code=given["certificate"],
        **{name: given[name] for name in same},
    ).checked()


def _judge(listing: NewListing, names: list[str], organisation: str | None) -> Judged | None:
    """Check a listing. When every picture is unreadable, print the error and return None."""
    judging.check_number(len(names))
    with open_workspace() as work:
        with work.database.reading() as session:
            member_id = organisations.get_organisation(session, organisation).id if organisation else None
        pictures = [(name, _read_picture(name, work.limits.bytes)) for name in names]
        try:
            return judging.check_listing(
                work,
                listing,
                pictures,
                organisation_id=member_id,
                source="cli",
                now=utc_now(),
                then=open_for,
            )
        except Rejected as error:
            if error.code != "listing.pictures":
                raise
            console.say(f"{error} [{error.code}]", style="red")
            return None


def _read_picture(name: str, limit: int) -> bytes | Rejected:
    """Return the bytes of a picture, or its error, so that the check can use the other pictures."""
    try:
        return read_stream(sys.stdin.buffer, limit) if name == "-" else read_file(name, limit)
    except Rejected as error:
        return error


def exit_code(judged: Judged) -> int:
    """Return 0: no action needed, 1: action needed, 3: unknown because a picture is unreadable."""
    if judged.decision.code not in listings.QUIET:
        return 1
    return 3 if judged.unreadable else 0


@listings_app.command("list")
def list_listings(
    organisation: Org = None,
    *,
    verdict: Annotated[str | None, typer.Option(help="Only this verdict.")] = None,
    seller: Annotated[str | None, typer.Option("--shop", help="Only this shop.")] = None,
    after: Annotated[str, typer.Option(help="Only listings after the listing with this id.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="Maximum number.")] = 1000,
    json: Json = False,
) -> None:
    """List listings, oldest first."""
    verdict = None if verdict is None else as_word(verdict)
    if verdict is not None and verdict not in {*ListingVerdict}:
        raise BadSetting(
            f"{verdict!r} is not a verdict. Use one of {', '.join(ListingVerdict)}.", code="setting.verdict"
        )
    with open_workspace() as work, work.database.reading() as session:
        member_id = organisations.get_organisation(session, organisation).id if organisation else None
        rows = judging.list_listings(
            session, organisation_id=member_id, verdict=verdict, seller=seller, after=after, limit=limit
        )
        listings.show_listings(rows, json=json)


@listings_app.command("show")
def show_listing(
    listing: Annotated[str, typer.Argument(metavar="LISTING", help="Id.")], *, json: Json = False
) -> None:
    """Show a listing: verdict, reasons and evidence."""
    with open_workspace() as work, work.database.reading() as session:
        listings.show_listing(judging.get_listing(session, listing), json=json)


@listings_app.command("import")
def import_listings(
    table: Annotated[
        Path,
        typer.Argument(metavar="TABLE", help="A .csv, .jsonl or workbook beside its pictures."),
    ],
    organisation: Org = None,
    *,
    json: Json = False,
) -> None:
    """Check a table of listings. Prints rows that need action. Exit 1: no row is usable."""
    with open_workspace() as work:
        rows = read_offers(read_file(table, MAX_TABLE_BYTES), table.name, console.say)
        values = imports.locate_pictures(rows, table.parent)
        with work.database.writing() as session:
            member_id = organisations.get_organisation(session, organisation).id if organisation else None
            new_import = imports.begin(
                session, values, name=table.name, organisation_id=member_id, now=utc_now()
            )
        _check_rows(work, new_import, json=json)


@listings_app.command("resume")
def resume_import(
    import_id: Annotated[str, typer.Argument(metavar="IMPORT_ID", help="Id from import.")],
    *,
    json: Json = False,
) -> None:
    """Resume a stopped import. Shows the rows with a result and checks the other rows."""
    with open_workspace() as work:
        with work.database.reading() as session:
            stopped_import = imports.get_import(session, import_id)
        _check_rows(work, stopped_import, json=json)


def _check_rows(work: Workspace, table_import: ListingImport, *, json: bool) -> None:
    """Show the finished rows of an import, check and show the other rows, and exit with the exit status."""
    console.say(f"{table_import.id}: {table_import.total} rows.")
    with work.database.reading() as session:
        rows = list(imports.results(session, table_import.id))
    for row in rows:
        listings.show_row(row, json=json)
    try:
        with console.progress() as progress:
            task = progress.add_task("Checking", total=table_import.total, completed=len(rows))
            for row in imports.work_off(work, table_import.id, now=utc_now, then=open_for):
                rows.append(row)
                listings.show_row(row, json=json)
                progress.update(task, completed=len(rows))
    finally:  # also when the import stops half-way: the results of these rows are already stored
        listings.show_counts(table_import, rows)
    all_rejected = bool(rows) and all("code" in row.result for row in rows)
    raise typer.Exit(1 if all_rejected else 0)
