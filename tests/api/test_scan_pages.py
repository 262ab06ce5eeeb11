"""The pages of scans and alerts: each figure leads to its rows, and alerts are dealt with and taken back."""

import csv
import io
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from html import unescape
from typing import Any

import make
import people_made
import pytest
import scans_made as made
import units_made
from browsers_made import Browser
from starlette.testclient import TestClient

from authcheck.certificates.tables import Certificate
from authcheck.scans import marks
from authcheck.scans.places import NOWHERE
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

Sign = Callable[..., Browser]


@pytest.fixture
def units(workspace: Workspace) -> list[Certificate]:
    """Six units of Acme with scans of the last days: one is copied, one is looked up by a probing phone."""
    units = units_made.issue(workspace, units_made.brand_with_key(workspace), count=6)
    with workspace.database.writing() as session:
        marks.expect(
            session, units[0].batch_id, organisation_id=units[0].organisation_id, markets=["CN"], use_by=None,
            now=utc_now(),
        )  # fmt: skip
    today = utc_now()
    made.copied(workspace, units[0], at=today - timedelta(days=20))
    for number in range(5):
        made.record(workspace, made.scan(units[1], 10 + number, at=today - timedelta(hours=number)))
    made.record(workspace, made.scan(units[2], 20, place=NOWHERE, advice="revoked", at=today))
    made.record(workspace, made.scan(units[3], 21, place=NOWHERE, at=today - timedelta(days=200)))
    return units


@pytest.fixture
def sign(client: TestClient, workspace: Workspace) -> Sign:
    """Return a function that signs a person of a role in."""

    def sign_in(role: str = "issuer", owner: str = "acme") -> Browser:
        email = f"{role}@{owner}.example"
        people_made.person(workspace.database, email, owner=owner, roles=(role,), now=utc_now())
        browser = Browser(client)
        browser.sign_in(email)
        return browser

    return sign_in


def count_rows(browser: Browser, path: str) -> int:
    """Follow a list over all its pages and return the number of its rows."""
    count = 0
    for _ in range(9):
        page = browser.get(path).text
        rows = page.partition("<tbody>")[2].partition("</tbody>")[0]
        count += rows.count("<tr")
        following = re.search(r'href="([^"]*before=[^"]+)">Next', page)
        if following is None:
            break
        path = unescape(following[1])
    return count


def figures_of(page: Any) -> Iterator[tuple[str, str]]:
    """Yield the number and the address of the rows of each tile."""
    for href, words in re.findall(r'<p class="big"><a href="([^"]+)">(.*?)</a>', page.text, re.DOTALL):
        yield unescape(href), re.sub(r"<svg.*?</svg>|<[^>]+>|\s+", " ", words, flags=re.DOTALL).strip()


def test_each_figure_leads_to_its_rows(sign: Sign, units: list[Certificate]) -> None:
    """The list behind a number has as many rows as the number says."""
    browser = sign()
    page = browser.get("/scans?days=30")
    found = list(figures_of(page))
    numbers = [words for _, words in found]
    assert numbers == ["11", "3", "0", "1", "2 of 10", "1 of 4", "0"]
    for href, words in found:
        if href.startswith("/scans/list"):
            assert count_rows(browser, href) == int(words.split(" ")[0]), href
    assert browser.get(found[5][0]).text.count('<li id="alr_') == 1
    rows = page.text.partition('id="where"')[2]
    assert [count for _, count in re.findall(r"country=(ZZ|CN)[^>]+>(\d+)</a>", rows)] == ["8", "1"]
    for href, count in re.findall(r'<a href="([^"]+)">(\d+)</a>', page.text.partition("<tbody>")[2]):
        if href.startswith("/scans/list"):
            assert count_rows(browser, unescape(href)) == int(count), href
    kind = re.search(r'href="(/alerts\?kind=[^"]+)"', page.text)
    assert kind is not None
    assert browser.get(unescape(kind[1])).text.count('<li id="alr_') == 1
    never = re.search(r'href="([^"]+never_scanned)">(\d)', page.text)
    assert never is not None
    assert browser.get(never[1]).text.count('<tr id="unit-') == int(never[2]) == 2
    (batch,) = csv.DictReader(io.StringIO(browser.get("/scans.csv").text))
    assert (batch["scanned"], batch["never_scanned"]) == ("4", "2")
    table = browser.get("/scans/list.csv?off_market=true&counted=true").text
    assert len(table.splitlines()) == 1 + 2


