"""The buyer's page in a browser without JavaScript."""

import re
from collections.abc import Iterator
from typing import Any

import make
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from api.app import create_app
from authcheck.checks.tables import Check
from authcheck.config import Settings
from authcheck.registry.designs import get_design
from authcheck.workspace import Workspace

PICTURE = make.picture_bytes(1)
FOUND = {"en": "Registered design found", "zh-Hans": "找到已登记的设计"}
NEAR = {"family": "phash", "distance_bits": 173, "of_bits": 259}


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    """A visitor of a fresh server who does not follow redirects."""
    with TestClient(create_app(settings), follow_redirects=False) as visitor:
        yield visitor


@pytest.fixture
def served(client: TestClient) -> Workspace:
    """The workspace behind `client`."""
    return client.app.state.workspace  # type: ignore[attr-defined, no-any-return]


def post(client: TestClient, data: bytes = PICTURE, query: str = "", **headers: str) -> Any:
    """Post the form."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return client.post(f"/{query}", files={"image": ("holiday.png", data, "image/png")}, headers=names)


def answered(workspace: Workspace, design_id: str | None = None, **words: Any) -> str:
    """Store a check with a given answer. Return its id."""
    return make.check(workspace, source="page", design_id=design_id, **words).id


@pytest.mark.slow
@pytest.mark.parametrize("lang", ["en", "zh-Hans"])
def test_a_posted_photo_leads_to_its_answer(client: TestClient, served: Workspace, lang: str) -> None:
    """The form redirects to an answer with the design, its owner and its preview."""
    design = make.register(served, title="Koi & pond", seed=1, public_preview=True).design
    assert f'action="/?lang={lang}"' in client.get(f"/?lang={lang}").text
    sent = post(client, query=f"?lang={lang}")
    assert sent.status_code == 303
    page = client.get(sent.headers["location"])
    assert f'<html lang="{lang}">' in page.text
    assert f"<h1>{FOUND[lang]}</h1>" in page.text
    assert "Koi &amp; pond" in page.text
    assert "acme" in page.text
    assert f'src="/v1/designs/{design.id}/preview"' in page.text
    assert client.get(f"/v1/designs/{design.id}/preview").status_code == 200


@pytest.mark.slow
def test_an_answer_is_not_cached_and_the_file_name_is_not_kept(client: TestClient, served: Workspace) -> None:
    """The page may not be cached and does not show the visitor's file name."""
    page = client.get(post(client).headers["location"])
    assert page.headers["cache-control"] == "no-store"
    with served.database.reading() as session:
        check = session.query(Check).one()
        assert (check.picture_name, check.source, check.organisation_id) == ("", "page", None)


def test_nothing_found_names_no_design(client: TestClient, served: Workspace) -> None:
    """The page explains the verdict, and does not name the nearest design below the threshold."""
    design = make.register(served, title="Koi pond", public_preview=True).design
    page = client.get(f"/checks/{answered(served, design.id, verdict='none')}").text
    assert "<h1>No registered design found</h1>" in page
    assert "says nothing about authenticity" in page
    assert "Koi pond" not in page
    assert design.id not in page


def test_a_lookalike_asks_for_a_person(client: TestClient, served: Workspace) -> None:
    """The page names a lookalike and says that a person should look."""
    design = make.register(served, title="Koi pond").design
    page = client.get(f"/checks/{answered(served, design.id, verdict='lookalike')}").text
    assert "<h1>Looks like a registered design</h1>" in page
    assert "A person should look" in page


def test_without_a_preview_the_page_says_why(client: TestClient, served: Workspace) -> None:
    """The page says that the owner has not switched the preview on."""
    design = make.register(served).design
    page = client.get(f"/checks/{answered(served, design.id)}").text
    assert "the owner has not switched the public preview on" in page
    assert "/preview" not in page


@pytest.mark.slow
@pytest.mark.parametrize(
    ("state", "sentence"), [("disputed", "registration is disputed"), ("retired", "since withdrawn")]
)
def test_a_design_in_doubt_says_so(client: TestClient, served: Workspace, state: str, sentence: str) -> None:
    """The page shows the design's present state with the answer."""
    design_id = make.register(served, public_preview=True).design.id
    check_id = answered(served, design_id)
    assert sentence not in client.get(f"/checks/{check_id}").text
    with served.database.writing() as session:
        get_design(session, design_id).state = state
    page = client.get(f"/checks/{check_id}").text
    assert sentence in page
    assert ("/preview" in page) == (state == "disputed")


