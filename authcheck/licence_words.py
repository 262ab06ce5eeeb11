"""The words that licences and listings are made of, in their one spelling: countries and Nice classes."""

import re
from collections.abc import Sequence

from babel import Locale

from authcheck.errors import Rejected

EVERYWHERE = "*"
NICE_CLASSES = range(1, 46)
NOT_COUNTRIES = {
    "EU",
    "EZ",
    "UN",
    "QO",
    "XA",
    "XB",
    "XK",
    "ZZ",
    "AC",
    "CP",
    "CQ",
    "DG",
    "EA",
    "IC",
    "TA",
}  # CLDR's own
COUNTRIES = (
    frozenset(re.findall(r"\b[A-Z]{2}\b", " ".join(map(str, Locale("en").territories)))) - NOT_COUNTRIES
)


def checked_territory(text: str) -> str:
    """A country's ISO 3166-1 code in capitals. Raises Rejected (`licence.territory`)."""
    code = text.strip().upper() if isinstance(text, str) else ""
    if code not in COUNTRIES:
        raise Rejected(
            f"{text!r} is no country's code (ISO 3166-1, two letters).",
            code="licence.territory",
            territory=str(text)[:40],
        )
    return code


def checked_goods(goods: Sequence[int]) -> tuple[int, ...]:
    """Nice classes, sorted, each once. Raises Rejected (`licence.goods`)."""
    if any(type(one) is not int or one not in NICE_CLASSES for one in goods):
        raise Rejected("Goods are Nice classes, 1 to 45.", code="licence.goods")
    return tuple(sorted(set(goods)))
