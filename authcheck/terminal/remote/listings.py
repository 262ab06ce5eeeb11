"""Listings and cases of a marketplace at a server."""

import itertools
from pathlib import Path
from typing import Any

import typer

from authcheck.errors import Rejected
from authcheck.ids import new_id
from authcheck.storage.opening import utc_now
from authcheck.terminal.output import console
from authcheck.terminal.output.listings import QUIET
from authcheck.terminal.remote.answers import line, reasons_text, show_rows
from authcheck.terminal.remote.checking import read_picture
from authcheck.terminal.remote.service import Service, place

COLUMNS = {
    "reference": "reference",
    "seller": "seller",
    "channel": "channel",
    "on": "listed_on",
    "verdict": "verdict",
    "id": "id",
}


def check_listing(
    service: Service, *, pictures: list[str], day: str | None, reference: str | None, json: bool, **offer: Any
) -> None:
    """Check whether a seller may offer a product. Exit 0: no action needed, 1: action needed, 3: unknown."""
    words = offer | {"date": day, "reference": reference or new_id("ref", utc_now())}
    parts: list[tuple[str, Any]] = [(name, (None, str(value))) for name, value in words.items() if value]
    parts += [("image", (Path(name).name, read_picture(name))) for name in pictures]
    try:
        judged = service.upload("/v1/listings", parts)
    except Rejected as error:
        if error.code != "listing.pictures":
            raise
        console.say(f"{error} [{error.code}]", style="red")  # no picture is readable
        raise typer.Exit(3) from error
    for picture in judged["unreadable"]:
        console.say(f"{picture['picture']}: {picture['detail']} [{picture['code']}]", style="red")
    _show_listing(judged, json=json)
    raise typer.Exit(1 if judged["verdict"] not in QUIET else 3 if judged["unreadable"] else 0)


def list_listings(
    service: Service, *, verdict: str | None, seller: str | None, after: str, limit: int, json: bool
) -> None:
    """List listings, oldest first."""
    rows = service.items("/v1/listings", verdict=verdict, seller=seller, after=after or None)
    show_rows(itertools.islice(rows, limit), COLUMNS, json=json, whole=("verdict", "id"))


def show_listing(service: Service, *, listing: str, json: bool) -> None:
    """Show a listing: verdict, reasons and evidence."""
    _show_listing(service.get(place("listings", listing)), json=json)


def _show_listing(listing: dict[str, Any], *, json: bool) -> None:
    if json:
        console.json_line(listing)
        return
    offer = f"{listing['seller']} on {listing['channel']} in {listing['territory']}, {listing['listed_on']}"
    line(f"{listing['verdict']}  {listing['reference']}  {offer}")
    for remark in listing["remarks"]:
        line(f"  {remark['detail']} [{remark['code']}]")
    for reason in listing["reasons"]:
        line(f"  {reasons_text([reason])}")
    for design in listing["designs"]:
        pictures = ", ".join(str(number + 1) for number in design["pictures"])
        name = f"{design['reference']} of {design['owner']}"
        line(
            f"  {design['verdict']}: {name}, score {console.score_text(design['score'])}, picture {pictures}"
        )
    line(f"  {listing['id']}")
