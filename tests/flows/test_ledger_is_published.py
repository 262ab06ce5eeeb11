"""Flow: the operator publishes the ledger with signed checkpoints, proofs, a mirror of files, and cosignatures."""

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import make
import pytest
from ledger_attacks import back_up, findings, restore, sign
from ledger_made import cosigner

from authcheck.errors import NotFound, NotTrue, Unavailable
from authcheck.ledger import journal, publishing
from authcheck.ledger.cosigning import Cosigned, cosign
from authcheck.ledger.export import export
from authcheck.ledger.tables import Entry, SignedCheckpoint
from authcheck.members import organisations
from authcheck.tlog.entries import Draft
from authcheck.tlog.merkle import EMPTY_ROOT, leaf_hash, root_of, verify_consistency, verify_inclusion
from authcheck.tlog.note import Checkpoint, Cosigner, read_proof, signed_note, verify_note
from authcheck.tlog.tiles import decode_entries, entries_path, tile_path
from authcheck.tlog.witness import Witness, quorum
from authcheck.workspace import Workspace

pytestmark = pytest.mark.postgresql

NOW = make.NOW


def grow(workspace: Workspace, count: int, first: int = 0) -> list[Entry]:
    """Append this number of entries."""
    drafts = [Draft("cert.flag", f"urn:uuid:{number}", NOW) for number in range(first, first + count)]
    with workspace.database.writing() as session:
        return journal.record(session, drafts)


def test_a_checkpoint_is_signed_once(workspace: Workspace) -> None:
    """The ledger's key signs each size once under the ledger's name, even the empty log."""
    empty = sign(workspace)
    assert Checkpoint.from_note(empty.note) == Checkpoint(workspace.settings.ledger_origin, 0, EMPTY_ROOT)
    entries = grow(workspace, 300)
    first = sign(workspace)
    assert Checkpoint.from_note(first.note).root == root_of([leaf_hash(entry.body) for entry in entries])
    verifier = publishing.ledger_signer(workspace.settings, workspace.settings.ledger_origin).verifier
    assert verify_note(first.note, [verifier]) == [verifier]
    assert sign(workspace, NOW + timedelta(days=1)).signed_at == NOW
    assert findings(workspace) == []


def test_another_address_is_no_other_name(workspace: Workspace) -> None:
    """The ledger keeps its name in a shell with another address. Witnesses know the ledger by this name."""
    grow(workspace, 3)
    before = sign(workspace)
    other = workspace.settings.model_copy(update={"public_url": "https://authcheck.example"})
    assert publishing.publish(workspace.database, other, now=NOW).note == before.note
    grow(workspace, 1, first=3)
    after = publishing.publish(workspace.database, other, now=NOW)
    assert after.note.startswith("127.0.0.1:8000/ledger\n4\n")
    assert findings(workspace) == []


def test_every_entry_has_a_proof(workspace: Workspace) -> None:
    """A tlog-proof leads from each entry to the checkpoint. An entry beyond the checkpoint has no proof."""
    entries = grow(workspace, 259)
    checkpoint = sign(workspace)
    (later,) = grow(workspace, 1, first=259)
    with workspace.database.reading() as session:
        for entry in (entries[0], entries[255], entries[256], entries[258]):
            proof = read_proof(journal.proof_for(session, entry, checkpoint))
            said = Checkpoint.from_note(proof.checkpoint_note)
            verify_inclusion(bytes.fromhex(entry.tx_id), proof.index, said.size, proof.hashes, said.root)
        with pytest.raises(NotFound) as unsigned:
            journal.proof_for(session, later, checkpoint)
        with pytest.raises(NotFound) as unknown:
            journal.get_entry(session, "0" * 64)
    assert (unsigned.value.code, unknown.value.code) == ("ledger.not_signed", "ledger.not_found")


