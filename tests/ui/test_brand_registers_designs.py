"""A new brand registers ten pictures and corrects a title: in Chromium, by keyboard, and with a dropped folder."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import make
import people_made
import pytest
from drops_made import drawn
from keyboard_visits import Visitor, serving, wait_until
from people_made import PASSWORD

from authcheck.config import Settings
from authcheck.workspace import Workspace

pytestmark = [pytest.mark.ui, pytest.mark.slow]
MEI = "mei@acme.example"
DROP = """(files) => {
  const data = new DataTransfer()
  for (const [name, bytes] of files) data.items.add(new File([new Uint8Array(bytes)], name, {type: "image/png"}))
  document.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true}))
}"""


@pytest.fixture
def mei(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visitor]:
    """Return the browser of Mei of acme, a brand without designs, with ten pictures beside it."""
    folder = tmp_path_factory.mktemp("register")
    workspace = Workspace.open(Settings(data_dir=folder / "state"))
    make.confirm_address(workspace.database)
    people_made.person(workspace.database, MEI, now=datetime.now(UTC))
    workspace.database.dispose()
    for number in range(10):
        (folder / f"SS26-{number}.png").write_bytes(drawn(number))
    (folder / "broken.png").write_bytes(b"no picture")
    with serving(folder / "state") as served:
        visitor = Visitor(
            chromium, served.url, "register", viewport={"width": 1280, "height": 844}, locale="en-GB"
        )
        visitor.folder = folder  # type: ignore[attr-defined]
        yield visitor
        visitor.leave()


def test_ten_pictures_become_designs(mei: Visitor) -> None:
    """The rows say what became of each file without a reload. A title is corrected, and a search finds it."""
    folder: Path = mei.folder  # type: ignore[attr-defined]
    mei.sign_in(MEI, PASSWORD)
    mei.go("/designs")
    mei.judge("en", "You have not registered a design yet.")
    assert mei.send(".empty a.button") == 200
    mei.judge("en", "Drop your pictures.", "Nothing yet.")
    mei.page.set_input_files("#file", sorted(folder.glob("*.png")))
    mei.reach(".sending > button")
    mei.page.keyboard.press("Enter")
    wait_until(mei.page, "document.body.innerText.includes('All files are sent.')")
    assert mei.path().startswith("/register/drp_")
    wait_until(mei.page, "document.querySelectorAll('.drop-row.is-registered').length === 10")
    mei.judge("en", "11 in all", "10 registered", "1 refused", "This is not a picture we can read.")
    mei.fill('[name="title"]', "Koi pond")
    assert mei.send() == 200
    mei.read("en", "Saved.", "Koi pond")
    again = [[path.name, list(path.read_bytes())] for path in sorted(folder.glob("SS26-*.png"))]
    mei.page.evaluate(DROP, [*again, ["new.png", list(drawn(77))]])
    wait_until(mei.page, "document.body.innerText.includes('Files that were here before: 10')")
    wait_until(mei.page, "document.querySelectorAll('.drop-row.is-registered').length === 11")
    mei.go("/designs?words=koi")
    mei.judge("en", "Koi pond", "SS26-")
    assert mei.send(".design h2 a") == 200
    mei.judge("en", "Koi pond", "Ledger", "Description or mask changed")
    mei.fill("#title", "Koi pond at night")
    mei.tick('#words ~ form [name="public_preview"]')
    assert mei.send("#words ~ form .button") == 200
    mei.read("en", "Saved. The change is in the ledger.", "Koi pond at night")
    mei.go("/register?lang=zh")
    mei.read("zh-Hans", "登记", "之前发送的")
    mei.go("/designs?lang=zh")
    mei.read("zh-Hans", "设计", "按图片查找", "Koi pond at night")
