"""The terms of a licence go to its owner and its licensee. A marketplace reads which kind of term is broken."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import licences_made
import make
import pytest
import shops_made
from sqlalchemy import select
from starlette.testclient import TestClient

from authcheck.listings.tables import Listing
from authcheck.members import organisations
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql

Headers = dict[str, str]
TODAY = utc_now().date()
LISTING = {
    "reference": "L-1",
    "seller": "4711",
    "channel": "market.example",
    "territory": "JP",
    "goods": "28",
}
TERMS: dict[str, Any] = {
    "territories": ("FR", "IT"), "goods": (25,), "channels": ("other.example/77",), "cap": 9173,
    "starts_on": TODAY - timedelta(days=341), "ends_on": TODAY - timedelta(days=23),
}  # fmt: skip
BROKEN = {"licence.territory", "licence.goods", "licence.channel", "licence.lapsed"}


class Sale:
    """A design of acme, and the shop of its licensee `maker`."""

    def __init__(self, workspace: Workspace, client: TestClient, login: Callable[..., Headers]) -> None:
        self.workspace, self.client, self._login = workspace, client, login
        self.design = make.register(workspace).design.id
        licences_made.organisation(workspace, "maker")
        self.shop_of("maker", "4711")

    def shop_of(self, handle: str, shop_id: str) -> None:
        """List a shop of an organisation."""
        with self.workspace.database.writing() as session:
            organisation = organisations.get_organisation(session, handle)
            url = f"https://market.example/{shop_id}"
            shops_made.add(
                session, organisation, marketplace="market.example", shop_id=shop_id, url=url, now=make.NOW
            )

    def ask(self, handle: str, **words: str) -> Any:
        """Ask as an organisation whether the shop may sell."""
        asked = {"design": self.design, "marketplace": "market.example", "shop": "4711", "territory": "JP"}
        headers = self._login("listings:check", owner=handle)
        return self.client.get("/v1/sellers", headers=headers, params={**asked, "goods": "28", **words})

    def hand_in(self, handle: str, **words: str) -> tuple[Any, list[str]]:
        """Hand a listing in as an organisation. Return it, and everything that is sent about it later."""
        headers = self._login("listings:check", owner=handle)
        image = ("a.jpg", make.picture_bytes(0, "JPEG", quality=70))
        answer = self.client.post(
            "/v1/listings", headers=headers, data={**LISTING, **words}, files={"image": image}
        )
        assert answer.status_code == 201, answer.text
        listing = answer.json()
        again = self.client.get(f"/v1/listings/{listing['id']}", headers=headers)
        listed = self.client.get("/v1/listings", headers=headers)
        assert again.json() == {name: value for name, value in listing.items() if name != "unreadable"}
        assert listed.json()["items"] == [again.json()]
        return listing, [sent(one) for one in (answer, again, listed)]


def sent(answer: Any) -> str:
    """Return all that a client receives: body and headers."""
    return str(answer.text) + json.dumps(dict(answer.headers))


def secrets_of(terms: dict[str, Any], *ids: str) -> Iterator[str]:
    """Yield texts that tell something about the terms."""
    yield from ids
    yield str(terms["cap"])
    for name in ("starts_on", "ends_on"):
        yield terms[name].isoformat()
        yield f'"days":{(TODAY - terms[name]).days}'
    yield from (
        "FR, IT",
        "other.example",
        '"25"',
        '"allowed":"',
        '"cap"',
        '"units"',
        '"days"',
        '"ended"',
        '"starts"',
    )


@pytest.fixture
def sale(workspace: Workspace, client: TestClient, login: Callable[..., Headers]) -> Sale:
    """A design and its licensee's shop."""
    return Sale(workspace, client, login)


def test_a_marketplace_reads_the_kind_of_term_only(sale: Sale) -> None:
    """Neither the answer about a shop nor a listing has an id, an end, a cap or a list of the terms."""
    licence = licences_made.licence(sale.workspace, designs=(sale.design,), **TERMS)
    asked = sale.ask("market")
    assert (asked.json()["allowed"], asked.json()["seller"], asked.json()["licences"]) == (False, "maker", [])
    assert set(asked.json()["reasons"]) == BROKEN
    listing, all_sent = sale.hand_in("market")
    assert (listing["verdict"], listing["licence"]) == ("licence_breach", None)
    reasons = {reason["code"]: reason["params"] for reason in listing["reasons"]}
    assert reasons == {code: {"design": "REF-1", "owner": "acme"} for code in BROKEN}
    for text in (sent(asked), *all_sent):
        assert [secret for secret in secrets_of(TERMS, licence.id) if secret in text] == []


@pytest.mark.parametrize("party", ["acme", "maker"])
def test_both_parties_read_the_numbers(sale: Sale, party: str) -> None:
    """The owner and the licensee read the licence with its numbers, in both answers."""
    licence = licences_made.licence(sale.workspace, designs=(sale.design,), **TERMS)
    (standing,) = sale.ask(party).json()["licences"]
    assert (standing["id"], {breach["code"] for breach in standing["breaches"]}) == (licence.id, BROKEN)
    lapsed = {"days": 23, "ended": TERMS["ends_on"].isoformat()}
    assert {"code": "licence.lapsed", "params": lapsed} in standing["breaches"]
    listing, _ = sale.hand_in(party)
    reasons = {reason["code"]: reason["params"] for reason in listing["reasons"]}
    about = {"design": "REF-1", "owner": "acme", "licence": licence.id}
    assert (listing["licence"], reasons["licence.lapsed"]) == (licence.id, {**about, **lapsed})
    assert reasons["licence.territory"] == {**about, "territory": "JP", "allowed": "FR, IT"}


