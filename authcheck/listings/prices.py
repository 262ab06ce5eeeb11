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
SHARED_SIGNS = {  # signs of several currencies, between which a column of currencies decides
    YEN_OR_YUAN: {"JPY", "CNY"},
    "$": {"USD", "AUD", "CAD", "NZD", "HKD", "SGD", "TWD", "MXN", "ARS", "CLP", "COP"},
    "KR": {"SEK", "NOK", "DKK", "ISK"},
}
AMOUNT = r"[0-9](?:[0-9]|[.,' ](?=[0-9]))*"
NO_CENTS = r"(?:[.,](?:-{1,2}|=))?"
WRITTEN = re.compile(rf"(?P<before>[^0-9\s]*?)\s*(?P<amount>{AMOUNT}){NO_CENTS}\s*(?P<after>[^0-9\s]*)")
GROUPED = re.compile(
    r"[0-9]{1,3}(?:(?P<sign>[.,' ])[0-9]{3})(?:(?P=sign)[0-9]{3})*"
    r"|[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}"  # lakhs, as in India
)
MOST_DIGITS, MOST_CENTS = 12, 4


def read_price(text: str, currency: str = "") -> str | None:
    """Return a price as amount and ISO 4217 code, `19.90 EUR`, or None for a text that is no price.

    `currency` is the code or sign in a column of its own. It names the currency of a bare number, and says
    which currency a shared sign means. A price whose own currency is another one is no price.
    """
    written = WRITTEN.fullmatch(fold(text).upper().replace("`", "'"))
    if written is None or (written["before"] and written["after"]):
        return None
    own, beside = _sign_of(written["before"] or written["after"]), _sign_of(fold(currency).upper())
    if not own:
        own, beside = beside, ""
    code = _currency_of(own, beside, written["amount"])
    if code is None:
        return None
    amount = _read_amount(written["amount"], get_currency_precision(code))
    return None if amount is None else f"{amount} {code}"


def split_price(price: str | None) -> tuple[Decimal | None, str | None]:
    """Return amount and currency of a price that `read_price` returned, so that a database can compare it."""
    if price is None:
        return None, None
    amount, _, currency = price.partition(" ")
    return Decimal(amount), currency


def is_currency(text: str) -> bool:
    """Return whether a text is the code or a sign of a currency."""
    sign = _sign_of(fold(text).upper())
    return sign in SHARED_SIGNS or SIGNS.get(sign, sign) in _currencies()


def _sign_of(text: str) -> str:
    return text.strip().rstrip(".")


def _currency_of(sign: str, beside: str, amount: str) -> str | None:
    """Return the ISO 4217 code that a sign means.

    Return None when it means none, or another currency than the one beside it.
    """
    other = SIGNS.get(beside, beside)
    if other in SHARED_SIGNS.get(sign, ()):
        return other
    if sign == YEN_OR_YUAN:
        code = "CNY" if re.search(r"[.,][0-9]{2}$", amount) else "JPY"
    else:
        code = SIGNS.get(sign, sign)
    if code not in _currencies() or (other in _currencies() and other != code):
        return None
    return None if code not in SHARED_SIGNS.get(beside, {code}) else code


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
