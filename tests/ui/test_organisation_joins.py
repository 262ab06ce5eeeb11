"""An organisation applies, looks for its domain, and is approved: in Chromium, by keyboard, in both languages."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import people_made
import pytest
from keyboard_visits import Served, Visitor, serving, wait_until
from people_made import PASSWORD

from authcheck.config import Settings
from authcheck.workspace import Workspace

pytestmark = [pytest.mark.ui, pytest.mark.slow]
DESK = {"viewport": {"width": 1280, "height": 844}, "locale": "en-GB"}
PHONE = {
    "viewport": {"width": 390, "height": 844}, "locale": "zh-CN", "color_scheme": "dark", "has_touch": True,
}  # fmt: skip
OLGA, JANA = "olga@op.example", "jana@iris.com"


@pytest.fixture(scope="module")
def office(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve an installation with an operator and a brand, Maison Iris."""
    folder = tmp_path_factory.mktemp("office")
    work = Workspace.open(Settings(data_dir=folder))
    now = datetime.now(UTC)
    people_made.person(
        work.database, OLGA, owner="operators", kinds=("operator",), roles=("operator",), now=now
    )
    people_made.person(work.database, "ann@maison.example", owner="maison-iris", now=now)
    work.database.dispose()
    with serving(folder) as served:
        yield served


def mailed_path(office: Served) -> str:
    """Return the path of the link that the server printed, since it has no mail server."""
    found = [link for line in office.printed for link in re.findall(r"http://\S+(/apply/\S+)", line)]
    return found[-1]


def test_an_organisation_joins_by_keyboard(chromium: Any, office: Served) -> None:
    """Jana on her phone in Chinese, Olga at her desk in English: each page is judged, none needs a mouse."""
    jana = Visitor(chromium, office.url, "joins-zh", **PHONE)
    jana.go("/sign-in")
    jana.send("a[href*='/apply']")
    jana.fill("#organisation", "Maison Irls")
    jana.fill("#handle", "maison-irls")
    jana.fill("#domain", "https://iris.com")
    jana.fill("#name", "Jana")
    jana.fill("#email", JANA)
    assert jana.send("form .button") == 422
    wait_until(jana.page, "document.activeElement.id === 'domain'")
    jana.judge("zh-Hans", "这不是域名", "domain.name")
    jana.fill("#domain", "iris.com")
    assert jana.send("form .button") == 200
    jana.judge("zh-Hans", JANA)
    jana.go(mailed_path(office))
    jana.fill("#password", PASSWORD)
    jana.send("form .button")
    assert jana.path() == "/organisation"
    jana.judge("zh-Hans", "尚未批准", "iris.com", "_authcheck.iris.com")

    olga = Visitor(chromium, office.url, "decides", **DESK)
    olga.go("/sign-in?next=/organisations")
    olga.fill("#email", OLGA)
    olga.fill("#password", PASSWORD)
    olga.send()
    olga.judge("en", "Waiting for you", "Maison Irls")
    olga.send("a[href*='/organisations/maison-irls']")
    olga.judge("en", "Looks like a member", "Maison-Iris", "iris.com", JANA)
    assert olga.send("form[action$='/approve'] .button") == 409
    wait_until(olga.page, "document.activeElement.id === 'approve-despite'")
    olga.judge("en", "organisation.alike")
    olga.fill("#approve-despite", "maison-irls")
    assert olga.send("form[action$='/approve'] .button") == 200
    olga.judge("en", "The organisation is approved.")

    jana.go("/organisation")
    jana.judge("zh-Hans", "已批准")
    olga.fill("#suspend-reason", "Its domain was sold.")
    olga.send("form[action$='/suspend'] .button")
    jana.go("/organisation")
    jana.judge("zh-Hans", "已被暂停", "Its domain was sold.")
    jana.leave()
    olga.leave()