def test_a_covered_sale_names_no_licence_to_a_marketplace(sale: Sale) -> None:
    """`licensed` and `allowed` tell a third party yes. The parties also read by which licence."""
    terms = {"territories": ("FR", "JP"), "cap": 9173, "ends_on": TODAY + timedelta(days=57)}
    licence = licences_made.licence(sale.workspace, designs=(sale.design,), **terms)
    asked = sale.ask("market").json()
    assert (asked["allowed"], asked["reasons"], asked["licences"]) == (True, [], [])
    listing, all_sent = sale.hand_in("market")
    assert (listing["verdict"], listing["licence"]) == ("licensed", None)
    assert listing["reasons"][0]["params"] == {"design": "REF-1", "owner": "acme"}
    assert not any(licence.id in text for text in all_sent)
    assert sale.ask("maker").json()["licences"] == [{"id": licence.id, "state": "active", "breaches": []}]
    assert sale.hand_in("acme")[0]["reasons"][0]["params"]["licence"] == licence.id


def test_a_sublicensee_reads_its_own_terms_only(sale: Sale) -> None:
    """In a chain, each licence has its own parties: the middle reads both, the ends read one each."""
    upper = licences_made.licence(
        sale.workspace, designs=(sale.design,), territories=("FR", "IT", "DE"), sublicensing=True, cap=9173
    )
    lower = licences_made.licence(
        sale.workspace, owner="maker", licensee="shop", parent=upper.id, designs=(sale.design,),
        territories=("FR", "IT"), cap=17,
    )  # fmt: skip
    sale.shop_of("shop", "12")
    allowed: dict[str, list[Any]] = {}
    for reader in ("acme", "maker", "shop", "market"):
        answer = sale.ask(reader, shop="12").json()
        assert answer["reasons"] == ["licence.territory"]
        allowed[reader] = [
            (one["id"], breach["params"].get("allowed"))
            for one in answer["licences"]
            for breach in one["breaches"]
        ]
    both = [(lower.id, "FR, IT"), (lower.id, "DE, FR, IT")]
    assert allowed == {
        "acme": [],
        "maker": both,
        "shop": [(lower.id, "FR, IT"), (lower.id, None)],
        "market": [],
    }
    listings = {
        reader: sale.hand_in(reader, seller="12")[0] for reader in ("acme", "maker", "shop", "market")
    }
    read = {
        reader: [reason["params"].get("allowed") for reason in listing["reasons"]]
        for reader, listing in listings.items()
    }
    assert read["maker"] == ["DE, FR, IT", "FR, IT"]
    assert read["market"] == [None]
    assert "FR, IT" in read["shop"]
    assert "DE, FR, IT" not in read["shop"]
    assert "FR, IT" not in read["acme"]
    assert {reader: one["licence"] for reader, one in listings.items()} == {
        "acme": None, "maker": lower.id, "shop": lower.id, "market": None,
    }  # fmt: skip


def test_a_third_party_cannot_search_for_the_end(sale: Sale) -> None:
    """Only the owner and the seller ask about days after tomorrow. A listing is at the latest of tomorrow."""
    licences_made.licence(sale.workspace, designs=(sale.design,), ends_on=TODAY + timedelta(days=57))
    later = {"on": (utc_now().date() + timedelta(days=2)).isoformat()}
    refused = sale.ask("market", **later)
    assert (refused.status_code, refused.json()["code"]) == (422, "seller.day")
    stranger = sale.ask("market", **later, shop="nobody")
    assert stranger.json()["code"] == "seller.day"
    assert [sale.ask(party, **later).status_code for party in ("acme", "maker")] == [200, 200]
    assert sale.ask("market", on=(utc_now().date() + timedelta(days=1)).isoformat()).status_code == 200
    headers = sale._login("listings:check", owner="market")
    image = ("a.jpg", make.picture_bytes(0, "JPEG"))
    answer = sale.client.post(
        "/v1/listings", headers=headers, data={**LISTING, "date": later["on"]}, files={"image": image}
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "listing.date")


def test_without_a_key_nobody_learns_anything(sale: Sale, client: TestClient) -> None:
    """Both questions need a key."""
    licences_made.licence(sale.workspace, designs=(sale.design,), **TERMS)
    asked = {"design": sale.design, "marketplace": "market.example", "shop": "4711", "territory": "JP"}
    assert client.get("/v1/sellers", params=asked).status_code == 401
    assert client.post("/v1/listings", data=LISTING).status_code == 401


def test_a_listing_of_an_earlier_release_tells_third_parties_no_terms(sale: Sale) -> None:
    """Stored reasons without the licence's id lose their numbers, and their licence is hidden as well."""
    licence = licences_made.licence(sale.workspace, designs=(sale.design,), **TERMS)
    listing, _ = sale.hand_in("market")
    with sale.workspace.database.writing() as session:
        row = session.scalars(select(Listing)).one()
        assert any("allowed" in reason["params"] for reason in row.reasons)
        row.reasons = [
            {
                **reason,
                "params": {name: value for name, value in reason["params"].items() if name != "licence"},
            }
            for reason in row.reasons
        ]
    headers = sale._login("listings:check", owner="market")
    text = sent(sale.client.get(f"/v1/listings/{listing['id']}", headers=headers))
    assert [secret for secret in secrets_of(TERMS, licence.id) if secret in text] == []
