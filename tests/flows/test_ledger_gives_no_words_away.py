"""Flow: somebody downloads the public ledger and guesses. Salted hashes confirm no name, title or terms."""

import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any

import agents_made
import licences_made
import make
import pytest
import units_made
from ledger_attacks import findings, sign
from sqlalchemy import select

from authcheck.certificates import publications
from authcheck.ledger.tables import Entry
from authcheck.licences import agreements
from authcheck.licences.tables import Licence
from authcheck.lookups import lookup
from authcheck.members import organisations
from authcheck.members.tables import Appointment, Organisation
from authcheck.proofs import bundle
from authcheck.proofs.bundle import Bundle
from authcheck.proofs.trust import Trust
from authcheck.registry import designs
from authcheck.registry.masking import change_mask
from authcheck.registry.tables import Design
from authcheck.tlog.entries import digest, read_body
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql

HASHED = {
    "agent.appoint",
    "org.approve",
    "design.register",
    "design.update",
    "licence.grant",
    "licence.accept",
}
SALTED = (  # where a new entry takes its salt from
    "authcheck.members.organisations.new_salt", "authcheck.registry.registration.new_salt",
    "authcheck.registry.designs.new_salt", "authcheck.licences.agreements.new_salt",
)  # fmt: skip


@pytest.fixture
def history(workspace: Workspace) -> Workspace:
    """A ledger of members, a design that was changed twice and back, a licence and an agent's appointment."""
    design = make.register(workspace, "KITE-1", title="Kite", collection="Spring").design
    licences_made.licence(workspace, designs=(design.id,), territories=("FR",), cap=9000)
    rename(workspace, design.id, "Dragon")
    rename(workspace, design.id, "Kite")
    agents_made.appoint(workspace, designs=["KITE-1"], territories=["FR"])
    return workspace


def rename(workspace: Workspace, design_id: str, title: str) -> None:
    """Change the title of a design."""
    with workspace.database.writing() as session:
        designs.update_design(session, designs.get_design(session, design_id), title=title, now=make.NOW)


def entries_of(workspace: Workspace) -> list[dict[str, Any]]:
    """Return all public entries, in order."""
    with workspace.database.reading() as session:
        return [read_body(body) for body in session.scalars(select(Entry.body).order_by(Entry.number))]


def hashes_in(entries: list[dict[str, Any]]) -> list[str]:
    """Return the hashes of words and terms in these entries."""
    return [entry["h"] for entry in entries if entry["t"] in HASHED]


def guesses(workspace: Workspace) -> Iterator[Mapping[str, Any]]:
    """Yield what a good dictionary has: every member's name, and all words and terms as they are."""
    with workspace.database.reading() as session:
        yield from ({"name": member.name} for member in session.scalars(select(Organisation)))
        for row in session.scalars(select(Appointment)):
            terms = {"designs": row.designs, "scopes": row.scopes, "territories": row.territories}
            yield {**terms, "ends_on": row.ends_on.isoformat()}
        yield from (licence.terms for licence in session.scalars(select(Licence)))
        for design, title in itertools.product(session.scalars(select(Design)), ("Kite", "Dragon")):
            words = {
                "kind": design.kind, "public_preview": design.public_preview, "reference": design.reference, "title": title,
            }  # fmt: skip
            yield words
            yield {**words, "collection": design.collection}


def confirmed(workspace: Workspace) -> int:
    """Return how many hashes an attacker confirms who tries all guesses, with every public text as a salt."""
    entries = entries_of(workspace)
    public = {str(value) for entry in entries for value in entry.values()} | {"", "0" * 32}
    salts: list[str | None] = [None, *sorted(public)]
    tried = {digest(guess, salt) for guess in guesses(workspace) for salt in salts}
    return len(tried & set(hashes_in(entries)))


def test_a_dictionary_confirms_nothing(history: Workspace) -> None:
    """Not even the exact words and terms give a hash in the ledger."""
    assert len(hashes_in(entries_of(history))) >= 9
    assert confirmed(history) == 0


def test_each_entry_has_a_salt_of_its_own(history: Workspace) -> None:
    """The same title again, and the same terms at offer and acceptance, have other hashes."""
    hashes = hashes_in(entries_of(history))
    assert len(hashes) == len(set(hashes))


