"""The reference of the API in Chromium, on a phone and on a desk, under the policy of all pages."""

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.ui
Open = Callable[..., Any]


@pytest.mark.parametrize(("width_px", "scheme"), [(390, "light"), (1280, "dark")])
def test_an_operation_is_found_and_tried(open_page: Open, width_px: int, scheme: str) -> None:
    """A developer opens a group and an operation, reads an example, and sends a request from the page.

    `open_page` fails at the end if the browser refused a script or a style, or asked another host.
    """
    page = open_page("/docs", viewport={"width": width_px, "height": 900}, color_scheme=scheme)
    page.click("#operations-tag-operations")
    page.click("#operations-operations-livez .opblock-summary-control")
    page.click("#operations-operations-livez .try-out__btn")
    page.wait_for_selector("#operations-operations-livez .execute")
    page.click("#operations-tag-certificates")
    page.click("#operations-certificates-issue_batch .opblock-summary-control")
    page.wait_for_selector("#operations-certificates-issue_batch .body-param__example")
    assert "gtin" in page.text_content("#operations-certificates-issue_batch .body-param__example")
    assert page.evaluate("document.documentElement.scrollWidth") <= width_px
    is_dark = page.evaluate("document.documentElement.classList.contains('dark-mode')")
    assert is_dark == (scheme == "dark")


def test_without_javascript_the_document_is_a_link(open_page: Open) -> None:
    """The page still leads to the document."""
    page = open_page("/docs", java_script_enabled=False)
    page.click("main a")
    assert '"openapi":"3.1' in page.content()
