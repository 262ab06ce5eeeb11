"""The page of one design: what it shows, changes of its words and pictures, two editors, the wall."""

import csv
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import cases_made
import licences_made
import make
import pytest
import units_made
from agents_made import appoint
from desk_visitors import Visitor, visitor
from starlette.testclient import TestClient

from authcheck.certificates import signing_keys
from authcheck.members import organisations
from authcheck.registry import designs
from authcheck.workspace import Workspace

Visit = Callable[..., Visitor]


@pytest.fixture
def visit(client: TestClient, workspace: Workspace) -> Visit:
    """Return a function that signs a person in."""
    return lambda **words: visitor(client, workspace, **words)


@pytest.fixture
def koi(workspace: Workspace) -> str:
    """Return the address of acme's design."""
    made = make.register(workspace, "KOI-1", seed=1, title="Koi <pond>", collection="Summer")
    return f"/designs/{made.design.id}"


def fields(html: str) -> dict[str, str]:
    """Return the fields of the form with the words of a design, as the page offers them."""
    form = html.split('/change"')[1].split("</form>", maxsplit=1)[0]
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))
    texts = dict(re.findall(r'<input id="\w+" name="(title|collection)" value="([^"]*)"', form))
    (kind,) = re.findall(r'<option value="(\w+)" selected', form)
    return {name: unescape(value) for name, value in {**hidden, **texts, "kind": kind}.items()}


def stored(workspace: Workspace, path: str) -> Any:
    """Return the design as it is stored."""
    with workspace.database.reading() as session:
        return designs.get_design(session, path.rpartition("/")[2])


@pytest.mark.slow
def test_words_change_and_are_in_the_ledger(visit: Visit, workspace: Workspace, koi: str) -> None:
    """A new title is saved, shown, searched and recorded. The entry links to its proof."""
    mei = visit()
    page = mei.get(koi)
    assert (page.status_code, "Koi &lt;pond&gt;" in page.text) == (200, True)
    sent = {**fields(page.text), "title": "Carp", "kind": "pattern", "public_preview": "on", "collection": ""}
    done = mei.post(f"{koi}/change", **sent)
    assert done.headers["location"] == f"{koi}?notice=saved"
    html = mei.get(done.headers["location"]).text
    assert "Saved. The change is in the ledger." in html
    assert re.search(r"Description or mask changed.*?/v1/tx/[0-9a-f]{64}", html, re.DOTALL)
    design = stored(workspace, koi)
    assert (design.title, design.kind, design.collection, design.public_preview) == (
        "Carp",
        "pattern",
        None,
        True,
    )
    assert "Carp" in mei.get("/designs?words=carp").text
    (proof,) = re.findall(r'href="(/v1/tx/[^"]+)"', html)[:1]
    assert mei.get(proof).json()["type"] == "design.update"


@pytest.mark.slow
def test_every_number_opens_as_many_rows(visit: Visit, workspace: Workspace, koi: str) -> None:
    """Licences, suspect listings and certificates add up to the rows that their links open."""
    today, design_id = datetime.now(UTC).date(), koi.rpartition("/")[2]
    licences_made.licence(workspace, designs=(design_id,))
    licences_made.licence(workspace, collections=("Summer",), licensee="other")
    licences_made.licence(workspace, designs=(design_id,), licensee="late", ends_on=today - timedelta(days=1))
    licences_made.licence(workspace, designs=(design_id,), licensee="asked", accepted=False)
    vault = signing_keys.open_vault(workspace.settings)
    with workspace.database.writing() as session:
        acme = organisations.get_organisation(session, "acme")
        signing_keys.create_key(
            session, acme, vault, settings=workspace.settings, now=make.NOW, public_key=None
        )
    units_made.issue(workspace, design_id, count=3)
    units_made.issue(workspace, design_id, count=4, lot="L-2", request_key="two")
    cases_made.hand_in(workspace, listed_on=today)
    mei = visit(role="admin")
    html = mei.get(koi).text
    found = re.findall(r'<dd><a href="([^"]+)">(\d+)</a></dd>', html)
    numbers = {path.replace("&amp;", "&"): int(number) for path, number in found}
    assert {path.partition("?")[0]: number for path, number in numbers.items()} == {
        "/licences": 2, "/hits": 1, "/certificates": 7,
    }  # fmt: skip
    for path, number in numbers.items():
        page, _, query = path.partition("?")
        rows = list(csv.DictReader(io.StringIO(mei.get(f"{page}.csv?{query}").text)))
        assert sum(int(row.get("units", 1) if page == "/certificates" else 1) for row in rows) == number, path


@pytest.mark.slow
def test_the_second_editor_sees_what_changed_and_loses_nothing(
    visit: Visit, workspace: Workspace, koi: str
) -> None:
    """Two people open the page. The second save is refused with both versions, and can be sent again."""
    mei, ada = visit(), visit(role="admin")
    first, second = fields(mei.get(koi).text), fields(ada.get(koi).text)
    mei.post(f"{koi}/change", **{**first, "title": "Carp", "collection": "Winter"})
    refused = ada.post(f"{koi}/change", **{**second, "title": "Trout", "kind": "logo"})
    assert refused.status_code == 412
    assert "Title: “Koi &lt;pond&gt;” is now “Carp”." in refused.text
    assert "Collection: “Summer” is now “Winter”." in refused.text
    assert stored(workspace, koi).title == "Carp"
    again = fields(refused.text)
    assert (again["title"], again["kind"], again["collection"]) == ("Trout", "logo", "Winter")
    assert ada.post(f"{koi}/change", **again).status_code == 303
    design = stored(workspace, koi)
    assert (design.title, design.kind, design.collection) == ("Trout", "logo", "Winter")


