"""The camera on the page in Chromium, fed by a picture instead of a camera."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import labels_made
import make
import pytest
from keyboard_visits import find_browser
from PIL import Image

pytestmark = pytest.mark.ui
FRAME_PX = (640, 480)
Scan = Callable[..., Any]
DETECTOR = """
window.BarcodeDetector = class {
  static async getSupportedFormats() { return ["aztec", "qr_code"]; }
  async detect() { return [{ rawValue: window.seen }]; }
};
"""


@pytest.fixture
def scan(chromium: Any, site: Any, tmp_path: Path) -> Iterator[Scan]:
    """Return a function that opens a page in a browser whose camera sees a QR code with this text.

    A text of None is a computer without a camera. At the end no page has asked another host or thrown.
    """
    wrong: list[str] = []
    browsers: list[Any] = []
    program = find_browser(camera=True) or pytest.skip("the Chromium on this machine takes no camera")

    def open_one(text: str | None, path: str = "/", *, init: str = "", allow: bool = True) -> Any:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
        if text is not None:
            film = _film(tmp_path / "seen.y4m", text)
            flags += ["--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={film}"]
        browsers.append(chromium.browser_type.launch(executable_path=program, args=flags))
        page = browsers[-1].new_context(permissions=["camera"] if allow else []).new_page()
        page.add_init_script(init)
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("request", lambda request: _is_ours(request.url, site.url) or wrong.append(request.url))
        page.goto(site.url + path)
        return page

    yield open_one
    for browser in browsers:
        browser.close()
    assert wrong == []


def asked_by(page: Any) -> list[str]:
    """Return the list of the addresses that the page asks from now on, without its icon."""
    asked: list[str] = []
    page.on("request", lambda request: "favicon" in request.url or asked.append(request.url))
    return asked


def _is_ours(url: str, ours: str) -> bool:
    return url.startswith((ours + "/", "blob:" + ours, "data:"))


def _film(path: Path, text: str) -> Path:
    """Write a film of one frame in which a QR code stands, or nothing when the text is empty."""
    frame = Image.new("L", FRAME_PX, 200)
    if text:
        symbol = labels_made.symbol(text).resize((360, 360), Image.Resampling.NEAREST).convert("L")
        frame.paste(symbol, (140, 60))
    width, height = FRAME_PX
    grey = bytes([128]) * (width * height // 2)
    path.write_bytes(
        f"YUV4MPEG2 W{width} H{height} F10:1 Ip A1:1 C420jpeg\nFRAME\n".encode() + frame.tobytes() + grey
    )
    return path


def test_the_camera_reads_a_label_with_the_vendored_reader(scan: Scan, site: Any) -> None:
    """Nothing is loaded before the press. Then the reader and its module come from this site, and the label opens."""
    code = site.labels["good"]
    page = scan(f"HTTP://127.0.0.1:8000/C/{code}", "/?lang=zh-Hans")
    asked = asked_by(page)
    page.wait_for_timeout(300)
    assert asked == []
    page.click("[data-part=start]")
    page.wait_for_url("**/c/*")
    assert page.text_content("h1") == "验证通过"
    assert "way=scanner" in page.url
    assert page.get_attribute("scan-record", "data-way") == "scanner"
    assert {name for name in ("zxing-reader.js", "zxing_reader.wasm") if name in "".join(asked)} == {
        "zxing-reader.js",
        "zxing_reader.wasm",
    }


def test_the_browsers_own_reader_is_preferred(scan: Scan, site: Any) -> None:
    """With BarcodeDetector nothing is loaded. A bare code is a label, too."""
    code = site.labels["good"].lower()
    page = scan("", init=f"{DETECTOR} window.seen = '{code}';")
    asked = asked_by(page)
    page.click("[data-part=start]")
    page.wait_for_url("**/c/*")
    assert page.text_content("h1") == "Verified"
    assert "zxing" not in "".join(asked)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://evil.example/login?x=<b>", "evil.example"),
        ("WIFI:T:WPA;S:home;P:secret;;", "WIFI"),
        ("javascript:alert(1)", "javascript"),
        ("//evil.example/c/7XK294QMV0HT3", "evil.example"),
    ],
)
def test_another_qr_code_is_shown_and_never_opened(scan: Scan, site: Any, text: str, shown: str) -> None:
    """The page stays, says that this is no label of ours, shows the text, and sends it nowhere."""
    page = scan("", init=f"{DETECTOR} window.seen = {text!r};")
    asked = asked_by(page)
    page.click("[data-part=start]")
    page.wait_for_selector("[data-part=problem]:not([hidden])")
    problem = page.locator("[data-part=problem]")
    assert "not a label of ours" in problem.text_content()
    assert shown in problem.text_content()
    assert problem.locator("a").count() == 0
    assert page.url == f"{site.url}/"
    assert asked == []
    assert page.evaluate("document.querySelector('video').srcObject") is None


def test_a_label_of_another_service_is_refused_by_ours(scan: Scan, site: Any) -> None:
    """An address that looks like a label but is another service's gets our page, with its host in words."""
    page = scan("", init=f"{DETECTOR} window.seen = 'https://evil.example/c/7XK294QMV0HT3';")
    page.click("[data-part=start]")
    page.wait_for_url("**/c?code=*")
    assert page.text_content("h1") == "Not a label of ours"
    assert "It leads to evil.example." in page.text_content(".verdict")


