"""The forms of an offer and of an amendment: nothing typed is lost, and each error is told at its field."""

import html
import re
from typing import Any

import agents_made
import licences_made as made
import make
import pytest
from licence_visits import SignIn, visitors
from sqlalchemy import select
from starlette.testclient import TestClient

from authcheck.licences import agreements
from authcheck.licences.tables import Licence
from authcheck.licences.terms import Terms
from authcheck.members import organisations
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace


@pytest.fixture
def visit(client: TestClient, workspace: Workspace) -> SignIn:
    """Return a function that opens the browser of a person."""
    return visitors(client, workspace)


@pytest.fixture
def koi(workspace: Workspace) -> str:
    """Return the id of a design of acme, to whom the maker is a licensee."""
    for handle, name in (("maker", "Nordic Textiles"), ("sewer", "Nordic Silk")):
        organisation_id = made.organisation(workspace, handle).id
        with workspace.database.writing() as session:
            organisations.get_organisation(session, handle).name = name
        assert organisation_id
    return make.register(workspace, "KOI", title="Koi & pond", collection="Spring", seed=1).design.id


def offered(design: str, **words: Any) -> dict[str, Any]:
    """Return the fields of an offer that can be sent. Keywords replace fields."""
    return {
        "act": "send", "nonce": "n" * 22, "licensee": "maker", "design": design, "where": "some",
        "country": ["DE", "FR"], "goods": ["25"], "channels": "market.example/4711\n", "starts_on": "2026-01-01",
        "ends_on": "2027-03-31", "cap": "5,000", **words,
    }  # fmt: skip


def terms_of(workspace: Workspace, path: str) -> Terms:
    """Return the stored terms of the licence at the address of its page."""
    licence_id = path.partition("?")[0].rpartition("/")[2]
    with workspace.database.reading() as session:
        return Terms.from_json(session.get_one(Licence, licence_id).terms)


def count(workspace: Workspace) -> int:
    """Return how many versions of licences there are."""
    with workspace.database.reading() as session:
        return len(session.scalars(select(Licence.id)).all())


@pytest.mark.slow
def test_an_offer_is_stored_as_it_was_typed(visit: SignIn, workspace: Workspace, koi: str) -> None:
    """The terms are those of the form. A second click offers nothing again."""
    mei = visit()
    assert "Koi &amp; pond" in mei.get("/licences/new").text
    sent = mei.post("/licences/new", **offered(koi, exclusive="yes"))
    assert sent.headers["location"].endswith("?notice=offered")
    assert terms_of(workspace, sent.headers["location"]) == made.terms(
        designs=(koi,), territories=("DE", "FR"), goods=(25,), channels=("market.example/4711",), cap=5_000,
        ends_on=Terms.from_json({"starts_on": "2027-03-31"}).starts_on, exclusive=True,
    )  # fmt: skip
    again = mei.post("/licences/new", **offered(koi))
    assert (again.status_code, count(workspace)) == (409, 1)
    world = mei.post(
        "/licences/new", **offered(koi, nonce="m" * 22, where="except", country="CN", region="africa")
    )
    stored = terms_of(workspace, world.headers["location"])
    assert (stored.territories, "CN" in stored.except_territories, "ZA" in stored.except_territories) == (
        ("*",),
        True,
        True,
    )


@pytest.mark.slow
def test_each_mistake_is_told_at_its_field(visit: SignIn, workspace: Workspace, koi: str) -> None:
    """The alert leads to the field, nothing is stored, and everything typed is still there."""
    other = make.register(workspace, "THEIRS", owner="globex", seed=2).design.id
    mei = visit()
    for changed, field, words in (
        ({"licensee": "nobody"}, "licensee", "We have no member of this name"),
        ({"licensee": ""}, "licensee", "Choose one member"),
        ({"licensee": "acme"}, "licensee", "Choose another member"),
        ({"licensee": "Nordic"}, "licensee", "Choose one member"),
        ({"design": []}, "subjects", "Choose at least one design"),
        ({"design": other}, "subjects", "is not yours"),
        ({"country": []}, "where", "Choose at least one country"),
        ({"country": "Atlantis"}, "where", "Choose at least one country"),
        ({"goods": ["77"]}, "goods", "one of these classes"),
        ({"goods": ["777"]}, "goods", "one of these classes"),
        ({"region": "atlantis"}, "where", "Choose at least one country"),
        ({"channels": "/4711"}, "channels", "This is no shop"),
        ({"starts_on": "yesterday"}, "starts_on", "Write the day as"),
        ({"ends_on": "11/12/2026"}, "ends_on", "Write the day as"),
        ({"ends_on": "2020-01-01"}, "ends_on", "before the first day"),
        ({"cap": "many"}, "cap", "whole number"),
        ({"cap": "0"}, "cap", "from 1 to 1,000,000,000"),
    ):
        fields = {**offered(koi), **changed}
        page = mei.post("/licences/new", **fields)
        assert 400 <= page.status_code < 500
        assert f'<a href="#offer-{field}">' in page.text, changed
        assert words in page.text, changed
        shown = html.unescape(page.text)
        for name in ("licensee", "starts_on", "ends_on", "cap"):
            assert f'name="{name}" type="' in shown
            assert f'value="{fields[name]}"' in shown
        assert fields["channels"].strip() in shown
        assert shown.count('name="country"') == 249
        assert len(re.findall(r'name="country" value="(?:DE|FR)" checked', shown)) == (
            2 if fields["country"] == ["DE", "FR"] else 0
        )
    assert count(workspace) == 0
    assert "请将日期写成" in mei.post("/licences/new?lang=zh", **offered(koi, starts_on="x")).text


