"""The page Who may sell this: yes by which licence, or every clause that says no."""

import html
import re
from collections.abc import Callable
from datetime import timedelta

import licences_made as made
import make
import pytest
import shops_made
from browsers_made import Browser
from licence_visits import SignIn, visitors, words_of
from starlette.testclient import TestClient

from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

TODAY = utc_now().date()
DAY = timedelta(days=1)


@pytest.fixture
def visit(client: TestClient, workspace: Workspace) -> SignIn:
    """Return a function that opens the browser of a person."""
    return visitors(client, workspace)


@pytest.fixture
def koi(workspace: Workspace) -> str:
    """Return the id of a design of acme."""
    return make.register(workspace, "KOI", title="Koi & pond", seed=1).design.id


@pytest.mark.slow
def test_who_may_sell_is_answered_with_the_clause(visit: SignIn, workspace: Workspace, koi: str) -> None:
    """The licence that says yes is named, or every clause that says no, with days and countries in words."""
    made.licence(
        workspace, designs=(koi,), territories=("FR", "IT"), goods=(25,), ends_on=TODAY + DAY,
        channels=("market.example/1",),
    )  # fmt: skip
    made.licence(workspace, licensee="sewer", designs=(koi,), territories=("ES",), accepted=False)
    maker = made.organisation(workspace, "maker")
    with workspace.database.writing() as session:
        shops_made.add(
            session, maker, marketplace="market.example", shop_id="1", url="https://m.example/1", now=make.NOW
        )
        shops_made.add(
            session, maker, marketplace="bazaar.example", shop_id="2", url="https://b.example/2", now=make.NOW
        )
    mei = visit()

    def asked(person: Browser, **words: str) -> str:
        query = "&".join(
            f"{name}={value}" for name, value in {"design": "KOI", "territory": "FR", **words}.items()
        )
        return words_of(person.get(f"/licences/who?{query}"))

    assert "Yes Koi & pond may be sold so." in asked(mei)
    assert "Official shops that may sell it, whatever the goods: market.example/1 (maker)" in asked(mei)
    assert "Covers it." in asked(mei, goods="25", shop="market.example/1")
    no = asked(mei, territory="DE", on=str(TODAY + 3 * DAY), goods="18")
    assert "No Each licence for Koi & pond has a clause against it." in no
    assert "Germany is not among its countries: France and Italy." in no
    assert "Not among its goods: class 18. It covers clothing, footwear and headgear (class 25)." in no
    assert re.search(r"Its last day is \d+ \w+ \d{4}\. You asked about \d+ \w+ \d{4}\.", no)
    assert "It was offered, but it is not accepted." in asked(mei, territory="ES")
    other = asked(mei, shop="bazaar.example/2")
    assert "bazaar.example/2 is not among its shops: 1 on market.example." in other
    assert "No member lists this shop" in asked(mei, shop="bazaar.example/9")
    assert "Covers it." in asked(mei, shop="maker")
    assert "It was offered, but it is not accepted." in asked(mei, shop="sewer", territory="ES")
    assert "This is the owner of Koi & pond" in asked(mei, shop="acme")
    assert "No member lists this shop" in asked(mei, shop="nobody")
    assert "We have no such design" in asked(mei, design="NONE")
    assert "Write the day as" in asked(mei, on="soon")
    assert "德国不在其国家和地区之列" in asked(mei, territory="DE", lang="zh")


@pytest.mark.slow
def test_a_licensee_asks_about_its_own_licences_only(visit: SignIn, workspace: Workspace, koi: str) -> None:
    """The other licensees' licences never show, nor a design that no licence of the asker names."""
    own = made.licence(workspace, designs=(koi,), territories=("FR",))
    rival = made.licence(workspace, licensee="sewer", designs=(koi,), territories=("DE",))
    make.register(workspace, "SECRET", title="Secret", seed=2)
    maker = visit("maker", "licensee", "licensee")
    yes = maker.get("/licences/who?design=KOI&territory=FR")
    assert own.id in yes.text
    no = maker.get("/licences/who?design=koi %26 pond&territory=DE")
    assert "Germany is not among its countries: France." in words_of(no)
    assert rival.id not in yes.text + no.text
    assert maker.get("/licences/who?design=SECRET&territory=FR").status_code == 404
    only = maker.get(f"/licences/who?design=KOI&territory=FR&licence={own.id}")
    assert own.id in only.text
    assert maker.get(f"/licences/who?design=KOI&territory=FR&licence={rival.id}").status_code == 404


@pytest.mark.slow
def test_the_answer_is_the_same_by_the_api(
    client: TestClient, visit: SignIn, workspace: Workspace, koi: str, login: Callable[..., dict[str, str]]
) -> None:
    """The address that the page names gives the same licence, with and without a shop."""
    licence = made.licence(workspace, designs=(koi,), territories=("FR",))
    maker = made.organisation(workspace, "maker")
    with workspace.database.writing() as session:
        shops_made.add(
            session, maker, marketplace="market.example", shop_id="1", url="https://m.example/1", now=make.NOW
        )
    key, mei = login("licences:read", "listings:read"), visit()
    for shop in ("", "&shop=market.example/1"):
        page = mei.get(f"/licences/who?design=KOI&territory=FR{shop}")
        path = re.findall(r'"http://testserver(/v1/[^"]*)"', html.unescape(page.text))[0]
        answer = client.get(path, headers=key).json()
        found = answer["licences"] if shop else answer["items"]
        assert [item["id"] for item in found] == [licence.id]
        assert licence.id in page.text
