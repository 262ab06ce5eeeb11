"""Countries, goods and marketplaces have the same spelling in licences, listings and shops."""

from datetime import date

import pytest

from authcheck.errors import Rejected
from authcheck.licences.codes import checked_country, checked_goods, normal_marketplace
from authcheck.licences.terms import Terms

LONG_S_E = "\u017fe"  # in capitals it is SE, Sweden


@pytest.mark.parametrize("text", ["SE", "se", " Se "])
def test_a_country_has_one_spelling(text: str) -> None:
    """Upper and lower case and blanks do not matter."""
    assert checked_country(text, error_code="x.territory") == "SE"
    assert Terms(designs=("d",), territories=(text,), starts_on=date(2026, 1, 1)).checked().territories == (
        "SE",
    )


@pytest.mark.parametrize("text", ["", "S", "ZZ", "EU", "SWX", "Congo", "*", LONG_S_E, "S\x00"])
def test_what_is_no_country_is_refused(text: str) -> None:
    """A letter that becomes a country's letter only in capitals is refused.

    The error has the caller's code.
    """
    with pytest.raises(Rejected) as refused:
        checked_country(text, error_code="x.territory")
    assert refused.value.code == "x.territory"


@pytest.mark.parametrize("text", ["", "ZZ", LONG_S_E])
def test_terms_refuse_the_same(text: str) -> None:
    """The terms of a licence accept the same countries as a listing."""
    with pytest.raises(Rejected) as refused:
        Terms(designs=("d",), territories=(text,), starts_on=date(2026, 1, 1)).checked()
    assert refused.value.code == "licence.territory"


@pytest.mark.parametrize("goods", [(0,), (46,), (25, -1), (True,)])
def test_what_is_no_nice_class_is_refused(goods: tuple[int, ...]) -> None:
    """Nice classes are whole numbers from 1 to 45. The error names a class that is not."""
    with pytest.raises(Rejected) as refused:
        checked_goods(goods, error_code="x.goods")
    assert refused.value.code == "x.goods"
    assert str(goods[-1]) in refused.value.params["goods"]


def test_goods_and_marketplaces_have_one_spelling() -> None:
    """Goods are sorted without repetitions. Marketplaces are case-folded without blanks."""
    assert checked_goods((25, 9, 25), error_code="x.goods") == (9, 25)
    assert normal_marketplace(" Market.Example ") == "market.example"