@pytest.mark.slow
def test_a_search_keeps_the_form(visit: SignIn, workspace: Workspace, koi: str) -> None:
    """A search shows own designs and collections with the words, and keeps what is chosen and typed."""
    make.register(workspace, "KITE", title="Red kite", collection="Sky", seed=2)
    make.register(workspace, "THEIRS", owner="globex", title="Kite of theirs", seed=3)
    mei = visit()
    page = mei.post("/licences/new", **offered(koi, act="search", search="KITE", cap="77", licensee="Nordic"))
    assert page.status_code == 200
    assert f'name="design" value="{koi}" checked' in page.text
    assert "Red kite" in page.text
    assert "theirs" not in page.text
    assert 'value="77"' in page.text
    assert re.findall(r'name="member" value="(\w+)"', page.text) == ["sewer", "maker"]
    assert 'name="collection" value="Sky"' not in page.text
    assert (
        'name="collection" value="Sky"'
        in mei.post("/licences/new", **offered(koi, act="search", search="sk")).text
    )
    sent = mei.post("/licences/new", **offered([], licensee="Nordic", member="sewer", collection="Spring"))
    assert terms_of(workspace, sent.headers["location"]).collections == ("Spring",)


@pytest.mark.slow
def test_an_exclusive_licence_in_the_way_is_named(visit: SignIn, workspace: Workspace, koi: str) -> None:
    """The field of countries says so, with a link to the licence that is in the way."""
    rival = made.licence(workspace, licensee="sewer", designs=(koi,), territories=("FR",), exclusive=True)
    page = visit().post("/licences/new", **offered(koi))
    assert page.status_code == 409
    assert '<a href="#offer-where">' in page.text
    assert f'<a href="/licences/{rival.id}">See the licence of sewer</a>' in page.text
    assert count(workspace) == 1


@pytest.mark.slow
def test_two_people_change_one_licence(visit: SignIn, workspace: Workspace, koi: str) -> None:
    """The second sees what the first changed, field by field beside the own input, and sends it again."""
    first = made.licence(workspace, designs=(koi,), territories=("DE",), cap=10)
    mei, bo = visit(), visit(name="bo")
    path = f"/licences/{first.id}/amend"
    forms = [fields_of(person.get(path).text) for person in (mei, bo)]
    assert forms[0]["base"] == [first.id]
    done = mei.post(path, **{**forms[0], "cap": "25", "act": "send"})
    assert done.headers["location"].endswith("?notice=amended")
    clash = bo.post(path, **{**forms[1], "cap": "12", "country": ["DE", "AT"], "act": "send"})
    assert (clash.status_code, "licence.changed" in clash.text) == (409, True)
    row = re.search(r"<tr><th[^>]*>Units</th>(.*?)</tr>", clash.text, re.DOTALL)
    assert row is not None
    assert re.findall(r"at most \d+ units", row[1]) == [
        "at most 10 units",
        "at most 25 units",
        "at most 12 units",
    ]
    kept = fields_of(clash.text)
    assert (kept["cap"], sorted(kept["country"])) == (["12"], ["AT", "DE"])
    assert "Nobody has answered version 2" in clash.text
    sent = bo.post(path, **{**kept, "act": "send"})
    assert sent.status_code == 303
    assert (terms_of(workspace, sent.headers["location"]).cap, count(workspace)) == (12, 3)
    with workspace.database.reading() as session:
        versions = session.scalars(select(Licence).order_by(Licence.version)).all()
        assert [row.declined_at is not None for row in versions] == [False, True, False]
        assert versions[0].superseded_at is None


@pytest.mark.slow
def test_a_licensee_who_accepts_meanwhile_loses_nothing(
    visit: SignIn, workspace: Workspace, koi: str
) -> None:
    """An offer that is accepted while its owner changes it stays in force until the new version is accepted."""
    first = made.licence(workspace, designs=(koi,), accepted=False)
    mei = visit()
    form = fields_of(mei.get(f"/licences/{first.id}/amend").text)
    maker = made.organisation(workspace, "maker")
    with workspace.database.writing() as session:
        agreements.accept(session, maker, first.id, utc_now())
    sent = mei.post(f"/licences/{first.id}/amend", **{**form, "cap": "5", "act": "send"})
    assert sent.status_code == 303
    with workspace.database.reading() as session:
        row = session.get_one(Licence, first.id)
        assert (row.declined_at, row.superseded_at) == (None, None)


