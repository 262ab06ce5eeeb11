"""The page Today: each line has as many rows behind it as it says, and nothing is said to nobody."""

import re
from datetime import timedelta

import certificates_made
import licences_made
import make
import notices_made
import people_made
import pytest
import scans_made as made
import shops_made
from browsers_made import Browser
from starlette.testclient import TestClient

from authcheck.cases import today
from authcheck.licences import design_rights
from authcheck.licences.design_rights import NewRight
from authcheck.members import domains, organisations
from authcheck.members.permissions import Resource, Right, Role
from authcheck.members.reach import WHOLE
from authcheck.registry.designs import get_design
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace


def sign_in(
    client: TestClient, work: Workspace, role: str, owner: str = "acme", kind: str = "brand"
) -> Browser:
    """Return the browser of a person with a role."""
    email = f"{role}@{owner}.example"
    people_made.person(work.database, email, owner=owner, kinds=(kind,), roles=(role,), now=utc_now())
    browser = Browser(client)
    assert browser.sign_in(email).headers["location"] == "/today"
    return browser


def lines_of(browser: Browser) -> dict[str, tuple[int, str]]:
    """Return the number and the page of each line."""
    html = browser.get("/today").text
    found = re.findall(r'<li><a class="card" href="([^"]+)"><span class="count">(\d+)', html)
    by_page = {page: name for name, page, *_ in today.LINES}
    return {
        by_page[page.replace("&amp;", "&")]: (int(count), page.replace("&amp;", "&")) for page, count in found
    }


def test_each_line_opens_as_many_rows(client: TestClient, workspace: Workspace) -> None:
    """Two copied labels and a licence that ends: the pages behind have these rows."""
    brand = certificates_made.brand(workspace)
    assert "Nothing needs you" in sign_in(client, workspace, "analyst").get("/today").text
    now = utc_now()
    brand.issue()
    for unit in brand.certificates()[:2]:
        made.copied(workspace, unit, at=now - timedelta(days=20))
    ends = {"designs": (brand.design.id,), "ends_on": now.date() + timedelta(days=9)}
    licences_made.licence(workspace, **ends)
    browser = sign_in(client, workspace, "admin")
    lines = lines_of(browser)
    assert {name: count for name, (count, _) in lines.items()} == {"copies": 2, "ending": 1}
    assert browser.get(lines["copies"][1]).text.count('<li id="alr_') == 2
    ending = browser.get(lines["ending"][1]).text
    assert len(set(re.findall(r"/licences/(lic_[0-9A-Z]{26})", ending))) == 1
    body = client.get(
        "/v1/today", headers={"Authorization": f"Bearer {make.key(workspace, 'scans:read')}"}
    ).json()
    assert [(line["name"], line["count"]) for line in body["lines"]] == [("copies", 2)]
    none = client.get("/v1/today", headers={"Authorization": f"Bearer {make.key(workspace, 'designs:read')}"})
    assert none.json()["lines"] == []  # a key hears of nothing that it may not read


def test_a_new_brand_makes_its_key(client: TestClient, workspace: Workspace) -> None:
    """A brand without a key reads so, makes the key on the page once, and can issue."""
    brand = certificates_made.brand(workspace, key=False)
    browser = sign_in(client, workspace, "issuer")
    lines = lines_of(browser)
    assert list(lines) == ["key"]
    assert "Your signing key" in browser.get(lines["key"][1]).text
    for _ in range(2):
        assert browser.post("/certificates/new/key").headers["location"] == "/certificates/new"
    assert len(brand.signing_keys()) == 1
    assert "Your signing key" not in browser.get("/certificates/new").text
    assert lines_of(browser) == {}


