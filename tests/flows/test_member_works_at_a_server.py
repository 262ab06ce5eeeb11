"""Flow: a brand works with the same commands at a server that somebody else runs."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import certificates_made as certificates
import pytest
from members_made import picture
from PIL import Image

from authcheck.errors import Unavailable
from authcheck.terminal.remote.service import Service

pytestmark = pytest.mark.slow
Cli = Callable[..., Any]


def test_from_a_folder_to_certificates(member: Cli, cli: Cli, server_url: str, tmp_path: Path) -> None:
    """Acme registers a folder, licenses, issues, prints labels, looks up and revokes, without a data folder."""
    kite = picture(tmp_path / "art", "KITE-1.png", 1)
    picture(tmp_path / "art", "KITE-2.png", 2)
    (tmp_path / "art" / "KITE-3.png").write_bytes(b"no picture")
    imported = member(
        "designs", "import", tmp_path / "art", "--kind", "illustration", "--collection", "Kites", "--preview"
    )
    assert (imported.code, imported.err.splitlines()[-1]) == (0, "2 registered, 1 rejected.")
    assert "KITE-3  rejected" in imported.err
    assert (
        member("designs", "import", tmp_path / "art").err.splitlines()[-1] == "2 already yours, 1 rejected."
    )
    assert [one["reference"] for one in member("designs", "list", "--json").objects] == ["KITE-1", "KITE-2"]
    assert "Kites" in member("designs", "show", "KITE-1").out

    checked = member("check", kite, "--explain", tmp_path / "why.png")
    assert (checked.code, "KITE-1 of acme" in checked.out) == (1, True)
    assert Image.open(io.BytesIO((tmp_path / "why.png").read_bytes())).format == "PNG"
    assert member("check", tmp_path / "art" / "KITE-3.png").code == 3

    terms = ("--design", "KITE-1", "--territories", "fr", "--goods", "25", "--cap", "9000")
    (offered,) = member("licences", "offer", "--to", "maker", *terms, "--json").objects
    assert (offered["state"], offered["terms"]["cap"]) == ("offered", 9000)
    assert cli("--local", "licences", "accept", offered["id"], "--org", "maker").code == 0
    amending = member("licences", "amend", offered["id"], "--cap", "12,000", "--json")
    assert amending.code == 0, amending.err
    (amended,) = amending.objects
    assert amended["terms"] == offered["terms"] | {"cap": 12_000}
    shown = member("licences", "show", amended["id"]).out
    assert ("FR" in shown, "KITE-1" in shown, "12,000 units" in shown) == (True, True, True)
    assert "0 of 12,000" in member("licences", "list").out

    assert member("signing-keys", "create").code == 0
    order = ("--design", "KITE-1", "--gtin", certificates.GTIN, "--lot", "L1", "--product", "Kite")
    issued = member("certificates", "issue", *order, "--count", "3", "--request", "once")
    assert (issued.code, "3 active" in issued.err) == (0, True)
    batch = issued.out.strip()
    again = member("certificates", "issue", *order, "--count", "3", "--request", "once")
    assert again.out.strip() == batch
    labels = tmp_path / "labels.pdf"
    assert member("labels", batch, "--out", labels).code == 0
    assert (labels.read_bytes()[:4], labels.stat().st_mode & 0o777) == (b"%PDF", 0o600)
    units = member("certificates", "list", "--batch", batch, "--json").objects
    looked = member("lookup", units[0]["code"], "--bundle", tmp_path / "b.json")
    assert (looked.code, looked.out.splitlines()[0]) == (0, "good")
    assert "anchor      off" in looked.out.splitlines()
    assert member("trust", "export", "--out", tmp_path / "trust.json").code == 0
    offline = ("verify-bundle", tmp_path / "b.json", "--trust", tmp_path / "trust.json")
    assert member(*offline).code == 0
    refused = member("certificates", "revoke", units[0]["code"], "--reason", "mistake")
    assert refused.code == 2  # nobody said yes
    revoked = member("certificates", "revoke", units[0]["code"], "--reason", "mistake", "--yes")
    assert revoked.err.splitlines()[-1].startswith("1 certificate is now revoked")
    assert member("lookup", units[0]["code"]).code == 1
    assert member("certificates", "export", batch).out.count("\n") == 4
    assert not (tmp_path / "nothing").exists()
    assert [
        one["state"] for one in cli("designs", "list", "--org", "acme", "--json", "--local").objects
    ] == []


def test_shops_listings_and_scans(member: Cli, tmp_path: Path) -> None:
    """Acme claims a shop, asks who may sell, checks a listing, and reads scans and alerts."""
    kite = picture(tmp_path / "art", "KITE-1.png", 1)
    assert member("designs", "import", kite).code == 0
    place = ("--marketplace", "market.example", "--shop", "4711")
    shop = member("storefronts", "add", *place, "--url", "https://market.example/4711")
    assert shop.out.strip() in member("storefronts", "list").out
    asked = member("who-may-sell", "KITE-1", *place, "--territory", "FR", "--goods", "9,25")
    assert (asked.code, asked.out.startswith("may")) == (1, True)
    offer = (*place, "--territory", "FR", "--price", "19.90 EUR", "--reference", "L-1", "--on", "2026-11-01")
    judged = member("check-listing", kite, *offer)
    assert judged.code == 1, judged.err
    assert judged.out.split()[1] == "L-1"
    broken = tmp_path / "art" / "broken.png"
    broken.write_bytes(b"no picture")
    assert member("check-listing", broken, *offer).code == 3
    (listed,) = member("listings", "list", "--json").objects
    assert (listed["price"], listed["listed_on"]) == ("19.90 EUR", "2026-11-01")
    assert "L-1" in member("listings", "show", listed["id"]).out
    assert member("scans", "alerts").code == 0
    assert member("scans", "figures").code == 0
    assert member("scans", "list").out.startswith("scan,")
    floor = picture(tmp_path / "art", "floor.png", 5)
    assert member("negatives", "add", floor, "--label", "floor").code == 0
    assert "floor" in member("negatives", "list").out
    assert member("negatives", "remove", "1").code == 0
    right = ("--kind", "copyright", "--territories", "FR", "--goods", "25")
    assert member("rights", "add", "KITE-1", *right).code == 0
    assert "copyright" in member("rights", "list").out
    assert member("agents", "list").code == 0
    assert member("disputes", "list").code == 0
    changed = member("designs", "change", "KITE-1", "--title", "Red kite", "--kind", "logo", "--preview")
    assert changed.err.splitlines()[-1].endswith("Red kite; logo; in no collection; buyers see a preview.")
    assert member("designs", "retire", "KITE-1", "--yes").code == 0


def test_refusals_are_those_of_the_server(member: Cli, server_url: str, tmp_path: Path) -> None:
    """A wrong name, a missing scope, another organisation and a command of the operator: each says what helps."""
    assert "[design.not_found]" in member("designs", "show", "KITE-9").err
    assert "[auth.scope]" in member("cases", "list").err
    assert "[appointment.not_found]" in member("designs", "list", "--org", "globex").err
    mask = member("designs", "mask", "KITE-1", "--auto")
    assert (mask.code, "[server.command]" in mask.err) == (2, True)
    kite = picture(tmp_path / "a", "a.png", 1)
    assert "[server.option]" in member("check", kite, "--fast").err
    wrong = member("check", kite, "--explain", tmp_path / "why.txt")
    assert (wrong.code, wrong.out) == (2, "")  # before anything is sent
    table = tmp_path / "table.csv"
    table.write_text("reference,pictures,owner\nKITE-7,a/a.png,globex\n")
    assert "not of globex" in member("designs", "import", table).err


def test_after_logout_the_commands_work_here(member: Cli, server_url: str, tmp_path: Path) -> None:
    """`logout` forgets the key. `--server` without a key looks up for everybody, and changes nothing."""
    assert f"no longer logged in to {server_url}" in member("logout").err
    assert "not logged in" in member("logout").err
    looked = member("--server", server_url, "lookup", "0000-0000-0000")
    assert looked.code == 2
    refused = member("--server", server_url, "designs", "list")
    assert (refused.code, f"authcheck login {server_url}" in refused.err) == (2, True)
    wrong = member("login", server_url, stdin=b"ack_wrong_key\n")
    assert (wrong.code, "[server.key]" in wrong.err) == (2, True)
    assert not any("ack_" in path.read_text() for path in (tmp_path / "settings").rglob("*.json"))


def test_an_import_that_stops_says_what_is_registered(
    member: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server goes away after the first of two designs. The same command again finishes the work."""
    for number in (1, 2):
        picture(tmp_path / "art", f"KITE-{number}.png", number)
    upload, sent = Service.upload, []

    def upload_once(service: Service, path: str, parts: Any, **query: Any) -> Any:
        if sent:
            raise Unavailable("It is gone.", code="server.unreachable")
        sent.append(path)
        return upload(service, path, parts, **query)

    with monkeypatch.context() as network:
        network.setattr(Service, "upload", upload_once)
        stopped = member("designs", "import", tmp_path / "art")
    assert stopped.code == 3
    assert "1 registered." in stopped.err.splitlines()
    assert "[server.unreachable]" in stopped.err
    again = member("designs", "import", tmp_path / "art")
    assert again.err.splitlines()[-1] == "1 already yours, 1 registered."


def test_everybody_checks(member: Cli, server_url: str, tmp_path: Path) -> None:
    """Without a key, a stranger learns whose design a picture shows, and no score."""
    kite = picture(tmp_path / "art", "KITE-1.png", 1)
    assert member("designs", "import", kite).code == 0
    assert member("logout").code == 0
    checked = member("--server", server_url, "check", kite)
    assert checked.code == 1, checked.err
    assert checked.out.startswith("match")
    assert "score" not in checked.out