def test_a_mirror_follows_the_ledger(workspace: Workspace, tmp_path: Path) -> None:
    """The mirror has the tlog-tiles layout and gives the root. The next export writes only new files."""
    bodies = [entry.body for entry in grow(workspace, 258)]
    assert mirrored(workspace, tmp_path) == [
        entries_path(0),
        tile_path(0, 0),
        entries_path(1, 2),
        tile_path(0, 1, 2),
        tile_path(1, 0, 1),
        "checkpoint",
    ]
    bodies += [entry.body for entry in grow(workspace, 1, first=258)]
    assert mirrored(workspace, tmp_path) == [entries_path(1, 3), tile_path(0, 1, 3), "checkpoint"]
    found = decode_entries((tmp_path / entries_path(0)).read_bytes())
    found += decode_entries((tmp_path / entries_path(1, 3)).read_bytes())
    assert found == bodies
    said = Checkpoint.from_note((tmp_path / "checkpoint").read_text())
    assert (said.size, said.root) == (259, root_of([leaf_hash(body) for body in found]))


def mirrored(workspace: Workspace, folder: Path) -> list[str]:
    """The files that an export writes."""
    checkpoint = sign(workspace)
    with workspace.database.snapshot() as session:
        return list(export(session, checkpoint, folder))


def test_a_mirror_of_another_ledger_is_left_alone(workspace: Workspace, tmp_path: Path) -> None:
    """An export refuses a folder whose files are not the beginning of this ledger."""
    grow(workspace, 3)
    text = Checkpoint(workspace.settings.ledger_origin, 2, bytes(32)).text
    (tmp_path / "checkpoint").write_text(
        signed_note(
            text, publishing.ledger_signer(workspace.settings, workspace.settings.ledger_origin).sign(text)
        )
    )
    with pytest.raises(NotTrue) as refused:
        mirrored(workspace, tmp_path)
    assert refused.value.code == "ledger.forked"
    assert not (tmp_path / "tile").exists()


class FakeWitness:
    """A witness of one log in this process (C2SP tlog-witness). It does not answer while `off` is set."""

    def __init__(self, signer: Cosigner) -> None:
        self.signer, self.size, self.root, self.off = signer, 0, EMPTY_ROOT, False
        self.witness = Witness(f"http://{signer.name}", signer.verifier)

    def add(self, body: bytes) -> tuple[int, bytes]:
        """Answer `add-checkpoint`."""
        if self.off:
            raise Unavailable("No answer.", code="witness.unreachable")
        head, _, note = body.decode().partition("\n\n")
        old, *proof = head.split("\n")
        checkpoint = Checkpoint.from_note(note)
        if old != f"old {self.size}":
            return 409, b"%d\n" % self.size
        try:
            if self.size:
                hashes = [base64.b64decode(line) for line in proof]
                verify_consistency(self.size, checkpoint.size, hashes, self.root, checkpoint.root)
        except NotTrue:
            return 422, b""
        self.size, self.root = checkpoint.size, checkpoint.root
        return 200, self.signer.sign(checkpoint.text, 1_800_000_000).encode()


@pytest.fixture
def witnesses() -> list[FakeWitness]:
    """Two witnesses."""
    return [FakeWitness(cosigner(1)), FakeWitness(cosigner(2))]


def asked(workspace: Workspace, witnesses: list[FakeWitness]) -> Cosigned:
    """Have a checkpoint cosigned."""
    by_url = {f"{one.witness.url}/add-checkpoint": one for one in witnesses}
    return cosign(
        workspace.database,
        workspace.settings,
        [one.witness for one in witnesses],
        now=NOW,
        post=lambda url, body: by_url[url].add(body),
    )


