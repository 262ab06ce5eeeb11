"""Look up certificates, shops and trusted keys at a server."""

from pathlib import Path

import typer

from authcheck.licences.codes import read_classes
from authcheck.licences.written import read_day
from authcheck.terminal.output import console
from authcheck.terminal.output import lookups as output
from authcheck.terminal.remote.answers import line, reasons_text, write
from authcheck.terminal.remote.service import Service, place


def look_up(service: Service, *, code: str, json: bool, out: Path | None) -> None:
    """Look up a certificate. Exit 0: verified, 1: be careful, 3: unknown."""
    facts = service.get(place("certificates", code))
    if out is not None:
        write(service.read(place("certificates", code, "bundle")), out)
    if json:
        console.json_line(facts)
    else:
        is_disputed = bool(facts["design"] and facts["design"]["disputed"])
        output.show(facts, brand=facts["issuer"]["name"], is_disputed=is_disputed)
    raise typer.Exit(output.EXITS[facts["advice"]])


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
        for code in answer["reasons"]:
            line(f"  {reasons_text([{'code': code, 'params': {}}])}")
        for licence in answer["licences"]:
            line(f"{licence['id']}  {reasons_text(licence['breaches']) or 'covers the sale'}")
    raise typer.Exit(0 if answer["allowed"] else 1)


def export_trust(service: Service, *, brand: str | None, out: Path | None) -> None:
    """Write the trusted keys of the server's ledger and issuers: a trust.json."""
    write(service.read("/trust.json", brand=brand), out)
