"""A person signs in, turns the second factor on, and signs out, in Chromium and mostly by keyboard."""

from collections.abc import Callable
from typing import Any

import pyotp
import pytest
from keyboard_visits import wait_until
from people_made import PASSWORD

pytestmark = pytest.mark.ui
Open = Callable[..., Any]
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


def press_enter(page: Any) -> None:
    """Send the form with the key Enter, and wait for the answer."""
    with page.expect_navigation():
        page.keyboard.press("Enter")


def sign_in(page: Any, email: str, password: str = PASSWORD) -> None:
    """Fill in the form to sign in, and send it."""
    page.fill("#email", email)
    page.fill("#password", password)
    press_enter(page)


def path(page: Any, site: Any) -> str:
    """Return the path of the page, without its query."""
    return str(page.url).removeprefix(site.url).partition("?")[0]


def test_a_person_signs_in_and_out_by_keyboard(open_page: Open, site: Any) -> None:
    """The keyboard is enough, the language stays, and the person arrives at the page that was asked for."""
    page = open_page("/account?lang=zh", **PHONE)
    assert "请先登录" in page.text_content(".said")
    while page.evaluate("document.activeElement.id") != "email":
        page.keyboard.press("Tab")
    page.keyboard.type("Jana@ACME.example ")
    page.keyboard.press("Tab")
    page.keyboard.type("wrong herons over it")
    press_enter(page)
    assert "邮箱或密码不正确" in page.text_content("[data-say]")
    wait_until(page, "document.activeElement.id === 'password'")
    page.keyboard.type(PASSWORD)
    press_enter(page)
    assert (path(page, site), page.text_content("h1")) == ("/account", "我的账户")
    cookies = {cookie["name"]: cookie for cookie in page.context.cookies()}
    (session,) = [cookie for name, cookie in cookies.items() if name.endswith("authcheck_session")]
    assert (session["httpOnly"], session["sameSite"]) == (True, "Lax")
    page.focus(".pages button")
    press_enter(page)
    assert page.text_content(".said") == "您已退出登录。"
    page.goto(site.url + "/account")
    assert path(page, site) == "/sign-in"


def test_without_scripts_the_same_pages_work(open_page: Open, site: Any) -> None:
    """A browser without scripts signs in, changes the name, and opens what is behind a line."""
    page = open_page("/sign-in", java_script_enabled=False)
    sign_in(page, "jana@acme.example")
    assert path(page, site) == "/today"
    page.goto(site.url + "/account")
    page.fill("#name-name", "Jana of Acme")
    press_enter(page)
    assert page.text_content(".acting strong") == "Jana of Acme"


def test_the_second_factor_asks_for_a_code_that_works_once(open_page: Open, site: Any) -> None:
    """A person turns it on with the typed secret, signs in with a recovery code, and turns it off again."""
    page = open_page("/sign-in?next=/account", color_scheme="dark", **PHONE)
    sign_in(page, "ling@acme.example")
    page.fill("#begin-current_password", PASSWORD)
    press_enter(page)
    box = page.query_selector(".qr-box svg").bounding_box()
    assert min(box["width"], box["height"]) > 150
    secret = page.text_content(".qr-box ~ p code").replace(" ", "")
    code = pyotp.TOTP(secret).now()
    page.fill("#confirm-code", f"{code[:3]} {code[3:]}")
    press_enter(page)
    recovery_codes = page.eval_on_selector_all(".codes code", "(all) => all.map((one) => one.textContent)")
    assert len(recovery_codes) == 10
    page.reload()  # sends the form again
    assert "Its recovery codes were shown once" in page.text_content(".said")
    page.focus(".pages button")
    press_enter(page)

    sign_in(page, "ling@acme.example")
    assert path(page, site) == "/sign-in/code"
    page.goto(site.url + "/account")
    assert path(page, site) == "/sign-in"  # the password alone opens nothing
    sign_in(page, "ling@acme.example")
    page.fill("#code", code)
    press_enter(page)
    assert page.is_visible("[role=alert]")
    page.fill("#code", recovery_codes[4].lower().replace("-", " "))
    press_enter(page)
    assert path(page, site) == "/account"
    assert "9" in page.text_content("section:has(#factor)")

    page.click("section:has(#factor) summary")
    page.fill("#off-current_password", PASSWORD)
    press_enter(page)
    assert page.text_content("section:has(#factor) .state") == "Off"
