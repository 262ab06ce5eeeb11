"""The comparison on the answer page, in Chromium: its contents, its size, its explanations."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.ui
Open = Callable[..., Any]

CONTRASTS = (Path(__file__).parent / "contrast.js").read_text()
LOADED = "[...document.images].every((image) => image.complete && image.naturalWidth > 0)"
DRAWN = "document.querySelector('.evidence figure img').currentSrc"


@pytest.mark.parametrize(("lang", "heading"), [("en", "The comparison"), ("zh-Hans", "对比图")])
def test_each_design_is_listed_with_its_number(open_page: Open, site: Any, lang: str, heading: str) -> None:
    """For two findings the page shows the picture, a legend for A, B and C, and both designs by number."""
    page = open_page(f"{site.two}?lang={lang}")
    page.wait_for_function(LOADED)
    assert page.text_content(".evidence h2") == heading
    assert page.locator(".legend dt").all_text_contents() == ["A", "B", "C"]
    assert [text.split() for text in page.locator(".found .number").all_text_contents()] == [["1"], ["2"]]
    assert page.locator(".found .title").all_text_contents() == ["Heron", "Otter"]
    assert page.locator(".found li:nth-child(1) img").count() == 1
    assert page.locator(".found li:nth-child(2) img").count() == 0
    assert len(page.get_attribute(".evidence figure img", "alt")) > 20


@pytest.mark.parametrize("width", [320, 1280])
def test_the_picture_fits_the_screen(open_page: Open, site: Any, width: int) -> None:
    """The page does not scroll sideways. On phones the panels are below each other."""
    page = open_page(site.two, viewport={"width": width, "height": 800})
    page.wait_for_function(LOADED)
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert page.evaluate(DRAWN).endswith("?layout=tall") == (width == 320)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_its_words_can_be_read(open_page: Open, site: Any, scheme: str) -> None:
    """Every text has a contrast of 4.5:1 or more, in both colour schemes and on paper."""
    page = open_page(site.two, color_scheme=scheme)
    worst = page.evaluate(CONTRASTS)
    page.emulate_media(media="print")
    worst += page.evaluate(CONTRASTS)
    assert [one for one in worst if one["ratio"] < 4.5] == []


def test_the_picture_opens_in_full_size(open_page: Open, site: Any) -> None:
    """The comparison links to its picture and has a name for screen readers."""
    page = open_page(site.two)
    link = page.locator(".evidence figure a")
    assert link.get_attribute("aria-label") == "Open the comparison in full size"
    opened = page.request.get(site.url + link.get_attribute("href"))
    assert opened.headers["content-type"] == "image/webp"
