"""Dropped files, in JSON, for the organisation whose people have sent them."""

from datetime import date
from typing import Literal, cast

from pydantic import Field

from authcheck.listings.tables import Listing
from authcheck.registry.import_tables import DropFile

from .forms import Wire, sendable

FileState = Literal[
    "registered",
    "already_yours",
    "disputed",
    "refused",
    "working",
    "waiting",
    "held",
    "part",
    "twice",
    "left_out",
]


class DropFileOut(Wire):
    """A dropped file, and what became of it.

    `code` and `detail` say why a file is refused. `design` is the design that the file has registered, or
    that you have had before. `seen` is the number of listings that showed the picture when you registered it,
    null until we have looked, and without the right to listings.
    """

    number: int
    name: str
    sha256: str = Field(description="Empty for a row of a table whose file is not there.")
    state: FileState
    design: str | None
    code: str
    detail: str
    findability: str = Field(description="good, fair or poor, or empty.")
    warnings: list[str]
    near_owner: str
    near_reference: str
    twin: str
    seen: int | None


class SeenListingOut(Wire):
    """What every buyer sees of a listing that showed your picture before you registered it."""

    listing: str
    marketplace: str
    title: str | None
    url: str | None
    seller: str
    seller_name: str | None
    territory: str
    listed_on: date
    price: str | None


def drop_file_out(file: DropFile, *, may_see: bool) -> DropFileOut:
    """Return a file. `may_see` says whether the caller may read listings."""
    report = file.report

    def text(name: str) -> str:
        return str(sendable(report.get(name) or ""))

    return DropFileOut(
        number=file.number,
        name=str(sendable(file.name)),
        sha256=file.sha256,
        state=cast("FileState", file.state),
        design=file.design_id,
        code=text("code"),
        detail=text("detail"),
        findability=text("findability"),
        warnings=[str(code) for code in report.get("warnings") or ()],
        near_owner=text("near_owner"),
        near_reference=text("near_reference"),
        twin=text("twin"),
        seen=file.seen if may_see else None,
    )


def seen_listing_out(listing: Listing, marketplace: str) -> SeenListingOut:
    """Return a listing of before, with the handle of its marketplace."""
    return SeenListingOut(
        listing=listing.id,
        marketplace=marketplace,
        title=listing.title,
        url=listing.url,
        seller=listing.seller,
        seller_name=listing.seller_name,
        territory=listing.territory,
        listed_on=listing.listed_on,
        price=listing.price,
    )
