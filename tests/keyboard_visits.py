"""A server with an empty installation, and people who visit its pages with nothing but a keyboard."""

import os
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest

START_TIMEOUT_S, WAIT_S = 60, 15
MOST_TABS = 200
WIDTHS_PX = (320, 390, 1280)
SCREENSHOTS = os.environ.get("AUTHCHECK_SCREENSHOTS")  # a folder, for whoever wants to see the pages
SEES_FOCUS = """() => {
  const one = document.activeElement, box = one.getBoundingClientRect(), style = getComputedStyle(one)
  return box.bottom > 0 && box.top < innerHeight && style.outlineStyle !== "none" && style.outlineWidth !== "0px"
}"""

UNFOLD = """for (const one of document.querySelectorAll("details:not([open])")) {
  one.open = true
  one.dataset.folded = ""
}"""
FOLD = 'for (const one of document.querySelectorAll("details[data-folded]")) one.open = false'

VIOLATIONS = 'axe.run({resultTypes: ["violations"]}).then((results) => results.violations)'


@dataclass(frozen=True)
class Served:
    """A running server: its address, its data folder, the lines of its start, and all that it has printed."""

    url: str
    data_dir: Path
    lines: tuple[str, ...]
    printed: list[str]

    @property
    def set_up_path(self) -> str:
        """Return the path of the printed set-up page, with its code."""
        (address,) = [line.strip() for line in self.lines if "/set-up?code=" in line]
        return address.removeprefix(self.url)


