"""A brand offers a licence, the licensee accepts it, and two people change it: in Chromium, by keyboard alone."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import licences_made
import make
import people_made
import pytest
from keyboard_visits import Served, Visitor, serving
from people_made import PASSWORD

from authcheck.config import Settings
from authcheck.workspace import Workspace

pytestmark = [pytest.mark.ui, pytest.mark.slow]
PEOPLE = {
    "mei": ("acme", "brand", "licensing"),
    "bo": ("acme", "brand", "admin"),
    "lee": ("maker", "licensee", "licensee"),
}


@pytest.fixture
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve an installation with a brand of two people, two designs and a licensee."""
    folder = tmp_path_factory.mktemp("licences")
    workspace = Workspace.open(Settings(data_dir=folder))
    make.confirm_address(workspace.database)
    for seed, title in ((1, "Koi pond"), (2, "Red kite")):
        make.register(workspace, f"SS26-{seed}", title=title, seed=seed)
    licences_made.organisation(workspace, "maker")
    for name, (owner, kind, role) in PEOPLE.items():
        people_made.person(
            workspace.database,
            f"{name}@{owner}.example",
            owner=owner,
            kinds=(kind,),
            roles=(role,),
            now=datetime.now(UTC),
        )
    workspace.database.dispose()
    with serving(folder) as served:
        yield served


@pytest.fixture
def people(chromium: Any, server: Served) -> Iterator[dict[str, Visitor]]:
    """Return a browser of each person, who is signed in."""
    visitors = {}
    for name, (owner, _, _) in PEOPLE.items():
        size = {"width": 1280, "height": 844}
        visitors[name] = Visitor(chromium, server.url, f"licences-{name}", viewport=size, locale="en-GB")
        visitors[name].sign_in(f"{name}@{owner}.example", PASSWORD)
    yield visitors
    for visitor in visitors.values():
        visitor.leave()


def test_a_licence_from_the_offer_to_two_changes(people: dict[str, Visitor]) -> None:
    """The offer, its acceptance, the answer who may sell, and a change that meets another change."""
    mei, bo, lee = people["mei"], people["bo"], people["lee"]
    mei.go("/licences")
    mei.judge("en", "No licences in force")
    mei.send('a[href="/licences/new"]')
    mei.fill("#offer-licensee", "maker")
    mei.go("/licences")  # a form that is left half filled
    mei.go("/licences/new")
    assert mei.page.input_value("#offer-licensee") == "maker"
    mei.read("en", "We kept what you typed here.")
    mei.fill("#offer-search", "koi")
    mei.send("[name=act][value=search]")
    mei.tick("[name=design]:not(:checked)")
    mei.fill("#offer-country-filter", "germ")
    mei.tick("[name=country][value=DE]")
    mei.fill("#offer-goods-filter", "cloth")
    mei.tick("[name=goods][value='25']")
    mei.fill("#offer-cap", "many")
    assert mei.send("[name=act][value=send]") == 422
    mei.judge("en", "Write a whole number in digits")
    mei.fill("#offer-cap", "5,000")
    assert mei.send("[name=act][value=send]") == 200
    mei.judge(
        "en", "The offer is sent.", "maker may make and sell clothing, footwear and headgear (class 25)"
    )
    offered = mei.path()

    lee.go("/licences?lang=zh")
    lee.judge("zh-Hans", "您可以制造和销售的商品", "等待您的答复")
    lee.go(offered)
    lee.send("[name=answer][value=accept]")
    lee.judge("en", "You have accepted. The terms are in force.")

    mei.go("/licences/who")
    mei.fill("#who-design", "SS26-1")
    mei.reach("#who-territory")
    mei.page.keyboard.type("Germany")
    assert mei.send("form[action='/licences/who'] button") == 200
    mei.judge("en", "Koi pond may be sold so.", "Covers it.")

    for person in (mei, bo):
        person.go(offered)
        person.send(f'a[href="{offered}/amend"]')
    mei.fill("#offer-cap", "6000")
    assert mei.send("[name=act][value=send]") == 200
    bo.fill("#offer-cap", "7000")
    assert bo.send("[name=act][value=send]") == 409
    bo.judge("en", "Somebody changed this licence", "at most 6,000 units", "at most 7,000 units")
    assert bo.page.input_value("#offer-cap") == "7000"
    assert bo.send("[name=act][value=send]") == 200
    bo.judge("en", "The new version is offered.", "Not accepted", "at most 7,000 units")
