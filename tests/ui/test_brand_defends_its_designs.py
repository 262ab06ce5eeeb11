"""Rights, a report that names one, a proved shop and a dispute: in Chromium, by keyboard, in both languages.

Jana of Acme and Gus of Globex use their phones in Chinese and in the dark, Olga, the operator, her desk in English.
"""

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import cases_made
import make
import people_made
import pytest
from keyboard_visits import Served, Visitor, serving, wait_until
from people_made import PASSWORD
from PIL import Image

from authcheck.config import Settings
from authcheck.storage.opening import utc_now
from authcheck.workspace import Workspace

pytestmark = [pytest.mark.ui, pytest.mark.slow]
DESK = {"viewport": {"width": 1280, "height": 844}, "locale": "en-GB"}
PHONE = {
    "viewport": {"width": 390, "height": 844}, "locale": "zh-CN", "color_scheme": "dark", "has_touch": True,
}  # fmt: skip
JANA, GUS, OLGA = "jana@acme.example", "gus@globex.example", "olga@op.example"
PAPER = b"%PDF-1.7\n%%EOF\n"
Open = Callable[[str, str], Visitor]


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve an installation with acme's kite, a cut-out of it by globex, and a listing of the kite."""
    folder = tmp_path_factory.mktemp("defends")
    work, now = Workspace.open(Settings(data_dir=folder)), utc_now()
    make.confirm_address(work.database)
    make.register(work, "KITE", title="Kite", seed=2)
    cases_made.hand_in(work, "L-1", seed=2, title="Kite, new")
    with Image.open(io.BytesIO(make.picture_bytes(2))) as image:
        part = image.convert("RGB").crop((40, 30, image.width - 20, image.height - 30))
    copy = io.BytesIO()
    part.save(copy, "PNG")
    make.register(work, "SURF", owner="globex", title="Surf", pictures=[copy.getvalue()])
    (folder / "market.key").write_text(
        make.key(work, "listings:check", owner="bazaar")
    )  # a marketplace by now
    for email, owner, kind, role in (
        (JANA, "acme", "brand", "admin"),
        (GUS, "globex", "brand", "admin"),
        (OLGA, "office", "operator", "operator"),
    ):
        people_made.person(work.database, email, owner=owner, kinds=(kind,), roles=(role,), now=now)
    work.database.dispose()
    with serving(folder) as served:
        yield served


@pytest.fixture
def visit(chromium: Any, office: Served) -> Iterator[Open]:
    """Return a function that opens the browser of somebody who signs in, phones in Chinese."""
    visitors = []

    def open_browser(email: str, name: str) -> Visitor:
        visitor = Visitor(chromium, office.url, name, **(DESK if email == OLGA else PHONE))
        visitor.go("/sign-in?next=/today")
        visitor.fill("#email", email)
        visitor.fill("#password", PASSWORD)
        visitor.send()
        visitors.append(visitor)
        return visitor

    yield open_browser
    for visitor in visitors:
        visitor.leave()


def test_a_right_is_named_accepted_and_reported_with(visit: Open, tmp_path: Path) -> None:
    """Jana names a trade mark, mends a mistake, Olga accepts it, and Jana's report proposes it."""
    paper = tmp_path / "mark.pdf"
    paper.write_bytes(PAPER)
    jana = visit(JANA, "right-zh")
    jana.go("/designs")
    jana.send(".designs-grid h2 a")
    jana.send("a[href$='/rights']")
    jana.judge("zh-Hans", "该设计的权利")
    jana.reach("#kind")
    jana.page.keyboard.press("ArrowDown")
    jana.fill("#office", "EUIPO")
    jana.fill("#number", "018 123 456")
    jana.fill("#territories", "Atlantis")
    jana.page.set_input_files("#document", paper)
    assert jana.send("form.fields .button") == 422
    wait_until(jana.page, "document.activeElement.id === 'territories'")
    jana.judge("zh-Hans", "right.territory")
    jana.fill("#territories", "EU, GB")
    jana.page.set_input_files("#document", paper)
    assert jana.send("form.fields .button") == 200
    jana.judge("zh-Hans", "EUIPO 018 123 456", "EU, GB")

    olga = visit(OLGA, "right")
    olga.judge("en", "Rights that wait for your decision")
    olga.send("main a[href='/rights']")
    olga.judge("en", "EUIPO 018 123 456", "Kite")
    olga.send("form[action$='/accept'] .button")
    olga.read("en", "The right is accepted.")

    jana.go("/hits?verdict=all")
    jana.tick("[name=group]")
    jana.send(".bar button")
    jana.judge("zh-Hans", "您的权利", "EUIPO 018 123 456")
    jana.tick("[name=claim][value=counterfeit]")
    jana.tick("[value=good_faith]", "[value=accuracy]")
    assert jana.send(".report .button") == 200
    jana.judge("zh-Hans", "EUIPO 018 123 456")


