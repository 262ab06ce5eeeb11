"""Values as people, spreadsheets, scanners and chat programs write them: read as the one thing, or refused by name."""

import time
from datetime import UTC, date, datetime
from typing import Any

import pytest

from authcheck.errors import Rejected
from authcheck.ids import check_code, fold, tidy
from authcheck.labels.codes import read_code
from authcheck.labels.gs1 import check_gtin, check_lot
from authcheck.licences.codes import (
    EUROPEAN_UNION,
    loose_shop,
    normal_country,
    normal_marketplace,
    normal_shop,
    read_classes,
)
from authcheck.licences.terms import Terms
from authcheck.licences.written import read_count, read_day
from authcheck.listings.offers import NewListing
from authcheck.listings.prices import read_price
from authcheck.members.organisations import describe_organisation

CODE = "NEN5292JFEZ68"
URLS = ("https://authcheck.example", "https://old.example:8443/auth")
DAY = date(2026, 11, 29)
NOW = datetime(2026, 11, 29, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        CODE, f" {CODE}\r\n", CODE.lower(), "NEN5-292J-FEZ68", "nen5 292j fez68", "NEN5\u2013292J\u2013FEZ68", "NEN5.292J.FEZ68",
        "\uff2e\uff25\uff2e5292JFEZ68", "NEN5\u200b292J\u00adFEZ68", f"\u201c{CODE}\u201d", f"{CODE}.", f"({CODE})", f"]Q3{CODE}", f"]d2{CODE}\x1d",
        f"https://authcheck.example/c/{CODE}", f"HTTPS://AUTHCHECK.EXAMPLE/C/{CODE}", f"http://authcheck.example/c/{CODE}/",
        f"<https://authcheck.example/c/{CODE}>", f"https://authcheck.example/c/{CODE}.", f"(https://authcheck.example/c/{CODE})",
        f"authcheck.example/c/{CODE}", f"https://authcheck.example:443/c/{CODE}", f"https://authcheck.example/c/{CODE}?utm_source=chat#top",
        f"https://old.example:8443/auth/c/{CODE}", f"HTTPS://OLD.EXAMPLE:8443/AUTH/C/{CODE}",
        f"https://authcheck.example/01/09506000134352/10/L1/21/{CODE}", f"https://authcheck.example/01/09506000134352/10/L1/21/A-17?c={CODE}",
        f"]Q1HTTPS://AUTHCHECK.EXAMPLE/C/{CODE}\r", f"tel:{CODE}", "https://authcheck.example/c/nen5-292j-fez68",
    ],
)  # fmt: skip
def test_one_code_is_read_in_all_its_spellings(text: str) -> None:
    """A bare code, a label's address and what programs put around them are the code."""
    assert read_code(text, lambda: URLS) == CODE


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (f"https://other.example/c/{CODE}", "code.foreign"),
        (f"https://authcheck.example.evil.example/c/{CODE}", "code.foreign"),
        (f"https://authcheck.example@evil.example/c/{CODE}", "code.foreign"),
        (f"https://old.example/auth/c/{CODE}", "code.foreign"),
        (f"ftp://authcheck.example/c/{CODE}", "code.foreign"),
        ("https://authcheck.example/about", "code.foreign"),
        ("https://authcheck.example/01/09506000134352/10/L1/21/A-17", "code.malformed"),
        ("NEN5292JFEY68", "code.malformed"), ("NEN5\u00df292J\u00dfFEZ68", "code.malformed"), ("", "code.malformed"), ("4.00638E+12", "code.malformed"),
    ],
)  # fmt: skip
def test_what_is_no_code_of_ours_is_told_apart(text: str, error: str) -> None:
    """An address of another service is refused as such, and a typing error as one."""
    with pytest.raises(Rejected) as refused:
        read_code(text, lambda: URLS)
    assert refused.value.code == error


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("19.90 EUR", "19.90 EUR"), ("19,90 EUR", "19.90 EUR"), ("EUR 19.90", "19.90 EUR"), ("\u20ac 19,90", "19.90 EUR"), ("19,90\u20ac", "19.90 EUR"),
        ("1.234,56 EUR", "1234.56 EUR"), ("1,234.56 USD", "1234.56 USD"), ("1'234.50 CHF", "1234.50 CHF"), ("1\u2019234.50 CHF", "1234.50 CHF"),
        ("1\u202f234,50 EUR", "1234.50 EUR"), ("CHF 19.-", "19 CHF"), ("\u00a51,999", "1999 JPY"), ("1.234 EUR", "1234 EUR"), ("1.234 KWD", "1.234 KWD"),
        ("0.125 KWD", "0.125 KWD"), ("1,234,567 JPY", "1234567 JPY"), ("\uff11\uff19\uff0e\uff19\uff10 EUR", "19.90 EUR"), ("19 eur", "19 EUR"), ("1,99,999.00 INR", "199999.00 INR"),
        ("cheap", None), ("19.90", None), ("$19", None), ("19-29 EUR", None), ("12 34 EUR", None), ("-5 EUR", None), ("1,23,4 EUR", None), ("19 XXQ", None),
    ],
)  # fmt: skip
def test_a_price_is_an_amount_and_a_currency(text: str, price: str | None) -> None:
    """The currency's own number of cents decides what a sign before three digits means."""
    assert read_price(text) == price
    fields: dict[str, Any] = {
        "reference": "r",
        "seller": "s",
        "channel": "m",
        "territory": "DE",
        "listed_on": DAY,
    }
    listing = NewListing(**fields, price=text).checked()
    assert (listing.price, bool(listing.price_unread)) == (price, price is None)
    assert listing.checked() == listing


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-29", " 2026-11-29\r", "2026/11/29", "2026.11.29", "29.11.2026", "29. 11. 2026", "29/11/2026", "11/29/2026", "20261129",
        "2026\u201111\u201129", "2026-11-29T23:30:00Z", "2026-11-30T01:00:00+02:00", "2026-11-29 10:00", "\u201c2026-11-29\u201d",
        "29 Nov 2026", "29. November 2026", "Nov 29, 2026", "November 29th, 2026", "29-Nov-2026", "29 novembre 2026", "29 de noviembre de 2026",
        "2026\u5e7411\u670829\u65e5", "2026. 11. 29.", "2026-Nov-29", "29.11.2026 10:30", "11/29/2026 0:00", "11/29/2026 10:30:05 AM",
        "Sunday, November 29, 2026", "So., 29. Nov. 2026", "dim. 29 novembre 2026", "Sun, 29 Nov 2026 10:00:00 GMT",
    ],
)  # fmt: skip
def test_a_day_with_one_meaning_is_read(text: str) -> None:
    """ISO days, days with dots, days whose month is plain, and moments."""
    assert read_day(text, error_code="x.day") == DAY


