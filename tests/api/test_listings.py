"""Listings over HTTP: one call gives one verdict, and nobody sees another organisation's listing."""

from collections.abc import Callable
from typing import Any

import make
import pytest
from starlette.testclient import TestClient

pytestmark = pytest.mark.postgresql

Headers = dict[str, str]
NewDesign = Callable[..., dict[str, Any]]
FIELDS = {"reference": "L-1", "seller": "kites", "channel": "bigmarket", "territory": "DE", "goods": "25, 28"}


def hand_in(client: TestClient, headers: Headers, *seeds: int, **words: str) -> Any:
    """Hand in an offer with copies of the designs of these seeds, by default of seed 1."""
    files = [
        ("image", (f"{seed}.jpg", make.picture_bytes(seed, "JPEG") if seed else b"no picture"))
        for seed in seeds or (1,)
    ]
    return client.post("/v1/listings", headers=headers, data={**FIELDS, **words}, files=files)


@pytest.mark.slow
def test_an_offer_is_judged_in_one_call(client: TestClient, checker: Headers, new_design: NewDesign) -> None:
    """The answer has verdict, severity, reasons with numbers, and the design in each picture.

    It can be read later.
    """
    design = new_design("R-1")
    answer = hand_in(client, checker, 7, 0, 1, price="19.90 EUR", date="2026-11-23")
    body = answer.json()
    assert answer.status_code == 201, answer.text
    assert (body["verdict"], body["severity"], body["design"]) == ("unlicensed_use", "medium", design["id"])
    assert [(one["id"], one["pictures"]) for one in body["designs"]] == [(design["id"], [2])]
    assert (body["goods"], body["listed_on"], body["seller_known"]) == ([25, 28], "2026-11-23", False)
    assert [one["place"] for one in body["pictures"]] == [0, 2]
    assert [(one["place"], one["code"]) for one in body.pop("unreadable")] == [(1, "image.unreadable")]
    assert "listing.no_licence" in [reason["code"] for reason in body["reasons"]]
    assert client.get(answer.headers["location"], headers=checker).json() == body
    check = client.get(f"/v1/checks/{body['pictures'][1]['check']}", headers=checker).json()
    assert check["design"]["id"] == design["id"]


DETAILS = {
    "price": "19,90", "currency": "\u20ac", "url": "https://market.example/i/7", "title": "<script>Kite</script> \u202egpj.exe",
    "description": "d" * 100_000, "language": "de_AT", "seller_name": "=cmd|' /C calc'!A0", "gtin": "4006381333931",
    "sold_30d": "1,200", "stock": "0", "rank": "3", "query": "kite",
}  # fmt: skip


@pytest.mark.slow
def test_details_are_kept_and_change_no_verdict(
    client: TestClient, checker: Headers, new_design: NewDesign
) -> None:
    """The answer has the details in one spelling, and remarks about the cut and the hidden characters."""
    new_design("R-1")
    plain = hand_in(client, checker, 1).json()
    assert (plain["title"], plain["price_amount"], plain["remarks"]) == (None, None, [])
    body = hand_in(client, checker, 1, **DETAILS).json()
    assert {name: body[name] for name in ("price", "price_amount", "currency", "url", "language", "gtin")} == {
        "price": "19.90 EUR", "price_amount": "19.90", "currency": "EUR", "url": "https://market.example/i/7",
        "language": "de-AT", "gtin": "04006381333931",
    }  # fmt: skip
    assert (body["sold_30d"], body["stock"], body["rank"], body["query"]) == (1200, 0, 3, "kite")
    assert (body["title"], body["seller_name"]) == ("<script>Kite</script> gpj.exe", "=cmd|' /C calc'!A0")
    assert body["description"] == "d" * 20_000
    assert [(one["field"], one["code"]) for one in body["remarks"]] == [
        ("title", "listing.field_hidden"),
        ("description", "listing.field_cut"),
    ]
    for name in ("verdict", "severity", "reasons", "design", "designs", "licence"):
        assert body[name] == plain[name]
    del body["unreadable"]
    assert client.get(f"/v1/listings/{body['id']}", headers=checker).json() == body
    odd = hand_in(client, checker, 1, url="javascript:alert(1)", price="19.90 EUR", currency="USD")
    assert odd.status_code == 200
    assert (odd.json()["url"], odd.json()["price"], odd.json()["title"]) == (None, None, None)
    assert {one["field"] for one in odd.json()["remarks"]} == {"url", "price"}


