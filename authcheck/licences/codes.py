"""The codes in licences, listings and storefronts: countries, Nice classes, marketplaces."""

import re
from collections.abc import Sequence

from babel import Locale

from authcheck.errors import Rejected

EVERYWHERE = "*"
NICE_CLASSES = range(1, 46)
MARKETPLACE_CHARS = 64
SHOP_CHARS = 100  # of a shop's id on its marketplace
# fmt: off
# Codes that CLDR lists but ISO 3166-1 does not assign: groups of countries, reserved and private codes.
CLDR_ONLY = {"EU", "EZ", "UN", "QO", "XA", "XB", "XK", "ZZ", "AC", "CP", "CQ", "DG", "EA", "IC", "TA"}
# fmt: on
COUNTRIES: frozenset[str] = frozenset(
    {code for code in map(str, Locale("en").territories) if re.fullmatch("[A-Z]{2}", code)} - CLDR_ONLY
)


def normal_country(text: str) -> str | None:
    """Return the ISO 3166-1 code that a text names, `FR` for ` fr`, or None."""
    country = text.strip().upper()
    return country if text.isascii() and country in COUNTRIES else None  # a long s is an S in capitals


def checked_country(text: str, *, error_code: str) -> str:
    """Return the ISO 3166-1 code that a text names. Raises Rejected (`error_code`)."""
    country = normal_country(text)
    if country is None:
        raise Rejected("A territory is a country's code of two letters, like FR.", code=error_code)
    return country


def checked_goods(goods: Sequence[int], *, error_code: str) -> tuple[int, ...]:
    """Return Nice classes sorted, without repetitions. Raises Rejected (`error_code`)."""
    unknown = [number for number in goods if type(number) is not int or number not in NICE_CLASSES]
    if unknown:
        raise Rejected(
            "Goods must be Nice classes from 1 to 45.",
            code=error_code,
            goods=", ".join(map(str, unknown[:5])),
        )
    return tuple(sorted(set(goods)))


def normal_marketplace(text: str) -> str:
    """Return a marketplace's name in its one spelling: `market.example` for `Market.example `."""
    return text.strip().casefold()
