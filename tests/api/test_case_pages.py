"""Pages of cases over HTTP: who opens which case and which picture, and what strangers' words do there."""

import io
import re
from pathlib import Path
from typing import Any

import cases_made
import evidence_scenes as scenes
import make
import notices_made
import people_made
import pytest
from case_browsers import OURS, TOKEN, sign_in
from PIL import Image
from starlette.testclient import TestClient

from api.i18n import LANGUAGES
from api.pages import case_reasons
from authcheck.cases.opening import open_for
from authcheck.listings import judging
from authcheck.listings.offers import NewListing
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

pytestmark = pytest.mark.slow  # a photo is aligned with its design
DESIGN = make.picture(4, (400, 320))


def hand_in(workspace: Workspace, reference: str = "L-1", **words: Any) -> str:
    """Hand a listing with a photo of the design in, and return the id of its case."""
    photo = make.encode(scenes.photo(DESIGN), "JPEG")
    fields = {"seller": "kites", "channel": "bigmarket", "territory": "DE", "listed_on": cases_made.DAY}
    judging.check_listing(
        workspace,
        NewListing(**{"reference": reference, **fields, **words}),
        [("a.jpg", photo), ("b.jpg", make.picture_bytes(77, "JPEG"))],
        organisation_id=cases_made.market(workspace),
        source="api",
        now=utc_now(),
        then=open_for,
    )
    return cases_made.cases_of(workspace)[-1].id


@pytest.fixture
def koi(workspace: Workspace) -> str:
    """Return acme's design."""
    return make.register(workspace, pictures=[make.encode(DESIGN)], title="Koi pond").design.id


def addresses_in(page: str) -> list[str]:
    """Return the addresses of the pictures on a page, once each."""
    return list(dict.fromkeys(re.findall(r'src="(/cases/[^"]+)"', page)))


