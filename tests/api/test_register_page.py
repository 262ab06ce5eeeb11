"""The page *Register*: files become designs in the background, and each row says what became of it."""

import csv
import io
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import cases_made
import make
import pytest
from agents_made import appoint, end
from desk_visitors import Visitor, take_role, visitor
from drops_made import counts, drawn, files, finish, rows, send, shown, states, zipped
from PIL import Image
from sqlalchemy import select
from starlette.testclient import TestClient

from api import dropping
from authcheck.cases.notice_tables import Hit
from authcheck.errors import Unavailable
from authcheck.ledger.tables import Entry
from authcheck.listings.looking_back import SeenPictures
from authcheck.registry import drops
from authcheck.registry.drop_spool import DropSpool
from authcheck.registry.tables import Design
from authcheck.workspace import Workspace

pytestmark = pytest.mark.slow
Visit = Callable[..., Visitor]
TABLE = "sku,name,Bild,Notes\nK-1,Koi,koi.png,a\nK-2,Kite,kite.png|tail.png,b\nK-3,Gone,gone.png,c\n"


@pytest.fixture
def visit(client: TestClient, workspace: Workspace) -> Visit:
    """Return a function that signs a person in."""
    return lambda **words: visitor(client, workspace, **words)


def spooled(workspace: Workspace) -> list[str]:
    """Return the names of the files in the spool."""
    return [path.name for path in DropSpool(workspace.settings.data_dir).folder.rglob("*") if path.is_file()]


def test_files_become_designs_and_say_why_not(visit: Visit, workspace: Workspace) -> None:
    """Of 50 files 45 land, and 5 say why. Each count opens as many rows. The spool is empty at the end."""
    mei = visit()
    good = {f"Koi {number}.png": drawn(number) for number in range(45)}
    bad = {
        "text.png": b"no picture at all",
        "empty.png": b"",
        "cut.jpg": make.picture_bytes(99, "JPEG")[:400],
        "tiny.png": make.encode(Image.new("RGB", (8, 8), "red")),
        "art.psd": b"8BPS\0\1" + bytes(64),
    }
    path = send(mei, good | bad, kind="pattern", collection="Summer")
    html = mei.get(path).text
    assert "Still to do: 4" in html
    assert '<noscript><meta http-equiv="refresh"' in html
    finish(workspace)
    html = mei.get(path).text
    assert "http-equiv" not in html
    told = counts(html)
    assert told[f"{path}?state=registered"] == 45
    assert told[f"{path}?state=refused"] == 5
    for address, count in told.items():
        seen: list[str] = []
        page = mei.get(address).text
        while True:
            seen += shown(page)
            if len(seen) >= count or not shown(page):
                break
            query = "&" if "?" in address else "?"
            page = mei.get(f"{address}{query}after={seen[-1][1:]}").text
        assert len(set(seen)) == count, address
    refused = states(workspace, path)
    assert {refused[name] for name in bad} == {
        "refused image.unreadable", "refused image.empty", "refused image.truncated", "refused image.too_small",
        "refused image.format",
    }  # fmt: skip
    page = mei.get(f"{path}?state=refused").text
    assert "too small to compare" in page
    assert "drawing program" in page
    assert spooled(workspace) == []
    with workspace.database.reading() as session:
        designs = session.scalars(select(Design)).all()
        assert {(design.kind, design.collection, design.state) for design in designs} == {
            ("pattern", "Summer", "registered")
        }
    listed = list(csv.DictReader(io.StringIO(mei.get(f"{path}/rows.csv?state=refused").text)))
    assert {row["file"] for row in listed} == set(bad)


