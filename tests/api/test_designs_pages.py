"""The page *Designs*: its grid, filters, search by a picture, CSV, and who sees which design."""

import csv
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import cases_made
import make
import pytest
from agents_made import appoint
from desk_visitors import Visitor, visitor
from starlette.testclient import TestClient

from authcheck.workspace import Workspace

TODAY = datetime.now(UTC).date()
Visit = Callable[..., Visitor]


@pytest.fixture
def visit(client: TestClient, workspace: Workspace) -> Visit:
    """Return a function that signs a person in."""
    return lambda **words: visitor(client, workspace, **words)


def titles(html: str) -> list[str]:
    """Return the titles on a page of designs, in their order."""
    return re.findall(r'<h2><a href="/designs/[^"]+">([^<]+)</a></h2>', html)


def count_after(html: str, title: str, words: str) -> int:
    """Return a number of a design's card."""
    card = html.split(f">{title}</a></h2>")[1].split("</li>", maxsplit=1)[0]
    found = re.search(rf"{words}: (\d+)", card)
    assert found, card
    return int(found[1])


@pytest.fixture
def three(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Register three designs of acme, one a minute, and one of globex. Return the ids of acme's."""
    made = {}
    for seed, reference, title, collection, kind in (
        (1, "KOI-1", "Koi Pond & Ärger", "Summer 2026", "pattern"),
        (2, "KITE-2", "Red kite 100%", "", "other"),
        (3, "红鲤-3", "红色鲤鱼", "Summer 2026", "other"),
    ):
        monkeypatch.setattr(make, "NOW", make.NOW + timedelta(minutes=1))
        words = {"title": title, "collection": collection, "kind": kind}
        made[reference] = make.register(workspace, reference, seed=seed, **words).design.id
    make.register(workspace, "SECRET", seed=9, title="Rival's koi", owner="globex")
    return made


@pytest.mark.slow
def test_words_and_filters_find_designs(visit: Visit, three: dict[str, str]) -> None:
    """All words must occur, whatever their case, in title, reference or collection. Others' designs never do."""
    mei = visit()
    assert titles(mei.get("/designs").text) == ["红色鲤鱼", "Red kite 100%", "Koi Pond &amp; Ärger"]
    for query, expected in (
        ("words=koi", ["Koi Pond &amp; Ärger"]),
        ("words=ÄRGER+koi", ["Koi Pond &amp; Ärger"]),
        ("words=kite-2", ["Red kite 100%"]),
        ("words=summer", ["红色鲤鱼", "Koi Pond &amp; Ärger"]),
        ("words=鲤鱼", ["红色鲤鱼"]),
        ("words=100%25", ["Red kite 100%"]),
        ("words=%25", ["Red kite 100%"]),
        ("words=_", []),
        ("words=koi+kite", []),
        ("kind=pattern", ["Koi Pond &amp; Ärger"]),
        ("kind=nonsense", ["红色鲤鱼", "Red kite 100%", "Koi Pond &amp; Ärger"]),
        ("collection=Summer+2026&words=koi", ["Koi Pond &amp; Ärger"]),
        ("state=retired", []),
        ("words=%00", []),
    ):
        assert titles(mei.get(f"/designs?{query}").text) == expected, query
    assert '<option value="Summer 2026">' in mei.get("/designs").text
    assert "没有符合条件的设计" in mei.get("/designs?words=zzz&lang=zh").text


@pytest.mark.slow
def test_the_api_and_the_csv_have_the_rows_of_the_page(
    visit: Visit, client: TestClient, brand: dict[str, str], three: dict[str, str]
) -> None:
    """The curl of the page lists the same designs in the same order, and so does its CSV."""
    mei = visit()
    page = mei.get("/designs?words=summer")
    (path,) = re.findall(r'"http://testserver(/v1/designs[^"]*)"</code>', page.text)
    api = client.get(path.replace("&amp;", "&"), headers=brand).json()
    rows = list(csv.DictReader(io.StringIO(mei.get("/designs.csv?words=summer").text)))
    assert [row["design"] for row in rows] == [item["id"] for item in api["items"]]
    assert [row["title"] for row in rows] == ["红色鲤鱼", "Koi Pond & Ärger"]
    assert rows[0]["hits_30_days"] == "0"
    first = client.get("/v1/designs?order=newest&limit=1", headers=brand).json()
    second = client.get(f"/v1/designs?order=newest&limit=1&after={first['next']}", headers=brand).json()
    assert [page["items"][0]["title"] for page in (first, second)] == ["红色鲤鱼", "Red kite 100%"]


@pytest.mark.slow
def test_every_number_opens_as_many_rows(visit: Visit, workspace: Workspace, three: dict[str, str]) -> None:
    """The suspect listings of a card are those that its link opens: of 30 days, and no licensed one."""
    cases_made.hand_in(workspace, "L-1", listed_on=TODAY)
    cases_made.hand_in(workspace, "L-2", seller="else", listed_on=TODAY - timedelta(days=30))
    cases_made.hand_in(workspace, "L-3", listed_on=TODAY - timedelta(days=31))
    mei = visit()
    html = mei.get("/designs").text
    assert count_after(html, "Koi Pond &amp; Ärger", "Suspect listings") == 2
    assert count_after(html, "Red kite 100%", "Suspect listings") == 0
    (link,) = re.findall(rf'href="(/hits[^"]+{three["KOI-1"]})"', html)
    assert "Listings: 2." in mei.get(link.replace("&amp;", "&")).text
    issuer = visit(role="issuer").get("/designs").text
    assert "Suspect listings:" not in issuer  # an issuer may not read listings


@pytest.mark.slow
def test_a_picture_finds_own_designs_only(visit: Visit, workspace: Workspace, three: dict[str, str]) -> None:
    """A copy of a design finds it, a rival's design finds nothing, and no check of a stranger is stored."""
    mei, eve = visit(), visit(owner="globex")
    copy = make.picture_bytes(1, "JPEG", quality=60)
    found = mei.post("/designs", [("image", ("photo <b>.jpg", copy))])
    assert (found.status_code, titles(found.text)) == (200, ["Koi Pond &amp; Ärger"])
    assert "Shown in your picture" in found.text
    assert "photo &lt;b&gt;.jpg" in found.text
    assert titles(eve.post("/designs", [("image", ("a.jpg", copy))]).text) == []
    nothing = mei.post("/designs", [("image", ("a.png", make.picture_bytes(9)))])
    assert "None of your designs is in this picture." in nothing.text
    with workspace.database.reading() as session:
        assert session.connection().exec_driver_sql("SELECT count(*) FROM checks").scalar() == 0
    broken = mei.post("/designs", [("image", ("a.png", b"no picture"))])
    assert (broken.status_code, 'role="alert"' in broken.text) == (422, True)
    assert mei.post("/designs", [("image", ("", b""))]).status_code == 422
    assert mei.send_from("cross-site", "/designs", [("image", ("a.jpg", copy))]).status_code == 403
    assert mei.get("/designs").status_code == 200


@pytest.mark.slow
def test_pictures_stay_behind_the_wall(visit: Visit, workspace: Workspace, three: dict[str, str]) -> None:
    """The owner's people get a small JPEG by the address on the page. Nobody else does, by no address."""
    mei, eve = visit(), visit(owner="globex")
    (path,) = set(re.findall(rf'src="(/designs/{three["KOI-1"]}/picture[^"]+)"', mei.get("/designs").text))
    picture = mei.get(path)
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/jpeg")
    assert "private" in picture.headers["cache-control"]
    again = mei.get(path, **{"If-None-Match": picture.headers["etag"]})
    assert again.status_code == 304
    assert eve.get(path).status_code == 404
    assert mei.get(path.split("?")[0] + "?of=" + "0" * 16).status_code == 404
    assert "Koi" not in eve.get("/designs?state=all").text.replace("Rival&#39;s koi", "")


@pytest.mark.slow
def test_an_agent_sees_the_designs_of_its_appointment(
    visit: Visit, workspace: Workspace, three: dict[str, str]
) -> None:
    """An agent for one design finds the others by no filter and by no picture, and cannot register."""
    appoint(
        workspace, "guard", scopes=("designs:read", "designs:write"), designs=[three["KITE-2"]],
        now=datetime.now(UTC), ends_on=TODAY + timedelta(days=30),
    )  # fmt: skip
    someone = visit(owner="guard", role="agent", kind="agent")
    someone.act_for("guard", "acme")
    assert titles(someone.get("/designs?state=all").text) == ["Red kite 100%"]
    assert titles(someone.get("/designs?words=koi").text) == []
    found = someone.post("/designs", [("image", ("a.jpg", make.picture_bytes(1, "JPEG")))])
    assert titles(found.text) == []
    assert someone.get(f"/designs/{three['KOI-1']}/picture").status_code == 404
    assert "Summer 2026" not in someone.get("/designs").text
