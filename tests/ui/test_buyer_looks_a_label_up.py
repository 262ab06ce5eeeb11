"""The page of a label in Chromium: each outcome for each reader, the scan that it records, and its paper."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import label_pages
import pytest
from keyboard_visits import run_axe
from pypdfium2 import PdfDocument

from api.middleware import CONTENT_SECURITY_POLICY
from api.pages.render import STATIC

pytestmark = pytest.mark.ui
Open = Callable[..., Any]
HOST = "http://authcheck.test"
CONTRASTS = (Path(__file__).parent / "contrast.js").read_text()
UNISSUED = "/01/04006381333931/10/L-1/21/7XK294QMV0HT3"
STATES = (*label_pages.SAMPLES, *label_pages.WITHOUT_UNIT)
# Each state twice: each language, scheme and width once. Every second state has the widths the other way round.
LOOKS = [
    (state, *look, width_px)
    for number, state in enumerate(STATES)
    for look, width_px in zip(
        (("en", "light"), ("zh-Hans", "dark")), (320, 1280) if number % 2 else (1280, 320), strict=True
    )
]
SMALL = "[...document.querySelectorAll('a[href], button, summary, input')].filter((one) => one.checkVisibility() && !one.matches('.skip, [type=hidden]') && one.getBoundingClientRect().height < 44).map((one) => one.outerHTML)"
Stub = Callable[[Any], None]


def body_of(state: str, tag: str) -> str:
    """The page of a state, `unissued` is that of an unknown code under a GS1 link."""
    if state == "unissued":
        return label_pages.html_without_unit("missing", tag, "7XK294QMV0HT3", UNISSUED)
    sample = label_pages.SAMPLES.get(state)
    return label_pages.html(sample, tag) if sample else label_pages.html_without_unit(state, tag)  # type: ignore[arg-type]


@pytest.fixture
def show(chromium: Any) -> Iterator[Open]:
    """Return a function that shows the page of a state. No page may ask another host or throw.

    `stub` answers the page's POST of a scan, which is 200 `{"advice": ...}` as shown otherwise.
    """
    contexts: list[Any] = []
    wrong: list[str] = []

    def open_one(
        state: str, tag: str = "en", *, stub: Stub | None = None, init: str = "", **options: Any
    ) -> Any:
        contexts.append(chromium.new_context(**{"reduced_motion": "reduce", **options}))
        page = contexts[-1].new_page()
        page.set_default_timeout(30_000)
        page.add_init_script(init)
        page.on("pageerror", lambda error: wrong.append(str(error)))

        def serve(route: Any) -> None:
            path = route.request.url.removeprefix(HOST).partition("?")[0]
            if path == "/page":
                body = body_of(state, tag)
                headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}
                route.fulfill(body=body, content_type="text/html; charset=utf-8", headers=headers)
            elif path.startswith("/static/"):
                route.fulfill(path=STATIC / Path(path).name)
            elif path.startswith("/product-pictures/"):
                route.fulfill(path=STATIC / "favicon.svg")
            elif path.endswith("/scans"):
                (stub or (lambda route: route.fulfill(status=204)))(route)
            elif path.startswith(("/trust.json", "/v1/")):
                route.fulfill(status=503)
            else:
                wrong.append(route.request.url)
                route.abort()

        page.route("**/*", serve)
        page.goto(f"{HOST}/page")
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert wrong == []


@pytest.mark.parametrize(("state", "tag", "scheme", "width_px"), LOOKS)
def test_each_outcome_suits_its_readers(show: Open, state: str, tag: str, scheme: str, width_px: int) -> None:
    """Nothing scrolls sideways, the outcome is above the fold, targets are large, texts have contrast.

    axe-core is content, too.
    """
    page = show(state, tag, color_scheme=scheme, viewport={"width": width_px, "height": 568})
    see_the_outcome(page)
    if page.locator("summary").count():
        page.click("summary")
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert page.evaluate(SMALL) == []
    assert [one for one in page.evaluate(CONTRASTS) if one["ratio"] < 4.5] == []
    assert run_axe(page) == []


def see_the_outcome(page: Any) -> None:
    """The outcome is a heading and an icon in a status, at the top of the page."""
    verdict = page.locator(".verdict[role=status]")
    assert verdict.locator("h1").count() == 1
    assert verdict.locator("svg").count() == 1
    heading = page.locator("h1").bounding_box()
    assert heading["y"] + heading["height"] < 300


@pytest.mark.parametrize("state", ["verified", "slip"])
def test_without_javascript_the_page_is_whole(show: Open, state: str) -> None:
    """Outcome, advice, box and proof need no script. What needs one is not shown."""
    page = show(state, "zh-Hans", java_script_enabled=False, viewport={"width": 320, "height": 568})
    see_the_outcome(page)
    assert page.is_visible(".advice li")
    assert not page.is_visible("[data-print]")
    assert not page.is_visible("verified-here")
    assert page.locator("main").bounding_box()["width"] == 320


def test_reasons_begin_above_the_fold_of_a_small_phone(show: Open) -> None:
    """On 320 x 568 px a reader of a copied label sees the outcome and the first reason without scrolling."""
    page = show("copied", viewport={"width": 320, "height": 568})
    reason = page.locator(".advice li").first.bounding_box()
    assert reason["y"] + reason["height"] < 568


def test_at_400_percent(show: Open) -> None:
    """At 400 % zoom of a screen of 1,280 px, everything is still in one column."""
    page = show("copied", viewport={"width": 320, "height": 256})
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_keyboard_only(show: Open) -> None:
    """Tab leads through the page in its order, with a visible focus, and Enter opens the proof."""
    page = show("verified")
    texts = []
    for _ in range(12):
        page.keyboard.press("Tab")
        texts.append(page.evaluate("document.activeElement.textContent.trim()"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
        if texts[-1] == "Proof details":
            break
    assert texts[-7:] == [
        "Something is wrong",
        "This item is mine",
        "Print or save",
        "Check a photo",
        "",
        "Look up",
        "Proof details",
    ]
    page.keyboard.press("Enter")
    assert page.is_visible("text=Signed by the brand's key")


@pytest.mark.parametrize(("state", "tag"), [("verified", "zh-Hans"), ("copied", "en"), ("revoked", "en")])
def test_it_prints_on_one_page(show: Open, state: str, tag: str) -> None:
    """The record for a refund is one page, with or without the proof unfolded."""
    page = show(state, tag)
    for _ in range(2):
        printed = PdfDocument(page.pdf(format="A4"))
        text = printed[0].get_textpage().get_text_range()
        assert len(printed) == 1
        assert "7XK2-94QM-V0HT3" in text
        assert f"{HOST}/c/7XK2-94QM-V0HT3".replace("authcheck.test", "testserver") in text
        page.click("summary")


class Scans:
    """A stub of the service's counter: it keeps what was posted, and answers as told."""

    def __init__(self, *answers: int | str) -> None:
        self.answers, self.posts = list(answers), list[dict[str, str]]()

    def __call__(self, route: Any) -> None:
        """Keep the post, and answer: an advice, a status, or -1 for a network that fails."""
        fields = dict(pair.split("=") for pair in (route.request.post_data or "").split("&"))
        self.posts.append({**fields, "path": route.request.url.removeprefix(HOST)})
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer == -1:
            route.abort("internetdisconnected")
        elif isinstance(answer, int):
            route.fulfill(status=answer, body="{}")
        else:
            route.fulfill(json={"advice": answer})


