"""The pages of certificates: issue by form or table, print labels, revoke after a count, and take it back."""

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape
from typing import Any

import certificates_made
import make
import people_made
import pytest
from browsers_made import OURS, Browser
from certificates_made import GTIN, Brand
from starlette.testclient import TestClient

from authcheck.certificates import planned
from authcheck.certificates.tables import PlannedRevocation
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

ORDER = {"design": "KITE", "gtin": GTIN, "lot": "L1", "product": "Kite & <shirt>", "units": "3"}


@pytest.fixture
def brand(workspace: Workspace) -> Brand:
    """Return a brand with a key and a design."""
    return certificates_made.brand(workspace)


def sign_in(client: TestClient, work: Workspace, role: str = "issuer", owner: str = "acme") -> Browser:
    """Return the browser of a person with a role."""
    email = f"{role}@{owner}.example"
    people_made.person(work.database, email, owner=owner, roles=(role,), now=utc_now())
    browser = Browser(client)
    browser.sign_in(email)
    return browser


@pytest.fixture
def sign(client: TestClient, workspace: Workspace) -> Callable[..., Browser]:
    """Return `sign_in` for this client."""
    return lambda *names: sign_in(client, workspace, *names)


def nonce_of(page: Any) -> str:
    """Return the nonce of the forms of a page."""
    found = re.search(r'name="nonce" value="([^"]+)"', page.text)
    assert found is not None
    return found[1]


def issue(browser: Browser, **words: str) -> str:
    """Issue by the form and return the path of the batch."""
    nonce = nonce_of(browser.get("/certificates/new"))
    answer = browser.post("/certificates/new", nonce=nonce, **{**ORDER, **words})
    assert answer.status_code == 303, re.findall(r'id="problem".*', answer.text)
    return str(answer.headers["location"]).partition("?")[0]


def test_a_batch_is_issued_once_and_printed(
    sign: Callable[..., Browser], workspace: Workspace, brand: Brand
) -> None:
    """The form issues by the design's reference. Sent again it shows the same batch. Labels and codes follow."""
    browser = sign()
    assert "No certificates yet" in browser.get("/certificates").text
    nonce = nonce_of(browser.get("/certificates/new"))
    order = {**ORDER, "design": brand.design.reference, "nonce": nonce}
    places = {browser.post("/certificates/new", **order).headers["location"] for _ in range(2)}
    (place,) = places
    page = browser.get(place)
    codes = [row.code for row in brand.certificates()]
    assert len(codes) == 3
    assert all(page.text.count(f'href="/c/{code}"') == 1 for code in codes)
    assert "Kite &amp; &lt;shirt&gt;" in page.text
    assert "textLength" in page.text  # the label's preview
    path = place.partition("?")[0]
    assert browser.get(f"{path}/labels.pdf?layout=a4-65").content.startswith(b"%PDF")
    units = list(csv.DictReader(io.StringIO(browser.get(f"{path}/units.csv").text)))
    assert [row["code"] for row in units] == codes
    listed = list(csv.DictReader(io.StringIO(browser.get("/certificates.csv?words=kite").text)))
    assert [(row["units"], row["active"]) for row in listed] == [("3", "3")]
    assert browser.get("/certificates.csv?words=other").text.count("\n") == 1
    found = browser.get(f"/certificates?code={codes[1]}").headers["location"]
    assert found == f"{path}?start=2#unit-2"
    assert re.findall(r'id="unit-(\d)"', browser.get(found.partition("#")[0]).text) == ["2", "3"]


