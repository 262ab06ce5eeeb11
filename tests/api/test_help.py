"""What stands around the pages: help, the links in the foot, and texts for crawlers and finders of weaknesses."""

import io
import re
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from PIL import Image
from starlette.testclient import TestClient

from api.app import create_app
from authcheck.config import Settings
from authcheck.storage.opening import utc_now


@pytest.fixture
def named(settings: Settings) -> Iterator[TestClient]:
    """A client of a service whose operator names a contact and the source."""
    words = {"contact": "mailto:help@check.example", "source_url": "https://code.example/authcheck"}
    with TestClient(create_app(settings.model_copy(update=words))) as started:
        yield started


def foot(client: TestClient, path: str) -> list[str]:
    """Return the addresses of the links in the foot of a page."""
    html = client.get(path, headers={"Accept": "text/html"}).text
    return re.findall(r'href="([^"]+)"', html.partition('<footer class="foot">')[2])


def test_the_foot_leads_on(client: TestClient, named: TestClient) -> None:
    """Every page leads to reports, privacy, help and the API, and to the source where the operator names it."""
    ways = ["/report", "/privacy", "/help", "/docs"]
    for path in ("/", "/help", "/privacy", "/nothing-here"):
        assert foot(client, path) == ways
        assert foot(named, path) == [*ways, "https://code.example/authcheck"]


@pytest.mark.parametrize("lang", ["en", "zh-Hans"])
def test_help_names_the_operator_only_when_there_is_one(
    client: TestClient, named: TestClient, lang: str
) -> None:
    """Without a contact, nothing is invented."""
    path = f"/help?lang={lang}"
    assert 'href="mailto:help@check.example"' in named.get(path).text
    assert "mailto:" not in client.get(path).text
    assert client.get(path).text.count("<h2>") + 1 == named.get(path).text.count("<h2>") == 7


def test_security_txt(client: TestClient, named: TestClient) -> None:
    """RFC 9116: a contact, a time less than a year ahead, the address. Without a contact there is no file."""
    assert client.get("/.well-known/security.txt").status_code == 404
    answer = named.get("/.well-known/security.txt")
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    fields = dict(line.split(": ", 1) for line in answer.text.splitlines())
    assert fields["Contact"] == "mailto:help@check.example"
    assert fields["Canonical"].endswith("/.well-known/security.txt")
    assert timedelta(0) < datetime.fromisoformat(fields["Expires"]) - utc_now() < timedelta(days=365)


def test_search_engines_stay_away_from_single_certificates(client: TestClient) -> None:
    """Pages of codes, checks and reports are for those who have their address."""
    closed = client.get("/robots.txt").text.splitlines()
    assert closed[0] == "User-agent: *"
    assert {"Disallow: /c/", "Disallow: /01/", "Disallow: /checks/", "Disallow: /v1/"} <= set(closed)
    assert "Disallow: /" not in closed


def test_a_phone_s_icon_and_a_preview(client: TestClient) -> None:
    """A page kept on a phone's first screen, or sent to a friend, has a picture of its own."""
    html = client.get("/").text
    preview = re.search(r'property="og:image" content="http://testserver/static/(.+?)"', html)
    assert preview is not None
    with Image.open(io.BytesIO(client.get(f"/static/{preview[1]}").content)) as icon:
        assert (icon.format, icon.size) == ("PNG", (180, 180))
        assert icon.convert("RGB").getpixel((2, 2)) == (47, 63, 184)
    assert re.search(r'rel="apple-touch-icon" href="/static/touch-icon\.png', html)


def test_wrong_values_are_counted(client: TestClient) -> None:
    """The words of a refusal agree with the number of wrong values."""
    details = [client.post("/v1/scans", json=body).json()["detail"] for body in ({}, {"code": 1, "zone": 2})]
    assert details[0].startswith("One value of the request is wrong: /body/code: ")
    assert details[1].startswith("2 values of the request are wrong. The first is /body/code: ")