def test_a_title_is_corrected_in_its_row(visit: Visit, workspace: Workspace) -> None:
    """The row's form saves title and preview. After another change it keeps what was typed and says so."""
    mei = visit()
    path = send(mei, {"koi.png": drawn(1)})
    finish(workspace)
    (row,) = rows(workspace, path)
    fields = {"number": "1", "design": str(row.design_id), "version": "1", "after": "0", "state": ""}
    done = mei.post(f"{path}/words", **fields, title="Koi pond", public_preview="on")
    assert done.headers["location"].endswith("&notice=saved#f1")
    with workspace.database.reading() as session:
        design = session.scalars(select(Design)).one()
    assert (design.title, design.public_preview) == ("Koi pond", True)
    late = mei.post(f"{path}/words", **fields, title="Carp <b>")
    assert (late.status_code, "Carp &lt;b&gt;" in late.text) == (412, True)
    assert "somebody else has changed this design" in late.text
    eve = visit(owner="globex")
    assert eve.post(f"{path}/words", **fields, title="x").status_code == 404


def test_sending_again_changes_nothing(visit: Visit, workspace: Workspace) -> None:
    """The same folder is sent twice, before and after the work. A copy under another name says so in its row."""
    mei = visit()
    folder = {f"{number}.png": drawn(number) for number in range(3)}
    path = send(mei, folder)
    again = mei.post(f"{path}/files", files({**folder, "copy.png": drawn(1)}))
    assert again.headers["location"].endswith("?notice=received")
    finish(workspace)
    assert mei.post(f"{path}/files", files(folder)).headers["location"].endswith("?notice=again")
    assert states(workspace, path) == {
        "0.png": "registered", "1.png": "registered", "2.png": "registered", "copy.png": "twice",
    }  # fmt: skip
    assert "The same picture as 1.png of this drop." in mei.get(path).text
    assert len(mei.get(f"{path}/known").json()["sha256"]) == 3
    second = send(mei, folder)
    finish(workspace)
    assert set(states(workspace, second).values()) == {"already_yours"}
    assert "Nothing changed." in mei.get(second).text


def test_copies_of_others_and_taken_names(visit: Visit, workspace: Workspace) -> None:
    """A rival's picture is registered as disputed and says whose it is. A taken reference says what to do."""
    make.register(workspace, "FIRST", owner="globex", pictures=[drawn(1)])
    make.register(workspace, "koi", pictures=[drawn(5)])
    mei = visit()
    path = send(mei, {"copy.png": drawn(1), "koi.png": drawn(2), "é\u202e.png": drawn(3)})
    finish(workspace)
    assert states(workspace, path)["copy.png"] == "disputed"
    assert states(workspace, path)["koi.png"] == "refused design.reference_taken"
    html = mei.get(path).text
    assert "It shows design “FIRST” of globex" in html
    assert "You have another design under the reference “koi”." in html
    assert "它显示的是 globex 的设计" in mei.get(f"{path}?lang=zh").text


def test_a_table_with_a_wrong_header_is_asked_about(visit: Visit, workspace: Workspace) -> None:
    """The page shows the columns with examples and guesses. Nothing is thrown away, and missing files are named."""
    mei = visit()
    path = send(
        mei, {"koi.png": drawn(1), "shop.csv": TABLE.encode(), "kite.png": drawn(2), "odd.png": drawn(7)}
    )
    html = mei.get(path).text
    assert "Which column is which?" in html
    assert '<span class="example">koi.png</span>' in html
    for ours, number in (("picture", 2), ("reference", 0), ("title", 1)):
        select_of = html.split(f'name="column-{number}"')[1].split("</select>")[0]
        assert f'value="{ours}" selected' in select_of
    finish(workspace)
    assert set(states(workspace, path).values()) == {"held"}
    wrong = mei.post(f"{path}/columns", **{"column-0": "reference", "column-1": "title"})
    assert (wrong.status_code, "Say which column has the file name" in wrong.text) == (422, True)
    twice = mei.post(f"{path}/columns", **{"column-0": "picture", "column-2": "picture"})
    assert (twice.status_code, "Choose each once." in twice.text) == (422, True)
    mei.post(f"{path}/columns", **{"column-0": "reference", "column-1": "title", "column-2": "picture"})
    html = mei.get(path).text
    assert "files that are not here yet: 2." in html
    assert ("<li>tail.png</li>" in html, "<li>gone.png</li>" in html) == (True, True)
    assert mei.post(f"{path}/files", files({"tail.png": drawn(3)}), last="1").status_code == 303
    assert mei.post(f"{path}/start").status_code == 303
    finish(workspace)
    assert states(workspace, path) == {
        "koi.png": "registered", "kite.png": "registered", "tail.png": "part", "odd.png": "left_out",
        "gone.png": "refused row.picture_missing",
    }  # fmt: skip
    mei.post(f"{path}/files", files({"gone.png": drawn(4)}))
    mei.post(f"{path}/start")
    finish(workspace)
    assert states(workspace, path)["gone.png"] == "registered"
    assert len(rows(workspace, path)) == 5
    with workspace.database.reading() as session:
        titles = {design.reference: design.title for design in session.scalars(select(Design))}
    assert titles == {"K-1": "Koi", "K-2": "Kite", "K-3": "Gone"}
    assert [
        name for name in spooled(workspace) if name not in mei.get(f"{path}/known").json()["sha256"]
    ] == []


