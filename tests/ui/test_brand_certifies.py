"""A new brand issues certificates, prints labels, and sees its first scan: in Chromium, by keyboard."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import make
import people_made
import pytest
from keyboard_visits import Visitor, serving, wait_until
from people_made import PASSWORD

from authcheck.config import Settings
from authcheck.workspace import Workspace

pytestmark = [pytest.mark.ui, pytest.mark.slow]
MEI = "mei@acme.example"
LABELS = "section:has(#labels)"


@pytest.fixture
def mei(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    """Return the browser of Mei of acme, a brand with one design and no signing key."""
    folder = tmp_path_factory.mktemp("certify")
    workspace = Workspace.open(Settings(data_dir=folder / "state"))
    make.confirm_address(workspace.database)
    make.register(workspace, "KOI", title="Koi pond", seed=1)
    people_made.person(workspace.database, MEI, now=datetime.now(UTC))
    workspace.database.dispose()
    with serving(folder / "state", AUTHCHECK_PUBLIC_URL="http://127.0.0.1:8000") as served:
        size = {"width": 1280, "height": 844}
        visitor = Visitor(chromium, served.url, "certify", viewport=size, locale="en-GB")
        yield visitor
        visitor.leave()


def test_fifty_units_from_the_order_to_the_first_scan(mei: Visitor) -> None:
    """Each page is judged by axe, in both schemes and at three widths. What was typed survives a leave."""
    mei.sign_in(MEI, PASSWORD)
    mei.go("/today")
    mei.judge("en", "Signing key is missing")
    assert mei.send(".today a") == 200
    assert mei.send("form[action$='/key'] .button") == 200
    mei.fill("#design", "KOI")
    mei.fill("#product", "Koi shirt, M")
    mei.go("/certificates")
    mei.judge("en", "No certificates yet.")
    mei.go("/certificates/new")
    mei.judge("en", "We kept what you typed here.")
    mei.fill("#gtin", "4006381333931")
    mei.fill("#lot", "L 1")
    mei.fill("#units", "50")
    assert mei.send() == 422
    mei.judge("en", "A lot has 1 to 20 letters")
    mei.fill("#lot", "L1")
    assert mei.send() == 200
    mei.judge("en", "Issued: 50 certificates.", "All 50")
    size_mm = mei.page.evaluate(
        "document.querySelector('.label-svg').getBoundingClientRect().width / 96 * 25.4"
    )
    assert abs(size_mm - 63.5) < 0.1
    mei.reach(f"{LABELS} a[href*='labels.pdf']")
    with mei.page.expect_download() as download:
        mei.page.keyboard.press("Enter")
    assert download.value.suggested_filename.endswith("-1.pdf")
    assert mei.send("a[href^='/certificates/products/']") == 200
    mei.fill("#text", "The label is inside the collar.")
    assert mei.send("form[action$='/text'] .button") == 200
    mei.judge("en", "Saved. Buyers see it from now on.")
    _scan_the_first_label(mei)
    _take_a_revocation_back(mei)
    for path, words in (
        ("/today", "今日"),
        ("/certificates", "证书"),
        ("/scans", "每日扫描次数"),
        ("/alerts", "没有异常"),
    ):
        mei.go(f"{path}?lang=zh")
        mei.read("zh-Hans", words)


def _scan_the_first_label(mei: Visitor) -> None:
    mei.go("/certificates")
    mei.judge("en", "Koi shirt, M", "50 units")
    assert mei.send("th a") == 200
    assert mei.send("tbody th a") == 200
    mei.judge("en", "Verified", "What acme says about it", "The label is inside the collar.")
    mei.page.wait_for_timeout(1500)
    mei.go("/scans")
    mei.judge("en", "First scans", "2% of 50")
    assert mei.send(".tiles a") == 200
    mei.judge("en", "Koi shirt, M", "Verified", "Camera")
    mei.go("/alerts")
    mei.judge("en", "Nothing is odd.")


def _take_a_revocation_back(mei: Visitor) -> None:
    mei.go("/certificates")
    mei.send("th a")
    mei.unfold("a[href='#revoke']")
    mei.fill("#first", "11")
    assert mei.send() == 200
    mei.judge("en", "Revoke 40 certificates?")
    mei.page.select_option("#reason", "lost")
    mei.fill("#typed", "40")
    assert mei.send() == 200
    mei.read("en", "40 certificates will be revoked")
    wait_until(mei.page, "document.querySelectorAll('tbody tr').length === 50")
    assert mei.send("form[action*='undo'] .button") == 200
    mei.read("en", "Nothing was revoked.")