@pytest.mark.parametrize(
    "text",
    [
        "11/12/2026",
        "46355",
        "46355.5",
        "29.11.26",
        "29-Nov-26",
        "29 Foo 2026",
        "2026-13-01",
        "31.11.2026",
        "yesterday",
        "11/12/2026 0:00",
        "Sun, 29 Nov 2026 23:00:00 -0500",
        "",
        "0000-01-01",
    ],
)
def test_a_day_with_two_meanings_is_refused_with_its_value(text: str) -> None:
    """The refusal names the value and says how to write a day."""
    with pytest.raises(Rejected, match="Write a day as 2026-11-23") as refused:
        read_day(text, error_code="x.day")
    assert (refused.value.code, refused.value.params["value"]) == ("x.day", text)


def test_march_is_no_tuesday() -> None:
    """A word that is a month in one language and a day of the week in another is read by its place."""
    assert read_day("Mar 29, 2026", error_code="x.day") == date(2026, 3, 29)
    assert read_day("mar. 29 nov. 2026", error_code="x.day") == DAY


def test_a_spreadsheets_number_of_a_day_is_named() -> None:
    """The refusal says which day a spreadsheet would mean."""
    with pytest.raises(Rejected, match=r"spreadsheet.*2026-11-29"):
        read_day("46355", error_code="x.day")


@pytest.mark.parametrize(
    "text", ["1000", "1,000", "1.000", "1 000", "1\u00a0000", "1'000", "\uff11\uff10\uff10\uff10", " 1000 "]
)
def test_thousands_may_be_separated(text: str) -> None:
    """A count has no decimals, so every sign before three digits separates thousands."""
    assert read_count(text) == 1000


