"""Flow: a brand prints the labels of a batch. Each label leads to its certificate."""

import os
import stat
from pathlib import Path
from typing import Any

import certificates_made as made
import labels_made
import make
import pytest

from authcheck.certificates.pins import pin_of
from authcheck.config import Settings
from authcheck.labels.reading import read_label
from authcheck.ledger import addresses
from authcheck.storage.database import Database
from authcheck.vision.pictures.decode import Limits
from authcheck.workspace import Workspace

HOST = labels_made.HOST


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """The settings of an installation that has moved to a public address."""
    database = Database.open(settings)
    with database.writing() as session:
        addresses.move(session, settings.public_url, HOST, make.NOW)
    database.dispose()
    return settings.model_copy(update={"public_url": HOST})


@pytest.fixture(autouse=True)
def at_host(environment: dict[str, str]) -> None:
    """Run commands for a service with a public address."""
    environment["AUTHCHECK_PUBLIC_URL"] = HOST


@pytest.fixture
def acme(workspace: Workspace) -> made.Brand:
    """A brand with a design and a key."""
    return made.brand(workspace)


def codes_on(path: Path) -> list[str | None]:
    """The codes read from the labels of a PDF, page by page, in no order within a page."""
    pages = labels_made.pages(path.read_bytes(), 200)
    found = [read for page in pages for read in read_label(make.encode(page), Limits(), [HOST])]
    assert all(read.ours for read in found)
    return [read.code for read in found]


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--short"], ["--layout", "a4-65"], ["--layout", "letter-30"]])
def test_every_unit_of_a_batch_gets_its_label(
    acme: made.Brand, cli: Any, tmp_path: Path, options: list[str]
) -> None:
    """Each code is on one label, over several pages. The terminal prints the size of a module."""
    batch = acme.issue(count=70)
    done = cli("labels", batch.id, "--out", tmp_path / "sheet.pdf", *options)
    assert (done.code, done.out) == (0, "")
    assert "70 labels on" in done.err
    assert "QR modules have 0." in done.err
    assert "Buyers cannot reach" not in done.err
    assert sorted(codes_on(tmp_path / "sheet.pdf")) == sorted(unit.code for unit in acme.certificates())  # type: ignore[type-var]


def test_letters_without_a_font_are_told_at_once(acme: made.Brand, cli: Any, tmp_path: Path) -> None:
    """The order warns of them before anybody prints, and the print is refused without a file."""
    words = (
        "--org",
        "acme",
        "--design",
        acme.design.id,
        "--gtin",
        made.GTIN_14,
        "--lot",
        "L9",
        "--count",
        "1",
    )
    done = cli("certificates", "issue", *words, "--product", "Kite \U0001fa81")
    assert (done.code, "no font for these letters: \U0001fa81" in done.err) == (0, True)
    refused = cli("labels", done.out.strip(), "--out", tmp_path / "l.pdf")
    assert (refused.code, "[label.letters]" in refused.err) == (2, True)
    assert not (tmp_path / "l.pdf").exists()
    assert "no font" not in cli("certificates", "issue", *words, "--product", "Áo dài đỏ กี่").err


def test_pins_are_printed_where_asked_for(acme: made.Brand, cli: Any, tmp_path: Path) -> None:
    """With --pins each label has its own PIN, in a file that only its owner may read.

    Without --pins there are none.
    """
    batch = acme.issue(pins=True)
    pins = [pin_of(acme.vault, unit) for unit in acme.certificates()]
    done = cli("labels", batch.id, "--out", tmp_path / "pins.pdf", "--pins")
    assert "knows the PIN" in done.err
    if os.name == "posix":
        assert stat.S_IMODE((tmp_path / "pins.pdf").stat().st_mode) == 0o600
    said = labels_made.words((tmp_path / "pins.pdf").read_bytes())
    assert all(pin is not None and pin in said for pin in pins)
    cli("labels", batch.id, "--out", tmp_path / "plain.pdf")
    said = labels_made.words((tmp_path / "plain.pdf").read_bytes())
    assert not any(pin is None or pin in said for pin in pins)


def test_a_batch_without_pins_has_none_to_print(acme: made.Brand, cli: Any, tmp_path: Path) -> None:
    """The command exits with 2 and the code, and writes no file."""
    done = cli("labels", acme.issue().id, "--out", tmp_path / "sheet.pdf", "--pins")
    assert (done.code, "[label.no_pins]" in done.err) == (2, True)
    assert not (tmp_path / "sheet.pdf").exists()


def test_revoked_units_get_no_label(acme: made.Brand, cli: Any, tmp_path: Path) -> None:
    """A revoked unit has no label on the sheet. A batch with only revoked units is an error."""
    batch = acme.issue()
    gone, *left = (unit.code for unit in acme.certificates())
    acme.revoke(gone)
    cli("labels", batch.id, "--out", tmp_path / "sheet.pdf")
    assert sorted(codes_on(tmp_path / "sheet.pdf")) == sorted(left)  # type: ignore[type-var]
    acme.revoke(*left)
    assert "[label.none]" in cli("labels", batch.id, "--out", tmp_path / "none.pdf").err


def test_unsigned_certificates_get_no_label(workspace: Workspace, cli: Any, tmp_path: Path) -> None:
    """A brand that keeps its key must sign first: a label must never lead to a missing certificate."""
    brand = made.brand(workspace, key=False)
    brand.add_key(public_key=bytes(range(32)))
    batch = brand.issue()
    assert {unit.state for unit in brand.certificates()} == {"unsigned"}
    done = cli("labels", batch.id, "--out", tmp_path / "sheet.pdf")
    assert (done.code, "[label.unsigned]" in done.err) == (2, True)


def test_labels_that_lead_nowhere_are_warned_of(
    acme: made.Brand, cli: Any, tmp_path: Path, environment: dict[str, str]
) -> None:
    """The command warns when the public address is this machine's own address."""
    batch = acme.issue()
    home = "http://127.0.0.1:8000"
    assert cli("address", "move", HOST, home, "--yes").code == 0
    environment["AUTHCHECK_PUBLIC_URL"] = home
    done = cli("labels", batch.id, "--out", tmp_path / "sheet.pdf")
    assert (done.code, "Buyers cannot reach" in done.err) == (0, True)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["bat_none", "--out", "x.pdf"], "batch.not_found"),
        (["{batch}", "--out", "x.pdf", "--layout", "a5"], "setting.layout"),
        (["{batch}", "--out", "nowhere/x.pdf"], "storage.read_only"),
    ],
)
def test_what_cannot_be_printed_is_named(
    acme: made.Brand,
    cli: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    words: list[str],
    code: str,
) -> None:
    """An unknown batch id, an unknown sheet and a missing folder each get their own error."""
    batch = acme.issue()
    monkeypatch.chdir(tmp_path)
    done = cli("labels", *(word.format(batch=batch.id) for word in words))
    assert done.code in {2, 3}
    assert f"[{code}]" in done.err
