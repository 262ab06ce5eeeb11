"""Look up certificates, shops and trusted keys at a server."""

from pathlib import Path
from typing import Any

import typer

from authcheck.ids import show_code
from authcheck.licences.codes import read_classes
from authcheck.licences.written import read_day
from authcheck.terminal.output import console
from authcheck.terminal.output.scans import caution_sentence
from authcheck.terminal.remote.answers import line, reasons_text, write
from authcheck.terminal.remote.service import Service, place

LOOK_UP_EXITS = {"verified": 0, "careful": 1, "revoked": 1, "cannot_tell": 3}


def look_up(service: Service, *, code: str, json: bool, out: Path | None) -> None:
    """Look up a certificate. Exit 0: verified, 1: be careful, 3: unknown."""
    found = service.get(place("certificates", code))
    if out is not None:
        write(service.read(place("certificates", code, "bundle")), out)
    if json:
        console.json_line(found)
    else:
        _show_unit(found)
    raise typer.Exit(LOOK_UP_EXITS[found["advice"]])


def _show_unit(found: dict[str, Any]) -> None:
    for step in found["checked"]:
        line(f"{step['name']:<11} {step['state']:<8} {step['detail']}")
    name = show_code(found["code"]) if found["code"] else found["id"]
    line(f"{name}  {found['product'] or ''}, by {found['issuer']['name']}")
    for caution in found["cautions"]:
        line(f"Caution: {caution_sentence(caution['code'], caution['params'])}.")
    outcome = found["outcome"].replace("_", " ")
    line(f"{outcome}, but be careful" if found["cautions"] else outcome)


def who_may_sell(
    service: Service,
    *,
    design: str,
    marketplace: str,
    shop: str,
    territory: str,
    on: str | None,
    goods: str,
    json: bool,
) -> None:
    """Say whether a shop may sell a design. Exit 0: it may, 1: it may not."""
    query = {"design": design, "marketplace": marketplace, "shop": shop, "territory": territory}
    day = read_day(on, error_code="seller.day").isoformat() if on else None
    classes = list(read_classes(goods, error_code="licence.goods"))
    answer = service.get("/v1/sellers", **query, on=day, goods=classes or None)
    if json:
        console.json_line(answer)
    else:
        seller = answer["seller"] or "no organisation lists this shop"
        line(f"{'may sell' if answer['allowed'] else 'may not sell'} on {answer['on']}: {seller}")
        for reason in answer["reasons"]:
            line(f"  {reason}")
        for licence in answer["licences"]:
            line(f"{licence['id']}  {reasons_text(licence['breaches']) or 'covers the sale'}")
    raise typer.Exit(0 if answer["allowed"] else 1)


def export_trust(service: Service, *, brand: str | None, out: Path | None) -> None:
    """Write the trusted keys of the server's ledger and issuers: a trust.json."""
    write(service.read("/trust.json", brand=brand), out)
