"""Commands of official shops, and the question who may sell a design."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from authcheck.certificates.signing_keys import open_vault
from authcheck.checks.reasons import reason_sentence
from authcheck.files.picture_files import read_file
from authcheck.licences.terms import Breach
from authcheck.members import organisations
from authcheck.proofs.trust import Trust
from authcheck.registry import designs
from authcheck.storage.opening import open_storage, utc_now
from authcheck.storefronts import badges, sellers, shops
from authcheck.storefronts.sellers import SellerAnswer
from authcheck.storefronts.tables import Storefront
from authcheck.terminal.output import console
from authcheck.terminal.output.console import Json

TRUST_BYTES = 16 * 1024**2

storefronts_app = typer.Typer(no_args_is_help=True, help="Official shops of organisations.")
Org = Annotated[str, typer.Option("--org", help="Handle of the organisation.")]
Marketplace = Annotated[str, typer.Option(help="The marketplace's name, like market.example.")]
Shop = Annotated[str, typer.Option(help="The shop's id on it.")]


@storefronts_app.command("add")
def add_storefront(
    organisation: Org,
    *,
    marketplace: Marketplace,
    shop: Shop,
    url: Annotated[str, typer.Option(help="Where buyers find it: https://...")],
) -> None:
    """List an official shop and print its id; one that is listed already gets the new address."""
    with open_storage() as storage, storage.database.writing() as session:
        found = organisations.get_organisation(session, organisation)
        added = shops.add(session, found, marketplace=marketplace, shop_id=shop, url=url, now=utc_now())
    print(added.id)  # noqa: T201 - data goes to stdout, alone


@storefronts_app.command("close")
def close_storefront(
    storefront: Annotated[str, typer.Argument(metavar="STOREFRONT_ID")], organisation: Org
) -> None:
    """Say that a shop is official no more."""
    with open_storage() as storage, storage.database.writing() as session:
        found = organisations.get_organisation(session, organisation)
        closed = shops.close(session, found, storefront, utc_now())
    console.say(f"{closed.shop_id} on {closed.marketplace} is closed.")


@storefronts_app.command("list")
def list_storefronts(organisation: Org, *, json: Json = False) -> None:
    """List an organisation's shops, oldest first, closed ones too."""
    with open_storage() as storage, storage.database.reading() as session:
        found = organisations.get_organisation(session, organisation)
        rows = shops.list_storefronts(session, found.id, limit=None)
    for row in rows:
        if json:
            console.json_line(_storefront(row))
        else:
            state = "closed" if row.closed_at else "open"
            line = f"{row.id}  {state}  {row.marketplace}  {row.shop_id}  {row.url}"
            console.out().print(line, markup=False, soft_wrap=True)


def _storefront(row: Storefront) -> dict[str, Any]:
    return {
        "id": row.id,
        "marketplace": row.marketplace,
        "shop": row.shop_id,
        "url": row.url,
        "created_at": row.created_at.isoformat(),
        "closed_at": row.closed_at.isoformat() if row.closed_at else None,
    }


@storefronts_app.command("badge")
def make_badge(
    storefront: Annotated[str, typer.Argument(metavar="STOREFRONT_ID")],
    *,
    licence: Annotated[str, typer.Option(help="Id of the licence that lets it sell.")],
) -> None:
    """Print a badge for a shop: a statement for a day, signed by who gave the licence."""
    with open_storage() as storage, storage.database.reading() as session:
        vault = open_vault(storage.settings)
        jws = badges.make_badge(
            session, storage.settings, vault, storefront_id=storefront, licence_id=licence, now=utc_now()
        )
    print(jws)  # noqa: T201 - data goes to stdout, alone


def verify_badge(
    file: Annotated[Path, typer.Argument(help="The badge.")],
    *,
    url: Annotated[str, typer.Option(help="Where it was found.")],
    trust: Annotated[Path, typer.Option(metavar="FILE", help="Whom to believe: a trust.json.")],
) -> None:
    """Verify a shop's badge offline. Exit 0: it holds at this address now, 1: it does not."""
    believed = Trust.from_json(read_file(trust, TRUST_BYTES))
    text = read_file(file, badges.LONGEST_BADGE).decode("ascii", "replace")
    found = badges.verify_badge(text, url, believed, utc_now())
    line = (
        f"{found.seller} may sell here by {found.licence} of {found.issuer}, until {found.until.isoformat()}"
    )
    console.out().print(console.plain(line), markup=False, soft_wrap=True)


def who_may_sell(
    design: Annotated[str, typer.Argument(metavar="DESIGN", help="A design id, or the owner's reference.")],
    *,
    marketplace: Marketplace,
    shop: Shop,
    territory: Annotated[str, typer.Option(help="Where it is sold: two letters, like FR.")],
    owner: Annotated[str | None, typer.Option(help="Needed with a reference.")] = None,
    on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day; today if left out.")
    ] = None,
    goods: Annotated[list[int] | None, typer.Option(help="Nice class; repeat for several.")] = None,
    json: Json = False,
) -> None:
    """Say whether a shop may sell a design, by which licence or what stands against it. Exit 0: it may, 1: it may not."""
    day = (on or utc_now().astimezone(UTC)).date()
    with open_storage() as storage, storage.database.reading() as session:
        found = designs.find_design(session, owner, design) if owner else designs.get_design(session, design)
        answer = sellers.may_sell(
            session,
            found,
            marketplace=marketplace,
            shop_id=shop,
            territory=territory,
            on=day,
            goods=tuple(goods or ()),
        )
    if json:
        console.json_line(_told(answer))
    else:
        _show(answer, day)
    raise typer.Exit(0 if answer.allowed else 1)


def _told(answer: SellerAnswer) -> dict[str, Any]:
    return {
        "allowed": answer.allowed,
        "seller": answer.seller,
        "is_owner": answer.is_owner,
        "on": answer.on.isoformat(),
        "licences": [
            {
                "id": one.grant.id,
                "state": one.grant.state(answer.on),
                "breaches": [{"code": breach.code, "params": dict(breach.params)} for breach in one.breaches],
            }
            for one in answer.licences
        ],
    }


def _words(breach: Breach) -> str:
    return console.plain(reason_sentence(breach.code, breach.params))


def _show(answer: SellerAnswer, day: date) -> None:
    out = console.out()
    if answer.seller is None:
        why = "nobody here lists that shop"
    elif answer.is_owner:
        why = f"{answer.seller} owns the design"
    else:
        count = len(answer.licences)
        why = f"{answer.seller} has {count or 'no'} licence{'' if count == 1 else 's'} about it"
    out.print(f"{'may sell' if answer.allowed else 'may not sell'} on {day}: {why}", markup=False)
    for one in answer.licences:
        broken = "; ".join(map(_words, one.breaches))
        out.print(f"{one.grant.id}  {broken or 'covers it'}", markup=False, soft_wrap=True)