def test_a_description_may_be_long_but_not_endless(client: TestClient, checker: Headers) -> None:
    """One long text is cut. More than half a megabyte, or a second one, is refused."""
    answer = hand_in(client, checker, 0, description="x" * 600_000)
    assert answer.json()["code"] == "request.text_too_long"
    again = {**FIELDS, "description": ["x" * 100_000] * 2}
    files = [("image", ("a.jpg", b"no picture"))]
    answer = client.post("/v1/listings", headers=checker, data=again, files=files)
    assert answer.json()["code"] == "request.text_too_long"


@pytest.mark.slow
def test_a_reference_again_replaces(client: TestClient, checker: Headers) -> None:
    """The same reference gets 200 instead of 201, the same id and the new verdict."""
    first = hand_in(client, checker, 7)
    again = hand_in(client, checker, 8, territory="FR")
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json()["id"] == again.json()["id"]
    assert again.json()["territory"] == "FR"


@pytest.mark.slow
def test_the_same_request_twice_is_answered_once(client: TestClient, checker: Headers) -> None:
    """A repeat with the same Idempotency-Key gets the first answer, and there is one listing."""
    key = checker | {"Idempotency-Key": "night-1"}
    first, again = hand_in(client, key, 7), hand_in(client, key, 7)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotent-replayed"] == "true"


@pytest.mark.slow
def test_nobody_sees_anothers_listings(
    client: TestClient, checker: Headers, login: Callable[..., Headers]
) -> None:
    """Another organisation's listings are neither listed nor found."""
    mine = hand_in(client, checker, 7).json()
    rival = login("listings:check", owner="othermarket")
    answer = client.get(f"/v1/listings/{mine['id']}", headers=rival)
    assert (answer.status_code, answer.json()["code"]) == (404, "listing.not_found")
    assert client.get("/v1/listings", headers=rival).json()["items"] == []
    assert hand_in(client, rival, 7).json()["id"] != mine["id"]


@pytest.mark.slow
def test_a_key_needs_the_scope(client: TestClient, login: Callable[..., Headers]) -> None:
    """A caller without a key, or with a brand's key for designs, is refused."""
    assert hand_in(client, {}, 7).status_code == 401
    assert hand_in(client, login("designs:write"), 7).json()["code"] == "auth.scope"
    assert client.get("/v1/listings").status_code == 401


@pytest.mark.slow
def test_listings_are_listed_by_verdict_and_seller(
    client: TestClient, checker: Headers, new_design: NewDesign
) -> None:
    """Listings are paged. An unknown verdict is refused."""
    new_design("R-1")
    ids = [
        hand_in(client, checker, seed, reference=f"L-{seed}", seller=f"shop{seed}").json()["id"]
        for seed in (1, 7, 8)
    ]

    def listed(**words: str) -> list[str]:
        found = client.get("/v1/listings", headers=checker, params=words).json()
        return [one["id"] for one in found["items"]]

    assert listed() == ids
    assert listed(verdict="none") == ids[1:]
    assert listed(seller="shop1") == ids[:1]
    assert listed(seller="shop1", verdict="none") == []
    assert listed(limit="2") == ids[:2]
    assert listed(after=ids[1]) == ids[2:]
    assert client.get("/v1/listings?verdict=odd", headers=checker).status_code == 422
    assert client.get("/v1/listings?seller=%00", headers=checker).json()["items"] == []


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"reference": ""}, "listing.reference"),
        ({"seller": "a\0"}, "listing.seller"),
        ({"channel": ""}, "listing.channel"),
        ({"territory": "XX"}, "listing.territory"),
        ({"goods": "shirts"}, "listing.goods"),
        ({"goods": "99"}, "listing.goods"),
        ({"date": "11/12/2026"}, "listing.date"),
        ({"certificate": "x" * 501}, "listing.certificate"),
        ({"surprise": "1"}, "request.unknown_field"),
    ],
)
def test_a_field_that_cannot_be_is_named(
    client: TestClient, checker: Headers, words: dict[str, str], code: str
) -> None:
    """An invalid field is refused with its own code, and nothing is stored."""
    answer = hand_in(client, checker, 7, **words)
    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert client.get("/v1/listings", headers=checker).json()["items"] == []


def test_pictures_are_bounded(client: TestClient, checker: Headers) -> None:
    """An offer without pictures, without a readable picture or with more than twelve pictures is refused."""
    answer = client.post("/v1/listings", headers=checker, data=FIELDS, files={"other": ("a.jpg", b"")})
    assert answer.json()["code"] == "request.unknown_field"
    assert hand_in(client, checker, 0).json()["code"] == "listing.pictures"
    assert hand_in(client, checker, *[7] * 13).json()["code"] == "listing.pictures"


def test_an_id_that_is_none_is_not_found(client: TestClient, checker: Headers) -> None:
    """Any text that is no id of a listing is not found."""
    for name in ("lst_0", "a%00b", "x" * 500):
        assert client.get(f"/v1/listings/{name}", headers=checker).status_code == 404