def settle(page: Any) -> None:
    """Give the page the time to post what it should not."""
    page.wait_for_timeout(400)


def wait_for_posts(page: Any, scans: Scans, count: int) -> None:
    """Wait until the page has posted so often, at most ten seconds."""
    for _ in range(200):
        if len(scans.posts) >= count:
            break
        page.wait_for_timeout(50)
    assert len(scans.posts) == count


def test_a_scan_is_recorded_once(show: Open) -> None:
    """The page posts its visit and its way once, and stays as it is when the advice is the same."""
    scans = Scans("verified")
    page = show("verified", stub=scans)
    wait_for_posts(page, scans, 1)
    settle(page)
    visit = page.get_attribute("scan-record", "data-visit")
    (post,) = scans.posts
    assert post.pop("zone")
    assert post == {"visit": visit, "way": "camera", "path": "/c/7XK294QMV0HT3/scans"}
    assert len(visit) >= 20
    assert page.evaluate("localStorage.length + sessionStorage.length + document.cookie.length") == 0
    assert page.evaluate("history.state") is None


def test_a_changed_advice_loads_the_page_again_once(show: Open) -> None:
    """If the answer differs from the page for ever, there is no loop."""
    scans = Scans("careful")
    page = show("verified", stub=scans)
    wait_for_posts(page, scans, 2)
    settle(page)
    assert len(scans.posts) == 2
    assert scans.posts[0]["visit"] != scans.posts[1]["visit"]


