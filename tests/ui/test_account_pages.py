"""Pages of people who sign in, in Chromium: both languages, both schemes, a phone and a desk, axe-core."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import account_pages
import pytest
from keyboard_visits import axe_script, run_axe, wait_until

from api.i18n import LANGUAGES
from api.middleware import CONTENT_SECURITY_POLICY
from api.pages.render import STATIC

pytestmark = pytest.mark.ui
HOST = "http://authcheck.test"
WIDTHS_PX = (390, 1280)
# Each page twice: each language, scheme and width once. Every second page has the widths the other way round.
LOOKS = [
    (name, *look, width_px)
    for number, name in enumerate(sorted(account_pages.PAGES.keys() - account_pages.ALIKE))
    for look, width_px in zip(
        (("en", "light"), ("zh-Hans", "dark")), WIDTHS_PX if number % 2 else WIDTHS_PX[::-1], strict=True
    )
]
SCREENSHOTS = os.environ.get("AUTHCHECK_SCREENSHOTS")  # a folder, for whoever wants to see the pages
TARGETS = """[...document.querySelectorAll("a[href], button, summary, input:not([type=hidden]), label.choice")]
  .filter((one) => !one.matches(".skip, .choice input, .codes7 input, .alikes input, .share input, .outside-link, p:not(.actions) a:not(.line), [data-say] a, li > a"))
  .map((one) => [one.textContent.trim() || one.name, one.getBoundingClientRect().height])
  .filter(([, height]) => height > 0 && height < 44)"""
Show = Callable[..., Any]


class Tab:
    """A tab that shows one sample page after the other, with the policy that the service sends.

    To open a tab for each page, and to give it axe, takes as long as to judge the page.
    """

    def __init__(self, browser: Any) -> None:
        self.wrong: list[str] = []
        self._body = ""
        self._context = browser.new_context(reduced_motion="reduce", bypass_csp=False)
        self._context.add_init_script(axe_script())
        self._context.add_init_script("sessionStorage.clear(); localStorage.clear()")
        self._page = self._context.new_page()
        self._page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self._page.on("console", lambda message: message.type == "error" and self.wrong.append(message.text))
        self._page.route("**/*", self._serve)

    def _serve(self, route: Any) -> None:
        name = route.request.url.removeprefix(HOST).partition("?")[0]
        if name == "/page":
            headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
            route.fulfill(body=self._body, content_type="text/html; charset=utf-8", headers=headers)
        elif name.startswith("/static/"):
            route.fulfill(path=STATIC / Path(name).name)
        elif name.endswith("/picture") or name.startswith("/product-pictures/"):
            route.fulfill(path=STATIC / "favicon.svg")
        elif name.startswith("/v1/cases/"):
            route.fulfill(json={})  # the page of a case keeps its lease
        else:
            route.abort()

    def show(self, name: str, tag: str, scheme: str, width_px: int) -> Any:
        """Return the browser's page, with a sample page in it that knows nothing of the ones before."""
        self._page.emulate_media(color_scheme=scheme, media="screen")
        self._page.set_viewport_size({"width": width_px, "height": 844})
        self._body = account_pages.html(name, LANGUAGES[tag])
        self._page.goto(f"{HOST}/page")
        return self._page

    def close(self) -> None:
        """Close the tab."""
        self._context.close()


@pytest.fixture(scope="module")
def tab(chromium: Any) -> Iterator[Tab]:
    """Return the tab of all tests here."""
    opened = Tab(chromium)
    yield opened
    opened.close()


@pytest.fixture
def show(tab: Tab) -> Iterator[Show]:
    """Return a function that shows a sample page. The page may write no error."""
    tab.wrong.clear()
    yield lambda name, tag, scheme="light", width_px=390: tab.show(name, tag, scheme, width_px)
    assert tab.wrong == []


@pytest.mark.parametrize(("name", "tag", "scheme", "width_px"), LOOKS)
def test_each_page_suits_its_readers(show: Show, name: str, tag: str, scheme: str, width_px: int) -> None:
    """Nothing scrolls sideways, targets are large, text does not zoom on a phone, and axe-core is content."""
    page = show(name, tag, scheme, width_px)
    if SCREENSHOTS:
        file = f"{name.replace(' ', '-')}-{width_px}-{scheme}.png"
        page.screenshot(path=Path(SCREENSHOTS) / file, full_page=True)
    for opened in (False, True):
        assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert page.evaluate(TARGETS) == []
        if not opened:
            page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    sizes = "[...document.querySelectorAll('.field :is(input, textarea)')].map((one) => getComputedStyle(one).fontSize)"
    assert all(float(size.removesuffix("px")) >= 16 for size in page.evaluate(sizes))
    assert run_axe(page) == []
    if SCREENSHOTS:
        page.screenshot(path=Path(SCREENSHOTS) / f"open-{file}", full_page=True)


def test_the_keyboard_reaches_what_the_mouse_does(show: Show) -> None:
    """A person without a mouse begins at the field at fault, opens a form, ticks a role, and scrolls the table."""
    page = show("people wrong", "en", width_px=390)
    focused = "document.activeElement.id || document.activeElement.textContent.trim()"
    wait_until(page, "document.activeElement.id === 'invite-email'")  # where the problem is
    page.focus("#problem a")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate(focused) == "invite-name"
    page.focus("section:has(#keys) .adding summary")
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate(focused) == "key-label"
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.evaluate("document.activeElement.checked")
    page.focus(".matrix")
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(300)  # the policy forbids wait_for_function
    assert page.evaluate("document.querySelector('.matrix').scrollLeft") > 0
    assert page.evaluate("document.querySelector('.matrix th[scope=row]').getBoundingClientRect().left") > 0


def test_only_the_recovery_codes_are_printed(show: Show) -> None:
    """Paper with the codes names the account, and nothing else of the page."""
    page = show("account codes", "en")
    page.emulate_media(media="print")
    shown = page.evaluate("document.body.innerText")
    assert "jana@maison-iris.example" in shown
    assert all(code in shown for code in account_pages.CODES)
    assert [
        text for text in ("Where you are signed in", "People and keys", "Sign out") if text in shown
    ] == []
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "none"