def test_the_api_has_the_rows_of_the_list(
    client: TestClient, sign: Callable[..., Browser], brand: Brand
) -> None:
    """The address that the list names answers with its rows in their order."""
    for number in range(3):
        brand.issue(
            f"r{number}",
            lot=f"L{number}",
            product=f"Shirt {number % 2}",
            now=make.NOW + timedelta(hours=number),
        )
    key = {"Authorization": f"Bearer {make.key(brand.work, 'certificates:read')}"}
    browser = sign()
    for path, count in (
        ("/certificates", 3),
        ("/certificates?words=shirt+0", 2),
        ("/certificates?state=unsigned", 0),
    ):
        html = browser.get(path).text
        (address,) = re.findall(r'"http://testserver/(v1/[^"<]+)"', html.replace("&#34;", '"'))
        rows = client.get("/" + unescape(address), headers=key).json()["items"]
        assert [row["id"] for row in rows] == re.findall(
            r'<th scope="row" class="wide"><a href="/certificates/(bat_\w+)"', html
        )
        assert len(rows) == count


@pytest.mark.parametrize(
    ("words", "code", "field"),
    [
        ({"gtin": "123"}, "gs1.gtin", "gtin"),
        ({"lot": "with blank"}, "gs1.lot", "lot"),
        ({"units": "many"}, "number.malformed", "units"),
        ({"units": "10001"}, "batch.count", "units"),
        ({"product": " "}, "batch.product", "product"),
        ({"design": "dsn_of_a_rival"}, "design.not_found", "design"),
        ({"serials": "A1\nA1", "units": ""}, "batch.serials", "serials"),
    ],
)
def test_a_mistake_lands_at_its_field(
    sign: Callable[..., Browser], brand: Brand, words: dict[str, str], code: str, field: str
) -> None:
    """The form comes back with everything that was typed, and says what is wrong where it is wrong."""
    browser = sign()
    order = {**ORDER, "design": brand.design.reference, **words}
    answer = browser.post("/certificates/new", nonce=nonce_of(browser.get("/certificates/new")), **order)
    assert answer.status_code in {404, 409, 422}
    assert f"<code>{code}</code>" in answer.text
    assert re.search(rf'id="{field}"[^>]*aria-invalid="true"', answer.text)
    assert order["lot"] in answer.text
    assert not brand.certificates()


def test_a_table_lands_its_good_rows_once(
    sign: Callable[..., Browser], workspace: Workspace, brand: Brand
) -> None:
    """Refused rows stop no others. After a correction only what is new is issued."""
    browser = sign()
    nonce = nonce_of(browser.get("/certificates/new"))
    reference = brand.design.reference
    rows = [f"{reference}\t{GTIN}\tL{number}\tShirt {number}\t2" for number in range(3)]
    rows.append(f"{reference}\t123\tL9\tCap\t2")
    table = "\n".join(["Reference\tEAN\tLot\tProduct\tQuantity", *rows])
    answer = browser.post("/certificates/new/table", nonce=nonce, table=table)
    assert "3 rows issued, 1 refused" in answer.text
    assert '<code class="small">gs1.gtin</code>' in answer.text
    assert "Shirt 2\t2" in answer.text  # the table is still there
    assert len(brand.certificates()) == 6
    again = browser.post(
        "/certificates/new/table", nonce=nonce, table=table.replace("\t123\t", f"\t{GTIN}\t")
    )
    assert "4 rows issued, 0 refused" in again.text
    assert len(brand.certificates()) == 8
    for wrong, code in (("a\tb\n1\t2", "table.columns"), ("", "table.empty")):
        refused = browser.post("/certificates/new/table", nonce=nonce, table=wrong)
        assert (refused.status_code, f"<code>{code}</code>" in refused.text) == (422, True)