@pytest.mark.slow
def test_witnesses_cosign_as_the_ledger_grows(workspace: Workspace, witnesses: list[FakeWitness]) -> None:
    """Each checkpoint gets both cosignatures. A witness that was away joins again.

    No cosignature is made twice.
    """
    verifiers = [one.witness.verifier for one in witnesses]
    grow(workspace, 3)
    assert quorum(asked(workspace, witnesses).checkpoint.note, verifiers, 2) == 2
    grow(workspace, 300, first=3)
    witnesses[1].off = True
    done = asked(workspace, witnesses)
    assert (quorum(done.checkpoint.note, verifiers, 0), list(done.refusals)) == (
        1,
        [witnesses[1].signer.name],
    )
    witnesses[1].off = False
    done = asked(workspace, witnesses)
    assert quorum(done.checkpoint.note, verifiers, 2) == 2
    assert asked(workspace, witnesses).checkpoint.note == done.checkpoint.note
    assert findings(workspace) == []


def test_a_witness_remembers_what_a_restored_backup_lacks(
    workspace: Workspace, witnesses: list[FakeWitness]
) -> None:
    """A witness knows the larger size even when the head file is gone, and nothing more is signed."""
    grow(workspace, 3)
    asked(workspace, witnesses)
    kept = back_up(workspace.database)
    grow(workspace, 4, first=3)
    asked(workspace, witnesses)
    restore(workspace.database, kept)
    (workspace.settings.keys_dir / "ledger-head").unlink()
    grow(workspace, 1, first=9)
    with pytest.raises(Unavailable) as refused:
        asked(workspace, witnesses)
    assert refused.value.code == "ledger.rolled_back"
    with pytest.raises(Unavailable, match="witness"):
        sign(workspace)
    with workspace.database.reading() as session:
        assert [one.size for one in session.query(SignedCheckpoint)] == [3]


def test_a_witness_refuses_a_rewritten_history(workspace: Workspace, witnesses: list[FakeWitness]) -> None:
    """A witness does not cosign a fork of the same size that the right key signed."""
    kept = back_up(workspace.database)
    grow(workspace, 3)
    asked(workspace, witnesses)
    restore(workspace.database, kept)
    (workspace.settings.keys_dir / "ledger-head").unlink()
    grow(workspace, 5, first=100)
    done = asked(workspace, witnesses)
    assert {error.code for error in done.refusals.values()} == {"ledger.forked"}
    assert quorum(done.checkpoint.note, [one.witness.verifier for one in witnesses], 0) == 0


def test_the_chain_is_asked_before_signing(workspace: Workspace) -> None:
    """The chain's size counts like the head file. A shorter or another log is not signed."""
    grow(workspace, 3)
    root = bytes.fromhex(sign(workspace).root)
    for held, code in (
        (publishing.Held("the chain", 9, root), "ledger.rolled_back"),
        (publishing.Held("the chain", 2, root), "ledger.forked"),
    ):
        with pytest.raises((Unavailable, NotTrue)) as refused:
            publishing.publish(workspace.database, workspace.settings, held=[held], now=NOW)
        assert refused.value.code == code


def test_an_operator_audits_and_exports(
    cli: Callable[..., object], workspace: Workspace, tmp_path: Path
) -> None:
    """The audit command exits with 0 for a sound ledger. It exits with 1 and names a changed row."""
    with workspace.database.writing() as session:
        organisations.ensure_brand(session, "acme", NOW)
    done = cli("ledger", "checkpoint")
    assert Checkpoint.from_note(done.out).size == 1
    done = cli("ledger", "export", tmp_path / "mirror")
    assert (done.code, (tmp_path / "mirror" / tile_path(0, 0, 1)).stat().st_size) == (0, 32)
    assert cli("ledger", "audit").code == 0
    with workspace.database.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE organisations SET name = 'Mallory'")
    done = cli("ledger", "audit")
    assert done.code == 1
    assert "differs from its entries: h" in done.err
    done = cli("ledger", "audit", "--json")
    assert (done.code, json.loads(done.out)["problem"]) == (1, "differs from its entries: h")
    assert cli("ledger", "witness").code == 2