def test_the_api_has_the_rows_of_the_page(
    client: TestClient, workspace: Workspace, sign: Sign, units: list[Certificate]
) -> None:
    """The address that a page names answers with the page's rows."""
    browser, key = (
        sign(),
        {"Authorization": f"Bearer {make.key(workspace, 'scans:read', 'certificates:read')}"},
    )
    made.copied(workspace, units[4], at=utc_now() - timedelta(days=30))

    def twin(path: str) -> Any:
        """Return the answer at the address that the page names."""
        (address,) = re.findall(
            r'&#34;http://testserver/(v1/[^"]+)&#34;|"http://testserver/(v1/[^"<]+)"', browser.get(path).text
        )
        return client.get("/" + unescape("".join(address)), headers=key).json()

    for path in (
        "/alerts",
        "/alerts?grave=yes&kind=places",
        f"/alerts?unit={units[0].id}",
        "/alerts?state=cleared",
    ):
        shown = re.findall(r'<li id="(alr_\w+)"', browser.get(path).text)
        assert [row["id"] for row in twin(path)["items"]] == shown, path
    batch = f"/scans?batch={units[0].batch_id}"
    assert twin(batch)["sessions"] == int(next(figures_of(browser.get(batch)))[1])
    assert twin("/scans?batch=bat_other")["sessions"] == 0
    unit = f"/scans/list?unit={units[1].id}"
    assert len(twin(unit)["items"]) == count_rows(browser, unit) == 5


def test_lists_keep_their_filter(sign: Sign, units: list[Certificate]) -> None:
    """A value that we do not know names no limit. Words of others come back as text."""
    browser = sign()
    odd = browser.get("/scans/list?since=never&advice=odd&counted=perhaps&country=<b>&unit=<b>x</b>")
    assert (odd.status_code, "<b>" in odd.text) == (200, False)
    assert count_rows(browser, f"/scans/list?unit={units[1].id}") == 5
    assert count_rows(browser, "/scans/list?since=2020-01-01") == 12
    assert browser.get("/scans?days=4711&batch=%00&before=%00").status_code == 200


def test_an_alert_is_explained_and_taken_back(sign: Sign, units: list[Certificate]) -> None:
    """Explaining needs a reason and can be undone. The list shows what is open."""
    browser = sign()
    page = browser.get("/alerts")
    (name,) = re.findall(r'<li id="(alr_\w+)"', page.text)
    assert "buyers are warned" in page.text
    assert units[0].batch_id in page.text
    (row,) = csv.DictReader(io.StringIO(browser.get("/alerts.csv").text))
    assert (row["alert"], row["warns_buyers"], row["number"]) == (name, "yes", "1")
    refused = browser.post(f"/alerts/{name}/state", state="cleared", why=" ")
    assert (refused.status_code, "<code>alert.why</code>" in refused.text) == (422, True)
    done = browser.post(f"/alerts/{name}/state", state="cleared", why="<i>our stand</i>")
    page = browser.get(done.headers["location"])
    assert "Nothing is odd" in page.text
    assert "no longer warned" in page.text
    explained = browser.get("/alerts?state=cleared").text
    assert "&lt;i&gt;our stand" in explained
    browser.post(f"/alerts/{name}/state", state="seen")
    assert "buyers are warned" in browser.get("/alerts").text
    assert browser.post(f"/alerts/{name}/state", state="new").status_code == 422
    assert browser.post("/alerts/alr_other/state", state="seen").status_code == 404


def test_attack_a_rival_reads_scans_and_clears_alerts(sign: Sign, units: list[Certificate]) -> None:
    """A rival sees none of Acme's scans, and its alerts are not there for the rival."""
    (name,) = re.findall(r'<li id="(alr_\w+)"', sign().get("/alerts").text)
    rival = sign(owner="globex")
    for path in ("/scans", f"/scans?batch={units[0].batch_id}", f"/scans/list?unit={units[0].id}", "/alerts"):
        page = rival.get(path)
        assert (page.status_code, "Kite, red" in page.text) == (200, False)
    assert rival.post(f"/alerts/{name}/state", state="cleared", why="mine").status_code == 404
    analyst = sign("analyst")
    page = analyst.get("/alerts").text
    assert 'aria-disabled="true"' in page
    assert f'action="/alerts/{name}' not in page
    assert analyst.post(f"/alerts/{name}/state", state="cleared", why="mine").status_code == 403