@contextmanager
def serving(data_dir: Path, **settings: str) -> Iterator[Served]:
    """Run `authcheck serve` with a data folder and these settings, and stop it at the end."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    outside = {name: value for name, value in os.environ.items() if not name.startswith("AUTHCHECK_")}
    server = subprocess.Popen(  # noqa: S603 - our own command line
        [sys.executable, "-m", "authcheck", "serve", "--port", str(port)],
        env={**outside, **settings, "AUTHCHECK_DATA_DIR": str(data_dir), "PYTHONUNBUFFERED": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )
    lines: list[str] = []
    reader = threading.Thread(target=lambda: lines.extend(server.stderr or ()), daemon=True)
    reader.start()
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url, server)
        yield Served(url, data_dir, tuple(lines), lines)
    finally:
        server.terminate()
        server.wait(timeout=20)
        reader.join(timeout=5)
        if server.stderr:
            server.stderr.close()


def _wait_for(url: str, server: "subprocess.Popen[str]") -> None:
    ends_at = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < ends_at and server.poll() is None:
        try:
            with urlopen(url + "/livez", timeout=5):  # noqa: S310 - our own server
                return
        except OSError:
            time.sleep(0.05)
    pytest.fail(f"the server did not answer (exit code {server.poll()})")


def wait_until(page: Any, expression: str) -> None:
    """Wait until an expression is true. Our pages forbid `eval`, with which Playwright would wait itself."""
    ends_at = time.monotonic() + WAIT_S
    while not page.evaluate(expression):
        assert time.monotonic() < ends_at, expression
        page.wait_for_timeout(30)


def find_browser(*, camera: bool = False) -> str | None:
    """Return the path of a Chromium. One without windows and menus takes a third less time, but has no camera."""
    whole = ("chromium", "chromium-browser", "google-chrome")
    names = whole if camera else ("chromium-headless-shell", *whole)
    return next(filter(None, map(shutil.which, names)), None)


def axe_script() -> str:
    """Return the script of axe-core, for a context that runs it on many pages."""
    return str(pytest.importorskip("axe_playwright_python.sync_playwright").Axe().axe_script)


def run_axe(page: Any) -> list[dict[str, Any]]:
    """Return the violations that axe finds on a page.

    Axe's own results also hold everything that passed. To hand these over takes longer than to find them.
    """
    if not page.evaluate("'axe' in window"):
        page.evaluate(axe_script())
    violations: list[dict[str, Any]] = page.evaluate(VIOLATIONS)
    return violations


class Visitor:
    """A person at a browser, who reads one language and uses only the keyboard."""

    def __init__(self, browser: Any, url: str, name: str, **options: Any) -> None:
        """Open a browser without cookies. `options` are those of the browser context."""
        self.url, self.name, self.seen, self.wrong = url, name, 0, list[str]()
        self.context = browser.new_context(reduced_motion="reduce", **options)
        self.page = self.context.new_page()
        self.page.set_default_timeout(15_000)
        self.page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.page.on("request", lambda request: self._note_address(request.url))
        self.page.on("console", self._note_message)

    def _note_address(self, address: str) -> None:
        if not address.startswith((self.url + "/", "blob:" + self.url, "data:")):
            self.wrong.append(address)

    def _note_message(self, message: Any) -> None:
        is_refusal = "Failed to load resource" in message.text  # each 4xx that a test causes
        if message.type in {"error", "warning"} and not is_refusal:
            self.wrong.append(message.text)

    def go(self, path: str) -> None:
        """Type an address."""
        self.page.goto(self.url + path)

    def reach(self, selector: str) -> None:
        """Press Tab until the focus is on the element, and see that the focus is shown."""
        for _ in range(MOST_TABS):
            if self.page.evaluate(f"document.activeElement.matches({selector!r})"):
                assert self.page.evaluate(SEES_FOCUS), f"the focus on {selector} is not to be seen"
                return
            self.page.keyboard.press("Tab")
        pytest.fail(f"the keyboard does not reach {selector} on {self.page.url}")

    def fill(self, selector: str, text: str) -> None:
        """Type a text into a field, instead of the text that it has."""
        self.reach(selector)
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.insert_text(text)

    def tick(self, *selectors: str) -> None:
        """Change checkboxes."""
        for selector in selectors:
            self.reach(selector)
            self.page.keyboard.press("Space")

    def unfold(self, selector: str) -> None:
        """Open what is behind a line."""
        self.reach(selector)
        self.page.keyboard.press("Enter")

    def send(self, selector: str | None = None) -> int:
        """Press Enter on a button, a link, or in the present field. Return the status of the next page."""
        if selector is not None:
            self.reach(selector)
        with self.page.expect_navigation() as answer:
            self.page.keyboard.press("Enter")
        return int(answer.value.status)

    def sign_in(self, email: str, password: str) -> None:
        """Sign in."""
        self.go("/sign-in?next=/people")
        self.fill("#email", email)
        self.fill("#password", password)
        self.send()

    def path(self) -> str:
        """Return the path of the page, without its query."""
        return urlsplit(self.page.url).path

    def text(self, selector: str = "main") -> str:
        """Return the text of an element, with single blanks."""
        return re.sub(r"\s+", " ", self.page.inner_text(selector)).strip()

    def read(self, lang: str, *sentences: str) -> None:
        """See that the page is in this language and says these sentences."""
        assert self.page.get_attribute("html", "lang") == lang
        words = self.text("body")
        assert [sentence for sentence in sentences if sentence not in words] == [], words

    def judge(self, lang: str, *sentences: str) -> None:
        """Read the page, and judge it in both schemes and at three widths, also with all that it can unfold."""
        self.read(lang, *sentences)
        own = self.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        schemes = ("dark", "light") if own else ("light", "dark")
        self._run_axe(schemes[0])
        self.page.evaluate(UNFOLD)
        self._run_axe(schemes[1])
        self._fit()
        self.page.emulate_media(color_scheme=schemes[0])
        self.page.evaluate(FOLD)
        self.page.evaluate("document.activeElement.scrollIntoView({block: 'nearest'})")

    def _run_axe(self, scheme: str) -> None:
        self.page.emulate_media(color_scheme=scheme)
        assert run_axe(self.page) == []

    def _fit(self) -> None:
        size = self.page.viewport_size
        self.seen += 1
        for width_px in WIDTHS_PX:
            self.page.set_viewport_size({"width": width_px, "height": 844})
            assert not self.page.evaluate("document.documentElement.scrollWidth > innerWidth"), width_px
            if SCREENSHOTS:
                file = f"{self.name}-{self.seen:02}-{width_px}.png"
                self.page.screenshot(path=Path(SCREENSHOTS) / file, full_page=True)
        self.page.set_viewport_size(size)

    def leave(self) -> None:
        """Close the browser. No page may have contacted another host or written an error."""
        self.context.close()
        assert self.wrong == []
