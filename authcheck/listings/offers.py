"""Offers as marketplaces hand them in: each field is brought into one spelling or refused."""

import re
from dataclasses import dataclass, replace
from datetime import date

from authcheck.errors import Rejected
from authcheck.licences.codes import (
    MARKETPLACE_CHARS,
    SHOP_CHARS,
    checked_country,
    checked_goods,
    normal_marketplace,
)

REFERENCE_CHARS, TYPED_CHARS = 200, 64
CLASS = re.compile(r"[0-9]{1,2}")
PRICE = re.compile(r"[0-9]{1,12}(\.[0-9]{1,4})? [A-Z]{3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewListing:
    """An offer as it is handed in.

    `reference` is the caller's own id for the offer. `seller` is the shop's id on the marketplace `channel`.
    `territory` is an ISO 3166-1 code. `goods` are Nice classes, () when they are not known. `price` is an
    amount with an ISO 4217 code: `19.90 EUR`.
    """

    reference: str
    seller: str
    channel: str
    territory: str
    goods: tuple[int, ...] = ()
    price: str | None = None
    listed_on: date
    certificate_code: str | None = None

    def checked(self) -> "NewListing":
        """Return the offer with all fields in one spelling.

        Raises Rejected (`listing.*`, a code for each field).
        """
        code = (self.certificate_code or "").strip()
        return replace(
            self,
            reference=_line(self.reference, "reference", REFERENCE_CHARS, "listing.reference"),
            seller=_line(self.seller, "seller", SHOP_CHARS, "listing.seller"),
            channel=_line(normal_marketplace(self.channel), "channel", MARKETPLACE_CHARS, "listing.channel"),
            territory=checked_country(self.territory, error_code="listing.territory"),
            goods=checked_goods(self.goods, error_code="listing.goods"),
            price=_price(self.price),
            certificate_code=_line(code, "certificate code", TYPED_CHARS, "listing.certificate")
            if code
            else None,
        )


def _line(text: str, field: str, most_chars: int, code: str) -> str:
    text = text.strip()
    if not text or len(text) > most_chars or not text.isprintable():
        raise Rejected(
            f"A {field} must have 1 to {most_chars} printable characters.", code=code, limit=most_chars
        )
    return text


def _price(text: str | None) -> str | None:
    price = " ".join((text or "").split()).upper()
    if price and not PRICE.fullmatch(price):
        raise Rejected("Write a price as an amount and a currency, like 19.90 EUR.", code="listing.price")
    return price or None


def read_goods(text: str) -> tuple[int, ...]:
    """Read Nice classes with commas, blanks or semicolons between: `9, 25`.

    Raises Rejected (`listing.goods`).
    """
    words = text.replace(",", " ").replace(";", " ").split()
    if not all(CLASS.fullmatch(word) for word in words):
        raise Rejected("Goods must be Nice classes from 1 to 45.", code="listing.goods")
    return tuple(map(int, words))


def read_date(text: str) -> date:
    """Read a day: `2026-11-23`. Raises Rejected (`listing.date`)."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise Rejected("Write a day as 2026-11-23.", code="listing.date") from None