@pytest.mark.slow
def test_an_agent_offers_within_its_reach_only(visit: SignIn, workspace: Workspace, koi: str) -> None:
    """The search of an agent of one design shows no other design and no collection."""
    kite = make.register(workspace, "KITE", title="Red kite", collection="Spring", seed=2).design.id
    appointment = agents_made.appoint(workspace, "guard", scopes=["licences:write"], designs=["KOI"])
    agent = visit("guard", "agent", "agent")
    agent.post("/account/act", acting=appointment.id)
    page = agent.get("/licences/new")
    assert page.status_code == 200
    assert "Koi &amp; pond" in page.text
    assert "Red kite" not in page.text
    assert 'name="collection"' not in page.text
    refused = agent.post("/licences/new", **offered(kite))
    assert (refused.status_code, "Red kite" in refused.text, count(workspace)) == (404, False, 0)
    assert agent.post("/licences/new", **offered(koi)).status_code == 303


@pytest.mark.slow
def test_a_licensee_passes_on_what_it_has(visit: SignIn, workspace: Workspace, koi: str) -> None:
    """A sublicence names designs of the licence above, and its terms must be within it."""
    above = made.licence(workspace, designs=(koi,), territories=("DE",), sublicensing=True)
    maker = visit("maker", "licensee", "licensee")
    assert f"/licences/new?parent={above.id}" in maker.get(f"/licences/{above.id}").text
    page = maker.get(f"/licences/new?parent={above.id}")
    assert "Koi &amp; pond" in page.text
    fields = offered(koi, licensee="sewer", parent=above.id)
    refused = maker.post("/licences/new", **fields)
    assert (refused.status_code, '<a href="#offer-subjects">' in refused.text) == (409, True)
    sent = maker.post("/licences/new", **{**fields, "country": "DE", "nonce": "o" * 22})
    assert sent.status_code == 303
    assert (
        visit().get(f"/licences/new?parent={above.id}").status_code == 200
    )  # the owner holds no such licence


def fields_of(page: str) -> dict[str, list[str]]:
    """Return the fields of the form as a browser would send them."""
    (form,) = re.findall(r'<form class="fields offer".*?</form>', page, re.DOTALL)
    fields: dict[str, list[str]] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        is_box = attributes.get("type") in {"checkbox", "radio"}
        if "name" in attributes and (not is_box or tag.rstrip(">").endswith("checked")):
            fields.setdefault(attributes["name"], []).append(html.unescape(attributes.get("value", "")))
    for name, text in re.findall(r'<textarea[^>]*name="(\w+)"[^>]*>(.*?)</textarea>', form, re.DOTALL):
        fields[name] = [html.unescape(text)]
    return {name: values for name, values in fields.items() if name != "form_token"}


@pytest.mark.slow
def test_an_agent_cannot_amend_what_it_does_not_reach(visit: SignIn, workspace: Workspace, koi: str) -> None:
    """A newer version outside the appointment is neither named nor replaced."""
    kite = make.register(workspace, "KITE", seed=2).design.id
    first = made.licence(workspace, designs=(koi,))
    acme = made.organisation(workspace, "acme")
    with workspace.database.writing() as session:
        newer = agreements.amend(session, acme, first.id, made.terms(designs=(koi, kite)), utc_now())
    appointment = agents_made.appoint(workspace, "guard", scopes=["licences:write"], designs=["KOI"])
    agent = visit("guard", "agent", "agent")
    agent.post("/account/act", acting=appointment.id)
    page = agent.get(f"/licences/{first.id}")
    assert "Your appointment does not reach all designs" in page.text
    form = fields_of(agent.get(f"/licences/{first.id}/amend").text)
    refused = agent.post(f"/licences/{first.id}/amend", **{**form, "act": "send"})
    assert refused.status_code == 404
    assert newer.id not in page.text + refused.text
    assert agent.post(f"/licences/{newer.id}/withdraw").status_code == 404
    assert count(workspace) == 2


@pytest.mark.slow
def test_a_long_licence_keeps_every_design_and_shop(
    visit: SignIn, workspace: Workspace, koi: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening and sending a licence with 900 shops changes none of them, nor a design without a checkbox."""
    others = tuple(make.register(workspace, f"R-{seed}", seed=seed).design.id for seed in range(2, 4))
    channels = tuple(sorted(f"market.example/a-rather-long-name-of-a-shop-{number}" for number in range(900)))
    terms = made.terms(designs=tuple(sorted((koi, *others))), channels=channels)
    first = made.licence(workspace, designs=terms.designs, channels=channels)
    monkeypatch.setattr("api.pages.licence_offer_view.SHOWN_DESIGNS", 1)
    mei = visit()
    form = fields_of(mei.get(f"/licences/{first.id}/amend").text)
    assert (len(form["design"]), len(form["more_designs"][0].split())) == (1, 2)
    sent = mei.post(f"/licences/{first.id}/amend", **{**form, "act": "send"})
    assert terms_of(workspace, sent.headers["location"]) == terms
