"""Flow: an organisation lists its shops, and a marketplace asks who may sell a design in a shop."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import licensees_made as made
import make
import pytest
import shops_made

from authcheck.errors import AuthcheckError, Conflict, NotFound, Rejected
from authcheck.ids import new_id
from authcheck.members import organisations
from authcheck.registry import designs
from authcheck.storefronts import addresses, sellers, shops
from authcheck.storefronts.sellers import SellerAnswer
from authcheck.storefronts.tables import Storefront
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql

MARKET, SHOP, URL = "market.example", "4711", "https://market.example/shop/4711"
Cli = Callable[..., Any]


def add(workspace: Workspace, handle: str = "acme", **words: Any) -> Storefront:
    """List a shop of a brand, which the operator confirms. Keywords replace the defaults."""
    fields = {"marketplace": MARKET, "shop_id": SHOP, "url": URL, "now": make.NOW, **words}
    with workspace.database.writing() as session:
        organisation = organisations.ensure_brand(session, handle, make.NOW)
        return shops_made.add(session, organisation, **fields)


def close(workspace: Workspace, handle: str, storefront_id: str) -> Storefront:
    """Close a shop."""
    with workspace.database.writing() as session:
        return shops.close(session, organisations.get_organisation(session, handle), storefront_id, make.NOW)


def seller_of(workspace: Workspace, marketplace: str, shop_id: str) -> str | None:
    """The handle of the organisation that lists the shop."""
    with workspace.database.reading() as session:
        found = shops.find_shop(session, marketplace, shop_id)
        return found and found.organisation.handle


def ask(workspace: Workspace, design_id: str, **words: Any) -> SellerAnswer:
    """Ask who may sell. Keywords replace the defaults."""
    fields = {"marketplace": MARKET, "shop_id": SHOP, "territory": "FR", "on": make.NOW.date(), **words}
    with workspace.database.reading() as session:
        return sellers.may_sell(session, designs.get_design(session, design_id), **fields)


def test_a_shop_is_found_by_marketplace_and_id(workspace: Workspace) -> None:
    """Marketplaces compare without case or blanks, shop ids exactly. An unlisted shop belongs to nobody."""
    add(workspace, marketplace=" Market.Example ")
    assert seller_of(workspace, "MARKET.example", " 4711 ") == "acme"
    assert seller_of(workspace, MARKET, "4711a") is None
    assert seller_of(workspace, "other.example", SHOP) is None
    assert seller_of(workspace, "\0", "\0") is None


def test_a_shop_has_one_organisation_at_a_time(workspace: Workspace) -> None:
    """A second organisation is refused until the first closes the shop. The owner may change the address."""
    first = add(workspace)
    with pytest.raises(Conflict) as refused:
        add(workspace, "globex")
    assert refused.value.code == "storefront.taken"
    assert add(workspace, url="https://market.example/new").id == first.id
    close(workspace, "acme", first.id)
    assert seller_of(workspace, MARKET, SHOP) is None
    second = add(workspace, "globex")
    assert seller_of(workspace, MARKET, SHOP) == "globex"
    assert close(workspace, "acme", first.id).closed_at == make.NOW  # and globex keeps the shop
    assert seller_of(workspace, MARKET, SHOP) == "globex"
    with pytest.raises(NotFound):
        close(workspace, "acme", second.id)


def test_of_two_who_list_a_shop_at_once_one_has_it(workspace: Workspace) -> None:
    """Many organisations list the same shop at once.

    One gets it, and the others are told that it is taken.
    """
    handles = [f"org-{number}" for number in range(8)]
    with workspace.database.writing() as session:
        for handle in handles:
            organisations.ensure_brand(session, handle, make.NOW)

    def attempt(handle: str) -> str:
        try:
            return add(workspace, handle).id
        except AuthcheckError as error:
            return error.code

    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(attempt, handles))
    assert sorted(results)[:1] != ["storefront.taken"]
    assert results.count("storefront.taken") == len(handles) - 1


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ({"marketplace": " "}, "storefront.marketplace"),
        ({"marketplace": "market/4711"}, "storefront.marketplace"),
        ({"marketplace": "ß" * 64}, "storefront.marketplace"),
        ({"marketplace": "m\0"}, "storefront.marketplace"),
        ({"shop_id": ""}, "storefront.shop"),
        ({"shop_id": "x" * 101}, "storefront.shop"),
        ({"shop_id": "1\n2"}, "storefront.shop"),
        ({"url": "http://market.example/"}, "storefront.url"),
        ({"url": "javascript:alert(1)"}, "storefront.url"),
        ({"url": "https://market.example@evil.example/"}, "storefront.url"),
        ({"url": "https://market.example/a/%2e%2E/b"}, "storefront.url"),
        ({"url": "https://evil.example\\@market.example/"}, "storefront.url"),
        ({"url": "https://market.example/\ta"}, "storefront.url"),
        ({"url": "https://market.example:99999/"}, "storefront.url"),
        ({"url": "https://[::1/"}, "storefront.url"),
        ({"url": "https:///shop"}, "storefront.url"),
        ({"url": "https://m\u0430rket.example/"}, "storefront.url"),
        ({"url": f"https://market.example/{'x' * 500}"}, "storefront.url"),
    ],
)
def test_what_is_no_shop_is_refused(workspace: Workspace, words: dict[str, str], code: str) -> None:
    """Ambiguous names and addresses that lead elsewhere are refused."""
    if words.get("url", "").endswith("\t"):
        words = {"url": "https://market.example/\tx"}
    with pytest.raises(Rejected) as refused:
        add(workspace, **words)
    assert refused.value.code == code


def test_an_address_has_one_spelling() -> None:
    """The host is lower case, without the usual port and the closing slash.

    The part that names the shop stays.
    """
    same = [
        "https://Market.example:443/Shop/1/",
        "HTTPS://market.example./Shop/1#top",
        " https://market.example/Shop/1",
    ]
    assert {addresses.normal_url(text) for text in same} == {"https://market.example/Shop/1"}
    assert addresses.normal_url("https://m.example:8443/?shop=1") == "https://m.example:8443?shop=1"


def test_too_many_shops_are_refused(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of shops of an organisation is limited."""
    monkeypatch.setattr(shops, "MOST_OPEN", 2)
    add(workspace)
    add(workspace, shop_id="2")
    with pytest.raises(Conflict) as refused:
        add(workspace, shop_id="3")
    assert refused.value.code == "storefront.too_many"


