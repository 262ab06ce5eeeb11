"""Details of offers: each is brought into one spelling, or left out and named. None refuses a listing."""

import io
import time
from datetime import date
from typing import Any

import pytest

from authcheck.files.csv_cells import CellWriter
from authcheck.listings.details import DETAILS, TEXT_CHARS, clean_detail
from authcheck.listings.offers import NewListing
from authcheck.listings.prices import read_price, split_price

OFFER: dict[str, Any] = {
    "reference": "r", "seller": "s", "channel": "m", "territory": "DE", "listed_on": date(2026, 11, 23),
}  # fmt: skip
RLO, PDF, RLI, ALM, TAG_A = "\u202e", "\u202c", "\u2067", "\u061c", "\U000e0041"


def codes(offer: NewListing) -> list[tuple[str, str]]:
    """Return field and code of each remark."""
    return [(remark.field, remark.code) for remark in offer.remarks]


@pytest.mark.parametrize(
    ("field", "value", "cleaned"),
    [
        ("url", " HTTPS://Market.example/A ", "https://market.example/A"),
        ("url", "http://market.example:8080/i?q=\u98ce\u7b5d", "http://market.example:8080/i?q=%E9%A3%8E%E7%AD%9D"),
        ("url", "https://pr\u00fcfen.example/x", "https://xn--prfen-lva.example/x"),
        ("language", "zh_hant_tw", "zh-Hant-TW"),
        ("language", "DE", "de"),
        ("gtin", "4006381333931", "04006381333931"),
        ("sold_30d", "1,200", 1200),
        ("sold_30d", 0, 0),
        ("stock", "1.000", 1000),
        ("rank", "3", 3),
        ("title", " <b>Kite</b>\r\n red ", "<b>Kite</b> red"),
        ("seller_name", "=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0"),
        ("description", "a\r\n\r\n\r\n b\u2028c", "a\n\nb\nc"),
        ("query", "", None),
        ("url", " \u200b", None),
    ],
)  # fmt: skip
def test_a_detail_has_one_spelling(field: str, value: str | int, cleaned: str | int | None) -> None:
    """The value is read as people write it, without a remark, and cleaning it again changes nothing."""
    assert clean_detail(field, value) == (cleaned, ())
    assert clean_detail(field, cleaned) == (cleaned, ())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("url", "javascript:alert(1)"), ("url", "data:text/html,x"), ("url", "market.example/a"),
        ("url", "https://market.example@evil.example/"), ("url", "https:\\\\evil.example"), ("url", "https://"),
        ("url", "https://a.example/" + "x" * 2000), ("url", "https://a.example:99999/"), ("url", f"https://a.example/{RLO}x"),
        ("url", "https://p\u0430ypal.example/"), ("url", 'https://a.example/"><script>'), ("url", "https://[::1"),
        ("language", "klingonish"), ("language", "xx"), ("language", "de-ZZZ"), ("language", "d" * 1000),
        ("gtin", "4006381333932"), ("gtin", "12"), ("gtin", "4.00638E+12"), ("gtin", "9" * 100_000),
        ("sold_30d", "-1"), ("sold_30d", "many"), ("stock", "1.5"), ("stock", "9" * 18), ("rank", "0"), ("rank", 0),
    ],
)  # fmt: skip
def test_a_detail_that_cannot_be_used_is_left_out_and_named(field: str, value: str | int) -> None:
    """The listing stays. The remark is short, printable and names the field."""
    offer = NewListing(**{**OFFER, field: value}).checked()
    assert getattr(offer, field) is None
    assert codes(offer) == [(field, "listing.field_unread")]
    assert len(offer.remarks[0].detail) < 300
    assert offer.remarks[0].detail.isprintable()
    assert offer.checked() == offer