def test_a_failed_network_is_tried_again_with_the_same_visit(show: Open) -> None:
    """When the network is back, the same visit is sent: the service counts it once."""
    scans = Scans(-1, "verified")
    page = show("verified", stub=scans)
    wait_for_posts(page, scans, 1)
    settle(page)
    page.evaluate("dispatchEvent(new Event('online'))")
    wait_for_posts(page, scans, 2)
    assert scans.posts[0] == scans.posts[1]


def test_at_most_five_tries(show: Open) -> None:
    """A service that is down is not asked for ever, and a refusal is not asked again."""
    scans = Scans(503)
    page = show("verified", stub=scans)
    for count in range(1, 6):
        wait_for_posts(page, scans, count)
        page.wait_for_timeout(100)
        page.evaluate("dispatchEvent(new Event('online'))")
    settle(page)
    assert len(scans.posts) == 5
    assert len({post["visit"] for post in scans.posts}) == 1
    refused = Scans(404)
    page = show("verified", stub=refused)
    wait_for_posts(page, refused, 1)
    page.evaluate("dispatchEvent(new Event('online'))")
    settle(page)
    assert len(refused.posts) == 1


HIDDEN = """
Object.defineProperty(document, "visibilityState", { configurable: true, get: () => self.shown ? "visible" : "hidden" });
"""
PRERENDERED = (
    'Object.defineProperty(document, "prerendering", { configurable: true, get: () => !self.shown });'
)


@pytest.mark.parametrize(
    ("script", "event"), [(HIDDEN, "visibilitychange"), (PRERENDERED, "prerenderingchange")]
)
def test_an_unseen_page_is_no_scan(show: Open, script: str, event: str) -> None:
    """A page in the background or prerendered posts when somebody sees it, and not before."""
    scans = Scans("verified")
    page = show("verified", stub=scans, init=script)
    settle(page)
    assert scans.posts == []
    page.evaluate(f"self.shown = true; document.dispatchEvent(new Event('{event}'))")
    wait_for_posts(page, scans, 1)


@pytest.mark.parametrize("state", label_pages.WITHOUT_UNIT)
def test_no_unit_no_scan(show: Open, state: str) -> None:
    """A page that speaks of no unit records nothing."""
    scans = Scans("verified")
    page = show(state, stub=scans)
    assert page.locator("scan-record, form.by-hand").count() == 0
    assert scans.posts == []


def test_a_label_that_nobody_has_issued_tells_its_numbers(show: Open) -> None:
    """The page of an unknown code under a GS1 link sends product and lot, so that their brand learns of it."""
    scans = Scans(404)
    page = show("unissued", stub=scans)
    wait_for_posts(page, scans, 1)
    (post,) = scans.posts
    assert post.pop("zone")
    assert post == {"gtin": "04006381333931", "lot": "L-1", "path": "/c/7XK2-94QM-V0HT3/scans"}


def test_without_javascript_a_button_counts_the_look(show: Open) -> None:
    """The button sends the same fields. With JavaScript there is no button."""
    scans = Scans("verified")
    page = show("verified", "zh-Hans", stub=scans, java_script_enabled=False)
    assert (
        page.get_attribute("noscript form, form.by-hand", "action") == "/c/7XK294QMV0HT3/scans?lang=zh-Hans"
    )
    page.click("form.by-hand button")
    wait_for_posts(page, scans, 1)
    assert scans.posts[0].keys() == {"visit", "way", "path"}
    assert show("verified").locator("form.by-hand").count() == 0
