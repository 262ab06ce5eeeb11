"""The look-up page sends a scan when a person sees it. Everything else that fetches pages records nothing."""

import threading
from types import SimpleNamespace
from typing import Any

import pytest
import scans_made as made
import units_made
from starlette.testclient import TestClient

from api import visits
from api.recorder import Recorder
from authcheck.certificates.tables import Certificate
from authcheck.errors import Unavailable
from authcheck.ids import show_code
from authcheck.scans import recording
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

PHONE = {
    "User-Agent": "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/130 Mobile",
    "Sec-Fetch-Site": "same-origin",
    "Accept": "application/json",
}


@pytest.fixture
def unit(workspace: Workspace) -> Certificate:
    """One unit."""
    return units_made.issue(workspace, units_made.brand_with_key(workspace), count=1, now=utc_now())[0]


def visit_to(client: TestClient, unit: Certificate, advice: str = "verified") -> str:
    """The name of a visit, as the page has it."""
    request: Any = SimpleNamespace(app=client.app)
    return visits.new_visit(request, unit.id, advice, utc_now())


def scan(client: TestClient, unit: Certificate, visit: str, **changes: Any) -> Any:
    """Send what the page sends."""
    code = changes.pop("code", unit.code)
    headers = {**PHONE, **changes.pop("headers", {})}
    return client.post(
        f"/c/{code}/scans", data={"visit": visit, "way": "camera", **changes}, headers=headers,
        follow_redirects=False,
    )  # fmt: skip


def test_fetching_the_page_is_no_scan(client: TestClient, workspace: Workspace, unit: Certificate) -> None:
    """Link previews and crawlers fetch the page."""
    for headers in (PHONE, {"User-Agent": "WhatsApp/2.23"}, {"Sec-Purpose": "prefetch"}):
        assert client.get(f"/c/{unit.code}", headers=headers).status_code == 200
    assert made.sessions_of(workspace, unit) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"User-Agent": "Googlebot/2.1"},
        {"User-Agent": "facebookexternalhit/1.1"},
        {"Sec-Purpose": "prefetch;prerender"},
    ],
)
def test_a_crawler_that_runs_scripts_is_no_scan(
    client: TestClient, workspace: Workspace, unit: Certificate, headers: dict[str, str]
) -> None:
    """A crawler that runs scripts is no scan."""
    answer = scan(client, unit, visit_to(client, unit), headers=headers)
    assert answer.json() == {"advice": "verified"}
    assert made.sessions_of(workspace, unit) == []
    scan(client, unit, "x", code="0000000000000", gtin=units_made.GTIN, lot="L-1", headers=headers)
    assert made.alerts_in(workspace) == []


def test_a_person_is_a_scan_and_a_retry_is_not(
    client: TestClient, workspace: Workspace, unit: Certificate
) -> None:
    """The phone loses the network before the answer comes, and sends the same again, without our cookie."""
    visit = visit_to(client, unit)
    for _ in range(3):
        answer = scan(client, unit, visit, zone="Asia/Shanghai")
        assert (answer.status_code, answer.json()) == (200, {"advice": "verified"})
        client.cookies.clear()
    (session,) = made.sessions_of(workspace, unit)
    assert (session.requests, session.way, session.advice, session.counted) == (3, "camera", "verified", True)
    assert session.organisation_id == session.owner_id == unit.organisation_id


def test_a_reload_is_the_same_look(client: TestClient, workspace: Workspace, unit: Certificate) -> None:
    """A reload has another visit, and the phone's cookie."""
    for network in ("home", "train"):
        scan(client, unit, visit_to(client, unit), headers={"User-Agent": PHONE["User-Agent"] + network})
    (session,) = made.sessions_of(workspace, unit)
    assert session.requests == 2


@pytest.mark.parametrize(
    "write", [str.lower, show_code, lambda code: " ".join(show_code(code).lower().split("-"))]
)
def test_a_code_may_be_written_by_a_person(
    client: TestClient, workspace: Workspace, unit: Certificate, write: Any
) -> None:
    """A code may be in lower case, with hyphens or blanks."""
    assert scan(client, unit, visit_to(client, unit), code=write(unit.code)).status_code == 200
    assert len(made.sessions_of(workspace, unit)) == 1


def test_full_width_codes_are_read(client: TestClient, workspace: Workspace, unit: Certificate) -> None:
    """Full-width codes are read."""
    wide = "".join(chr(ord(char) + 0xFEE0) for char in unit.code)
    assert scan(client, unit, visit_to(client, unit), code=wide).status_code == 200
    assert len(made.sessions_of(workspace, unit)) == 1


def test_a_visit_belongs_to_one_unit_and_ends(
    client: TestClient, workspace: Workspace, unit: Certificate
) -> None:
    """A visit of another unit, a changed one, an old one and one from the future with a forged time."""
    other = units_made.issue(workspace, unit.design_id, request_key="two", count=1, now=utc_now())[0]
    nonce, seconds, advice, signature = visit_to(client, unit).split(".")
    request: Any = SimpleNamespace(app=client.app)
    old = visits.new_visit(request, unit.id, "verified", utc_now() - visits.LASTS - made.timedelta(minutes=1))
    for visit in (
        visit_to(client, other), "", "x", "a.b.c.d", "....", f"{nonce}.{seconds}.careful.{signature}",
        f"{nonce}.{int(seconds) + 10**6}.{advice}.{signature}", f"{nonce}.{'9' * 40}.{advice}.{signature}",
        f"{nonce}.{seconds}.{advice}.ü", old,
    ):  # fmt: skip
        answer = scan(client, unit, visit)
        assert (answer.status_code, answer.json()["code"]) == (422, "scan.visit"), visit
    assert made.sessions_of(workspace, unit) == []


