"""The comparison on the answer page, in Chromium: what is shown, how it fits, how it is explained."""

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
    """Two findings: the picture, a legend for A, B and C, and both designs by number, the hidden one without a picture."""
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
    """No sideways scrolling; phones get the panels below each other."""
    page = open_page(site.two, viewport={"width": width, "height": 800})
    page.wait_for_function(LOADED)
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert page.evaluate(DRAWN).endswith("?layout=tall") == (width == 320)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_its_words_can_be_read(open_page: Open, site: Any, scheme: str) -> None:
    """4.5:1 or more on what is behind them, in both schemes and on paper."""
    page = open_page(site.two, color_scheme=scheme)
    worst = page.evaluate(CONTRASTS)
    page.emulate_media(media="print")
    worst += page.evaluate(CONTRASTS)
    assert [one for one in worst if one["ratio"] < 4.5] == []


def test_the_picture_opens_in_full_size(open_page: Open, site: Any) -> None:
    """The comparison is a link to the picture itself, with a name for those who cannot see it."""
    page = open_page(site.two)
    link = page.locator(".evidence figure a")
    assert link.get_attribute("aria-label") == "Open the comparison in full size"
    opened = page.request.get(site.url + link.get_attribute("href"))
    assert opened.headers["content-type"] == "image/webp"
