"""The codes in licences and listings: countries and Nice classes."""

import re
from collections.abc import Sequence

from babel import Locale

from authcheck.errors import Rejected

EVERYWHERE = "*"
NICE_CLASSES = range(1, 46)
# fmt: off
# Codes that CLDR lists but ISO 3166-1 does not assign: groups of countries, reserved and private codes.
CLDR_ONLY = {"EU", "EZ", "UN", "QO", "XA", "XB", "XK", "ZZ", "AC", "CP", "CQ", "DG", "EA", "IC", "TA"}
# fmt: on
COUNTRIES: frozenset[str] = frozenset(
    {code for code in map(str, Locale("en").territories) if re.fullmatch("[A-Z]{2}", code)} - CLDR_ONLY
)


def checked_goods(goods: Sequence[int]) -> tuple[int, ...]:
    """Return Nice classes sorted, without repetitions. Raises Rejected (`licence.goods`)."""
    if any(type(number) is not int or number not in NICE_CLASSES for number in goods):
        raise Rejected("Goods must be Nice classes from 1 to 45.", code="licence.goods")
    return tuple(sorted(set(goods)))