def test_no_number_of_the_comparison_leaks(client: TestClient, served: Workspace) -> None:
    """The page shows no score, distance, method or count, and at most three reasons."""
    codes = ["near_copy", "mirrored", "rotated", "part", "also_near"]
    reasons = [{"code": f"image.{code}", "weight": 0.731, "params": NEAR} for code in codes]
    design = make.register(served).design
    page = client.get(f"/checks/{answered(served, design.id, reasons=reasons)}").text
    for secret in ("98765", "0.987", "98.7", "99 %", "731", "phash", "distance", "score", " bits"):
        assert secret not in page
    assert not re.search(r"\b(173|259)\b", page)
    assert page.split("Why this answer")[1].split("</ul>")[0].count("<li>") == 3
    assert not re.search("genuine|authentic|counterfeit|fake", page.lower())


@pytest.mark.parametrize(
    ("data", "status", "code", "sentences"),
    [
        (b"", 422, "image.empty", ("No picture arrived", "没有收到图片")),
        (b"hello", 422, "image.unreadable", ("not a picture we can read", "无法识别为图片")),
        (PICTURE[:4000], 422, "image.truncated", ("breaks off before its end", "图片不完整")),
        (make.encode(Image.new("RGB", (8, 90))), 422, "image.too_small", ("at least 16 pixels", "16 像素")),
        (make.encode(Image.new("RGB", (90, 90))), 422, "image.flat", ("one plain colour", "几乎是纯色")),
        (b"x" * 70_000, 413, "image.too_large", ("larger than 64 KB", "超过 64 KB")),
        (b"x" * 200_000, 413, "request.too_large", ("larger than 64 KB", "超过 64 KB")),
    ],
)
def test_a_bad_picture_is_explained(
    settings: Settings, data: bytes, status: int, code: str, sentences: tuple[str, str]
) -> None:
    """The form shows a sentence in the reader's language, the code and the right status."""
    small = settings.model_copy(update={"max_picture_bytes": 65_536})
    with TestClient(create_app(small)) as client:
        for lang, sentence in zip(("en", "zh-Hans"), sentences, strict=True):
            page = post(client, data, f"?lang={lang}")
            assert page.status_code == status
            assert sentence in page.text
            assert code in page.text
            assert 'type="file"' in page.text


def test_a_post_without_a_picture_is_explained(client: TestClient) -> None:
    """A post without a picture gets the form again."""
    assert "No picture arrived" in client.post("/", files={"other": ("a", b"b")}).text
    assert client.post("/", content=b"a=b", headers={"content-type": "text/plain"}).status_code == 415


@pytest.mark.slow
def test_too_many_checks_are_told_to_wait(settings: Settings) -> None:
    """The public limit of checks applies to the page, which answers with the form."""
    with TestClient(create_app(settings.model_copy(update={"public_checks_per_minute": 1}))) as client:
        post(client)
        refused = post(client)
    assert refused.status_code == 429
    assert int(refused.headers["retry-after"]) > 0
    assert "Too many checks" in refused.text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec_fetch_site": "same-origin"}, 303),
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"sec_fetch_site": "same-site"}, 403),
        ({"origin": "http://testserver"}, 303),
        ({"origin": "http://elsewhere.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://["}, 403),
        ({}, 303),
    ],
)
def test_only_our_own_pages_may_post(client: TestClient, headers: dict[str, str], status: int) -> None:
    """A post from another site is refused, because it would use up the visitor's checks."""
    assert post(client, **headers).status_code == status


def test_an_unknown_check_has_a_page(client: TestClient, served: Workspace) -> None:
    """An unknown check and an organisation's check show the same page."""
    owner = make.register(served).design.owner_id
    for check_id in ("chk_1", "x" * 300, "chk_%0A", answered(served, organisation_id=owner)):
        page = client.get(f"/checks/{check_id}", headers={"accept-language": "zh-CN"})
        assert page.status_code == 404
        assert "<h1>没有这条查验记录</h1>" in page.text


def test_the_head_offers_the_account_to_a_browser_with_a_session(client: TestClient) -> None:
    """The buyer's page looks for no session. A browser with a cookie gets the link that works either way."""
    assert 'href="/sign-in"' in client.get("/").text
    page = client.get("/", headers={"Cookie": "authcheck_session=x"}).text
    assert 'href="/account"' in page
    assert 'href="/sign-in"' not in page
