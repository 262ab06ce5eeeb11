"""Offers as marketplaces hand them in: each field is brought into one spelling or refused."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from authcheck.errors import Rejected
from authcheck.files import table_text
from authcheck.ids import tidy
from authcheck.labels.codes import LONGEST_TEXT, unwrap
from authcheck.licences.codes import (
    MARKETPLACE_CHARS,
    SHOP_CHARS,
    checked_country,
    checked_goods,
    normal_marketplace,
    normal_shop,
    read_classes,
    refuse_rounded,
)
from authcheck.licences.written import read_day
from authcheck.listings.details import DETAILS, Remark, Value, clean_detail
from authcheck.listings.prices import is_currency, read_price, split_price

REFERENCE_CHARS, TYPED_CHARS = 200, LONGEST_TEXT
PRICE_CHARS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class NewListing:
    """An offer as it is handed in.

    `reference` is the caller's own id for the offer. `seller` is the shop's id on the marketplace `channel`.
    `territory` is an ISO 3166-1 code. `goods` are Nice classes, () when they are not known. `price` is an
    amount with an ISO 4217 code: `19.90 EUR`. Without a code of its own, it is in `currency`. `price_unread`
    is a price that cannot be read.

    The fields from `url` to `query` are `details.DETAILS`, which decide nothing. The numbers may be text as
    people write it. `remarks` names the values that `checked` left out or changed.
    """

    reference: str
    seller: str
    channel: str
    territory: str
    goods: tuple[int, ...] = ()
    price: str | None = None
    listed_on: date
    certificate_code: str | None = None
    price_unread: str = ""
    currency: str | None = None
    url: str | None = None
    title: str | None = None
    description: str | None = None
    language: str | None = None
    seller_name: str | None = None
    gtin: str | None = None
    sold_30d: Value = None
    stock: Value = None
    rank: Value = None
    query: str | None = None
    remarks: tuple[Remark, ...] = ()

    def checked(self) -> "NewListing":
        """Return the offer with all fields in one spelling.

        A price that cannot be read goes to `price_unread`. A detail that cannot be read is None, and a remark
        names it. Raises Rejected (`listing.*`, a code for each other field).
        """
        code = unwrap(self.certificate_code or "")
        refuse_rounded(tidy(self.seller), error_code="listing.seller")
        refuse_rounded(tidy(self.reference), error_code="listing.reference")
        price = _price(self.price, self.currency)
        unread = "" if price else _unread_price(self.price, self.currency)
        details = {field: clean_detail(field, getattr(self, field)) for field in DETAILS}
        remarks = [remark for _, field_remarks in details.values() for remark in field_remarks]
        remarks += _price_remarks(price, unread, self.currency)
        values: dict[str, Any] = {field: value for field, (value, _) in details.items()}
        return replace(
            self,
            **values,
            reference=_line(self.reference, "reference", REFERENCE_CHARS, "listing.reference"),
            seller=_line(normal_shop(self.seller), "seller", SHOP_CHARS, "listing.seller"),
            channel=_channel(self.channel),
            territory=checked_country(self.territory, error_code="listing.territory"),
            goods=checked_goods(self.goods, error_code="listing.goods"),
            price=price,
            price_unread=self.price_unread or unread,
            currency=split_price(price)[1],
            remarks=(*self.remarks, *remarks),
            certificate_code=_line(code, "certificate code", TYPED_CHARS, "listing.certificate")
            if code
            else None,
        )


def _line(text: str, field: str, most_chars: int, code: str) -> str:
    text = tidy(text)
    if not text or len(text) > most_chars or not text.isprintable():
        raise Rejected(
            f"{text[:PRICE_CHARS]!r} is not a {field}. It must have 1 to {most_chars} printable characters.",
            code=code,
            limit=most_chars,
        )
    return text


def _channel(text: str) -> str:
    channel = _line(normal_marketplace(text), "channel", MARKETPLACE_CHARS, "listing.channel")
    if "/" in channel:
        raise Rejected(
            f"{channel!r} is not a marketplace's name. Write the shop as the seller.",
            code="listing.channel",
            limit=MARKETPLACE_CHARS,
        )
    return channel


def _price(text: str | None, currency: str | None) -> str | None:
    return read_price(text, currency or "") if text and text.strip() else None


def _unread_price(text: str | None, currency: str | None) -> str:
    """Return how a price that cannot be read is named, with the currency beside it. "" without a price."""
    if not text or not text.strip():
        return ""
    beside = f" ({currency})" if currency and currency.strip() else ""
    shown = "".join(char for char in tidy(f"{text}{beside}") if char.isprintable())
    return shown[:PRICE_CHARS] or "?"


def _price_remarks(price: str | None, unread: str, currency: str | None) -> list[Remark]:
    if unread:
        return [Remark("price", "listing.price_unread", f"We cannot read the price {unread}.")]
    if price and currency and currency.strip() and not is_currency(currency):
        problem = (
            f"We left the currency {table_text.shown(currency[:PRICE_CHARS])} out. The price names {price}."
        )
        return [Remark("currency", "listing.field_unread", problem)]
    return []


def read_goods(text: str) -> tuple[int, ...]:
    """Read Nice classes with anything of `,;|/&+` or blanks between: `9, 25`, `Class 9; 25`.

    Raises Rejected (`listing.goods`).
    """
    return read_classes(text, error_code="listing.goods")


def read_date(text: str) -> date:
    """Read a day, see `read_day`. Raises Rejected (`listing.date`)."""
    return read_day(text, error_code="listing.date")
