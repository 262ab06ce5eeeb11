"""The review page in Chromium: the ways to compare two pictures, the keys, and what strangers wrote."""

import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any

import desk_made
import pytest
from keyboard_visits import Served, Visitor, serving, wait_until
from people_made import PASSWORD

from authcheck.registry import designs
from authcheck.workspace import Workspace

pytestmark = [pytest.mark.ui, pytest.mark.slow]
TOLERANCE = {"AUTHCHECK_CLOCK_TOLERANCE_HOURS": str(desk_made.TOLERANCE_HOURS)}
MO, ANN = desk_made.MODERATORS
LOADED = """[...document.querySelectorAll("image-compare:not([hidden]) img")]
  .every((image) => image.complete && image.naturalWidth > 0)"""
BOXES = """[...document.querySelectorAll(".frame, .deciding, .sides, h1")].map((one) => {
  const box = one.getBoundingClientRect()
  return [box.left, box.top, box.width, box.height].map(Math.round).join(" ")
}).join("; ")"""
WATCH = """() => {
  const over = document.querySelector("image-compare .over")
  window.turns = []
  let was = over.hidden
  const look = () => {
    if (over.hidden !== was) window.turns.push(performance.now())
    was = over.hidden
    requestAnimationFrame(look)
  }
  look()
}"""
Visit = Callable[..., Visitor]


@pytest.fixture(scope="module")
def cases() -> dict[str, str]:
    """Return the ids of cases by what is special about them."""
    return {}


@pytest.fixture(scope="module")
def desk(chromium: Any, tmp_path_factory: pytest.TempPathFactory, cases: dict[str, str]) -> Iterator[Served]:
    """Serve a marketplace with cases of several kinds."""
    folder = tmp_path_factory.mktemp("desk")
    work = desk_made.open_desk(folder)
    photo = desk_made.photo()
    cases["photo"] = desk_made.hand_in(
        work,
        "L-1",
        [photo, desk_made.make.picture_bytes(77, "JPEG"), photo + b" "],
        seller="sunny-kites",
        seller_name="Sunny Kites",
        title="Koi pond T-shirt",
        price="9.90 EUR",
        url="https://bigmarket.example/item/1",
        goods=(25,),
        description="Soft cotton.",
        certificate_code="0000000000000",
    )
    cases["copy"] = desk_made.hand_in(work, "L-2", seller="copier")
    desk_made.hand_in(work, "L-3", seller="copier-two")
    mark = desk_made.MARKUP
    cases["words"] = desk_made.hand_in(
        work,
        f"{mark}-3",
        [photo],
        seller="=HYPERLINK(1)",
        seller_name=f"{mark}\u202e\u0627\u0644\u0639\u0631\u0628\u064a\u0629",
        title=mark + "\u0627\u0644" * 50 + "W" * 100_000,
        description=(mark + "w" * 300) * 300,
        url="https://bigmarket.example/" + "a" * 1_900,
    )
    work.database.dispose()
    with serving(folder, **TOLERANCE) as served:
        yield served


@pytest.fixture
def visit(chromium: Any, desk: Served, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """Return a function that lets a moderator open a page. The moderator takes the case, if it is one."""
    visitors: list[Visitor] = []

    def open_one(path: str, *, takes: bool = False, width: int = 1280, **options: Any) -> Visitor:
        options = {"viewport": {"width": width, "height": 800}, "locale": "en-GB"} | options
        visitor = Visitor(chromium, desk.url, f"{request.node.originalname}-{len(visitors)}", **options)
        visitors.append(visitor)
        visitor.sign_in(MO, PASSWORD)
        visitor.go(path)
        if takes and visitor.page.locator("form[action*='/take'] button").count():
            visitor.send("form[action*='/take'] button")
        visitor.page.wait_for_load_state()
        return visitor

    yield open_one
    for visitor in visitors:
        visitor.leave()


def test_both_pictures_share_a_frame(visit: Visit, cases: dict[str, str]) -> None:
    """One mode at a time, the view lies over the listing's picture, and nothing on the page moves."""
    mo = visit(f"/cases/{cases['photo']}", takes=True)
    page = mo.page
    wait_until(page, LOADED)
    before = page.evaluate(BOXES)
    over = page.locator("image-compare:not([hidden]) .over")
    for key, mode in (("o", "onion"), ("s", "swipe"), ("d", "difference")):
        page.keyboard.press(key)
        assert page.get_attribute("image-compare:not([hidden])", "mode") == mode
        assert over.is_visible()
        assert page.locator(".mode[aria-pressed=true]:not([data-mode=outlines])").count() == 1
        assert page.evaluate(BOXES) == before, mode
    page.keyboard.press("d")
    assert over.is_hidden()
    page.keyboard.press("z")
    assert page.evaluate(BOXES) == before
    transforms = "[...document.querySelectorAll('image-compare:not([hidden]) .stage')].map((one) => one.style.transform)"
    scales = page.evaluate(transforms)
    assert len(set(scales)) == 1
    assert re.fullmatch(r"scale\(([2-5])(\.\d+)?\)", scales[0])
    sizes = "[...document.querySelectorAll('image-compare:not([hidden]) .stage img')].map((one) => one.naturalWidth)"
    assert len(set(page.evaluate(sizes))) == 1


def test_the_edge_of_the_swipe_moves_by_keys_and_pointer(visit: Visit, cases: dict[str, str]) -> None:
    """Arrow keys move the slider, a click into the frame moves the edge there: nobody has to drag."""
    mo = visit(f"/cases/{cases['photo']}")
    page = mo.page
    page.keyboard.press("s")
    mo.reach("image-compare:not([hidden]) input[type=range]")
    page.keyboard.press("ArrowRight")
    clip = "document.querySelector('image-compare:not([hidden]) .over').style.clipPath"
    assert page.evaluate(clip) == "inset(0px 0px 0px 51%)"
    box = page.locator(".seen-frame").first.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 4, box["y"] + 20)
    assert page.evaluate(clip) == "inset(0px 0px 0px 25%)"