@pytest.mark.parametrize("text", ["1,5", "1.00", "-1", "1e3", "", "ten", "12,34,567", "9" * 19, "1" * 5000])
def test_what_is_no_count_is_refused(text: str) -> None:
    """A number with decimals, a sign or an exponent is refused by name."""
    with pytest.raises(Rejected, match="digits"):
        read_count(text)


@pytest.mark.parametrize(
    ("text", "country"),
    [
        ("DE", "DE"), (" de ", "DE"), ("\uff24\uff25", "DE"), ("DEU", "DE"), ("Germany", "DE"), ("Deutschland", "DE"), ("Allemagne", "DE"), ("UK", "GB"),
        ("USA", "US"), ("EL", "GR"), ("\u65e5\u672c", "JP"), ("T\u00fcrkiye", "TR"), ("Espan\u0303a", "ES"), ("DE.", "DE"), ("\U0001f1e9\U0001f1ea", "DE"), ("Turkiye", "TR"), ("Espana", "ES"), ("Oesterreich", "AT"), ("\u0420\u043e\u0441\u0441\u0438\u044f", "RU"), ("Hong Kong", "HK"), ("UAE", "AE"),
        ("coree", None), ("\U0001f1ea\U0001f1fa", None),
        ("EU", None), ("Congo", None), ("Atlantis", None), ("", None), ("*", None), ("D E", None),
    ],
)  # fmt: skip
def test_a_country_is_a_code_or_a_name_with_one_meaning(text: str, country: str | None) -> None:
    """Names in several languages are read. A group of countries and a name of two countries are none."""
    assert normal_country(text) == country


def test_a_licence_names_the_union_by_its_countries() -> None:
    """EU stands for 27 countries in a licence."""
    terms = Terms(designs=("d",), territories=("EU", "Schweiz"), starts_on=DAY).checked()
    assert terms.territories == tuple(sorted((*EUROPEAN_UNION, "CH")))
    assert len(EUROPEAN_UNION) == 27
    named = Terms(designs=("d",), territories=("Europ\u00e4ische Union", "Schweiz"), starts_on=DAY).checked()
    assert named.territories == terms.territories
    assert Terms(designs=("d",), territories=("Worldwide",), starts_on=DAY).checked().territories == ("*",)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("market.example", "market.example"), (" WWW.Market.Example. ", "market.example"), ("https://www.market.example/", "market.example"),
        ("http://market.example/de/shop", "market.example"), ("<market.example>", "market.example"), ("market\u200b.example", "market.example"),
        ("xn--mrkt-loa.example", "m\u00e4rkt.example"), ("M\u00c4RKT.example", "m\u00e4rkt.example"), ("bigmarket", "bigmarket"),
    ],
)  # fmt: skip
def test_a_marketplace_has_one_name(text: str, name: str) -> None:
    """A host has one spelling, with or without an address around it."""
    assert normal_marketplace(text) == name


def test_a_long_name_of_a_marketplace_is_read_at_once() -> None:
    """The time to look for an address grows with the length of the text, not with its square."""
    began_s = time.process_time()
    assert normal_marketplace("a" * 200_000) == "a" * 200_000
    assert time.process_time() - began_s < 1


def test_a_licences_channel_has_one_spelling() -> None:
    """Channels are compared in their spelling of today, and an address of a page is refused."""
    terms = Terms(
        designs=("d",), channels=("https://www.Market.example/@4711", "WWW.other.example/"), starts_on=DAY
    )
    assert terms.checked().channels == ("market.example/4711", "other.example")
    with pytest.raises(Rejected, match="not a channel"):
        Terms(designs=("d",), channels=("https://market.example/shop/4711",), starts_on=DAY).checked()


def test_a_shop_keeps_its_zeros() -> None:
    """`42` is not `0042`, but near it."""
    assert normal_shop(" @k\u200bites ") == "kites"
    assert normal_shop("0042") == "0042"
    assert loose_shop("0042") == loose_shop("42") != loose_shop("420")
    assert loose_shop("Kites") == loose_shop("KITES")
    assert loose_shop("4711") == loose_shop("4711.0") == loose_shop("4,711") == loose_shop("4 711")
    assert loose_shop("47.11") != loose_shop("4711")
    for written in ("#4711", "Shop 4711", "shop #4711", "ID: 4711", "Seller-ID 4711", "No. 4711"):
        assert loose_shop(written) == loose_shop("4711"), written
    assert loose_shop("shop4711") != loose_shop("4711") != loose_shop("kites 4711")


