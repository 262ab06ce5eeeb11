"""The buyer's page in Chromium: small screens, both schemes, both languages."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from keyboard_visits import run_axe
from pypdfium2 import PdfDocument

pytestmark = pytest.mark.ui
Open = Callable[..., Any]

CONTRASTS = (Path(__file__).parent / "contrast.js").read_text()


def heading(page: Any) -> str:
    """Return the verdict once the answer has arrived."""
    page.wait_for_url("**/checks/*")
    return str(page.text_content("h1"))


def test_the_language_link_keeps_the_page(open_page: Open, site: Any) -> None:
    """The answer itself changes its language. The way back keeps that language."""
    page = open_page(locale="zh-CN")
    page.set_input_files("#image", site.unknown)
    page.click(".submit")
    assert heading(page) == "未找到已登记的设计"
    page.click(".language")
    assert heading(page) == "No registered design found"
    page.click(".actions a")
    assert page.get_attribute("html", "lang") == "en"


@pytest.mark.parametrize("lang", ["en", "zh-Hans"])
def test_at_320_px(open_page: Open, site: Any, lang: str) -> None:
    """Nothing scrolls sideways, the verdict is visible, and every control is at least 44 px high."""
    page = open_page(f"/?lang={lang}", viewport={"width": 320, "height": 568}, is_mobile=True, has_touch=True)
    scrolls = "document.documentElement.scrollWidth > innerWidth"
    assert not page.evaluate(scrolls)
    page.set_input_files("#image", site.known)
    assert not page.evaluate(scrolls)
    page.click(".submit")
    heading(page)
    page.click("summary")
    assert not page.evaluate(scrolls)
    assert page.evaluate("document.querySelector('h1').getBoundingClientRect().bottom < innerHeight")
    heights = "[...document.querySelectorAll('a:not(.skip), button, summary')].map((one) => one.clientHeight)"
    assert min(page.evaluate(heights)) >= 44


def test_at_320_px_without_javascript(open_page: Open) -> None:
    """Nothing is wider than the screen, the browser's own file field included."""
    page = open_page(viewport={"width": 320, "height": 568}, java_script_enabled=False)
    boxes = [one.bounding_box() for one in page.locator("main *").all() if one.is_visible()]
    assert max(box["x"] + box["width"] for box in boxes) <= 320


def test_an_answer_prints_on_one_page(open_page: Open, site: Any) -> None:
    """The record has the address and the time, and no empty question about a country."""
    page = open_page()
    page.set_input_files("#image", site.known)
    page.click(".submit")
    heading(page)
    page.wait_for_function("() => [...document.images].every((image) => image.complete)")
    printed = PdfDocument(page.pdf(format="A4"))
    text = "".join(printed[0].get_textpage().get_text_range().split())
    assert len(printed) == 1
    assert page.url in text
    assert "UTC" in text
    assert "Whomaysell" not in text


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(open_page: Open, site: Any, scheme: str) -> None:
    """Every text has a contrast of 4.5:1 or more, on each page and in both colour schemes."""
    page = open_page(color_scheme=scheme, reduced_motion="reduce")
    worst = page.evaluate(CONTRASTS)
    page.set_input_files("#image", site.broken)
    worst += page.evaluate(CONTRASTS)
    page.click(".submit")
    page.wait_for_selector("#problem:not([hidden])")
    worst += page.evaluate(CONTRASTS)
    for name in ("known", "unknown"):
        page.goto(site.url)
        page.set_input_files("#image", getattr(site, name))
        page.click(".submit")
        heading(page)
        page.click("summary")
        for verdict in ("match", "lookalike", "none"):
            page.evaluate(
                "(name) => (document.querySelector('.answer').className = `answer ${name}`)", verdict
            )
            worst += page.evaluate(CONTRASTS)
    assert len(worst) > 50
    assert [one for one in worst if one["ratio"] < 4.5] == []


@pytest.mark.parametrize(
    ("tag", "scheme", "width_px"), [("en", "dark", 320), ("zh-Hans", "light", 1280), ("en", "light", 390)]
)
def test_axe_is_content(open_page: Open, site: Any, tag: str, scheme: str, width_px: int) -> None:
    """No page of a buyer has a violation, and nothing scrolls sideways. The pages of labels have their own test."""
    page = open_page(
        f"/?lang={tag}",
        color_scheme=scheme,
        reduced_motion="reduce",
        viewport={"width": width_px, "height": 844},
        bypass_csp=True,  # axe-core is put into the page as text
    )
    for step in ("start", "answer", "shops"):
        if step == "answer":
            page.set_input_files("#image", site.known)
            page.click(".submit")
            heading(page)
        elif step == "shops":
            page.select_option("#country", "FR")
            page.click(".country button")
            page.wait_for_url("**country=FR**")
            page.wait_for_selector("#sellers > p")
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert run_axe(page) == [], step
    code = site.labels["good"]
    for path in ("/privacy", f"/c/{code}/owner", f"/c/{code}/report"):
        page.goto(f"{site.url}{path}?lang={tag}")
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert run_axe(page) == [], path
