"""The words that licences and listings are made of, in their one spelling: countries and Nice classes."""

import re
from collections.abc import Sequence

from babel import Locale

from authcheck.errors import Rejected

EVERYWHERE = "*"
NICE_CLASSES = range(1, 46)
# Groups of countries, reserved and private codes, which CLDR knows and ISO 3166-1 does not assign.
CLDR_ONLY = {"EU", "EZ", "UN", "QO", "XA", "XB", "XK", "ZZ", "AC", "CP", "CQ", "DG", "EA", "IC", "TA"}  # fmt: skip
COUNTRIES: frozenset[str] = frozenset(
    {code for code in map(str, Locale("en").territories) if re.fullmatch("[A-Z]{2}", code)} - CLDR_ONLY
)


def checked_goods(goods: Sequence[int]) -> tuple[int, ...]:
    """Nice classes, sorted, each once. Raises Rejected (`licence.goods`)."""
    if any(type(one) is not int or one not in NICE_CLASSES for one in goods):
        raise Rejected("Goods are Nice classes, 1 to 45.", code="licence.goods")
    return tuple(sorted(set(goods)))