def test_a_revocation_is_counted_confirmed_and_taken_back(
    sign: Callable[..., Browser], workspace: Workspace, brand: Brand
) -> None:
    """The page shows the number and asks for it. For a minute the revocation can be taken back."""
    browser = sign()
    path = issue(browser, design=brand.design.reference)
    asked = browser.post(f"{path}/revoke", first="2", last="")
    assert "Revoke 2 certificates?" in asked.text
    wrong = browser.post(f"{path}/revoke", first="2", last="", count="2", typed="3", reason="stolen")
    assert "<code>revocation.typed</code>" in wrong.text
    no_reason = browser.post(f"{path}/revoke", first="2", last="", count="2", typed="2", reason="")
    assert "<code>certificate.reason</code>" in no_reason.text
    brand.revoke(batch_id=path.rpartition("/")[2], first=3)
    stale = browser.post(f"{path}/revoke", first="2", last="", count="2", typed="2", reason="stolen")
    assert "<code>revocation.count</code>" in stale.text
    one = browser.post(f"{path}/revoke", first="2", last="2", count="1", reason="stolen")
    page = browser.get(one.headers["location"])
    assert "1 certificate will be revoked" in page.text
    (name,) = re.findall(r'name="revocation" value="([^"]+)"', page.text)
    undone = browser.post("/certificates/revocations/undo", revocation=name)
    assert "Nothing was revoked" in browser.get(undone.headers["location"]).text
    browser.post(f"{path}/revoke", first="2", last="2", count="1", reason="stolen")
    planned.carry_out(workspace.database, workspace.settings, utc_now() + planned.WAITS)
    assert [row.state for row in brand.certificates()] == ["active", "revoked", "revoked"]
    revoked = browser.get(f"{path}?state=revoked")
    assert re.findall(r'id="unit-(\d)"', revoked.text) == ["2", "3"]
    assert "Stolen" in revoked.text


def test_a_brand_names_its_markets(sign: Callable[..., Browser], workspace: Workspace, brand: Brand) -> None:
    """Countries in any spelling are kept as codes. A country that is none comes back with what was typed."""
    browser = sign()
    path = issue(browser, design=brand.design.reference)
    saved = browser.post(f"{path}/expectation", markets="Germany, fr;中国", use_by="2027-01-31")
    page = browser.get(saved.headers["location"].partition("#")[0]).text
    assert 'value="CN, DE, FR"' in page
    assert 'value="2027-01-31"' in page
    wrong = browser.post(f"{path}/expectation", markets="Germany, Atlantis", use_by="")
    assert (wrong.status_code, "<code>batch.markets</code>" in wrong.text) == (422, True)
    assert 'value="Germany, Atlantis"' in wrong.text
    assert "batch.use_by" in browser.post(f"{path}/expectation", markets="", use_by="soon").text


def test_who_may_only_look_is_told_why(
    sign: Callable[..., Browser], workspace: Workspace, brand: Brand
) -> None:
    """An analyst sees the batches, and the buttons say why they do nothing. The forms refuse all the same."""
    path = issue(sign(), design=brand.design.reference)
    analyst = sign("analyst")
    page = analyst.get(path)
    assert page.text.count('aria-disabled="true"') == 2
    assert 'method="post"' not in page.text.replace('action="/sign-out"', "").split("<main")[1]
    assert analyst.get("/certificates/new").status_code == 403
    for target in (f"{path}/revoke", "/certificates/new", "/certificates/new/table"):
        assert analyst.post(target, first="1", count="1", reason="stolen").status_code == 403
    assert analyst.get(f"{path}/units.csv").status_code == 403  # the codes are secrets
    with workspace.database.reading() as session:
        assert session.query(PlannedRevocation).count() == 0


def test_attack_a_rival_opens_prints_and_revokes(
    sign: Callable[..., Browser], workspace: Workspace, brand: Brand
) -> None:
    """Batches of others are not there, whatever is asked of them."""
    path = issue(sign(), design=brand.design.reference)
    certificates_made.brand(workspace, "rival", seed=7)
    rival = sign("issuer", "rival")
    code = brand.certificates()[0].code
    for target in (path, f"{path}/labels.pdf", f"{path}/units.csv", f"/certificates?code={code}"):
        assert rival.get(target).status_code == 404
    assert rival.post(f"{path}/revoke", first="1", count="3", typed="3", reason="lost").status_code == 404
    assert rival.post("/certificates/new", **ORDER, nonce="").status_code == 404
    assert brand.design.reference not in rival.get("/certificates").text
    stolen = rival.post(f"{path}/revoke", headers={**OURS, "Sec-Fetch-Site": "cross-site"}, first="1")
    assert "request.cross_site" in stolen.text
