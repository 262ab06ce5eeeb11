"""Commands of official shops, badges, and the question who may sell a design."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer

from authcheck.certificates.signing_keys import open_vault
from authcheck.checks.reasons import reason_sentence
from authcheck.files.picture_files import read_file
from authcheck.licences.codes import read_classes
from authcheck.licences.terms import Breach
from authcheck.licences.written import read_day
from authcheck.members import organisations
from authcheck.proofs.outside.internet import Internet
from authcheck.proofs.trust import Trust
from authcheck.registry import designs
from authcheck.storage.opening import open_storage, utc_now
from authcheck.storefronts import badges, proving, sellers, shops
from authcheck.storefronts.sellers import SellerAnswer
from authcheck.storefronts.shops import DENIED
from authcheck.storefronts.tables import Storefront
from authcheck.terminal.output import console
from authcheck.terminal.output.console import Json

TRUST_BYTES = 16 * 1024**2

storefronts_app = typer.Typer(no_args_is_help=True, help="Official shops of organisations.")
Org = Annotated[str, typer.Option("--org", help="Handle of the organisation.")]
Marketplace = Annotated[str, typer.Option(help="The marketplace's name, like market.example.")]
Shop = Annotated[str, typer.Option(help="The shop's id there.")]
LASTING = {  # problems that no text on the page ends
    proving.ELSEWHERE: "The address is not on the marketplace, or the shop's id is not a part of it. Correct"
    " the address, or ask the marketplace to confirm the shop.",
    DENIED: "The marketplace or the operator says that the shop is not yours. Ask them to confirm it.",
}


@storefronts_app.command("add")
def add_storefront(
    organisation: Org,
    *,
    marketplace: Marketplace,
    shop: Shop,
    url: Annotated[str, typer.Option(help="Address of the shop: https://...")],
) -> None:
    """Claim a shop and print its id. A claimed shop gets the new address. See `prove` and `confirm`."""
    with open_storage() as storage, storage.database.writing() as session:
        member = organisations.get_organisation(session, organisation)
        row = shops.add(session, member, marketplace=marketplace, shop_id=shop, url=url, now=utc_now())
    console.data_line(row.id)


@storefronts_app.command("prove")
def prove_storefront(
    storefront: Annotated[str, typer.Argument(metavar="STOREFRONT_ID")], organisation: Org
) -> None:
    """Look at the shop's page for the text that proves it. Exit 1 when the page does not show the text."""
    with open_storage() as storage:
        with storage.database.reading() as session:
            member = organisations.get_organisation(session, organisation)
            row = shops.get_storefront(session, storefront, organisation_id=member.id)
            proofs = proving.texts_to_find(session, row)
        finding = proving.look(Internet(), row.url, proofs)
        with storage.database.writing() as session:
            noted = proving.note(session, row.id, finding, utc_now())
    if noted is not None and not noted.problem:
        console.say(f"{noted.shop_id} on {noted.marketplace} is proved.")
        return
    problem = noted.problem if noted is not None else "storefront.closed"
    if problem in LASTING:
        console.say(f"{LASTING[problem]} [{problem}]")
        raise typer.Exit(1)
    console.say(f"The page does not prove the shop [{problem}]. It must show this text:")
    console.data_line(proving.proof_of(row))
    raise typer.Exit(1)


@storefronts_app.command("confirm")
def confirm_storefront(
    storefront: Annotated[str, typer.Argument(metavar="STOREFRONT_ID")],
    *,
    organisation: Annotated[
        str, typer.Option("--org", help="The marketplace that says so. Default: you, the operator.")
    ] = "",
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Deny the shop instead.")] = False,
) -> None:
    """Prove a shop by the word of its marketplace, or by yours."""
    with open_storage() as storage, storage.database.writing() as session:
        row = shops.get_storefront(session, storefront)
        by = organisations.get_organisation(session, organisation) if organisation else None
        if withdraw:
            proving.deny(session, row, by, utc_now())
        else:
            proving.confirm(session, row, by, utc_now())
    console.say(f"{row.shop_id} on {row.marketplace} is {row.proof} now.")


@storefronts_app.command("close")
def close_storefront(
    storefront: Annotated[str, typer.Argument(metavar="STOREFRONT_ID")], organisation: Org
) -> None:
    """End the official state of a shop."""
    with open_storage() as storage, storage.database.writing() as session:
        member = organisations.get_organisation(session, organisation)
        row = shops.close(session, member, storefront, utc_now())
    console.say(f"{row.shop_id} on {row.marketplace} is closed.")


@storefronts_app.command("list")
def list_storefronts(organisation: Org, *, json: Json = False) -> None:
    """List an organisation's shops, oldest first, also closed."""
    with open_storage() as storage, storage.database.reading() as session:
        member = organisations.get_organisation(session, organisation)
        rows = shops.list_storefronts(session, member.id, limit=None)
    for row in rows:
        if json:
            console.json_line(_storefront_dict(row))
        else:
            state = "closed" if row.closed_at else row.proof
            line = f"{row.id}  {state}  {row.marketplace}  {row.shop_id}  {row.url}"
            console.out().print(line, markup=False, soft_wrap=True)


