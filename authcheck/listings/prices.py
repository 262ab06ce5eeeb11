"""Prices as people, spreadsheets and shops write them: `19,90 EUR`, `€ 1.234,50`, `1'234.- CHF`.

A price decides nothing. A price that cannot be read is named, and the listing is checked all the same.
"""

import re
from decimal import Decimal
from functools import cache

from babel.numbers import get_currency_precision, list_currencies

from authcheck.ids import fold

SIGNS = dict(
    pair.split("=")
    for pair in (  # noqa: SIM905 - one line a currency would be a page
        "€=EUR EURO=EUR EUROS=EUR £=GBP US$=USD U$=USD A$=AUD AU$=AUD C$=CAD CA$=CAD HK$=HKD NT$=TWD S$=SGD "
        "R$=BRL MX$=MXN NZ$=NZD ₹=INR ₩=KRW ₽=RUB ₺=TRY ₫=VND ₴=UAH ฿=THB ₪=ILS ZŁ=PLN KČ=CZK FT=HUF SFR=CHF "
        "FR=CHF RMB=CNY CN¥=CNY 元=CNY JP¥=JPY 円=JPY"
    ).split()
)
YEN_OR_YUAN = "¥"  # yen has no digits after the point, yuan has two
AMOUNT = r"[0-9](?:[0-9]|[.,' ](?=[0-9]))*"
NO_CENTS = r"(?:[.,](?:-{1,2}|=))?"
WRITTEN = re.compile(rf"(?P<before>[^0-9\s]*?)\s*(?P<amount>{AMOUNT}){NO_CENTS}\s*(?P<after>[^0-9\s]*)")
GROUPED = re.compile(
    r"[0-9]{1,3}(?:(?P<sign>[.,' ])[0-9]{3})(?:(?P=sign)[0-9]{3})*"
    r"|[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}"  # lakhs, as in India
)
MOST_DIGITS, MOST_CENTS = 12, 4


def read_price(text: str) -> str | None:
    """Return a price as amount and ISO 4217 code, `19.90 EUR`, or None for a text that is no price."""
    written = WRITTEN.fullmatch(fold(text).upper().replace("`", "'"))
    if written is None:
        return None
    sign = (written["before"] or written["after"]).strip().rstrip(".")
    if not sign or (written["before"] and written["after"]):
        return None
    if sign == YEN_OR_YUAN:
        currency = "CNY" if re.search(r"[.,][0-9]{2}$", written["amount"]) else "JPY"
    else:
        currency = SIGNS.get(sign, sign)
    if currency not in _currencies():
        return None
    amount = _read_amount(written["amount"], get_currency_precision(currency))
    return None if amount is None else f"{amount} {currency}"


@cache
def _currencies() -> frozenset[str]:
    return frozenset(list_currencies())


def _read_amount(text: str, cents: int) -> str | None:
    """Return an amount with a point before the cents. `cents` is the currency's number of digits after it.

    One sign before three digits, as in `1.234`, separates thousands unless the currency has three cents.
    """
    signs = [char for char in text if char in ".,"]
    whole, part = text, ""
    is_grouped = GROUPED.fullmatch(text) is not None
    if signs and not (is_grouped and (len(signs) > 1 or cents != 3)):  # noqa: PLR2004 - three cents
        whole, _, part = text.rpartition(signs[-1])
    if signs and is_grouped and len(signs) == 1 and text.startswith("0"):
        whole, _, part = text.rpartition(signs[-1])  # no number of thousands begins with a zero
    if not (whole.isdecimal() or GROUPED.fullmatch(whole)) or (part and signs[-1] in whole):
        return None
    digits = re.sub(r"[^0-9]", "", whole)
    if len(digits) > MOST_DIGITS or len(part) > MOST_CENTS:
        return None
    return f"{Decimal(digits)}{f'.{part}' if part else ''}"