def test_blinking_stays_under_two_flashes_a_second(visit: Visit, cases: dict[str, str]) -> None:
    """While the key is held the sides change, never within 350 ms, however fast somebody taps the key."""
    page = visit(f"/cases/{cases['photo']}").page.context.pages[0]
    page.emulate_media(reduced_motion="no-preference")
    wait_until(page, LOADED)
    page.evaluate(WATCH)
    page.keyboard.down("b")
    page.wait_for_timeout(2_600)
    page.keyboard.up("b")
    page.wait_for_timeout(600)
    held = page.evaluate("window.turns")
    assert len(held) >= 5
    assert page.locator("image-compare:not([hidden]) .over").is_hidden()
    for _ in range(12):
        page.keyboard.press("b")
        page.wait_for_timeout(60)
    page.wait_for_timeout(600)
    turns = page.evaluate("window.turns")
    assert min(after - before for before, after in itertools.pairwise(turns)) > 350
    assert page.locator("image-compare:not([hidden]) .over").is_hidden()


def test_who_wants_less_motion_turns_the_view_over_by_hand(visit: Visit, cases: dict[str, str]) -> None:
    """A press turns the view over once, and nothing blinks."""
    page = visit(f"/cases/{cases['photo']}").page
    wait_until(page, LOADED)
    page.evaluate(WATCH)
    over = page.locator("image-compare:not([hidden]) .over")
    page.keyboard.press("b")
    page.wait_for_timeout(1_200)
    assert over.is_visible()
    page.keyboard.press("b")
    page.wait_for_timeout(500)
    assert over.is_hidden()
    assert len(page.evaluate("window.turns")) == 2


def test_the_strip_shows_one_pair_at_a_time(visit: Visit, cases: dict[str, str]) -> None:
    """Brackets turn to the next picture. Without a script every pair is on the page."""
    mo = visit(f"/cases/{cases['photo']}")
    shown = mo.page.locator("image-compare:visible")
    first = shown.get_attribute("id")
    mo.page.keyboard.press("]")
    assert shown.count() == 1
    assert shown.get_attribute("id") != first
    mo.page.keyboard.press("[")
    assert shown.get_attribute("id") == first
    plain = visit(f"/cases/{cases['photo']}", java_script_enabled=False)
    assert plain.page.locator("image-compare:visible").count() == 3
    assert plain.page.locator(".modes:visible, .share:visible, .keys:visible").count() == 0


def test_a_copy_that_hashes_found_is_aligned_for_the_reader(visit: Visit, cases: dict[str, str]) -> None:
    """The check knows no place. The page looks for it, so that all ways to compare are there."""
    mo = visit(f"/cases/{cases['copy']}")
    mo.read("en", "Aligned with the listing")
    assert mo.page.locator(".mode:enabled").count() == 6