def test_at_most_seven_lines_of_hundred(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line counts to 100, and the least urgent lines stay away."""
    certificates_made.brand(workspace)
    lines = [
        (f"l{number}", "/hits", frozenset({"brand"}), Resource.NOTICES, Right.READ, lambda *_: 150)
        for number in range(9)
    ]
    monkeypatch.setattr(today, "LINES", lines)
    caller = notices_made.reporter(workspace)
    with workspace.database.reading() as session:
        found = today.find_lines(session, caller, make.NOW, reach=WHOLE)
    assert [(line.name, line.count) for line in found] == [(f"l{number}", 100) for number in range(7)]


def test_everybody_has_a_first_page(client: TestClient, workspace: Workspace) -> None:
    """A licensee reads of the offer to it, and people of other organisations have nothing to do."""
    brand = certificates_made.brand(workspace)
    licences_made.licence(workspace, licensee="tees", accepted=False, designs=(brand.design.id,))
    licensee = sign_in(client, workspace, Role.LICENSEE, "tees", "licensee")
    assert lines_of(licensee)["offers"][0] == 1
    assert "acme" in licensee.get("/licences?state=offered&role=licensee").text
    for role, owner, kind in (("moderator", "bazaar", "marketplace"), ("operator", "office", "operator")):
        assert "Nothing needs you" in sign_in(client, workspace, role, owner, kind).get("/today").text


def test_the_first_steps_are_counted_until_all_are_done(client: TestClient, workspace: Workspace) -> None:
    """An administrator of a brand sees what is left. Others, and a brand that has done all, see no steps."""

    def left() -> list[str]:
        html = admin.get("/today").text
        return re.findall(r'<a class="line" href="([^"]+)">(?:Prove|Be|Register|See|Name|Invite)', html)

    admin = sign_in(client, workspace, "admin")
    assert "1 of 7 steps done" in admin.get("/today").text
    assert left() == [
        "/organisation#domains",
        "/register",
        "/hits",
        "/designs",
        "/organisation#shops",
        "/people",
    ]
    assert "steps done" not in sign_in(client, workspace, "analyst").get("/today").text
    assert (
        "steps done"
        not in sign_in(client, workspace, "moderator", "market", "marketplace").get("/today").text
    )
    design = make.register(workspace, "KITE", seed=1).design
    with workspace.database.writing() as session:
        acme = organisations.get_organisation(session, "acme")
        row = domains.add(session, acme, "acme.com", make.NOW)
        domains.note(session, row.id, domains.Finding("dns"), make.NOW)
        new = NewRight(kind="copyright", territories=("FR",))
        design_rights.add(session, get_design(session, design.id), new, None, make.NOW)
    assert left() == ["/organisation#shops"]
    with workspace.database.writing() as session:
        acme = organisations.get_organisation(session, "acme")
        words = {
            "marketplace": "bigmarket",
            "shop_id": "own",
            "url": "https://bigmarket.com/own",
            "now": make.NOW,
        }
        shops_made.add(session, acme, **words)
    assert "First steps" not in admin.get("/today").text


def test_rights_and_proofs_that_need_somebody_are_told(client: TestClient, workspace: Workspace) -> None:
    """A brand reads of refused and ending rights and of lost proofs until it has acted, an operator what waits."""
    admin = sign_in(client, workspace, "admin")
    operator = sign_in(client, workspace, "operator", "office", "operator")
    first, second = (make.register(workspace, f"KITE {seed}", seed=seed).design for seed in (1, 2))
    now = utc_now()

    def name(design_id: str, number: str, days: int) -> str:
        ends_on = now.date() + timedelta(days=days)
        new = NewRight("trade_mark", ("FR",), number, "INPI", expires_on=ends_on)
        with workspace.database.writing() as session:
            return design_rights.add(session, get_design(session, design_id), new, None, utc_now()).id

    refused, ending = name(first.id, "1", 900), name(second.id, "2", 80)
    with workspace.database.writing() as session:
        organisations.get_organisation(session, "acme").state = "applied"
    assert lines_of(operator) == {"applied": (1, "/organisations"), "rights_to_judge": (2, "/rights")}
    with workspace.database.writing() as session:
        acme = organisations.get_organisation(session, "acme")
        acme.state = "approved"
        design_rights.refuse(session, design_rights.get_right(session, refused), "No document.", now)
        design_rights.accept(session, design_rights.get_right(session, ending), now)
        shop = shops_made.add(
            session, acme, marketplace="bazaar", shop_id="own", url="https://b.com/own", now=now
        )
        shop.proof = "lost"
        domains.add(session, acme, "acme.com", now).state = "lost"
    assert lines_of(operator) == {}
    lines = lines_of(admin)
    named = ["shops_lost", "domains_lost", "rights_refused", "rights_ending", "key"]
    assert [(name, count) for name, (count, _) in lines.items()] == [(name, 1) for name in named]
    shown = [
        re.findall(r"<h2><a href=./designs/(\w+)", admin.get(lines[line][1]).text) for line in named[2:4]
    ]
    assert shown == [[first.id], [second.id]]
    key = {"Authorization": f"Bearer {make.key(workspace, 'designs:read')}"}
    for need, ids in (
        ("refused", [first.id]),
        ("ending", [second.id]),
        ("in_review", []),
        ("none", [first.id]),
    ):
        items = client.get(f"/v1/designs?rights={need}", headers=key).json()["items"]
        assert [item["id"] for item in items] == ids
    assert admin.get("/organisation").text.count("bazaar/own") >= 1
    name(first.id, "1a", 900)
    name(second.id, "2a", 2000)
    assert list(lines_of(admin)) == ["shops_lost", "domains_lost", "key"], "both rights are named anew"
    assert lines_of(operator) == {"rights_to_judge": (2, "/rights")}