def test_a_shop_is_claimed_looked_at_and_confirmed(visit: Open, office: Served) -> None:
    """Jana mends a wrong address, looks, reads what was seen, and then that the marketplace has confirmed it."""
    jana = visit(JANA, "shop-zh")
    jana.go("/organisation")
    jana.fill("#shop-marketplace", "bazaar")
    jana.fill("#shop-shop", "acme-kites")
    jana.fill("#shop-url", "javascript:alert(1)")
    assert jana.send("form[action$='/shops'] .button") == 422
    wait_until(jana.page, "document.activeElement.id === 'shop-url'")
    jana.judge("zh-Hans")
    jana.fill("#shop-url", "https://acme.example/acme-kites")
    assert jana.send("form[action$='/shops'] .button") == 200
    jana.judge("zh-Hans", "bazaar/acme-kites", "未证明")
    jana.send("form[action$='/shops/look'] .button")
    jana.judge("zh-Hans", "bazaar/acme-kites")
    shop = jana.page.get_attribute("form[action$='/shops/look'] [name=id]", "value")
    key = (office.data_dir / "market.key").read_text()
    asked = Request(  # noqa: S310 - our own server
        f"{office.url}/v1/storefronts/{shop}/confirmation",
        data=json.dumps({"confirmed": True}).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    with urlopen(asked, timeout=10) as answer:  # noqa: S310
        assert answer.status == 200
    jana.go("/organisation")
    jana.judge("zh-Hans", "bazaar/acme-kites", "已证明")
    assert not jana.page.query_selector("form[action$='/shops/look']"), "a confirmed shop needs no look"


def test_a_dispute_is_heard_ruled_and_appealed(visit: Open, tmp_path: Path) -> None:
    """Gus speaks with a document, Olga rules, Gus appeals, and the second ruling ends it."""
    paper = tmp_path / "sketch.pdf"
    paper.write_bytes(PAPER)
    gus = visit(GUS, "dispute-zh")
    gus.send("main a[href='/disputes']")
    gus.judge("zh-Hans", "KITE", "Surf")
    gus.send(".rows a")
    gus.judge("zh-Hans", "在后图片", "您只能看到对方图片中与您的图片相同的部分。")
    gus.fill("#state-text", "我们在 2019 年画的。")
    gus.page.set_input_files("#state-document", paper)
    assert gus.send("form[action$='/state'] .button") == 200
    gus.judge("zh-Hans", "我们在 2019 年画的。", "globex 的陈述")

    olga = visit(OLGA, "dispute")
    olga.read("en", "Disputes that wait for your ruling")
    olga.send("main a[href='/disputes']")
    olga.send(".rows a")
    olga.judge("en", "我们在 2019 年画的。", "acme has said nothing yet.")
    olga.reach("[data-mode=difference]")
    olga.page.keyboard.press("Enter")
    assert olga.page.get_attribute("image-compare", "mode") == "difference"
    olga.tick("[name=ruling][value=earlier]")
    assert olga.page.is_checked("[name=ruling][value=earlier]")
    olga.fill("#rule-reason", "A cut-out of the kite.")
    assert olga.send("form[action$='/rule'] .button") == 200
    olga.judge("en", "Ruled, can be appealed against", "A cut-out of the kite.")

    gus.go(gus.path())
    gus.judge("zh-Hans", "可申诉", "A cut-out of the kite.")
    gus.unfold("details:has(form[action$='/appeal']) summary")
    gus.fill("#appeal-text", "草图上有日期。")
    assert gus.send("form[action$='/appeal'] .button") == 200
    gus.judge("zh-Hans", "已申诉", "草图上有日期。")

    olga.go(olga.path())
    olga.tick("[name=ruling][value=earlier]")
    for _ in range(2):
        olga.page.keyboard.press("ArrowDown")
    assert olga.page.is_checked("[name=ruling][value=both]")
    olga.fill("#rule-reason", "Joint work, as the sketch shows.")
    assert olga.send("form[action$='/rule'] .button") == 200
    olga.judge("en", "Ended: both pictures stand", "草图上有日期。")
    gus.go(gus.path())
    gus.judge("zh-Hans", "双方图片均有效")
