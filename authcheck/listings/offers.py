"""Offers as they are handed in, brought into one spelling or refused."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from authcheck.errors import Rejected
from authcheck.licences.codes import COUNTRIES, NICE_CLASSES
from authcheck.storefronts.shops import normal_marketplace

REFERENCE_CHARS, SELLER_CHARS, CHANNEL_CHARS, TYPED_CHARS = 200, 100, 64, 64
CLASS = re.compile(r"[0-9]{1,2}")
PRICE = re.compile(r"[0-9]{1,12}(\.[0-9]{1,4})? [A-Z]{3}")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewListing:
    """An offer as it is handed in.

    `reference` is the asker's own id for it; `seller` the shop's id on the marketplace `channel`; `territory` an ISO 3166-1 code;
    `goods` Nice classes, none where they are not known; `price` an amount and an ISO 4217 code.
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
        """All in one spelling. Raises Rejected (`listing.*`), each field with its own code."""
        code = (self.certificate_code or "").strip()
        return replace(
            self,
            reference=_line(self.reference, "reference", REFERENCE_CHARS, "listing.reference"),
            seller=_line(self.seller, "seller", SELLER_CHARS, "listing.seller"),
            channel=_line(normal_marketplace(self.channel), "channel", CHANNEL_CHARS, "listing.channel"),
            territory=_territory(self.territory),
            goods=_goods(self.goods),
            price=_price(self.price),
            certificate_code=_line(code, "certificate code", TYPED_CHARS, "listing.certificate")
            if code
            else None,
        )


def _line(text: str, field: str, most_chars: int, code: str) -> str:
    text = text.strip()
    if not text or len(text) > most_chars or not text.isprintable():
        raise Rejected(f"A {field} has 1 to {most_chars} printable characters.", code=code, limit=most_chars)
    return text


def _territory(text: str) -> str:
    found = text.strip().upper()
    if not text.isascii() or found not in COUNTRIES:  # a long s is an S in capitals
        raise Rejected(
            "A territory is a country's two letters (ISO 3166-1), as DE.", code="listing.territory"
        )
    return found


def _goods(classes: Sequence[int]) -> tuple[int, ...]:
    if any(number not in NICE_CLASSES for number in classes):
        raise Rejected("Goods are Nice classes, 1 to 45.", code="listing.goods")
    return tuple(sorted(set(classes)))


def _price(text: str | None) -> str | None:
    found = " ".join((text or "").split()).upper()
    if found and not PRICE.fullmatch(found):
        raise Rejected("A price is an amount and a currency, as 19.90 EUR.", code="listing.price")
    return found or None


def read_goods(text: str) -> tuple[int, ...]:
    """Nice classes with commas, blanks or semicolons between. Raises Rejected (`listing.goods`)."""
    words = text.replace(",", " ").replace(";", " ").split()
    if not all(CLASS.fullmatch(word) for word in words):
        raise Rejected("Goods are Nice classes, 1 to 45.", code="listing.goods")
    return tuple(map(int, words))


def read_date(text: str) -> date:
    """A day as 2026-11-23. Raises Rejected (`listing.date`)."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise Rejected("A day is written as 2026-11-23.", code="listing.date") from None