def test_an_archive_with_its_table_needs_no_question(visit: Visit, workspace: Workspace) -> None:
    """A ZIP with our own columns starts by itself. A row that is wrong says why, and its neighbours land."""
    mei = visit()
    table = "reference,picture,public_preview\nA,a.png,yes\nB,b.png,perhaps\nC,a.png,no\n"
    archive = zipped(
        {"x/designs.csv": table.encode(), "x/a.png": drawn(1), "x/b.png": drawn(2), "x/.DS_Store": b"x"}
    )
    path = send(mei, {"all.zip": archive})
    finish(workspace)
    assert states(workspace, path)[".DS_Store"] == "left_out"
    told = [f"{file.state} {file.report.get('code', '')}".strip() for file in rows(workspace, path)]
    assert told.count("registered") == 1
    assert "refused row.not_a_flag" in told
    assert "refused row.picture_named_twice" in told
    assert '<span lang="en">public_preview must be true or false' in mei.get(path).text
    broken = send(mei, {"b.zip": b"PK\3\4" + bytes(40), "t.csv": b"reference,picture\n"})
    finish(workspace)
    assert {state.split()[0] for state in states(workspace, broken).values()} == {"refused"}


def test_a_table_larger_than_the_room_goes_on(visit: Visit, workspace: Workspace) -> None:
    """Rows whose files are here are registered as soon as the room is short. A picture that is none says why."""
    mei = visit()
    folder = {f"{number}.png": drawn(number) for number in range(5)}
    table = "reference,picture\n" + "".join(f"R{number},{number}.png\n" for number in range(5))
    table += "R9,art.psd\nR10,0b.png|art.psd\n"
    room = len(table) + sum(map(len, list(folder.values())[:2])) + 10
    small = workspace.settings.model_copy(update={"max_import_bytes": room})
    object.__setattr__(workspace, "settings", small)
    path = send(mei, {"t.csv": table.encode(), "art.psd": b"8BPS\0\1" + bytes(64)})
    for _ in range(5):
        mei.post(f"{path}/files", files(folder), last="1")
        finish(workspace)
    mei.post(f"{path}/files", files({"0b.png": drawn(8)}), last="1")
    finish(workspace)
    found = states(workspace, path)
    assert {found[name] for name in folder} == {"registered"}
    assert found["art.psd"] == "refused image.format"
    told = [file.report.get("code") for file in rows(workspace, path) if file.name == "0b.png"]
    assert "row.picture_unreadable" in told