def _storefront_dict(row: Storefront) -> dict[str, Any]:
    return {
        "id": row.id,
        "marketplace": row.marketplace,
        "shop": row.shop_id,
        "url": row.url,
        "created_at": row.created_at.isoformat(),
        "proof": row.proof,
        "proved_by": row.proved_by,
        "problem": row.problem,
        "show": proving.proof_of(row),
        "closed_at": row.closed_at.isoformat() if row.closed_at else None,
    }


@storefronts_app.command("badge")
def make_badge(
    storefront: Annotated[str, typer.Argument(metavar="STOREFRONT_ID")],
    *,
    licence: Annotated[str, typer.Option(help="Id of the shop's licence.")],
) -> None:
    """Print a badge for a shop, signed by the licence's owner, until the end of the UTC day."""
    with open_storage() as storage, storage.database.reading() as session:
        vault = open_vault(storage.settings)
        jws = badges.make_badge(
            session, storage.settings, vault, storefront_id=storefront, licence_id=licence, now=utc_now()
        )
    console.data_line(jws)


def verify_badge(
    file: Annotated[Path, typer.Argument(help="The badge.")],
    *,
    url: Annotated[str, typer.Option(help="Page of the badge.")],
    trust: Annotated[Path, typer.Option(metavar="FILE", help="Trusted keys: a trust.json.")],
) -> None:
    """Verify a shop's badge offline. Exit 0: valid at this address now, 1: not valid."""
    trusted = Trust.from_json(read_file(trust, TRUST_BYTES))
    jws = read_file(file, badges.LONGEST_BADGE).decode("ascii", "replace")
    badge = badges.verify_badge(jws, url, trusted, utc_now())
    line = f"{badge.seller} may sell here by a licence of {badge.issuer}, until {badge.until.isoformat()}"
    console.out().print(console.plain(line), markup=False, soft_wrap=True)


def who_may_sell(
    design: Annotated[str, typer.Argument(metavar="DESIGN", help="Design id or the owner's reference.")],
    *,
    marketplace: Marketplace,
    shop: Shop,
    territory: Annotated[str, typer.Option(help="Country of sale, like FR.")],
    owner: Annotated[str | None, typer.Option("--org", help="Owner of the reference.")] = None,
    on: Annotated[str | None, typer.Option(metavar="DATE", help="Sale day. Default: today in UTC.")] = None,
    goods: Annotated[str, typer.Option(help="Nice classes, comma-separated.")] = "",
    json: Json = False,
) -> None:
    """Say whether a shop may sell a design, with its licences and breaches. Exit 0: it may, 1: it may not."""
    day = utc_now().date() if on is None else read_day(on, error_code="seller.day")
    classes = read_classes(goods, error_code="licence.goods")
    with open_storage() as storage, storage.database.reading() as session:
        row = designs.find_design(session, owner, design) if owner else designs.get_design(session, design)
        answer = sellers.may_sell(
            session,
            row,
            marketplace=marketplace,
            shop_id=shop,
            territory=territory,
            on=day,
            goods=classes,
        )
    if json:
        console.json_line(_answer_dict(answer))
    else:
        _show_answer(answer, day)
    raise typer.Exit(0 if answer.allowed else 1)


def _answer_dict(answer: SellerAnswer) -> dict[str, Any]:
    return {
        "allowed": answer.allowed,
        "seller": answer.seller,
        "is_owner": answer.is_owner,
        "on": answer.on.isoformat(),
        "reasons": list(answer.reasons),
        "licences": [
            {
                "id": licence.grant.id,
                "state": licence.grant.state(answer.on),
                "twin": licence.twin.reference if licence.twin else None,
                "breaches": [
                    {"code": breach.code, "params": dict(breach.params)} for breach in licence.breaches
                ],
            }
            for licence in answer.licences
        ],
    }


def _breach_text(breach: Breach) -> str:
    return console.plain(reason_sentence(breach.code, breach.params))


def _show_answer(answer: SellerAnswer, day: date) -> None:
    out = console.out()
    if answer.seller is None:
        reason = "no organisation lists this shop"
        if answer.near_shop is not None:
            reason += f", but one lists {console.plain(answer.near_shop)}: compare the ids"
    elif answer.is_owner:
        reason = f"{answer.seller} owns the design"
    else:
        count = len(answer.licences)
        reason = f"{answer.seller} has {count or 'no'} licence{'' if count == 1 else 's'} for the design"
    if answer.is_claimed:
        reason += ", but the shop is claimed, not proved"
    out.print(f"{'may sell' if answer.allowed else 'may not sell'} on {day}: {reason}", markup=False)
    for licence in answer.licences:
        breaches = "; ".join(map(_breach_text, licence.breaches))
        twin = f", for {console.plain(licence.twin.reference)}, the same art" if licence.twin else ""
        out.print(f"{licence.grant.id}  {breaches or 'covers the sale'}{twin}", markup=False, soft_wrap=True)