def test_a_change_of_mask_has_a_new_salt(workspace: Workspace) -> None:
    """The entry of a new mask hashes the same words again, with another salt."""
    design = make.register(workspace, "KITE-1").design
    with workspace.database.reading() as session:
        (view,) = designs.get_design(session, design.id).views
    change_mask(
        workspace.database, workspace.store, workspace.limits, design_id=design.id,
        picture_sha256=view.picture_sha256, masking=make.mask_bytes(), now=make.NOW,
    )  # fmt: skip
    hashes = hashes_in([entry for entry in entries_of(workspace) if entry["id"] == design.id])
    assert len(set(hashes)) == 2
    assert findings(workspace) == []


@pytest.mark.parametrize(
    ("edit", "table"),
    [
        ("UPDATE designs SET title = 'Stolen'", "designs"),
        ("UPDATE designs SET salt = NULL", "designs"),
        ("UPDATE designs SET salt = '00000000000000000000000000000000'", "designs"),
        ("UPDATE organisations SET salt = NULL WHERE handle = 'acme'", "organisations"),
        ("UPDATE appointments SET salt = '00000000000000000000000000000000'", "appointments"),
        ("UPDATE licences SET offered_salt = NULL", "licences"),
        ("UPDATE licences SET accepted_salt = offered_salt", "licences"),
    ],
)
def test_the_audit_finds_an_edited_word_or_salt(history: Workspace, edit: str, table: str) -> None:
    """A word or a salt that does not belong to the entry's hash is named by its row."""
    assert findings(history) == []
    assert [finding.split()[0] for finding in findings(history, edit)] == [table]


def test_entries_of_earlier_releases_stay_valid(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows without a salt agree with their entries. Their next entry is salted, and edits are found."""
    with monkeypatch.context() as earlier:
        for name in SALTED:
            earlier.setattr(name, lambda: None)
        design = make.register(workspace, "KITE-1", title="Kite").design
        offer = licences_made.licence(workspace, designs=(design.id,), accepted=False)
    assert confirmed(workspace) == len(hashes_in(entries_of(workspace)))
    assert findings(workspace) == []
    assert [line.split()[0] for line in findings(workspace, "UPDATE designs SET title = 'X'")] == ["designs"]
    before = len(hashes_in(entries_of(workspace)))
    rename(workspace, design.id, "Dragon")
    with workspace.database.writing() as session:
        agreements.accept(session, organisations.get_organisation(session, "maker"), offer.id, make.NOW)
    assert (confirmed(workspace), len(hashes_in(entries_of(workspace)))) == (before, before + 2)
    assert findings(workspace) == []


def test_a_bundle_has_no_salt_and_the_trust_file_that_of_the_name(workspace: Workspace) -> None:
    """A bundle discloses no hashed words, so it has no salt. The trust file discloses names, with their salts."""
    design_id = units_made.brand_with_key(workspace)
    (unit, *_) = units_made.issue(workspace, design_id)
    sign(workspace)
    found = lookup.look_up(workspace.database, workspace.settings, unit.code, make.NOW)
    assert found.bundle is not None
    with workspace.database.reading() as session:
        trust = publications.trust_of(session, workspace.settings, make.NOW)
        design, brand = session.get_one(Design, design_id), organisations.get_organisation(session, "acme")
    public = json.dumps([found.bundle.to_json(), trust.to_json(), entries_of(workspace)])
    assert design.salt
    assert design.salt not in public
    (issuer,) = trust.to_json()["issuers"].values()
    (approved,) = (entry for entry in entries_of(workspace) if entry["id"] == brand.id)
    assert digest({"name": issuer["name"]}, issuer["salt"]) == approved["h"]
    assert issuer["salt"] == brand.salt


def test_bundles_and_trust_files_of_earlier_releases_verify(workspace: Workspace) -> None:
    """A bundle verifies with a trust file with salts, and with one without."""
    (unit, *_) = units_made.issue(workspace, units_made.brand_with_key(workspace))
    found = lookup.look_up(workspace.database, workspace.settings, unit.code, make.NOW)
    assert found.bundle is not None
    with workspace.database.reading() as session:
        new = publications.trust_of(session, workspace.settings, make.NOW).to_json()
    old = {**new, "issuers": {did: {**one} for did, one in new["issuers"].items()}}
    for issuer in old["issuers"].values():
        del issuer["salt"]
    proof = Bundle.from_json(json.dumps(found.bundle.to_json()))
    for file in (new, old):
        trust = Trust.from_json(json.dumps(file))
        assert trust.to_json() == file
        assert bundle.verify(proof, trust, make.NOW).outcome == "good"
