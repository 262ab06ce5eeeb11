"""Moderators clear their cases in Chromium with nothing but a keyboard."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import desk_made
import pytest
from keyboard_visits import Served, Visitor, serving, wait_until
from people_made import PASSWORD
from sqlalchemy import select, update

from authcheck.cases.tables import Case, CaseDecision
from authcheck.config import Settings
from authcheck.workspace import Workspace

pytestmark = [pytest.mark.ui, pytest.mark.slow]
DESK = {"viewport": {"width": 1280, "height": 800}, "locale": "en-GB"}
TOLERANCE = {"AUTHCHECK_CLOCK_TOLERANCE_HOURS": str(desk_made.TOLERANCE_HOURS)}
MO, ANN = desk_made.MODERATORS
Visit = Callable[..., Visitor]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the data folder of a marketplace with twenty cases of twenty sellers."""
    folder = tmp_path_factory.mktemp("desk")
    work = desk_made.open_desk(folder)
    for number in range(20):
        desk_made.hand_in(work, f"L-{number}", seller=f"shop-{number}", price=f"{number + 5} EUR")
    work.database.dispose()
    return folder


@pytest.fixture
def desk(chromium: Any, installation: Path, tmp_path: Path) -> Iterator[Served]:
    """Serve a copy of the marketplace."""
    folder = shutil.copytree(installation, tmp_path / "desk")
    with serving(folder, **TOLERANCE) as served:
        yield served


@pytest.fixture
def visit(chromium: Any, desk: Served, request: pytest.FixtureRequest) -> Iterator[Visit]:
    """Return a function that lets a moderator sign in, at the queue."""
    visitors: list[Visitor] = []

    def open_one(email: str = MO, **options: Any) -> Visitor:
        visitor = Visitor(
            chromium, desk.url, f"{request.node.originalname}-{len(visitors)}", **DESK | options
        )
        visitors.append(visitor)
        visitor.sign_in(email, PASSWORD)
        visitor.go("/cases")
        return visitor

    yield open_one
    for visitor in visitors:
        visitor.leave()


def press(visitor: Visitor, key: str) -> None:
    """Press a key that leads to another page, and wait for the page and its scripts."""
    with visitor.page.expect_navigation():
        visitor.page.keyboard.press(key)
    wait_until(visitor.page, "Boolean(customElements.get('key-map')) && document.readyState === 'complete'")


def decide(visitor: Visitor, key: str) -> None:
    """Decide with a number key and Enter, and confirm that it may be so soon."""
    visitor.page.keyboard.press(key)
    visitor.page.keyboard.press("Enter")
    if visitor.page.is_visible("[data-hasty]"):
        assert "You opened this case" in visitor.text("[data-hasty]")
        press(visitor, "Enter")
    else:
        visitor.page.wait_for_load_state()


def case_of(visitor: Visitor) -> str:
    """Return the id of the case on the page. The focus is on its heading."""
    wait_until(visitor.page, "document.activeElement.tagName === 'H1'")
    return visitor.path().removeprefix("/cases/")


def decisions_in(desk: Served) -> list[CaseDecision]:
    """Return all decisions, oldest first."""
    work = Workspace.open(Settings(data_dir=desk.data_dir))
    with work.database.reading() as session:
        return list(session.scalars(select(CaseDecision).order_by(CaseDecision.id)))


def test_twenty_cases_are_cleared_without_a_mouse(visit: Visit, desk: Served) -> None:
    """Each case comes once, its heading has the focus, and in the end the queue is empty."""
    mo = visit()
    press(mo, "t")
    seen, keys = [], "2512672567" * 2
    for key in keys:
        seen.append(case_of(mo))
        decide(mo, key)
    assert mo.path() == "/cases"
    assert "Open cases: 0." in mo.text()
    assert len(set(seen)) == 20
    decisions = decisions_in(desk)
    assert [decision.case_id for decision in decisions] == seen
    codes = {
        "1": "counterfeit",
        "2": "unlicensed_use",
        "5": "not_infringing",
        "6": "wrong_match",
        "7": "cannot_tell",
    }
    assert [decision.code for decision in decisions] == [codes[key] for key in keys]
    assert {decision.restriction for decision in decisions if decision.code in list(codes.values())[:2]} == {
        "remove"
    }
    assert {decision.restriction for decision in decisions if decision.code in list(codes.values())[2:]} == {
        "none"
    }


