"""The buyer's page in Chromium: every way to send a photo and every way to read the answer."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pypdfium2 import PdfDocument

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.ui
Open = Callable[..., Any]

FOUND = "Registered design found"
FILE = """([data, name, type]) => {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  const transfer = new DataTransfer();
  if (name) transfer.items.add(new File([bytes], name, { type }));
  else transfer.setData("text/plain", "not a picture");
  return transfer;
}"""


def transfer(page: Any, path: Path | None) -> Any:
    """Return the data of a drag or of the clipboard: a file, or text without a file."""
    data = base64.b64encode(path.read_bytes()).decode() if path else ""
    return page.evaluate_handle(FILE, [data, path.name if path else "", "image/jpeg"])


def heading(page: Any) -> str:
    """Return the verdict once the answer has arrived."""
    page.wait_for_url("**/checks/*")
    return str(page.text_content("h1"))


def test_choose_a_file(open_page: Open, site: Any) -> None:
    """A chosen photo is shown before it is sent, and afterwards in the comparison with the design."""
    page = open_page()
    assert not page.is_visible(".submit")
    page.set_input_files("#image", site.known)
    page.wait_for_function("document.querySelector('.drop-chosen img').naturalWidth > 0")
    assert page.text_content("figcaption") == "known.jpg"
    page.click(".submit")
    assert heading(page) == FOUND
    assert page.locator(".verdict[role=status] h1").count() == 1
    page.wait_for_function("[...document.images].every((image) => image.naturalWidth > 0)")
    assert page.locator(".evidence figure img").is_visible()
    assert page.locator("img[src$='/preview']").is_visible()


def test_the_photo_belongs_to_its_check(open_page: Open, site: Any) -> None:
    """Neither another check's answer nor another visitor's tab shows my photo."""
    page = open_page()
    page.set_input_files("#image", site.unknown)
    page.click(".submit")
    heading(page)
    assert page.locator("your-photo img").is_visible()
    assert page.evaluate("Math.max(document.images[0].naturalWidth, document.images[0].naturalHeight)") <= 480
    other = open_page(page.url.removeprefix(site.url))
    assert other.text_content("h1") == "No registered design found"
    assert not other.locator("your-photo img").is_visible()


def test_paste_anywhere(open_page: Open, site: Any) -> None:
    """A pasted picture is taken wherever the focus is. Enter sends it."""
    page = open_page()
    carried = transfer(page, site.known)
    page.evaluate(
        "(data) => document.body.dispatchEvent("
        "new ClipboardEvent('paste', { clipboardData: data, bubbles: true }))",
        carried,
    )
    page.wait_for_selector("[chosen]")
    page.keyboard.press("Enter")
    assert heading(page) == FOUND


def test_drop(open_page: Open, site: Any) -> None:
    """The drop target appears while a file is over the page, and accepts the file."""
    page = open_page()
    carried = transfer(page, site.known)
    page.dispatch_event("main", "dragover", {"dataTransfer": carried})
    assert page.locator(".drop-here").is_visible()
    page.dispatch_event("main", "drop", {"dataTransfer": carried})
    assert not page.locator(".drop-here").is_visible()
    page.click(".submit")
    assert heading(page) == FOUND


def test_something_else_pasted(open_page: Open) -> None:
    """Pasted text gets an explanation instead of a check."""
    page = open_page()
    page.evaluate(
        "(data) => document.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data }))",
        transfer(page, None),
    )
    assert "not a picture file" in page.text_content("#problem")


def test_another_kind_of_file_is_refused_at_once(open_page: Open, site: Any, tmp_path: Path) -> None:
    """A text file is refused before it is sent. A picture whose type the browser does not know is not."""
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "known.unheard").write_bytes(site.known.read_bytes())
    page = open_page()
    page.set_input_files("#image", tmp_path / "notes.txt")
    assert "not a picture file" in page.text_content("#problem")
    assert page.evaluate("document.querySelector('#image').files.length") == 0
    page.set_input_files("#image", tmp_path / "known.unheard")
    assert not page.is_visible("#problem")
    page.click(".submit")
    assert heading(page) == FOUND


def chooser_opened_by_space(page: Any) -> Any:
    """Open the file chooser with Space.

    Repeat it once if another window took the focus and Chromium dropped the key.
    """
    for _ in range(3):
        try:
            with page.expect_file_chooser(timeout=5_000) as chooser:
                page.keyboard.press("Space")
        except playwright.TimeoutError:
            page.bring_to_front()
        else:
            return chooser.value
    pytest.fail("Space does not open the file chooser")


def test_keyboard_only(open_page: Open, site: Any) -> None:
    """Tab reaches the skip link, the page to sign in, the language, the ways to a label and the photo.

    Space opens the chooser. The focus moves to the next step.
    """
    page = open_page()
    seen = []
    for _ in range(10):
        page.keyboard.press("Tab")
        seen.append(page.evaluate("document.activeElement.className || document.activeElement.id"))
    assert seen == [
        "skip",
        "brand",
        "sign-in",
        "language",
        "code",
        "button",
        "button quiet",
        "label-photo",
        "button quiet",
        "image",
    ]
    assert page.evaluate("getComputedStyle(document.querySelector('.drop')).outlineStyle") == "solid"
    chooser_opened_by_space(page).set_files(site.known)
    page.wait_for_function("document.activeElement.type === 'submit'")
    page.keyboard.press("Enter")
    assert heading(page) == FOUND


def test_a_refused_photo_stays_chosen(open_page: Open, site: Any) -> None:
    """The error is shown and focused, the form keeps its data, and another photo can be sent."""
    page = open_page("/?lang=zh-Hans")
    page.set_input_files("#image", site.broken)
    page.click(".submit")
    page.wait_for_selector("#problem:not([hidden])")
    assert "无法识别为图片" in page.text_content("#problem")
    assert "image.unreadable" in page.text_content("#problem")
    assert page.evaluate("document.activeElement.id") == "problem"
    assert page.evaluate("document.querySelector('#image').files.length") == 1
    page.set_input_files("#image", site.unknown)
    assert not page.is_visible("#problem")
    page.click(".submit")
    assert heading(page) == "未找到已登记的设计"


def test_a_lost_connection_is_told(open_page: Open, site: Any) -> None:
    """Without a network the page keeps the photo and reports the problem."""
    page = open_page()
    page.set_input_files("#image", site.known)
    page.context.set_offline(True)
    page.click(".submit")
    page.wait_for_selector("#problem:not([hidden])")
    assert "Your photo is still here" in page.text_content("#problem")
    page.context.set_offline(False)
    page.click(".submit")
    assert heading(page) == FOUND


def test_without_javascript(open_page: Open, site: Any) -> None:
    """The plain form works the same. Controls that need a script are not shown."""
    page = open_page("/?lang=zh-Hans", java_script_enabled=False)
    assert not page.is_visible(".drop-or")
    page.set_input_files("#image", site.broken)
    page.click(".submit")
    page.wait_for_selector("#problem")
    assert "无法识别为图片" in page.text_content("#problem")
    page.set_input_files("#image", site.known)
    page.click(".submit")
    assert heading(page) == "找到已登记的设计"
    assert page.locator("img[src$='/preview']").is_visible()
    assert not page.is_visible("[data-print]")
    assert not page.is_visible("your-photo")


@pytest.mark.parametrize("language", ["en", "zh-Hans"])
def test_an_answer_prints_on_one_page(open_page: Open, site: Any, language: str) -> None:
    """The record that a buyer keeps is one page with the address, also if the photo shows two designs."""
    page = open_page(f"{site.two}?lang={language}")
    page.wait_for_function("[...document.images].every((image) => image.complete)")
    printed = PdfDocument(
        page.pdf(format="A4", margin=dict.fromkeys(("top", "bottom", "left", "right"), "1cm"))
    )
    assert len(printed) == 1
    text = printed[0].get_textpage().get_text_range()
    assert site.two.removeprefix("/checks/") in text
    assert "/checks/chk_" in text
    assert "SHA-256" in text


def test_a_typed_code_leads_to_its_label(open_page: Open, site: Any) -> None:
    """The first way on the start page is the box for a code, in small letters and with blanks, without scripts."""
    for script in (True, False):
        page = open_page("/?lang=zh-Hans", java_script_enabled=script)
        code = site.labels["good"].lower()
        page.fill("#code", f"{code[:4]} {code[4:]}")
        page.press("#code", "Enter")
        page.wait_for_url("**/c/*")
        assert page.text_content("h1") == "验证通过"
