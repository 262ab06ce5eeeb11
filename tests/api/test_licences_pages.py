"""The pages of licences: who sees which rows, what the filters find, and that nobody else's terms show."""

import csv
import html
import io
import re
from collections.abc import Callable
from datetime import timedelta

import licences_made as made
import make
import pytest
from licence_visits import SignIn, visitors, words_of
from starlette.testclient import TestClient

from authcheck.certificates.meters import units_issued
from authcheck.licences import agreements, listing
from authcheck.licences.listing import STATES, Filter
from authcheck.licences.tables import Licence
from authcheck.members import organisations
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


def in_all_states(workspace: Workspace, design: str) -> dict[str, str]:
    """Make a licence in each state and return their ids by state."""
    until = {"active": None, "ending": TODAY + 3 * DAY, "lapsed": TODAY - DAY}
    ids = {
        state: made.licence(workspace, licensee=f"m-{state}", designs=(design,), ends_on=day).id
        for state, day in until.items()
    }
    later = {"designs": (design,), "starts_on": TODAY + 9 * DAY}
    ids["not_started"] = made.licence(workspace, licensee="m-later", **later).id
    for state in ("offered", "declined", "revoked", "superseded"):
        ids[state] = made.licence(
            workspace, licensee=f"m-{state}", accepted=state not in {"offered", "declined"}, designs=(design,)
        ).id
    acme, taker, other = (
        made.organisation(workspace, name) for name in ("acme", "m-superseded", "m-declined")
    )
    with workspace.database.writing() as session:
        agreements.decline(session, other, ids["declined"], utc_now())
        agreements.revoke(session, acme, ids["revoked"], "unpaid", utc_now())
        newer = agreements.amend(
            session, acme, ids["superseded"], made.terms(designs=(design,), cap=9), utc_now()
        )
        agreements.accept(session, taker, newer.id, utc_now())
    ids["newer"] = newer.id
    return ids


@pytest.mark.postgresql
def test_each_state_has_its_licences(workspace: Workspace, koi: str) -> None:
    """A filter finds exactly the licences in its state, in both orders and page by page."""
    ids = in_all_states(workspace, koi)
    acme = made.organisation(workspace, "acme").id
    active = {ids["active"], ids["ending"], ids["newer"]}
    expected = {state: {ids[state]} for state in STATES if state in ids} | {
        "active": active,
        "accepted": {*active, ids["not_started"]},
        "current": {*active, ids["not_started"], ids["offered"]},
        "": set(ids.values()),
    }
    with workspace.database.reading() as session:
        for state, wanted in expected.items():
            for newest_first in (True, False):
                seen: list[str] = []
                while page := listing.find(
                    session, acme, Filter(state), today=TODAY, units=units_issued, limit=2,
                    after=seen[-1] if seen else "", newest_first=newest_first,
                ):  # fmt: skip
                    seen += [row.id for row, _ in page]
                assert seen == sorted(wanted, reverse=newest_first), state


@pytest.mark.postgresql
def test_a_sublicence_has_the_state_of_the_licence_above(workspace: Workspace, koi: str) -> None:
    """A sublicence under a revoked licence is found as revoked, and not as active."""
    above = made.licence(workspace, designs=(koi,), sublicensing=True)
    under = made.licence(workspace, owner="maker", licensee="sewer", parent=above.id, designs=(koi,))
    acme, maker = (made.organisation(workspace, name) for name in ("acme", "maker"))
    with workspace.database.writing() as session:
        agreements.revoke(session, acme, above.id, "agreed", make.NOW)
        given = {
            state: [
                row.id
                for row, _ in listing.find(
                    session, maker.id, Filter(state, "owner"), today=TODAY, units=units_issued
                )
            ]
            for state in ("revoked", "active", "current")
        }
    assert given == {"revoked": [under.id], "active": [], "current": []}


@pytest.mark.postgresql
def test_words_find_licences(workspace: Workspace, koi: str) -> None:
    """A design by id, reference, title or collection; a country in any spelling; a name or a handle."""
    kite = make.register(workspace, "KITE", title="100% kite_", collection="Sky", seed=2).design.id
    first = made.licence(workspace, designs=(koi,), territories=("DE", "FR"))
    sky = made.licence(workspace, licensee="sewer", collections=("Sky",), except_territories=("JP",))
    acme = made.organisation(workspace, "acme").id
    cases: list[tuple[dict[str, str], list[Licence]]] = [
        ({"design": koi}, [first]), ({"design": "KOI"}, [first]), ({"design": "koi &"}, [first]),
        ({"design": kite}, [sky]), ({"design": "Sky"}, [sky]), ({"design": "0%"}, [sky]),
        ({"design": "%"}, [sky]), ({"design": "o_"}, []), ({"design": "a\x00"}, []),
        ({"territory": "Germany"}, [sky, first]), ({"territory": "JP"}, []), ({"territory": "中国"}, [sky]),
        ({"territory": "Atlantis"}, []), ({"party": "sewer"}, [sky]), ({"party": "SEW"}, [sky]),
        ({"party": "acme"}, []), ({"party": "\x00"}, []), ({"side": "licensee"}, []),
        ({"side": "owner"}, [sky, first]),
    ]  # fmt: skip
    with workspace.database.reading() as session:
        for words, wanted in cases:
            rows = listing.find(session, acme, Filter(**words), today=TODAY, units=units_issued)
            assert {row.id for row, _ in rows} == {row.id for row in wanted}, words