def test_keys_leave_writers_and_browsers_alone(visit: Visit, cases: dict[str, str]) -> None:
    """Keys do nothing in a field, with Control, while they are off, or in the dialog. They can be changed."""
    mo = visit(f"/cases/{cases['photo']}", takes=True)
    page, mode = mo.page, "document.querySelector('image-compare:not([hidden])').getAttribute('mode')"
    page.keyboard.press("n")
    page.keyboard.type("onion?")
    assert page.input_value("#decide-note") == "onion?"
    assert page.evaluate(mode) is None
    page.focus("h1")
    page.keyboard.press("Control+o")
    page.keyboard.press("Alt+d")
    assert page.evaluate(mode) is None
    page.keyboard.press("?")
    assert page.locator("dialog[open]").count() == 1
    mo.fill("dialog input[aria-label*='Onion']", "d")
    assert "This key is already taken: Difference" in mo.text("dialog [data-said]")
    mo.fill("dialog input[aria-label*='Onion']", "m")
    page.keyboard.press("Escape")
    page.keyboard.press("m")
    assert page.evaluate(mode) == "onion"
    page.reload()
    page.keyboard.press("o")
    assert page.evaluate(mode) is None
    assert page.text_content("[data-mode=onion] kbd") == "m"
    page.keyboard.press("?")
    mo.tick("dialog [data-off]")
    page.keyboard.press("Escape")
    page.keyboard.press("m")
    assert page.evaluate(mode) is None
    assert page.locator("[data-mode=onion] kbd:visible").count() == 0


def test_keys_walk_through_the_queue(visit: Visit, cases: dict[str, str]) -> None:
    """The keys j and k walk, Enter opens a case, and the slash leads to the search, which finds a shop."""
    mo = visit("/cases")
    row = "[...document.querySelectorAll('[data-row]')].indexOf(document.activeElement)"
    rows = []
    for key in "jjjkk":
        mo.page.keyboard.press(key)
        rows.append(mo.page.evaluate(row))
    assert rows == [0, 1, 2, 1, 0]
    assert mo.send("[data-row]") == 200
    assert mo.path().startswith("/cases/cas_")
    mo.go("/cases")
    mo.page.keyboard.press("/")
    mo.page.keyboard.insert_text("sunny-kites")
    assert mo.send() == 200
    assert mo.page.locator("[data-row]").count() == 1


def test_words_of_strangers_do_not_break_the_page(visit: Visit, cases: dict[str, str]) -> None:
    """Markup, right-to-left words, a formula and 100,000 letters: nothing runs, and nothing scrolls sideways."""
    mo = visit(f"/cases/{cases['words']}", takes=True)
    for path in (f"/cases/{cases['words']}", "/cases"):
        mo.go(path)
        assert mo.page.locator("main img[src='x']").count() == 0
        mo.judge("en")
        assert "=HYPERLINK(1)" in mo.text()
    link = mo.page.goto(f"{mo.url}/cases/{cases['words']}") and mo.page.locator(".outside-link")
    assert set(link.get_attribute("rel").split()) == {"noopener", "noreferrer", "nofollow"}
    assert mo.page.evaluate("document.querySelector('.seen').getBoundingClientRect().height") < 2_500


@pytest.mark.parametrize(
    ("width", "locale", "lang"), [(1280, "en-GB", "en"), (768, "zh-CN", "zh-Hans"), (390, "en-GB", "en")]
)
def test_every_reader_can_use_the_pages(
    visit: Visit, cases: dict[str, str], width: int, locale: str, lang: str
) -> None:
    """The queue, a case to decide, a case of others and the grid of alike listings pass axe, in both schemes."""
    mo = visit("/cases", width=width, locale=locale)
    mo.judge(lang)
    mo = visit(f"/cases/{cases['photo']}", takes=True, width=width, locale=locale)
    mo.judge(lang)
    mo.page.keyboard.press("2")
    mo.page.keyboard.press("o")
    mo.judge(lang)
    mo = visit(f"/cases/{cases['copy']}", takes=True, width=width, locale=locale)
    mo.go(f"/cases/{cases['copy']}/alike")
    mo.judge(lang)
    mo.page.keyboard.press("?")
    mo._run_axe("light")


def test_a_disputed_design_accuses_nobody(visit: Visit, desk: Served, cases: dict[str, str]) -> None:
    """The page says it in red, and the decisions against the seller are closed."""
    work = Workspace.open(desk_made.Settings(data_dir=desk.data_dir, clock_tolerance_hours=1_000_000))
    with work.database.writing() as session:
        design = designs.get_design(session, design_of(work, cases["words"]))
        design.state = "retired"
    mo = visit(f"/cases/{cases['words']}", takes=True)
    mo.read("en", "Design retired", "Decisions 1 to 4 are closed.")
    assert mo.page.locator("[name=decision]:disabled").count() == 4
    mo.page.keyboard.press("1")
    assert mo.page.locator("[name=decision]:checked").count() == 0


def design_of(work: Workspace, case_id: str) -> str:
    """Return the id of a case's design."""
    return next(case.design_id for case in desk_made.cases_made.cases_of(work) if case.id == case_id)
