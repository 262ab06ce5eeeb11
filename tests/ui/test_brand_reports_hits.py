"""A brand's person chooses hits, reports them and reads the receipt: in Chromium, by keyboard alone."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import cases_made
import make
import people_made
import pytest
from keyboard_visits import Visitor, serving
from people_made import PASSWORD

from authcheck.config import Settings
from authcheck.workspace import Workspace

pytestmark = [pytest.mark.ui, pytest.mark.slow]
MEI = "mei@acme.example"


@pytest.fixture
def mei(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    """Return the browser of Mei of acme, whose two designs marketplaces offer."""
    folder = tmp_path_factory.mktemp("hits")
    workspace = Workspace.open(Settings(data_dir=folder))
    make.confirm_address(workspace.database)
    for seed, title in ((1, "Koi pond"), (2, "Kite")):
        make.register(workspace, f"SS26-{seed}", title=title, seed=seed)
        cases_made.hand_in(workspace, f"L-{seed}", seed=seed, later_h=seed, title=f"{title}, new")
    cases_made.hand_in(workspace, "L-3", seed=2, later_h=3, seller_name="A name that is long " * 9)
    people_made.person(workspace.database, MEI, now=datetime.now(UTC))
    workspace.database.dispose()
    with serving(folder) as served:
        visitor = Visitor(
            chromium, served.url, "hits", viewport={"width": 1280, "height": 844}, locale="en-GB"
        )
        yield visitor
        visitor.leave()


def test_a_person_reports_hits(mei: Visitor) -> None:
    """Two designs do not share a notice. The receipt shows each listing, in both languages."""
    mei.sign_in(MEI, PASSWORD)
    mei.go("/hits")
    mei.judge("en", "Koi pond", "Kite", "Listings: 2. Sellers: 1.")
    picks = mei.page.query_selector_all("[name=group]")
    keys = [pick.get_attribute("value") for pick in picks]
    mei.tick(*(f'[name=group][value="{key}"]' for key in keys))
    mei.send(".bar button")
    mei.judge("en", "A notice is about one design")
    mei.go("/hits?design=SS26-2")
    mei.tick("[name=group]")
    mei.send(".bar button")
    mei.judge("en", "Which listings?", "Kite, new")
    mei.tick("[name=claim][value=counterfeit]")
    mei.page.keyboard.press("ArrowDown")
    assert mei.page.is_checked("[value=unlicensed_use]")
    mei.fill("#note", "We bought one.")
    mei.tick("[value=good_faith]", "[value=accuracy]")
    assert mei.send(".report .button") == 200
    mei.judge("en", "Reported: 2. Refused: 0.", "We bought one.")
    mei.go("/notices?lang=zh")
    mei.judge("zh-Hans", "侵权通知", "已通知")
    mei.go("/hits?lang=zh&stage=reported")
    mei.judge("zh-Hans", "命中商品", "已通知")
