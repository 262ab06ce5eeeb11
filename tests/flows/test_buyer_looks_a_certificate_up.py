"""Flow: a buyer looks up a certificate.

Tests say what is checked, and what a tampered database cannot hide.
"""

import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import make
import pytest
import sqlalchemy as sa
import units_made as units

from authcheck.certificates import publications, signing_keys, status_lists
from authcheck.certificates.tables import Certificate, StatusList
from authcheck.errors import NotFound
from authcheck.ledger import journal
from authcheck.ledger.tables import Entry, LedgerHead
from authcheck.lookups import lookup, transactions
from authcheck.lookups.lookup import LookUp
from authcheck.members import organisations
from authcheck.proofs import bundle
from authcheck.proofs.bundle import Bundle, State
from authcheck.proofs.trust import Trust
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql

LATER = make.NOW + timedelta(hours=5)


def look(workspace: Workspace, text: str) -> LookUp:
    """The answer that a buyer gets."""
    return lookup.look_up(workspace.database, workspace.settings, text, LATER)


def states(found: LookUp) -> dict[str, str]:
    """The steps of a look-up and their results."""
    return {step.name: step.state.value for step in found.steps}


@pytest.fixture
def issued(workspace: Workspace) -> list[Certificate]:
    """Two certificates of acme."""
    return units.issue(workspace, units.brand_with_key(workspace))


def test_every_name_of_a_certificate_finds_it(workspace: Workspace, issued: list[Certificate]) -> None:
    """A certificate is found by its code as printed or typed, by id, urn, transaction id or GS1 numbers."""
    one = issued[1]
    found = look(workspace, one.code)
    assert found.unit.issued_tx_id is not None
    typed = f" {one.code[:4]}-{one.code[4:8]} {one.code[8:]} ".lower()
    for text in (
        typed,
        one.id,
        f"urn:uuid:{one.id}",
        one.id.upper(),
        found.unit.issued_tx_id,
        found.unit.issued_tx_id.upper(),
    ):
        assert look(workspace, text).unit.id == one.id
    for code in (None, one.code, typed):
        assert by_link(workspace, ("4006381333931", "L-1", one.serial), code).unit.id == one.id


def by_link(workspace: Workspace, numbers: tuple[str, str, str], code: str | None) -> LookUp:
    """Look up by the link of a label."""
    return lookup.look_up_label(workspace.database, workspace.settings, numbers, code, LATER)


def test_a_good_certificate_says_what_was_checked(workspace: Workspace, issued: list[Certificate]) -> None:
    """Every step that was checked is true. A step that is switched off is off, not true."""
    found = look(workspace, issued[0].code)
    assert found.outcome == "good"
    expected = dict.fromkeys(bundle.STEPS, "true") | {"witnesses": "off", "anchor": "off"}
    assert states(found) == expected
    assert found.unit.checkpoint_size is not None


def test_the_bundle_is_verified_offline_by_the_published_trust(
    workspace: Workspace, issued: list[Certificate]
) -> None:
    """The bundle verifies without the server, now and after the log has grown."""
    text = json.dumps(_bundle(look(workspace, issued[0].code)).to_json())
    units.issue(workspace, issued[0].design_id, request_key="two", lot="L-2", now=LATER)
    with workspace.database.reading() as session:
        for handle in (None, "acme"):
            trust = publications.trust_of(session, workspace.settings, LATER, handle)
            read = Trust.from_json(json.dumps(trust.to_json()))
            report = bundle.verify(Bundle.from_json(text), read, LATER)
            # The second batch published a newer list. The old bundle alone does not know it.
            assert (report.outcome, report.steps[6].state) == ("unknown", State.UNKNOWN)
            fresh = _bundle(look(workspace, issued[0].code))
            assert bundle.verify(fresh, read, LATER).outcome == "good"


def test_a_revoked_certificate_says_so(workspace: Workspace, issued: list[Certificate]) -> None:
    """A look-up shows a revocation at once, with its reason. The next certificate stays good.

    The bundle shows it too.
    """
    look(workspace, issued[0].code)
    units.revoke(workspace, issued[0])
    found = look(workspace, issued[0].code)
    assert (found.outcome, found.unit.revocation_reason) == ("revoked", "stolen")
    assert look(workspace, issued[1].code).outcome == "good"
    with workspace.database.reading() as session:
        trust = publications.trust_of(session, workspace.settings, LATER)
    assert bundle.verify(_bundle(found), trust, LATER).outcome == "revoked"


def test_attack_revocation_hidden_in_sql(workspace: Workspace, issued: list[Certificate]) -> None:
    """An attacker sets the row back to active. The list under the checkpoint still shows the revocation."""
    units.revoke(workspace, issued[0])
    with workspace.database.writing() as session:
        session.execute(
            sa.update(Certificate).values(
                state="active", revoked_at=None, revocation_reason=None, revoked_entry_number=None
            )
        )
    assert look(workspace, issued[0].code).outcome == "revoked"