def test_the_owner_may_sell_and_a_stranger_may_not(workspace: Workspace) -> None:
    """The owner's shop sells without a licence.

    An unlisted shop and a shop without a licence may not sell.
    """
    design = make.register(workspace).design
    add(workspace)
    add(workspace, "globex", shop_id="9")
    own, other, unlisted = (ask(workspace, design.id, shop_id=shop) for shop in (SHOP, "9", "77"))
    assert (own.allowed, own.is_owner, own.seller) == (True, True, "acme")
    assert (other.allowed, other.is_owner, other.seller, other.licences) == (False, False, "globex", ())
    assert (unlisted.allowed, unlisted.seller) == (False, None)


def test_a_licensee_may_sell_within_its_licence(workspace: Workspace) -> None:
    """Every broken term is named. A design that leaves the licensed collection is no longer covered."""
    design = make.register(workspace, collection="Spring").design
    made.licensee(workspace, design, "tees", key=False)
    granted = made.licence(
        workspace, "acme", "tees", collections=("Spring",), territories=("FR", "IT"), goods=(25,),
        channels=(f"{MARKET}/{SHOP}",), ends_on=make.NOW.date() + timedelta(days=10),
    )  # fmt: skip
    for shop in (SHOP, "2"):
        add(workspace, "tees", shop_id=shop)
    good = ask(workspace, design.id, territory="fr", goods=(25,))
    assert (good.allowed, good.seller, [one.grant.id for one in good.licences]) == (
        True,
        "tees",
        [granted.id],
    )
    bad = ask(workspace, design.id, territory="CN", goods=(28,), shop_id="2", on=date(2027, 6, 1))
    assert not bad.allowed
    assert {breach.code for breach in bad.licences[0].breaches} == {
        "licence.territory", "licence.goods", "licence.channel", "licence.lapsed",
    }  # fmt: skip
    with workspace.database.writing() as session:
        designs.update_design(session, designs.get_design(session, design.id), collection="", now=make.NOW)
    assert not ask(workspace, design.id).allowed


@pytest.mark.parametrize("territory", ["", "XX", "FRX", "*", "\0\0", "\u017fr"])
def test_a_territory_is_a_country(workspace: Workspace, territory: str) -> None:
    """A territory that is no country is refused."""
    design = make.register(workspace).design
    with pytest.raises(Rejected) as refused:
        ask(workspace, design.id, territory=territory)
    assert refused.value.code == "seller.territory"


def test_shops_on_the_command_line(workspace: Workspace, cli: Cli) -> None:
    """The commands add, list, ask and close. They print ids, and the exit code is the answer."""
    make.register(workspace, "KITE-1")
    asked = ("who-may-sell", "KITE-1", "--org", "acme", "--marketplace", MARKET, "--shop", SHOP)
    asked = (*asked, "--territory", "FR")
    assert cli(*asked).code == 1
    added = cli("storefronts", "add", "--org", "acme", "--marketplace", MARKET, "--shop", SHOP, "--url", URL)
    (listed,) = cli("storefronts", "list", "--org", "acme", "--json").objects
    assert added.out.strip() == listed["id"]
    claimed = cli(*asked, "--on", "2026-11-23")
    assert (claimed.code, "claimed, not proved" in claimed.out) == (1, True)
    assert "is proved now" in cli("storefronts", "confirm", listed["id"]).err
    found = cli(*asked, "--on", "2026-11-23")
    assert (found.code, "acme owns the design" in found.out) == (0, True)
    assert cli(*asked, "--json").objects[0]["is_owner"]
    assert cli("storefronts", "close", listed["id"], "--org", "acme").code == 0
    assert "closed" in cli("storefronts", "list", "--org", "acme").out
    assert cli(*asked).code == 1
    assert cli("storefronts", "close", new_id("shp", make.NOW), "--org", "acme").code == 2