@pytest.mark.slow
def test_pictures_are_added_masked_and_removed(visit: Visit, workspace: Workspace, koi: str) -> None:
    """A second picture is compared at once. Its mask changes, and the last picture stays."""
    mei = visit()
    broken = mei.post(f"{koi}/pictures", [("image", ("a.png", b"x"))])
    assert (broken.status_code, "not a picture we can read" in broken.text) == (422, True)
    added = mei.post(f"{koi}/pictures", [("image", ("b.png", make.encode(make.product_photo(5))))])
    assert added.headers["location"] == f"{koi}?notice=added#pictures"
    (picture,) = [view.picture_sha256 for view in stored(workspace, koi).views][1:]
    mask = [("mask", ("m.png", make.mask_bytes()))]
    assert mei.post(f"{koi}/mask", mask, picture=picture, masking="file").status_code == 303
    html = mei.get(koi).text
    assert "By your mask" in html
    (drawn,) = set(re.findall(rf'src="(/v1/designs/[^"]+/views/{picture}/mask)"', html))
    assert mei.get(drawn).headers["content-type"] == "image/png"
    assert visit(owner="globex").get(drawn).status_code == 404
    for choice, status in (("none", 303), ("file", 422), ("odd", 422)):
        nothing = [("mask", ("", b""))]
        assert mei.post(f"{koi}/mask", nothing, picture=picture, masking=choice).status_code == status, choice
    assert mei.post(f"{koi}/pictures/remove", picture=picture).status_code == 303
    last = designs.live_views(stored(workspace, koi))[0].picture_sha256
    kept = mei.post(f"{koi}/pictures/remove", picture=last)
    assert (kept.status_code, "at least one picture" in kept.text) == (409, True)


@pytest.mark.slow
def test_who_was_first_is_said_on_both_sides(visit: Visit, workspace: Workspace, koi: str) -> None:
    """The later owner reads whose design was there before and what to do. The first one reads that it counts."""
    copy = make.register(workspace, "COPY", owner="globex", pictures=[make.picture_bytes(1, "JPEG")])
    mei, eve = visit(), visit(owner="globex")
    later = eve.get(f"/designs/{copy.design.id}").text
    assert "Your picture shows design “KOI-1” of acme, which was there before." in later
    assert "If the work is yours, say so in the dispute" in later
    assert re.search(r'href="/disputes/dsp_\w+"', later)
    assert "You were first." in mei.get(koi).text
    assert "您登记在先" in mei.get(f"{koi}?lang=zh").text


@pytest.mark.slow
def test_retiring_asks_first_and_closes_the_forms(visit: Visit, workspace: Workspace, koi: str) -> None:
    """Without the tick, or for a page of before another change, nothing is retired."""
    mei = visit()
    version = fields(mei.get(koi).text)["version"]
    asked = mei.post(f"{koi}/retire", version=version)
    assert (asked.status_code, "Tick the sentence" in asked.text) == (422, True)
    assert mei.post(f"{koi}/retire", version="0", confirm="on").status_code == 412
    assert stored(workspace, koi).state == "registered"
    assert mei.post(f"{koi}/retire", version=version, confirm="on").status_code == 303
    html = mei.get(koi).text
    assert ("was retired on" in html, "<textarea" in html, "/change" in html) == (True, False, False)
    assert mei.get(re.findall(r'src="(/designs/[^"]+)"', html)[0].replace("&amp;", "&")).status_code == 200


@pytest.mark.slow
def test_the_wall_and_the_roles(visit: Visit, workspace: Workspace, koi: str) -> None:
    """Another brand finds nothing. A reader sees why a button is locked, and the server refuses all the same."""
    mei, eve, ada = visit(), visit(owner="globex"), visit(role="analyst")
    sent = fields(mei.get(koi).text)
    acts: dict[str, dict[str, Any]] = {
        "change": sent, "retire": {"confirm": "on", "version": sent["version"]}, "pictures/remove": {"picture": "x"},
    }  # fmt: skip
    for act, form in acts.items():
        assert eve.post(f"{koi}/{act}", **form).status_code == 404, act
        assert ada.post(f"{koi}/{act}", **form).status_code == 403, act
        assert mei.send_from("cross-site", f"{koi}/{act}", **form).status_code == 403, act
    picture = [("image", ("a.png", make.picture_bytes(7)))]
    assert eve.post(f"{koi}/pictures", picture).status_code == 404
    assert ada.post(f"{koi}/pictures", picture).status_code == 403
    assert eve.get(koi).status_code == 404
    html = ada.get(koi).text
    assert "Your roles do not allow you to change designs." in html
    assert "/change" not in html
    assert stored(workspace, koi).state == "registered"


@pytest.mark.slow
def test_an_agent_changes_only_what_it_may(visit: Visit, workspace: Workspace, koi: str) -> None:
    """An agent for one design changes its title, but not its collection, and sees no other design."""
    other = make.register(workspace, "KITE", seed=2)
    appoint(
        workspace, "guard", scopes=("designs:read", "designs:write"), designs=[koi.rpartition("/")[2]],
        now=datetime.now(UTC), ends_on=datetime.now(UTC).date() + timedelta(days=30),
    )  # fmt: skip
    agent = visit(owner="guard", role="agent", kind="agent")
    agent.act_for("guard", "acme")
    sent = fields(agent.get(koi).text)
    assert agent.get(f"/designs/{other.design.id}").status_code == 404
    assert agent.post(f"{koi}/change", **{**sent, "title": "Carp"}).status_code == 303
    sent = fields(agent.get(koi).text)
    refused = agent.post(f"{koi}/change", **{**sent, "collection": "Mine"})
    assert (refused.status_code, "You act for a part of this brand only." in refused.text) == (409, True)
    assert (stored(workspace, koi).title, stored(workspace, koi).collection) == ("Carp", "Summer")