def test_a_moderator_takes_and_reads_a_case(client: TestClient, workspace: Workspace, koi: str) -> None:
    """The queue leads to the case. Its pictures are WebP in one frame, and private."""
    case_id = hand_in(workspace, sold_30d="12", price="9.90 EUR")
    sign_in(client, workspace)
    assert "Open cases: 1." in client.get("/cases").text
    page = client.post("/cases/next", data=TOKEN, headers=OURS)
    assert page.url.path == f"/cases/{case_id}"
    assert "You hold it" in page.text
    seen, view = addresses_in(page.text)[:2]
    pictures = [client.get(address) for address in (seen, view)]
    for picture in pictures:
        assert picture.headers["content-type"] == "image/webp"
        assert picture.headers["cache-control"] == "private, no-cache"
        again = client.get(picture.url.path, headers={"If-None-Match": picture.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    photo, registered = (Image.open(io.BytesIO(picture.content)) for picture in pictures)
    assert photo.size == registered.size
    assert (photo.mode, registered.mode) == ("RGB", "RGBA")
    assert (
        client.post("/cases/next", data=TOKEN, headers=OURS).url.path == f"/cases/{case_id}"
    )  # held already


def test_nothing_waits(client: TestClient, workspace: Workspace) -> None:
    """An empty queue says so kindly."""
    sign_in(client, workspace)
    page = client.post("/cases/next", data=TOKEN, headers=OURS)
    assert (page.url.path, "No case waits for you now." in page.text) == ("/cases", True)


def test_no_other_marketplace_and_no_brand_sees_a_case(
    client: TestClient, workspace: Workspace, koi: str
) -> None:
    """The case and its pictures are not found. A check of another listing opens no picture here."""
    case_id = hand_in(workspace)
    other = hand_in(workspace, "L-2", seller="other")
    sign_in(client, workspace)
    mine = [f"/cases/{case_id}", *addresses_in(client.get(f"/cases/{case_id}").text)]
    theirs = addresses_in(client.get(f"/cases/{other}").text)
    for address in theirs:
        assert client.get(address.replace(other, case_id)).status_code == 404
    sign_in(client, workspace, owner="rival-market")
    assert [client.get(address).status_code for address in mine] == [404] * len(mine)
    assert client.get("/cases").text.count("data-row") == 0
    people_made.person(workspace.database, "mei@acme.example", owner="acme", now=utc_now())
    fields = {"email": "mei@acme.example", "password": people_made.PASSWORD}
    client.post("/sign-in", data=fields, headers=OURS)
    assert [client.get(address).status_code for address in mine] == [404] * len(mine)
    assert 'href="/cases"' not in client.get("/account").text


MARKUP = "<img src=x onerror=alert(1)>"


def test_words_of_strangers_do_no_harm(client: TestClient, workspace: Workspace, koi: str) -> None:
    """Markup, marks of direction, formulas and 100,000 characters stay text, each in its own direction."""
    case_id = hand_in(
        workspace,
        f"{MARKUP}-ref",
        seller="=HYPERLINK(1)",
        seller_name=f"\u202e{MARKUP}",
        title=f"{MARKUP}\u202e\u0627\u0644\u0639\u0631\u0628\u064a\u0629" + "w" * 100_000,
        description=MARKUP * 5_000,
        url="https://bigmarket.example/item/1?a=<b>",
        query=MARKUP,
    )
    sign_in(client, workspace)
    for address in (f"/cases/{case_id}", "/cases", "/cases?q=%3DHYPERLINK(1)", f"/cases?q={MARKUP}"):
        page = client.get(address)
        assert page.status_code == 200
        assert MARKUP not in page.text
        assert "\u202e" not in page.text
        assert "javascript:" not in page.text
    page = client.get(f"/cases/{case_id}").text
    assert "<bdi>=HYPERLINK(1)</bdi>" in page
    assert len(page) < 300_000


@pytest.mark.parametrize("path", ["/cases?state=nonsense", "/cases?q=%00", "/cases?lang=zh&q=" + "x" * 5_000])
def test_odd_addresses_show_the_queue(client: TestClient, workspace: Workspace, path: str) -> None:
    """A value that we do not know is ignored."""
    sign_in(client, workspace)
    assert client.get(path).status_code == 200


def test_unknown_things_are_not_found(client: TestClient, workspace: Workspace, koi: str) -> None:
    """An unknown case, listing or picture is a page that says so."""
    case_id = hand_in(workspace)
    sign_in(client, workspace)
    known = f"/cases/{case_id}"
    paths = ["/cases/cas_0", "/cases/%00", f"/cases/{'x' * 3_000}", f"{known}?listing=lst_0"]
    for path in [*paths, f"{known}/pictures/chk_0", f"{known}/views/%00"]:
        assert client.get(path).status_code == 404, path


def test_a_lost_picture_is_said(client: TestClient, workspace: Workspace, koi: str) -> None:
    """Without the copy the case still opens: the registered picture stands alone, and the page says why."""
    case_id = hand_in(workspace)
    for file in workspace.copies.folder.rglob("*.webp"):
        file.unlink()
    sign_in(client, workspace)
    page = client.get(f"/cases/{case_id}")
    assert "We no longer have this picture of the listing." in page.text
    assert "Not aligned" in page.text
    addresses = addresses_in(page.text)
    assert {client.get(address).headers["content-type"] for address in addresses} == {"image/webp"}
    picture = addresses[0].replace("/views/", "/pictures/")
    assert client.get(picture).status_code == 404


def test_an_analyst_reads_and_takes_nothing(client: TestClient, workspace: Workspace, koi: str) -> None:
    """Somebody who may only read cases has no button, and a form of their own is refused."""
    case_id = hand_in(workspace)
    sign_in(client, workspace, role="analyst")
    assert "/cases/next" not in client.get("/cases").text
    assert client.get(f"/cases/{case_id}").status_code == 200
    assert client.post("/cases/next", data=TOKEN, headers=OURS).status_code == 403


def test_a_report_of_a_brand_is_shown(client: TestClient, workspace: Workspace, koi: str) -> None:
    """The brand's words are text. The design is shown also where the check did not find it."""
    hand_in(workspace, "L-7")
    (item,) = cases_made.cases_of(workspace)[0].items
    other = make.register(workspace, "R-OTHER", seed=9, title="Blue otter").design.id
    notices_made.file(workspace, other, item.listing_id, note=MARKUP * 5)
    case_id = next(case.id for case in cases_made.cases_of(workspace) if case.design_id == other)
    sign_in(client, workspace)
    page = client.get(f"/cases/{case_id}")
    assert "<bdi>acme</bdi> reports: Use without a licence." in page.text
    assert MARKUP not in page.text
    assert "The check did not find it here." in page.text
    assert "design “KOI”" not in page.text
    for address in addresses_in(page.text):
        assert client.get(address).status_code == 200


def test_a_listing_without_a_hold_is_shown_as_it_is(
    client: TestClient, workspace: Workspace, koi: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A case of an earlier release may hold nothing. It opens with the present listing and its pictures."""
    case_id = hand_in(workspace, title="Pond shirt")
    monkeypatch.setattr("authcheck.listings.holds.all_holds", lambda *_: [])
    sign_in(client, workspace)
    page = client.get(f"/cases/{case_id}")
    assert "Pond shirt" in page.text
    assert {client.get(address).status_code for address in addresses_in(page.text)} == {200}


def test_a_picture_without_a_place_says_so(
    client: TestClient, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hashes know no place. Where none is found, both pictures stand side by side and nothing is laid over."""
    make.register(workspace, seed=1)
    cases_made.hand_in(workspace)
    (case,) = cases_made.cases_of(workspace)
    sign_in(client, workspace)
    monkeypatch.setattr("authcheck.checks.side_by_side.find_place", lambda *_, **__: None)
    page = client.get(f"/cases/{case.id}").text
    assert "Not aligned: its place in the listing" in page
    modes = dict(re.findall(r'data-mode="(\w+)"[^>]*?( disabled|)>', page))
    assert [mode for mode, disabled in modes.items() if not disabled] == ["blink", "zoom"]
    seen, view = (Image.open(io.BytesIO(client.get(address).content)) for address in addresses_in(page)[:2])
    assert (seen.mode, view.mode) == ("RGB", "RGB")


def test_a_place_is_looked_for_once(
    client: TestClient, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page finds the place of a copy that hashes found, and the view uses it."""
    make.register(workspace, seed=1)
    cases_made.hand_in(workspace)
    (case,) = cases_made.cases_of(workspace)
    sign_in(client, workspace)
    page = client.get(f"/cases/{case.id}").text
    assert "Aligned with the listing" in page
    monkeypatch.setattr("authcheck.checks.side_by_side.find_place", lambda *_, **__: pytest.fail("again"))
    assert client.get(f"/cases/{case.id}").text.count("Aligned with the listing") == 1
    view = Image.open(io.BytesIO(client.get(addresses_in(page)[1]).content))
    assert view.mode == "RGBA"


def test_every_fault_of_a_certificate_has_words() -> None:
    """Each code with which a step of the verification fails names a step that both languages have words for."""
    root = Path(__file__).parents[2] / "authcheck"
    codes = {
        code
        for path in (
            root / "proofs" / "bundle.py",
            root / "proofs" / "credential.py",
            root / "tlog" / "note.py",
        )
        for code in re.findall(r'NotTrue\([^)]*?code="([a-z_.]+)"', path.read_text(), re.DOTALL)
    }
    named = set(case_reasons.STEP_OF_FAULT)
    assert codes - named <= {"bundle.malformed", "certificate.malformed", "certificate.revoked"}
    for language in LANGUAGES.values():
        for step in case_reasons.STEP_OF_FAULT.values():
            assert language.gettext(f"certificate.step.{step}") != f"certificate.step.{step}"