def test_attack_old_status_list_put_back(workspace: Workspace, issued: list[Certificate]) -> None:
    """An attacker puts back the list from before the revocation.

    The ledger holds the hash of another list.
    """
    with workspace.database.reading() as session:
        old = status_lists.latest(session, issued[0].organisation_id, 0)
        assert old is not None
    units.revoke(workspace, issued[0])
    with workspace.database.writing() as session:
        session.execute(sa.update(StatusList).values(jws=old.jws, jws_sha256=old.jws_sha256))
    for unit in issued:
        found = look(workspace, unit.code)
        assert found.outcome in {"not_true", "revoked"}
        assert states(found)["status"] == "false"


def test_attack_newest_status_list_deleted(workspace: Workspace, issued: list[Certificate]) -> None:
    """An attacker deletes the newest list to put the older list in force.

    The ledger's entry shows that a list is missing.
    """
    units.revoke(workspace, issued[0])
    with workspace.database.writing() as session:
        newest = session.scalar(sa.select(sa.func.max(StatusList.entry_number)))
        session.execute(sa.delete(StatusList).where(StatusList.entry_number == newest))
    found = look(workspace, issued[0].code)
    assert (found.outcome, found.steps[0].code) == ("not_true", "ledger.incomplete")


def test_asked_at_once_the_answer_is_the_same(workspace: Workspace, issued: list[Certificate]) -> None:
    """A look-up that does not wait answers the same once a checkpoint covers the certificate.

    A look-up on a server database never has an immediate answer.
    """
    one = issued[0]
    asked = (workspace.database, workspace.settings, one.code, LATER)
    assert lookup.look_up_at_once(*asked) is None
    told = look(workspace, one.code)
    assert lookup.look_up_at_once(*asked) == (told if workspace.database.is_embedded else None)
    units.issue(workspace, one.design_id, request_key="another")
    assert lookup.look_up_at_once(*asked) is None
    if workspace.database.is_embedded:
        with pytest.raises(NotFound):
            lookup.look_up_at_once(workspace.database, workspace.settings, "no such code", LATER)


@pytest.mark.slow
def test_attack_ledger_cut_off_below_a_certificate(workspace: Workspace, issued: list[Certificate]) -> None:
    """An attacker lowers the ledger's size in SQL.

    The certificates beyond it get no proof, and signing does not loop.
    """
    with workspace.database.writing() as session:
        session.execute(sa.update(LedgerHead).values(size=1))
    found = look(workspace, issued[0].code)
    assert (found.outcome, found.steps[0].code) == ("not_true", "ledger.incomplete")


@pytest.mark.slow
def test_attack_certificate_moved_to_another_design(workspace: Workspace, issued: list[Certificate]) -> None:
    """A certificate moved to another design does not show that design, because the brand did not sign for it."""
    other = make.register(workspace, "OTHER-1", owner="rival", seed=77).design
    with workspace.database.writing() as session:
        session.execute(sa.update(Certificate).values(design_id=other.id))
    found = look(workspace, issued[0].code)
    assert (found.outcome, found.steps[0].code) == ("not_true", "certificate.changed")


def test_attack_certificate_changed_in_sql(workspace: Workspace, issued: list[Certificate]) -> None:
    """An attacker swaps the signed certificates of two rows."""
    one, two = issued
    with workspace.database.writing() as session:
        session.execute(sa.update(Certificate).where(Certificate.id == one.id).values(jws=two.jws))
    found = look(workspace, one.code)
    assert (found.outcome, states(found)["entry"]) == ("not_true", "false")


def test_attack_certificate_made_in_sql(workspace: Workspace, issued: list[Certificate]) -> None:
    """An attacker inserts a row with a real signature of another unit and without a ledger entry."""
    one = issued[0]
    made = {column.key: getattr(one, column.key) for column in Certificate.__table__.columns} | {
        "id": "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b",
        "code": "0000000000000",
        "serial": "FORGED",
        "status_index": 99,
    }
    with workspace.database.writing() as session:
        session.execute(sa.insert(Certificate).values(**made))
    found = look(workspace, "0000000000000")
    assert (found.outcome, found.bundle, found.steps[0].code) == ("not_true", None, "ledger.incomplete")


@pytest.mark.parametrize("field", ["product", "gtin"])
def test_attack_shown_facts_changed_in_sql(
    workspace: Workspace, issued: list[Certificate], field: str
) -> None:
    """An attacker changes a unit's shown facts.

    The look-up notices that they differ from the signed facts.
    """
    one = issued[0]
    with workspace.database.writing() as session:
        table = "batches" if field == "product" else "certificates"
        session.execute(sa.text(f"UPDATE {table} SET {field} = '04006381333900'"))  # noqa: S608 - ours
    found = look(workspace, one.code)
    assert (found.outcome, states(found)["signature"]) == ("not_true", "false")


