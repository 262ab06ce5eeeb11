"""Who may sell the design in a photo, on the answer for a reader without an account."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import licences_made
import make
import pytest
import shops_made
from starlette.testclient import TestClient

from api.app import create_app
from api.pages.render import STATIC
from api.pages.sellers_view import countries_in
from authcheck.config import Settings
from authcheck.licences import agreements
from authcheck.members import organisations
from authcheck.registry.designs import get_design
from authcheck.storage.opening import utc_now
from authcheck.storefronts import official, shops
from authcheck.workspace import Workspace

TODAY = utc_now().date()


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    """A visitor of a fresh server."""
    with TestClient(create_app(settings)) as visitor:
        yield visitor


@pytest.fixture
def served(client: TestClient) -> Workspace:
    """The workspace behind `client`."""
    return client.app.state.workspace  # type: ignore[attr-defined, no-any-return]


@pytest.fixture
def design_id(served: Workspace) -> str:
    """A design of acme, with a shop of acme."""
    design = make.register(served, title="Koi pond", public_preview=True).design
    open_shop(served, "acme", "acme-1")
    return design.id


def open_shop(workspace: Workspace, handle: str, shop_id: str, marketplace: str = "market.example") -> None:
    """List a shop of an organisation."""
    with workspace.database.writing() as session:
        shops_made.add(
            session,
            organisations.get_organisation(session, handle),
            marketplace=marketplace,
            shop_id=shop_id,
            url=f"https://{marketplace}/{shop_id}",
            now=make.NOW,
        )


def licensed(workspace: Workspace, design_id: str, handle: str, **terms: Any) -> Any:
    """Give a licence to an organisation that has a shop."""
    licence = licences_made.licence(workspace, licensee=handle, designs=(design_id,), **terms)
    open_shop(workspace, handle, handle)
    return licence


def named(
    client: TestClient, workspace: Workspace, design_id: str, country: str = "FR", **words: Any
) -> list[str]:
    """The shops that the answer of a match names, by their addresses."""
    check = make.check(workspace, source="page", design_id=design_id, **words)
    page = client.get(f"/checks/{check.id}?country={country}")
    assert page.status_code == 200
    return re.findall(r'<a href="https://([^"]+)" rel="nofollow', page.text)


@pytest.mark.slow
def test_the_owner_and_covering_licensees_are_named(
    client: TestClient, served: Workspace, design_id: str
) -> None:
    """A shop is named if its licence covers the shop, the country and the day. The owner's come first."""
    licensed(served, design_id, "here", territories=("FR", "DE"))
    licensed(served, design_id, "elsewhere", territories=("JP",))
    licensed(served, design_id, "over", ends_on=TODAY - timedelta(days=1))
    licensed(served, design_id, "later", starts_on=TODAY + timedelta(days=9))
    licensed(served, design_id, "other-shop", channels=("market.example/999",))
    licensed(served, design_id, "offered", accepted=False)
    licences_made.organisation(served, "stranger")
    open_shop(served, "stranger", "3")
    assert named(client, served, design_id) == ["market.example/acme-1", "market.example/here"]
    assert named(client, served, design_id, "jp") == ["market.example/acme-1", "market.example/elsewhere"]


def test_a_revoked_licence_and_a_closed_shop_are_not_named(
    client: TestClient, served: Workspace, design_id: str
) -> None:
    """The answer is that of today, also for an old check."""
    licence = licensed(served, design_id, "maker")
    assert "market.example/maker" in named(client, served, design_id)
    with served.database.writing() as session:
        acme = organisations.get_organisation(session, "acme")
        agreements.revoke(session, acme, licence.id, "agreed", utc_now())
        for shop in shops.list_storefronts(session, acme.id):
            shops.close(session, acme, shop.id, utc_now())
    assert named(client, served, design_id) == []


@pytest.mark.parametrize(
    ("change", "verdict"), [("disputed", "match"), ("retired", "match"), ("", "lookalike"), ("", "none")]
)
def test_doubt_names_nobody(
    client: TestClient, served: Workspace, design_id: str, change: str, verdict: str
) -> None:
    """A disputed or retired design, a lookalike and nothing found name no shop and ask for no country."""
    if change:
        with served.database.writing() as session:
            get_design(session, design_id).state = change
    check = make.check(served, source="page", design_id=design_id, verdict=verdict)
    page = client.get(f"/checks/{check.id}?country=FR").text
    assert "Who may sell it here" not in page
    assert "market.example" not in page


@pytest.mark.parametrize("country", ["", "XX", "EU", "*", "%00", "FRA"])
def test_no_country_no_answer(client: TestClient, served: Workspace, design_id: str, country: str) -> None:
    """Without a country that we know, the page asks for it and names nobody."""
    assert named(client, served, design_id, country) == []


@pytest.mark.slow
def test_the_terms_of_a_licence_stay_secret(client: TestClient, served: Workspace, design_id: str) -> None:
    """The page says nothing about period, cap, goods, channels, or the licence's id."""
    ends_on = date(2999, 7, 13)
    licence = licensed(
        served, design_id, "maker", ends_on=ends_on, cap=9173, goods=(25,), channels=("market.example/maker",)
    )
    check = make.check(served, source="page", design_id=design_id)
    page = client.get(f"/checks/{check.id}?country=FR").text
    assert "market.example/maker" in page
    for secret in (licence.id, "9173", "2999", "Jul 13"):
        assert secret not in page


@pytest.mark.parametrize(
    ("lang", "words"),
    [("en", "no official shop for this design in Japan"), ("zh-Hans", "没有该设计在日本的官方店铺")],
)
def test_without_a_shop_the_page_says_whom_to_ask(
    client: TestClient, served: Workspace, lang: str, words: str
) -> None:
    """The page names the owner. The country stays chosen, and the language, too."""
    design = make.register(served, title="Koi pond").design
    check = make.check(served, source="page", design_id=design.id)
    page = client.get(f"/checks/{check.id}?country=JP&lang={lang}").text
    assert words in page
    assert '<option value="JP" selected>' in page
    assert f'<input type="hidden" name="lang" value="{lang}">' in page
    names = set(re.findall(r'(?:href|src)="/static/([^"?]+)', page))
    assert len(page.encode()) + sum((STATIC / name).stat().st_size for name in names) < 50_000


def test_many_shops_are_counted(served: Workspace, design_id: str) -> None:
    """At most twelve shops are shown, and the others are counted."""
    for number in range(2, 16):
        open_shop(served, "acme", str(number))
    with served.database.reading() as session:
        answer = official.who_may_sell(session, get_design(session, design_id), territory="FR", on=TODAY)
    assert (len(answer.shops), answer.more) == (12, 3)


def test_countries_are_in_the_order_of_their_readers() -> None:
    """English readers find Åland among A, Chinese readers find China by its sound."""
    english, chinese = ([name for _, name in countries_in(tag)] for tag in ("en", "zh-Hans"))
    assert english.index("Åland Islands") < english.index("Albania") + 5
    assert chinese.index("阿尔巴尼亚") < chinese.index("法国") < chinese.index("日本") < chinese.index("中国")