@pytest.mark.slow
def test_the_table_the_csv_and_the_api_have_the_same_rows(
    client: TestClient, visit: SignIn, workspace: Workspace, koi: str, login: Callable[..., dict[str, str]]
) -> None:
    """Each filter shows the same licences on the page, in its CSV and by the address that the page names."""
    ids = in_all_states(workspace, koi)
    mei = visit()
    key = login("licences:read")
    for query in (
        "",
        "?state=all",
        "?state=ending&design=KOI",
        "?territory=France&other=m-",
        "?role=licensee",
    ):
        page = mei.get(f"/licences{query}")
        shown = re.findall(r'href="/licences/(lic_[0-9A-Z]{26})"', page.text)
        table = list(csv.DictReader(io.StringIO(mei.get(f"/licences.csv{query}").text)))
        assert [row["licence"] for row in table] == shown
        path = html.unescape(re.findall(r'"http://testserver(/v1/[^"]*)"', html.unescape(page.text))[0])
        assert [item["id"] for item in client.get(path, headers=key).json()["items"]] == shown
        assert set(shown) <= set(ids.values())
    table = list(csv.DictReader(io.StringIO(mei.get("/licences.csv?state=ending").text)))
    assert (table[0]["state"], table[0]["designs"], table[0]["territories"]) == ("active", "KOI", "*")
    assert "Ends in 3 days" in words_of(mei.get("/licences?state=ending"))
    assert "3 天后到期" in words_of(mei.get("/licences?state=ending&lang=zh"))


@pytest.mark.slow
def test_a_page_ends_where_the_next_begins(
    visit: SignIn, workspace: Workspace, koi: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The link to the next page keeps the filter, and the CSV has the rows of its page only."""
    monkeypatch.setattr("api.pages.licences.PAGE", 2)
    ids = sorted(made.licence(workspace, licensee=f"m{number}", designs=(koi,)).id for number in range(3))
    mei = visit()
    first = mei.get("/licences?territory=DE")
    (following,) = re.findall(r'href="(/licences\?[^"]*before=[^"]*)"', first.text)
    second = mei.get(html.unescape(following))
    assert ids[0] in second.text
    assert ids[0] not in first.text
    assert 'href="/licences?territory=DE"' in second.text
    (table,) = re.findall(r'href="(/licences\.csv[^"]*)"', second.text)
    assert [line[:30] for line in mei.get(html.unescape(table)).text.splitlines()[1:]] == [ids[0]]


@pytest.mark.slow
def test_a_licensee_reads_what_it_may_make(visit: SignIn, workspace: Workspace, koi: str) -> None:
    """The cards speak to the licensee and show the licensed design. Nobody else sees the picture."""
    licence = made.licence(workspace, designs=(koi,), goods=(25,), territories=("DE", "FR"), cap=5_000)
    other = make.register(workspace, "OTHER", title="Secret", seed=2).design.id
    maker, rival, mei = (
        visit("maker", "licensee", "licensee"),
        visit("sewer", "licensee", "licensee"),
        visit(),
    )
    page = maker.get("/licences")
    words = words_of(page)
    assert "What you may make and sell" in words
    assert (
        "You may make and sell clothing, footwear and headgear (class 25) with Koi & pond. Where: France and"
        " Germany." in words
    )
    assert "5,000 left to issue" in words
    assert f"/certificates/new?licence={licence.id}" in page.text
    path = f"/licences/picture?licence={licence.id}&design="
    assert maker.get(path + koi).headers["content-type"] == "image/jpeg"
    assert mei.get(path + koi).status_code == 200
    assert (rival.get(path + koi).status_code, maker.get(path + other).status_code) == (404, 404)
    assert "Koi" not in rival.get("/licences").text
    assert maker.get("/licences/picture?licence=%00&design=%00").status_code == 404
    with workspace.database.writing() as session:
        acme = organisations.get_organisation(session, "acme")
        agreements.revoke(session, acme, licence.id, "agreed", utc_now())
    assert maker.get(path + koi).status_code == 404
    assert path not in html.unescape(maker.get("/licences?state=all").text)


@pytest.mark.slow
def test_an_offer_of_a_sublicence_shows_no_picture_after_the_licence_above_ends(
    visit: SignIn, workspace: Workspace, koi: str
) -> None:
    """The owner who revokes the licence above also takes the pictures from those who were offered a part."""
    above = made.licence(workspace, designs=(koi,), sublicensing=True)
    under = made.licence(
        workspace, owner="maker", licensee="sewer", parent=above.id, designs=(koi,), accepted=False
    )
    sewer = visit("sewer", "licensee", "licensee")
    path = f"/licences/picture?licence={under.id}&design={koi}"
    assert sewer.get(path).status_code == 200
    with workspace.database.writing() as session:
        agreements.revoke(
            session, organisations.get_organisation(session, "acme"), above.id, "agreed", utc_now()
        )
    assert sewer.get(path).status_code == 404


@pytest.mark.slow
def test_the_licences_of_a_design_are_those_that_its_number_counts(
    visit: SignIn, workspace: Workspace, koi: str
) -> None:
    """The number on the card of a design opens as many rows, whatever states its licences are in."""
    in_all_states(workspace, koi)
    mei = visit(role="admin")
    cards = html.unescape(mei.get("/designs").text)
    ((path, number),) = re.findall(r'href="(/licences\?[^"]*)">[^<]*?(\d+)', cards)
    rows = re.findall(r'<th scope="row" class="wide">', mei.get(path).text)
    assert len(rows) == int(number) == 4