def test_the_camera_stops_at_a_press_and_with_the_page(scan: Scan) -> None:
    """The stop button is visible while the camera is on, and turns it off. A keyboard can do both."""
    page = scan("")
    page.focus("[data-part=start]")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Hold the QR code")
    page.evaluate("window.track = document.querySelector('video').srcObject.getTracks()[0]")
    assert page.evaluate("document.activeElement.dataset.part") == "stop"
    assert page.locator(".scan-view").is_visible()
    page.keyboard.press("Enter")
    assert page.evaluate("window.track.readyState") == "ended"
    assert page.evaluate("document.activeElement.dataset.part") == "start"
    assert not page.locator(".scan-view").is_visible()


def test_a_refused_camera_is_told(scan: Scan) -> None:
    """The page says what to do instead."""
    page = scan(
        "",
        allow=False,
        init="navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotAllowedError'); };",
    )
    page.click("[data-part=start]")
    page.wait_for_selector("[data-part=problem]:not([hidden])")
    assert "The camera was not allowed" in page.text_content("[data-part=problem]")
    assert page.evaluate("document.activeElement.dataset.part") == "start"


def test_a_computer_without_a_camera_is_told(scan: Scan) -> None:
    """The page says that no camera answered."""
    page = scan(None)
    page.click("[data-part=start]")
    page.wait_for_selector("[data-part=problem]:not([hidden])")
    assert "No camera answered" in page.text_content("[data-part=problem]")


def test_a_reader_that_does_not_arrive_is_told(scan: Scan) -> None:
    """Without the network the page says so, and turns the camera off."""
    page = scan("")
    page.route("**/vendor/**", lambda route: route.abort())
    page.click("[data-part=start]")
    page.wait_for_selector("[data-part=problem]:not([hidden])")
    assert "The camera could not be read" in page.text_content("[data-part=problem]")
    assert page.evaluate("document.querySelector('video').srcObject") is None


def test_without_cameras_or_scripts_there_is_no_button(open_page: Any) -> None:
    """A button that could do nothing is not shown."""
    assert not open_page(java_script_enabled=False).locator("qr-scan").is_visible()
    page = open_page()
    assert page.locator("qr-scan").is_visible()
    page.add_init_script("Object.defineProperty(navigator, 'mediaDevices', { value: undefined });")
    page.reload()
    assert not page.locator("qr-scan").is_visible()


@pytest.mark.parametrize("script", [True, False])
def test_a_photo_of_the_label(open_page: Any, site: Any, tmp_path: Path, script: bool) -> None:
    """A photo leads to the label, with or without JavaScript. A photo without one says what to do."""
    code = site.labels["good"]
    (tmp_path / "label.png").write_bytes(
        make.encode(labels_made.symbol(f"HTTP://127.0.0.1:8000/C/{code}", 8))
    )
    page = open_page("/?lang=zh-Hans", java_script_enabled=script)
    page.set_input_files("#label-photo", site.unknown)
    page.click(".label-photo button")
    page.wait_for_url("**/c?lang=zh-Hans")
    assert page.text_content("h1") == "未找到标签"
    page.set_input_files("#label-photo", tmp_path / "label.png")
    page.click(".label-photo button")
    page.wait_for_url("**/c/*")
    assert page.text_content("h1") == "验证通过"
