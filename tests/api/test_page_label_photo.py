"""A photo of a label, posted to the page: read on the server, so that no script is needed."""

from typing import Any

import labels_made
import make
import pytest
import units_made as units
from PIL import Image
from starlette.testclient import TestClient

from api.app import create_app
from authcheck.certificates.tables import Certificate
from authcheck.config import Settings
from authcheck.workspace import Workspace

HTML = {"accept": "text/html,*/*;q=0.8"}
HOST = "HTTP://127.0.0.1:8000"
FOREIGN = "https://evil.example/login?name=x"


@pytest.fixture
def labels(workspace: Workspace) -> list[Certificate]:
    """Two certificates, the second with a serial number of the brand's own."""
    design = units.brand_with_key(workspace)
    (own,) = units.issue(workspace, design, serials=("A-77",), count=0, lot="L/2", request_key="two")
    return [units.issue(workspace, design, count=1)[0], own]


def photo(*texts: str) -> bytes:
    """A picture of QR codes with these texts, side by side on grey paper."""
    paper = Image.new("L", (60 + 400 * max(1, len(texts)), 460), 215)
    for place, text in enumerate(texts):
        paper.paste(
            labels_made.symbol(text).resize((360, 360), Image.Resampling.NEAREST), (50 + 400 * place, 50)
        )
    return make.encode(paper.convert("RGB"))


def post(client: TestClient, data: bytes, query: str = "", **headers: str) -> Any:
    """Post the form."""
    files = {"image": ("holiday.png", data, "image/png")}
    return client.post(f"/c{query}", files=files, headers={**HTML, **headers}, follow_redirects=False)


@pytest.mark.slow
def test_one_label_leads_to_its_page(client: TestClient, labels: list[Certificate]) -> None:
    """The redirect keeps the language and says how the reader came. The label may stand there twice."""
    code = labels[0].code
    shown = f"{code[:4]}-{code[4:8]}-{code[8:]}"
    text = f"{HOST}/C/{code}"
    for texts in ((text,), (text, text), (text, FOREIGN)):
        sent = post(client, photo(*texts), "?lang=zh-Hans")
        assert sent.status_code == 303
        assert sent.headers["location"] == f"/c/{shown}?way=photo&lang=zh-Hans"
    page = client.get(sent.headers["location"], headers=HTML).text
    assert "<h1>验证通过</h1>" in page
    assert 'data-way="photo"' in page


@pytest.mark.slow
def test_a_digital_link_leads_to_its_page(client: TestClient, labels: list[Certificate]) -> None:
    """A GS1 link keeps its numbers. Without a code the page asks for it."""
    unit = labels[1]
    link = f"{HOST}/01/{unit.gtin}/10/L%2F2/21/A-77"
    sent = post(client, photo(f"{link}?c={unit.code}"))
    assert sent.headers["location"] == f"/01/{unit.gtin}/10/L%2F2/21/A-77?c={unit.code}&way=photo"
    assert "<h1>Verified</h1>" in client.get(sent.headers["location"], headers=HTML).text
    sent = post(client, photo(link))
    assert "<h1>Enter the code</h1>" in client.get(sent.headers["location"], headers=HTML).text


@pytest.mark.slow
def test_several_labels_are_a_choice(client: TestClient, labels: list[Certificate]) -> None:
    """Each label is a link, whether it exists or not."""
    page = post(client, photo(f"{HOST}/C/{labels[0].code}", f"{HOST}/C/7XK294QMV0HT3", FOREIGN))
    assert page.status_code == 200
    assert "<h1>Which label?</h1>" in page.text
    assert page.text.count('rel="nofollow"') == 2
    assert 'href="/c/7XK2-94QM-V0HT3?way=photo"' in page.text
    assert "evil" not in page.text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "host"), [(FOREIGN, "It leads to evil.example."), ("HELLO WORLD", ""), ("WIFI:S:home;P:x;;", "")]
)
def test_a_foreign_code_is_shown_harmlessly(client: TestClient, text: str, host: str) -> None:
    """Its text is no link, and its host is said in words."""
    page = post(client, photo(text))
    assert page.status_code == 422
    assert "<h1>Not a label of ours</h1>" in page.text
    verdict = page.text.partition("</h1>")[2].partition("</div>")[0]
    assert host in verdict
    assert ("It leads to" in verdict) == bool(host)
    assert FOREIGN not in page.text
    assert 'href="https://evil' not in page.text
    assert 'name="image"' in page.text


@pytest.mark.slow
@pytest.mark.parametrize(("lang", "heading"), [("en", "No label found"), ("zh-Hans", "未找到标签")])
def test_a_photo_without_a_label_says_what_to_do(client: TestClient, lang: str, heading: str) -> None:
    """The page has all ways to a label again."""
    page = post(client, make.picture_bytes(3), f"?lang={lang}")
    assert page.status_code == 422
    assert f"<h1>{heading}</h1>" in page.text
    assert f'action="/c?lang={lang}"' in page.text
    assert "<qr-scan" in page.text


@pytest.mark.parametrize(
    ("data", "status", "words"),
    [
        (b"", 422, "No picture arrived"),
        (b"hello", 422, "not a picture we can read"),
        (b"x" * 70_000, 413, "larger than"),
    ],
)
def test_a_bad_picture_is_explained(settings: Settings, data: bytes, status: int, words: str) -> None:
    """The page says why in a sentence, and offers the ways again."""
    with TestClient(create_app(settings.model_copy(update={"max_picture_bytes": 65_536}))) as client:
        page = post(client, data)
    assert page.status_code == status
    assert "<h1>Photo not read</h1>" in page.text
    assert words in page.text
    assert 'name="image"' in page.text


def test_other_sites_and_floods_are_refused(settings: Settings) -> None:
    """A page of another site cannot use up the visitor's checks, and there are only so many a minute."""
    with TestClient(create_app(settings.model_copy(update={"public_checks_per_minute": 1}))) as client:
        refused = post(client, b"x", **{"sec-fetch-site": "cross-site"})
        assert (refused.status_code, "sent from another site" in refused.text) == (403, True)
        assert post(client, b"x").status_code == 422
        flood = post(client, b"x")
    assert flood.status_code == 429
    assert "Try again in" in flood.text


def test_nothing_of_the_photo_is_kept(client: TestClient, workspace: Workspace) -> None:
    """No check is stored, and no file."""
    before = sorted(workspace.settings.data_dir.rglob("*.*"))
    post(client, make.picture_bytes(5))
    assert [
        path
        for path in sorted(workspace.settings.data_dir.rglob("*.*"))
        if path not in before and "db" not in path.name
    ] == []