def test_code_guessing_learns_nothing(workspace: Workspace, issued: list[Certificate]) -> None:
    """Unknown and malformed codes get the same answer, word for word."""
    one = issued[0].code
    near = one[:-1] + ("0" if one[-1] != "0" else "1")
    told = set()
    for guess in (
        near,
        "0000000000000",
        "",
        "x" * 5000,
        "\x00",
        "0" * 64,
        "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b",
        "é",
    ):
        with pytest.raises(NotFound) as refused:
            look(workspace, guess)
        told.add((refused.value.code, str(refused.value), str(refused.value.params)))
    other = issued[1].code
    for numbers, code in (
        (("4006381333931", "L-1", "none"), one),
        (("4006381333931", "L-1", "none"), "guess"),
        (("4006381333931", "L-1", one), other),
        (("4006381333931", "L-2", one), None),
        (("1", "L-1", one), None),
        (("4006381333931", "é", one), None),
    ):
        with pytest.raises(NotFound) as refused:
            by_link(workspace, numbers, code)
        told.add((refused.value.code, str(refused.value), str(refused.value.params)))
    assert told == {("certificate.not_found", "We have no certificate for that code.", "{}")}


def test_an_entry_about_something_else_is_no_certificate(
    workspace: Workspace, issued: list[Certificate]
) -> None:
    """The transaction id of a registered design finds the transaction, not a certificate."""
    with workspace.database.reading() as session:
        entry = session.scalars(sa.select(Entry).where(Entry.type == "design.register")).one()
    with pytest.raises(NotFound):
        look(workspace, entry.tx_id)
    found = transactions.transaction(workspace.database, workspace.settings, entry.tx_id)
    assert (found.entry.number, found.anchoring) == (entry.number, None)
    assert found.proof.startswith("c2sp.org/tlog-proof@v1\nindex ")


def test_a_look_up_signs_what_is_not_signed_yet(workspace: Workspace, issued: list[Certificate]) -> None:
    """The first look-up of an entry without a checkpoint has a checkpoint made. The next look-up finds it."""
    with workspace.database.reading() as session:
        assert journal.latest_checkpoint(session) is None
    sizes = {look(workspace, unit.code).unit.checkpoint_size for unit in issued}
    assert len(sizes) == 1


def test_unknown_transactions_are_not_found(workspace: Workspace) -> None:
    """An unknown transaction id finds neither an entry nor an anchor."""
    with pytest.raises(NotFound):
        transactions.transaction(workspace.database, workspace.settings, "0" * 64)
    for text in ("0x" + "0" * 64, "0x", "x"):
        with pytest.raises(NotFound):
            transactions.chain_transaction(workspace.database, text)


def test_a_revocation_whose_list_is_not_signed_yet_counts(
    workspace: Workspace, issued: list[Certificate]
) -> None:
    """The ledger's entry revokes at once, even when the brand has no key left to sign a new list."""
    old = _bundle(look(workspace, issued[1].code))
    with workspace.database.writing() as session:
        brand = organisations.get_organisation(session, "acme")
        signing_keys.revoke_key(session, brand, signing_keys.list_keys(session, brand)[0].id, LATER)
    units.revoke(workspace, issued[0])
    assert look(workspace, issued[0].code).outcome == "revoked"
    with workspace.database.reading() as session:
        trust = publications.trust_of(session, workspace.settings, LATER)
    assert bundle.verify(old, trust, LATER).outcome == "unknown"


@pytest.mark.slow
def test_the_command_looks_up_and_its_bundle_verifies(
    workspace: Workspace, issued: list[Certificate], tmp_path: Path
) -> None:
    """`authcheck lookup --bundle` and `authcheck verify-bundle` run as two processes and exit as grep does."""
    with workspace.database.reading() as session:
        trust = publications.trust_of(session, workspace.settings, LATER).to_json()
    (tmp_path / "trust.json").write_text(json.dumps(trust))
    kept = str(tmp_path / "kept.json")
    env = {**os.environ, "AUTHCHECK_DATA_DIR": str(workspace.settings.data_dir)}
    if workspace.settings.database_url:
        env["AUTHCHECK_DATABASE_URL"] = workspace.settings.database_url
    for words, status, outcome in (
        (["lookup", issued[0].code, "--bundle", kept], 0, "good"),
        (["verify-bundle", kept, "--trust", str(tmp_path / "trust.json")], 0, "good"),
        (["lookup", "0000000000000"], 2, ""),
    ):
        done = subprocess.run(  # noqa: S603 - our own command line
            [sys.executable, "-m", "authcheck", *words], env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == status, done.stderr
        assert done.stdout.partition("\n")[0] == outcome


def _bundle(found: LookUp) -> Bundle:
    assert found.bundle is not None
    return found.bundle
