"""Official shops over HTTP, and the right to sell a design."""

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree as ET

import licences_made
import make
import pytest
from starlette.testclient import TestClient

from api.i18n import LANGUAGES
from api.shop_badges import draw_badge
from authcheck.licences import agreements
from authcheck.members import organisations, standing
from authcheck.storefronts import proving, shops
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql

Headers = dict[str, str]
BODY = {"marketplace": "Market.example", "shop": "4711", "url": "https://market.example/shop/4711/"}


@pytest.fixture
def seller(login: Callable[..., Headers]) -> Headers:
    """Headers of Acme, which lists shops."""
    return login("licences:write")


def add(client: TestClient, seller: Headers, **words: str) -> Any:
    """List a shop. Keywords replace the defaults."""
    return client.post("/v1/storefronts", headers=seller, json={**BODY, **words})


def confirm(workspace: Workspace, storefront_id: str) -> None:
    """Let the operator confirm a shop."""
    with workspace.database.writing() as session:
        proving.confirm(session, shops.get_storefront(session, storefront_id), None, make.NOW)


def test_a_shop_is_listed_shown_to_anybody_and_closed(client: TestClient, seller: Headers) -> None:
    """The organisation adds and closes its shop. Anybody may ask for the owner, even of a closed shop."""
    added = add(client, seller)
    shop = added.json()
    assert (added.status_code, shop["organisation"], shop["marketplace"]) == (201, "acme", "market.example")
    assert shop["url"] == "https://market.example/shop/4711"
    assert shop["show"].startswith("authcheck-shop=")
    assert (shop["proof"], shop["proved_by"]) == ("claimed", "")
    assert client.get(f"/v1/storefronts/{shop['id']}").json() == shop | {"show": None}
    assert client.get("/v1/storefronts", headers=seller).json()["items"] == [shop]
    closed = client.delete(f"/v1/storefronts/{shop['id']}", headers=seller).json()
    assert closed["closed_at"]
    assert client.get(f"/v1/storefronts/{shop['id']}").json() == closed | {"show": None}


def test_shops_are_listed_a_page_at_a_time(client: TestClient, seller: Headers) -> None:
    """Shops are listed oldest first, with a link to the next page."""
    ids = [add(client, seller, shop=str(number)).json()["id"] for number in range(3)]
    first = client.get("/v1/storefronts?limit=2", headers=seller).json()
    rest = client.get(f"/v1/storefronts?after={first['next']}", headers=seller).json()
    assert [one["id"] for one in first["items"] + rest["items"]] == ids


def test_somebody_elses_shop_is_not_found_or_taken(
    client: TestClient, workspace: Workspace, seller: Headers, login: Callable[..., Headers]
) -> None:
    """Another organisation can neither close, list nor see the shop."""
    other = login("licences:write", owner="globex")
    shop = add(client, seller).json()
    assert client.delete(f"/v1/storefronts/{shop['id']}", headers=other).status_code == 404
    assert client.get("/v1/storefronts", headers=other).json()["items"] == []
    confirm(workspace, shop["id"])
    taken = add(client, other, marketplace="MARKET.EXAMPLE ")
    assert (taken.status_code, taken.json()["code"]) == (409, "storefront.taken")
    assert client.get("/v1/storefronts", headers=other).json()["items"] == []


def test_a_marketplace_confirms_its_shops(
    client: TestClient, seller: Headers, login: Callable[..., Headers], workspace: Workspace
) -> None:
    """The marketplace of the shop says whose it is, and takes it back. Others, and agents, cannot."""
    shop = add(client, seller, marketplace="bigmarket").json()
    path = f"/v1/storefronts/{shop['id']}/confirmation"
    with workspace.database.writing() as session:
        organisations.create_organisation(
            session, handle="bigmarket", name="Big Market", roles=["marketplace"], now=make.NOW
        )
    market = login("listings:check", owner="bigmarket")
    stranger = client.post(path, headers=login("listings:check", owner="other"), json={"confirmed": True})
    assert (stranger.status_code, stranger.json()["code"]) == (403, "storefront.not_yours")
    told = client.post(path, headers=market, json={"confirmed": True}).json()
    assert (told["proof"], told["proved_by"], told["show"]) == ("proved", "marketplace", None)
    assert client.post(path, headers=market, json={"confirmed": False}).json()["proof"] == "lost"
    assert client.post(path, headers=seller, json={"confirmed": True}).status_code == 403