def test_two_moderators_never_get_one_case(visit: Visit) -> None:
    """While one decides, the other gets the next case, and sees who holds which."""
    mo, ann = visit(), visit(ANN)
    press(mo, "t")
    press(ann, "t")
    seen = {"mo": [case_of(mo)], "ann": [case_of(ann)]}
    for _ in range(4):
        for name, visitor in (("mo", mo), ("ann", ann)):
            decide(visitor, "7")
            seen[name].append(case_of(visitor))
    assert len({*seen["mo"], *seen["ann"]}) == 10
    ann.go(f"/cases/{seen['mo'][-1]}")
    assert "mo holds it" in ann.text(".deciding")
    assert not ann.page.locator("[name=decision]").count()


def test_a_closed_page_frees_the_case(visit: Visit) -> None:
    """Somebody else gets the case as soon as the page is left."""
    mo, ann = visit(), visit(ANN)
    press(mo, "t")
    left = case_of(mo)
    mo.page.wait_for_timeout(600)
    mo.page.goto("about:blank")
    ann.page.wait_for_timeout(400)
    press(ann, "t")
    assert case_of(ann) == left


def test_a_reload_keeps_the_case(visit: Visit) -> None:
    """A moderator who loads the page again, or reads it in the other language, still holds the case."""
    mo, ann = visit(), visit(ANN)
    press(mo, "t")
    held = case_of(mo)
    mo.page.reload()
    mo.page.wait_for_timeout(800)
    mo.page.click("a.language")
    mo.page.wait_for_timeout(800)
    press(ann, "t")
    assert case_of(ann) != held


def test_a_reader_is_told_that_the_case_is_lost(visit: Visit, desk: Served) -> None:
    """When the lease ran out and somebody else took the case, the open page says so by itself."""
    mo, ann = visit(), visit(ANN)
    press(mo, "t")
    held = case_of(mo)
    mo.page.wait_for_timeout(600)
    work = Workspace.open(Settings(data_dir=desk.data_dir))
    with work.database.writing() as session:
        session.execute(update(Case).where(Case.id == held).values(lease_holder=None, lease_until=None))
    ann.go(f"/cases/{held}")
    press(ann, "t")
    assert mo.page.is_hidden("[data-lost]")
    mo.page.evaluate("document.querySelector('case-desk').renew()")
    mo.page.wait_for_selector("[data-lost]:not([hidden])")
    assert "You no longer hold this case" in mo.text("[data-lost]")


def test_a_decision_is_undone(visit: Visit, desk: Served) -> None:
    """One key takes the decision back. The reader holds the case again, and the bar counted down."""
    mo = visit()
    press(mo, "t")
    first = case_of(mo)
    decide(mo, "1")
    assert "Decided: Counterfeit" in mo.text(".undo")
    assert 5 < int(mo.text(".undo .seconds")) <= 10
    press(mo, "u")
    assert case_of(mo) == first
    mo.read("en", "The decision is undone. You hold the case again.", "You hold it")
    assert decisions_in(desk)[0].undone_at is not None
    decide(mo, "5")
    mo.page.focus(".undo .button")
    mo.page.evaluate(
        "document.querySelector('case-desk').countDown(document.querySelector('.undo'), performance.now())"
    )
    assert mo.page.locator(".undo").count() == 0
    wait_until(mo.page, "document.activeElement.tagName === 'H1'")


def test_a_decision_and_its_undo_need_no_script(visit: Visit, desk: Served) -> None:
    """Without JavaScript the form decides, and the button takes the decision back."""
    mo = visit(java_script_enabled=False)
    mo.send(".queue-head .button")
    first = mo.path()
    mo.reach("[name=decision]")
    mo.page.keyboard.press("ArrowDown")
    mo.send(".decide > .button")
    assert mo.path() != first
    assert decisions_in(desk)[0].code == "unlicensed_use"
    mo.send(".undo .button")
    assert mo.path() == first
    assert decisions_in(desk)[0].undone_at is not None


def test_a_case_is_passed_on_asked_about_and_escalated(visit: Visit) -> None:
    """Keys open the forms, the cursor is in their first field, and the next case follows."""
    mo = visit()
    press(mo, "t")
    seen = [case_of(mo)]
    for key, text, notice in (
        ("x", "", "passed on"),
        ("i", "Is this your shop?", "waits for an answer"),
        ("e", "The brand called.", "with a lead"),
    ):
        mo.page.keyboard.press(key)
        if text:
            if key == "i":
                mo.page.keyboard.press("Tab")
            mo.page.keyboard.insert_text(text)
        mo.send("details.side[open] .button")
        assert notice in mo.text(".said")
        seen.append(case_of(mo))
    assert len(set(seen)) == 4
    mo.go("/cases?state=escalated")
    assert re.search("With a lead 1", mo.text(".states"))
    mo.go(f"/cases/{seen[1]}")
    press(mo, "t")
    mo.fill("#answer-text", "Yes")
    mo.send("#decision ~ *, .waits .button")
    mo.read("en", "The answer is noted.")
