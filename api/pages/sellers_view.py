"""Who may sell a design in the reader's country, on the answer about a photo."""

import unicodedata
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from sqlalchemy.orm import Session

from authcheck.checks.tables import Check
from authcheck.checks.verdicts import VerdictCode
from authcheck.licences.codes import COUNTRIES
from authcheck.registry.tables import Design
from authcheck.storefronts import official
from authcheck.storefronts.official import OfficialShops

from ..i18n import LANGUAGES, Language


@dataclass(frozen=True, slots=True)
class SellersShown:
    """The countries to choose from, as code and name, and the answer for the chosen one or None."""

    countries: tuple[tuple[str, str], ...]
    country: str = ""
    name: str = ""
    answer: OfficialShops | None = None


def sellers_of(
    session: Session, language: Language, check: Check, design: Design | None, *, asked: str, today: date
) -> SellersShown | None:
    """Return who may sell the design of a check in the country `asked`. None when no shop could be named.

    Only a match names shops: a lookalike may be a design of somebody else. A design in dispute or retired
    names none.
    """
    if design is None or check.verdict != VerdictCode.MATCH or design.state != "registered":
        return None
    country = asked.upper()
    if country not in COUNTRIES:
        return SellersShown(countries_in(language.tag))
    return SellersShown(
        countries_in(language.tag),
        country,
        str(language.locale.territories[country]),
        official.who_may_sell(session, design, territory=country, on=today),
    )


@lru_cache(maxsize=8)
def countries_in(tag: str) -> tuple[tuple[str, str], ...]:
    """Return the countries with their names in a language, in the order of its readers."""
    names = LANGUAGES[tag].locale.territories
    pairs = [(code, str(names[code])) for code in COUNTRIES]
    return tuple(sorted(pairs, key=lambda pair: _order_of(pair[1])))


def _order_of(name: str) -> bytes:
    """Return the sort key of a name, without accents. GB 18030 has common Chinese characters by pinyin."""
    plain = "".join(char for char in unicodedata.normalize("NFKD", name) if not unicodedata.combining(char))
    return plain.casefold().encode("gb18030")