def test_a_rounded_number_is_no_shop_and_no_lot() -> None:
    """A spreadsheet has lost its digits, so nobody is judged by it."""
    fields: dict[str, Any] = {
        "reference": "r",
        "seller": "s",
        "channel": "m",
        "territory": "DE",
        "listed_on": DAY,
    }
    for name in ("seller", "reference"):
        with pytest.raises(Rejected, match="as text") as refused:
            NewListing(**{**fields, name: "1.23457E+11"}).checked()
        assert refused.value.code == f"listing.{name}"
    with pytest.raises(Rejected):
        check_lot("4.00638E+12")
    assert check_lot("1E5") == "1E5"


@pytest.mark.parametrize(
    "text",
    [
        "9, 25",
        "9;25",
        "9|25",
        "9 / 25",
        "Class 9; Kl. 25",
        "9.0, 25.0",
        "Nice class 9 and 25",
        "IC 009, IC 025",
        "\u7b2c9\u985e, 25\u7c7b",
        "\uff19\u3001 25".replace("\u3001", ","),
    ],
)
def test_classes_have_many_separators(text: str) -> None:
    """Words and signs between the numbers change nothing."""
    assert read_classes(text, error_code="x.goods") == (9, 25)


def test_what_is_no_class_is_named() -> None:
    """The word is in the refusal."""
    with pytest.raises(Rejected, match="shirts"):
        read_classes("25, shirts", error_code="x.goods")


@pytest.mark.parametrize(
    "text",
    [
        "4006381333931", " 4006381333931\r", "400-6381-333931", "4 006381 333931", "04006381333931", "(01)04006381333931", "]E04006381333931",
        "]d20104006381333931", "\uff14006381333931", "4006381333931.0", "400638\u00ad1333931",
    ],
)  # fmt: skip
def test_a_gtin_is_its_digits(text: str) -> None:
    """Blanks, hyphens, a scanner's prefix and a spreadsheet's decimals are no part of a GTIN."""
    assert check_gtin(text) == "04006381333931"


def test_a_lost_zero_is_read_and_a_rounded_number_is_named() -> None:
    """One zero before 8 or 12 digits may be lost. A number that was rounded cannot be read back."""
    assert check_gtin("12345678905") == check_gtin("012345678905")
    with pytest.raises(Rejected, match="as text"):
        check_gtin("4.00638E+12")
    with pytest.raises(Rejected, match="check digit"):
        check_gtin("4006381333932")


@pytest.mark.parametrize(
    "text", ["acme", " Acme\u200b", "ACME", "\uff41cme", "ac\u00adme", "\u202aacme\u202c"]
)
def test_an_unseen_character_is_no_other_organisation(text: str) -> None:
    """A handle that looks the same is the same."""
    assert fold(text).lower() == "acme"


def test_names_are_stored_as_they_are_seen() -> None:
    """Two spellings of one accent are one name. A name that hides its direction is refused."""
    made = describe_organisation(
        handle="acme\u200b", name="Cafe\u0301\u00a0 Du\u200bsoleil", roles=["brand"], now=NOW
    )
    assert (made.handle, made.name) == ("acme", "Caf\u00e9 Dusoleil")
    with pytest.raises(Rejected):
        describe_organisation(handle="acme", name="acme\u202egnp", roles=["brand"], now=NOW)


def test_joiners_stay_where_they_mean_something() -> None:
    """A joiner between Persian or Indic letters belongs to the word."""
    persian = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
    assert tidy(persian) == persian
    assert tidy("ac\u200dme") == "acme"


def test_lots_and_codes_lose_nothing_else() -> None:
    """A lot keeps its case and signs, and a code its check."""
    assert check_lot("L-26/11 ".strip()) == "L-26/11"
    with pytest.raises(Rejected):
        check_lot("L 7")
    assert check_code(CODE) == CODE