def test_the_phone_s_clock_does_not_count(
    client: TestClient, workspace: Workspace, unit: Certificate
) -> None:
    """A phone whose clock is years off sends its own time. We keep ours."""
    scan(
        client,
        unit,
        visit_to(client, unit),
        at="2031-01-01T00:00:00Z",
        headers={"Date": "Mon, 01 Jan 2001 00:00:00 GMT"},
    )
    (session,) = made.sessions_of(workspace, unit)
    assert abs((utc_now() - session.started_at).total_seconds()) < 60


def test_another_site_s_visitors_are_no_scanners(
    client: TestClient, workspace: Workspace, unit: Certificate
) -> None:
    """A rival's page lets its visitors in many countries send scans."""
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
        answer = scan(client, unit, visit_to(client, unit), headers=headers)
        assert answer.json()["code"] == "request.cross_site"
    assert made.sessions_of(workspace, unit) == []


def test_without_javascript_the_button_leads_back_to_the_page(
    client: TestClient, workspace: Workspace, unit: Certificate
) -> None:
    """Without JavaScript the button leads back to the page."""
    answer = scan(client, unit, visit_to(client, unit), headers={"Accept": "text/html,*/*"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/c/{unit.code}")
    assert len(made.sessions_of(workspace, unit)) == 1


def test_the_scan_that_shows_the_copy_warns_its_own_reader(
    client: TestClient, workspace: Workspace, unit: Certificate
) -> None:
    """The scan that shows the copy warns its own reader."""
    made.copied(workspace, unit, at=utc_now() - made.timedelta(days=20))
    assert scan(client, unit, visit_to(client, unit)).json() == {"advice": "careful"}
    assert scan(client, unit, visit_to(client, unit, "revoked")).json() == {"advice": "revoked"}


def test_an_unknown_code_of_a_known_product_alerts_its_issuer_once(
    client: TestClient, workspace: Workspace, unit: Certificate
) -> None:
    """An unknown code of a known product alerts its issuer once."""
    for code in ("0000000000000", "7ZZZZZZZZZZZZ", unit.code[::-1]):
        answer = scan(client, unit, "x", code=code, gtin=units_made.GTIN, lot="L-1")
        assert answer.json()["code"] == "certificate.not_found"
    (alert,) = made.alerts_in(workspace)
    assert (alert.kind, alert.params, alert.is_grave) == (
        "unissued",
        {"gtin": units_made.GTIN, "lot": "L-1"},
        False,
    )
    assert scan(client, unit, "x", code="0", gtin="x" * 500).status_code == 404
    assert scan(client, unit, "x", code="0", gtin="4006381333931", lot="a\x00").status_code == 404
    assert len(made.alerts_in(workspace)) == 1


def test_the_page_of_an_unknown_label_names_its_product(client: TestClient, unit: Certificate) -> None:
    """A link with a GTIN and an invented code tells the brand. A bare code that is unknown tells nobody."""
    page = client.get(
        f"/01/{units_made.GTIN}/10/L-1/21/0000000000000", headers=PHONE | {"Accept": "text/html"}
    )
    assert page.status_code == 404
    assert f'data-gtin="{units_made.GTIN}" data-lot="L-1"' in page.text
    assert "scan-record" not in client.get("/c/0000000000000", headers={"Accept": "text/html"}).text
    assert 'data-visit="' in client.get(f"/c/{unit.code}").text


def test_scans_at_once_are_all_recorded(client: TestClient, workspace: Workspace, unit: Certificate) -> None:
    """Forty phones scan forty units at once, and one scan of the group cannot be written."""
    units = units_made.issue(workspace, unit.design_id, request_key="many", count=40, now=utc_now())
    client.get("/livez")
    answers: list[int] = []

    def send(number: int) -> None:
        headers = {"User-Agent": f"{PHONE['User-Agent']} {number}"}
        answers.append(
            scan(client, units[number], visit_to(client, units[number]), headers=headers).status_code
        )

    threads = [threading.Thread(target=send, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 30
    assert [len(made.sessions_of(workspace, each)) for each in units[:31]] == [1] * 30 + [0]


def test_a_scan_that_cannot_be_written_spoils_no_other(
    client: TestClient, workspace: Workspace, unit: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scan that cannot be written spoils no other."""
    recorder: Recorder = client.app.state.recorder  # type: ignore[attr-defined]
    tried: list[int] = []

    def write(_: Recorder, scans: list[recording.NewScan]) -> frozenset[str]:
        tried.append(len(scans))
        if any(each.visitor == "bad" for each in scans):
            raise Unavailable("no", code="database.busy")
        return frozenset()

    monkeypatch.setattr(Recorder, "_record", write)

    async def both() -> list[Any]:
        import asyncio  # noqa: PLC0415 - the loop of the app

        scans = [made.scan(unit, 1), made.scan(unit, 2, visitor="bad"), made.scan(unit, 3)]
        return await asyncio.gather(*(recorder.record(each) for each in scans), return_exceptions=True)

    good, bad, other = client.portal.call(both)  # type: ignore[union-attr]
    assert (good, other) == (False, False)
    assert isinstance(bad, Unavailable)
    assert tried in ([3, 1, 1, 1], [1, 2, 1, 1])


def test_a_huge_form_is_refused(client: TestClient, unit: Certificate) -> None:
    """A huge form is refused."""
    answer = scan(client, unit, "x" * 5_000)
    assert answer.json()["code"] == "request.too_large"