@pytest.mark.parametrize(
    "hidden", [RLO, PDF, RLI, ALM, TAG_A, "\0", "\x1b", "\x07", "\ud800", "\x9b", "\ufff9"]
)
@pytest.mark.parametrize("field", sorted(TEXT_CHARS))
def test_hidden_characters_are_removed_and_said(field: str, hidden: str) -> None:
    """A mark of direction cannot make `evil.exe.txt` of `evil.txt.exe`, and an escape controls no terminal."""
    offer = NewListing(**{**OFFER, field: f"ab{hidden}cd"}).checked()
    assert getattr(offer, field) == "abcd"
    assert codes(offer) == [(field, "listing.field_hidden")]
    assert offer.checked() == offer


@pytest.mark.parametrize(
    "text",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\u05e9\u05dc\u05d5\u05dd kite",
        "\U0001f468\u200d\U0001f469\u200d\U0001f467",
        "caf\u00e9 \u098f\u09a8\u09c7\u09ae",
    ],
)
def test_honest_scripts_stay(text: str) -> None:
    """Persian with its joiners, Hebrew, families of emoji and accents are kept without a remark."""
    assert clean_detail("title", text) == (text, ())


@pytest.mark.parametrize("field", sorted(TEXT_CHARS))
def test_a_long_text_is_cut_and_said(field: str) -> None:
    """100,000 characters become the first ones that are kept. The remark says how many there were."""
    value, (remark,) = clean_detail(field, "word " * 20_000)
    assert isinstance(value, str)
    assert TEXT_CHARS[field] - 1 <= len(value) <= TEXT_CHARS[field]
    assert (remark.code, "99,999" in remark.detail) == ("listing.field_cut", True)
    assert clean_detail(field, value) == (value, ())


def test_a_tower_of_marks_is_cut_and_costs_no_time() -> None:
    """Eight marks stay on a letter. Sorting 100,000 marks of one letter would take minutes."""
    began = time.process_time()
    value, remarks = clean_detail("title", "Z" + "\u0316\u0301" * 50_000)
    assert (len(str(value)) <= 9, [remark.code for remark in remarks]) == (True, ["listing.field_hidden"])
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("price", "currency", "read"),
    [
        ("19.90", "EUR", "19.90 EUR"),
        ("19,90", "\u20ac", "19.90 EUR"),
        ("19.90 EUR", "eur", "19.90 EUR"),
        ("$ 20", "USD", "20 USD"),
        ("20", "CA$", "20 CAD"),
        ("\u00a5 2,000", "cny", "2000 CNY"),
        ("100 kr", "SEK", "100 SEK"),
        ("19.90 USD", "$", "19.90 USD"),
        ("19.90 EUR", "coins", "19.90 EUR"),
        ("19.90 EUR", "USD", None),
        ("$ 20", "EUR", None),
        ("20 EUR", "$", None),
        ("19.90", "", None),
        ("19.90", "coins", None),
        ("\u00a5 20", "EUR", None),
    ],
)
def test_a_currency_may_have_a_column_of_its_own(price: str, currency: str, read: str | None) -> None:
    """Two currencies that contradict each other are no price, and are named as one that cannot be read."""
    assert read_price(price, currency) == read
    offer = NewListing(**OFFER, price=price, currency=currency).checked()
    assert (offer.price, offer.currency) == (read, read and read[-3:])
    assert bool(offer.price_unread) == (read is None)
    assert (("price", "listing.price_unread") in codes(offer)) == (read is None)
    assert (("currency", "listing.field_unread") in codes(offer)) == (
        currency == "coins" and read is not None
    )
    assert currency in offer.price_unread or read is not None
    assert offer.checked() == offer


def test_a_price_is_split_for_the_database() -> None:
    """Amount and currency are the same price. No price has neither."""
    assert [str(part) for part in split_price("1234.50 EUR")] == ["1234.50", "EUR"]
    assert split_price(None) == (None, None)


def test_a_sellers_name_never_runs_as_a_formula() -> None:
    """The name is stored as it was written. Our CSV writes it as text."""
    file = io.StringIO()
    value, _ = clean_detail("seller_name", "=cmd|'/C calc'!A0")
    CellWriter(file).write_row([value])
    assert file.getvalue().startswith("'=cmd")


def test_no_detail_is_forgotten() -> None:
    """Each detail is a field of an offer."""
    assert set(DETAILS) <= set(NewListing.__dataclass_fields__)