def test_the_badge_goes_with_the_proof_and_the_licence(
    client: TestClient, workspace: Workspace, login: Callable[..., Headers]
) -> None:
    """It names the shop's organisation and its brands, in the reader's language, and is gone when either ends.

    So is the public page to which it leads.
    """
    design = make.register(workspace, title="Koi").design
    kiteco = login("licences:write", owner="kiteco")
    shop = add(client, kiteco).json()
    path, page = f"/v1/storefronts/{shop['id']}/badge", f"/shops/{shop['id']}"

    def is_shown() -> bool:
        badge, public = client.get(path), client.get(page)
        assert badge.status_code == public.status_code
        assert public.status_code == 200 or "Not an official shop now" in public.text
        return badge.status_code == 200

    assert client.get(path).json()["code"] == "badge.not_found", "claimed"
    confirm(workspace, shop["id"])
    assert not is_shown(), "no right to any design"
    agreed = licences_made.licence(workspace, licensee="kiteco", designs=(design.id,))
    shown = client.get(path)
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/svg+xml")
    assert "licensed by acme" in shown.text
    public = client.get(page)
    assert (public.status_code, "licensed by acme" in public.text, shop["url"] in public.text) == (
        200,
        True,
        True,
    )
    assert "经 acme 许可" in client.get(f"{page}?lang=zh").text
    assert "经 acme 许可" in client.get(path, headers={"Accept-Language": "zh-CN"}).text
    assert "default-src 'none'" in shown.headers["content-security-policy"]
    with workspace.database.writing() as session:
        owner = organisations.get_organisation(session, "acme")
        standing.suspend(session, owner, "why", now=make.NOW)
    assert not is_shown(), "the brand is suspended"
    with workspace.database.writing() as session:
        standing.approve(session, organisations.get_organisation(session, "acme"), now=make.NOW)
        proving.deny(session, shops.get_storefront(session, shop["id"]), None, make.NOW)
    assert not is_shown(), "the proof is lost"
    confirm(workspace, shop["id"])
    assert is_shown()
    with workspace.database.writing() as session:
        agreements.revoke(session, owner, agreed.id, "breach", make.NOW)
    assert not is_shown(), "the licence is revoked"
    nobody = client.get("/shops/sto_00000000000000000000000000")
    assert (nobody.status_code, nobody.text) == (
        404,
        client.get(page).text.replace(page, "/shops/sto_00000000000000000000000000"),
    )


def test_a_name_stays_text_in_the_badge() -> None:
    """Markup in names is shown as it is written, and a long name is cut."""
    svg = draw_badge("<script>alert(1)</script>" + "x" * 80, ["A & B"], LANGUAGES["en"]).decode()
    assert "<script>" not in svg
    assert "A &amp; B" in svg
    assert ET.fromstring(svg).tag.endswith("svg")  # noqa: S314 - our own drawing


@pytest.mark.slow
@pytest.mark.parametrize("storefront_id", ["x", "%00", "shp_" + "0" * 500])
def test_unknown_shops_are_not_found(client: TestClient, storefront_id: str) -> None:
    """Any text that is no id of a shop is not found."""
    assert client.get(f"/v1/storefronts/{storefront_id}").status_code == 404


def test_who_may_sell_is_asked_with_a_key(
    client: TestClient, workspace: Workspace, seller: Headers, checker: Headers
) -> None:
    """A marketplace learns that the owner's shop may sell and an unlisted shop may not.

    The public learns nothing.
    """
    design = make.register(workspace).design
    shop = add(client, seller).json()
    asked = {"design": design.id, "marketplace": "market.example", "shop": "4711", "territory": "fr"}
    claimed = client.get("/v1/sellers", headers=checker, params=asked).json()
    assert (claimed["allowed"], claimed["reasons"]) == (False, ["listing.shop_claimed"])
    confirm(workspace, shop["id"])
    answer = client.get("/v1/sellers", headers=checker, params={**asked, "on": "2026-11-23"}).json()
    assert answer == {
        "allowed": True, "seller": "acme", "is_owner": True, "on": "2026-11-23", "reasons": [], "licences": [],
    }  # fmt: skip
    stranger = client.get("/v1/sellers", headers=checker, params={**asked, "shop": "1"}).json()
    assert (stranger["allowed"], stranger["seller"]) == (False, None)
    assert stranger["reasons"] == ["listing.seller_unknown"]
    assert client.get("/v1/sellers", params=asked).status_code == 401


@pytest.mark.parametrize(
    ("words", "answered"),
    [
        ({"territory": "XX"}, (422, "seller.territory")),
        ({"design": "dsn_1"}, (404, "design.not_found")),
        ({"design": "\0"}, (404, "design.not_found")),
        ({"goods": "46"}, (422, "licence.goods")),
        ({"on": "soon"}, (422, "request.invalid")),
    ],
)
def test_questions_that_cannot_be_asked(
    client: TestClient,
    workspace: Workspace,
    checker: Headers,
    words: dict[str, str],
    answered: tuple[int, str],
) -> None:
    """An invalid question is refused with its reason."""
    design = make.register(workspace).design
    asked = {"design": design.id, "marketplace": "m", "shop": "1", "territory": "FR", **words}
    answer = client.get("/v1/sellers", headers=checker, params=asked)
    assert (answer.status_code, answer.json()["code"]) == answered


def test_a_collection_is_set_over_http(
    client: TestClient, brand: Headers, new_design: Callable[..., dict[str, Any]]
) -> None:
    """Registration and PATCH set a collection. An empty collection removes it."""
    design = new_design("R-1", collection=" Spring ")
    url = f"/v1/designs/{design['id']}"
    assert design["collection"] == "Spring"
    seen = []
    for name in ("Autumn", ""):
        change = {**brand, "If-Match": client.get(url, headers=brand).headers["ETag"]}
        seen.append(client.patch(url, headers=change, json={"collection": name}).json()["collection"])
    assert seen == ["Autumn", None]