def test_an_organisation_cannot_fill_the_disk(
    visit: Visit, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the room of one organisation the rest waits at the sender. After the work it is taken."""
    mei, eve = visit(), visit(owner="globex")
    folder = {f"{number}.png": drawn(number) for number in range(4)}
    room = sum(map(len, list(folder.values())[:2])) + 10
    small = workspace.settings.model_copy(update={"max_import_bytes": room})
    object.__setattr__(workspace, "settings", small)
    path = mei.post("/register", files(folder), last="1").headers["location"]
    assert path.endswith("?notice=full")
    path = path.partition("?")[0]
    assert len(rows(workspace, path)) == 2
    assert (
        mei.post(f"{path}/files", files({"9.csv": b"a,b\n" * room}))
        .headers["location"]
        .endswith("notice=full")
    )
    bomb = zipped({f"{number}.png": bytes(room // 2) for number in range(9)})
    path_of_bomb = send(eve, {"bomb.zip": bomb})
    assert states(workspace, path_of_bomb)["bomb.zip"] == "refused archive.too_large"
    assert send(eve, {"a.png": drawn(9)}).startswith("/register/drp_")
    finish(workspace)
    assert mei.post(f"{path}/files", files(folder)).headers["location"].endswith("?notice=received")
    finish(workspace)
    assert set(states(workspace, path).values()) == {"registered"}
    monkeypatch.setattr(drops, "MOST_FILES", 4)
    late = mei.post(f"{path}/files", files({"5.png": drawn(5)}))
    assert late.headers["location"].endswith("?notice=too_many")


def test_walls_roles_and_other_sites(visit: Visit, workspace: Workspace) -> None:
    """Another brand finds no drop. A reader may look and reads why not more. Other sites start nothing."""
    mei, eve, ada = visit(), visit(owner="globex"), visit(role="analyst")
    path = send(mei, {"koi.png": drawn(1)})
    for address in (path, f"{path}/rows.csv", f"{path}/known"):
        assert eve.get(address).status_code == 404
        assert ada.get(address).status_code == 200
    assert "Your roles do not allow you to register designs." in ada.get("/register").text
    for act, sent in (("files", files({"a.png": drawn(2)})), ("columns", None), ("start", None)):
        assert ada.post(f"{path}/{act}", sent).status_code == 403, act
        assert eve.post(f"{path}/{act}", sent).status_code == 404, act
        assert mei.send_from("cross-site", f"{path}/{act}", sent, last="1").status_code == 403, act
    assert ada.post("/register", files({"a.png": drawn(2)})).status_code == 403
    nothing = mei.post("/register", files({"empty.png": b""}))
    assert (nothing.status_code, "Choose at least one file." in nothing.text) == (422, True)
    assert mei.get("/register/drp_x").status_code == 404
    assert len(rows(workspace, path)) == 1


def test_rights_count_at_the_time_of_the_work(visit: Visit, workspace: Workspace) -> None:
    """A person who has lost the role while files wait registers nothing. A colleague sends them again."""
    mei, ada = visit(), visit(role="admin")
    path = send(mei, {"koi.png": drawn(1), "kite.png": drawn(2)})
    take_role(workspace, "rights@acme.example", "acme", "analyst")
    finish(workspace)
    assert set(states(workspace, path).values()) == {"refused drop.not_allowed"}
    assert spooled(workspace) == []
    assert "may no longer register designs" in ada.get(path).text
    with workspace.database.reading() as session:
        assert session.scalars(select(Design)).all() == []
    send(ada, {"koi.png": drawn(1)})
    finish(workspace)
    with workspace.database.reading() as session:
        assert len(session.scalars(select(Design)).all()) == 1


def test_an_agent_registers_by_its_appointment(visit: Visit, workspace: Workspace) -> None:
    """An agent for all designs registers, and the ledger names it. For some designs, or after the end, it cannot."""
    now, ends_on = datetime.now(UTC), datetime.now(UTC).date() + timedelta(days=30)
    words: Any = {"scopes": ("designs:read", "designs:write"), "now": now, "ends_on": ends_on}
    appointment = appoint(workspace, "guard", **words)
    agent = visit(owner="guard", role="agent", kind="agent")
    agent.act_for("guard", "acme")
    path = send(agent, {"koi.png": drawn(1)})
    finish(workspace)
    assert states(workspace, path) == {"koi.png": "registered"}
    with workspace.database.reading() as session:
        entry = session.scalars(select(Entry).where(Entry.type == "design.register")).one()
    assert appointment.agent_id.encode() in entry.body
    late = send(agent, {"kite.png": drawn(2)})
    end(workspace, appointment.id, appointment.client_id, datetime.now(UTC))
    finish(workspace)
    assert states(workspace, late) == {"kite.png": "refused drop.not_allowed"}
    with workspace.database.reading() as session:
        some = [session.scalars(select(Design.id)).one()]
    appoint(workspace, "guard", designs=some, **{**words, "now": datetime.now(UTC)})
    agent.act_for("guard", "acme")
    assert agent.post("/register", files({"a.png": drawn(3)})).status_code == 409
    assert agent.get(path).status_code == 404


def test_an_agent_of_some_countries_leaves_collections_alone(visit: Visit, workspace: Workspace) -> None:
    """Licences follow a collection, so neither the form nor a table sets one. Sightings are of all countries."""
    now = datetime.now(UTC)
    words: Any = {"scopes": ("designs:read", "designs:write", "listings:read"), "now": now}
    appoint(workspace, "guard", territories=["DE"], ends_on=now.date() + timedelta(days=30), **words)
    agent = visit(owner="guard", role="agent", kind="agent")
    agent.act_for("guard", "acme")
    refused = agent.post("/register", files({"a.png": drawn(1)}), collection="Mine")
    assert (refused.status_code, "You act for a part of this brand only." in refused.text) == (409, True)
    table = b"reference,picture,collection\nA,a.png,Mine\nB,b.png,\n"
    path = send(agent, {"t.csv": table, "a.png": drawn(1), "b.png": drawn(2)})
    finish(workspace)
    assert states(workspace, path) == {"a.png": "refused appointment.outside", "b.png": "registered"}
    assert "Still to be looked for" not in agent.get(path).text


def test_listings_that_show_new_designs_are_counted(visit: Visit, workspace: Workspace) -> None:
    """The number at the top is that of the rows, and each row's number opens its listings."""
    mei = visit()
    path = send(mei, {"koi.png": make.picture_bytes(1), "kite.png": drawn(2)})
    finish(workspace)
    cases_made.hand_in(workspace, listed_on=datetime.now(UTC).date())
    html = mei.get(path).text
    assert "listings of the last 30 days that show these designs: 1." in html
    assert counts(html)[f"{path}?state=hits"] == 1
    page = mei.get(f"{path}?state=hits").text
    assert (len(shown(page)), "Suspect listings: 1" in page) == (1, True)


def test_listings_of_before_are_found_at_once(visit: Visit, workspace: Workspace) -> None:
    """What a marketplace handed in before is told as seen, never as a verdict. A rival's copy finds nothing."""
    day = datetime.now(UTC).date()
    for number, seed in enumerate((1, 1, 5)):
        cases_made.hand_in(workspace, f"L-{number}", seed=seed, listed_on=day, title=f"=Offer {number}")
    cases_made.market(workspace, "other-brand", "brand")
    cases_made.hand_in(workspace, "M-1", by="other-brand", seed=1, listed_on=day)
    mei, issuer = visit(), visit(role="issuer")
    path = send(mei, {"koi.png": make.picture_bytes(1), "kite.png": make.picture_bytes(2)})
    finish(workspace)
    assert "Still to be looked for in the listings that we know: 2." in mei.get(path).text
    seen = SeenPictures()
    assert dropping.look(workspace, seen)
    assert not dropping.look(workspace, seen)
    html = mei.get(path).text
    assert "Already in listings when you registered: 2." in html
    assert counts(html)[f"{path}?state=seen"] == 1
    assert (len(shown(mei.get(f"{path}?state=seen").text)), "Still to be looked" in html) == (1, False)
    page = mei.get(f"{path}/seen/1").text
    assert ("=Offer 0" in page, "=Offer 1" in page, "=Offer 2" in page) == (True, True, False)
    listed = list(csv.DictReader(io.StringIO(mei.get(f"{path}/seen/1/rows.csv").text)))
    assert sorted(row["title"] for row in listed) == ["'=Offer 0", "'=Offer 1"]
    assert "No listing of before" in mei.get(f"{path}/seen/2").text
    assert mei.get(f"{path}/seen/9").status_code == 404
    assert "Already in listings" not in issuer.get(path).text
    assert issuer.get(f"{path}/seen/1").status_code == 403
    assert visit(owner="globex").get(f"{path}/seen/1").status_code == 404
    with workspace.database.reading() as session:
        assert session.scalars(select(Hit)).all() == []
    later_h = (datetime.now(UTC) - make.NOW) / timedelta(hours=1)
    cases_made.hand_in(workspace, "L-9", seed=7, listed_on=day, later_h=later_h)
    eve = visit(owner="globex")
    theirs = send(eve, {"copy.jpg": make.picture_bytes(1, "JPEG"), "new.png": make.picture_bytes(7)})
    finish(workspace)
    dropping.look(workspace, seen)
    assert [(file.state, file.seen) for file in rows(workspace, theirs)] == [
        ("disputed", 0),
        ("registered", 1),
    ]


def test_the_api_has_the_rows_of_the_page(
    visit: Visit, workspace: Workspace, client: TestClient, brand: dict[str, str]
) -> None:
    """The curl of the page lists the same files. A key without listings does not learn how many show a picture."""
    cases_made.hand_in(workspace, listed_on=datetime.now(UTC).date())
    mei = visit()
    path = send(mei, {"koi.png": make.picture_bytes(1), "bad.png": b"x", "kite.png": drawn(2)})
    finish(workspace)
    dropping.look(workspace, SeenPictures())
    for state in ("registered", "refused", "other", ""):
        html = mei.get(f"{path}?state={state}").text
        (address,) = re.findall(r'"http://testserver(/v1/drops[^"]*)"</code>', html)
        answer = client.get(address.replace("&amp;", "&"), headers=brand).json()
        assert [f"f{item['number']}" for item in answer["items"]] == shown(html), state
    first = answer["items"][0]
    assert (first["state"], first["seen"], answer["items"][1]["code"]) == (
        "registered",
        None,
        "image.unreadable",
    )
    both = {"Authorization": f"Bearer {make.key(workspace, 'designs:read', 'listings:read')}"}
    api = f"/v1/drops{path.removeprefix('/register')}/files"
    assert client.get(f"{api}?limit=1", headers=both).json()["items"][0]["seen"] == 1
    second = client.get(f"{api}?limit=1&after=1", headers=both).json()
    assert (second["items"][0]["name"], second["next"]) == ("bad.png", "2")
    (listing,) = client.get(f"{api}/1/listings", headers=both).json()
    assert (listing["marketplace"], listing["seller"]) == ("bazaar", "kites")
    assert client.get(f"{api}/1/listings", headers=brand).status_code == 403


def test_a_full_disk_loses_nothing(
    visit: Visit, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the disk takes nothing, files wait. They are registered when it does again."""
    mei = visit()
    path = send(mei, {"koi.png": drawn(1)})

    def full(_data: bytes) -> str:
        raise Unavailable("The disk is full.", code="storage.full")

    with monkeypatch.context() as patch:
        patch.setattr(workspace.store, "put", full)
        for _ in range(5):
            finish(workspace)
    assert states(workspace, path) == {"koi.png": "waiting"}
    finish(workspace)
    assert states(workspace, path) == {"koi.png": "registered"}
