"""The shops of one's own organisation, as browsers see them."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import people_made
import pytest
from browsers_made import Browser
from starlette.testclient import TestClient

from authcheck.errors import AuthcheckError, Unavailable
from authcheck.storage.opening import utc_now
from authcheck.storefronts import proving, shops
from authcheck.storefronts.tables import Storefront
from authcheck.workspace import Workspace

SHOP = {"marketplace": "bigmarket.com", "shop": "4711", "url": "https://bigmarket.com/4711"}


class Page:
    """An internet of one page."""

    def __init__(self) -> None:
        self.body: str | AuthcheckError = Unavailable("", code="page.status")

    def read_txt(self, _name: str) -> Sequence[str]:
        """Return no records."""
        return ()

    def read_page(self, _url: str) -> bytes:
        """Return the page."""
        if isinstance(self.body, AuthcheckError):
            raise self.body
        return self.body.encode()


@pytest.fixture
def page(client: TestClient) -> Page:
    """Return the page that the server sees."""
    made = Page()
    state: Any = client.app.state  # type: ignore[attr-defined]
    state.workspace = replace(state.workspace, outside=made)
    return made


@pytest.fixture
def mei(client: TestClient, workspace: Workspace) -> Browser:
    """Return the browser of an admin of acme."""
    people_made.person(workspace.database, now=utc_now())
    opened = Browser(client)
    opened.sign_in()
    return opened


def test_a_shop_is_claimed_proved_and_closed(mei: Browser, workspace: Workspace, page: Page) -> None:
    """The page says what to show, what was seen, and that the shop is proved."""
    assert (
        mei.post("/organisation/shops", **SHOP).headers["location"] == "/organisation?notice=shop_added#shops"
    )
    shown = mei.get("/organisation").text
    assert "Claimed, not proved" in shown
    (shop_id,) = set(re.findall(r'value="(shp_\w+)"', shown))
    (proof,) = set(re.findall(r"authcheck-shop=[\w-]{32}", shown))
    assert "shop_not_proved" in mei.post("/organisation/shops/look", id=shop_id).headers["location"]
    assert "the page is not there." in mei.get("/organisation").text
    page.body = f"<p>Kites {proof}</p>"
    assert "notice=shop_proved" in mei.post("/organisation/shops/look", id=shop_id).headers["location"]
    assert "Proved by its page." in mei.get("/organisation").text
    mei.post("/organisation/shops/close", id=shop_id)
    assert "bigmarket.com/4711" not in mei.get("/organisation").text
    with workspace.database.reading() as session:
        assert shops.find_shop(session, "bigmarket.com", "4711") is None


@pytest.mark.parametrize(
    ("words", "code", "field"),
    [
        ({"marketplace": "a/b"}, "storefront.marketplace", "shop-marketplace"),
        ({"shop": ""}, "storefront.shop", "shop-shop"),
        ({"url": "http://bigmarket.com"}, "storefront.url", "shop-url"),
    ],
)
def test_a_bad_shop_leads_to_its_field(mei: Browser, words: dict[str, str], code: str, field: str) -> None:
    """Nothing that was typed is lost."""
    answer = mei.post("/organisation/shops", **{**SHOP, **words})
    assert (answer.status_code, code in answer.text, f'href="#{field}"' in answer.text) == (422, True, True)
    assert "bigmarket" in answer.text


def test_others_shops_are_not_there(
    mei: Browser, client: TestClient, workspace: Workspace, page: Page
) -> None:
    """Nobody looks at, or closes, a shop of somebody else."""
    mei.post("/organisation/shops", **SHOP)
    (shop_id,) = set(re.findall(r'value="(shp_\w+)"', mei.get("/organisation").text))
    people_made.person(workspace.database, "li@globex.example", owner="globex", now=utc_now())
    li = Browser(client)
    li.sign_in("li@globex.example")
    for act in ("look", "close"):
        assert li.post(f"/organisation/shops/{act}", id=shop_id).status_code == 404
    assert "bigmarket.com/4711" not in li.get("/organisation").text
    assert "bigmarket.com/4711" in mei.get("/organisation").text
    assert page.body is not None


def test_where_pages_do_not_count_nobody_is_asked_to_change_one(mei: Browser, workspace: Workspace) -> None:
    """A shop that the operator has confirmed or denied has neither a text to show nor a button to look."""
    mei.post("/organisation/shops", **SHOP)
    assert "authcheck-shop=" in mei.get("/organisation").text
    for act, sentence in (
        (lambda session, shop: proving.confirm(session, shop, None, utc_now()), "Confirmed by the operator."),
        (lambda session, shop: proving.deny(session, shop, None, utc_now()), "the shop is not yours."),
    ):
        with workspace.database.writing() as session:
            act(session, session.query(Storefront).one())
        shown = mei.get("/organisation").text
        assert sentence in shown
        assert "authcheck-shop=" not in shown
        assert "/organisation/shops/look" not in shown
        assert "/organisation/shops/close" in shown
