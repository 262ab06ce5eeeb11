"""Signed notes, checkpoints, cosignatures and proof texts: published vectors, and attacks that must fail."""

import base64
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from ledger_made import ORIGIN, cosigner, entry_bodies, key_of, log_signer
from log_made import MemoryLog, checkpoint_of, prove

from authcheck.errors import NotTrue
from authcheck.tlog.merkle import leaf_hash, verify_inclusion
from authcheck.tlog.note import (
    Checkpoint,
    Proof,
    Signer,
    Verifier,
    proof_text,
    read_note,
    read_proof,
    signed_note,
    verify_note,
)
from authcheck.tlog.witness import quorum

VECTOR = json.loads((Path(__file__).parents[2] / "vectors" / "note.json").read_text())
LOG = log_signer()
CHECKPOINT = Checkpoint(ORIGIN, 5, bytes(range(32)))
NOTE = signed_note(CHECKPOINT.text, LOG.sign(CHECKPOINT.text))
WITNESSES = [cosigner(1), cosigner(2), cosigner(3)]
COSIGNED = NOTE + "".join(one.sign(CHECKPOINT.text, 1_700_000_000) for one in WITNESSES)
KEYS = [one.verifier for one in WITNESSES]


def code_of(note: str, *verifiers: Verifier) -> str:
    """Return the code with which a note is refused."""
    with pytest.raises(NotTrue) as caught:
        verify_note(note, verifiers)
    return caught.value.code


def test_the_published_note() -> None:
    """Go's own vector gives the same vkey and, because Ed25519 is deterministic, the same signature."""
    signer = Signer(VECTOR["name"], Ed25519PrivateKey.from_private_bytes(base64.b64decode(VECTOR["seed"])))
    assert signer.verifier.vkey == VECTOR["vkey"]
    assert signer.sign(VECTOR["text"]) == VECTOR["line"]
    verifier = Verifier.from_vkey(VECTOR["vkey"])
    assert verify_note(signed_note(VECTOR["text"], VECTOR["line"]), [verifier]) == [verifier]


def test_the_lines_of_a_checkpoint() -> None:
    """The lines are origin, size, root in base64, a blank line, signatures (C2SP tlog-checkpoint)."""
    lines = NOTE.split("\n")
    assert lines[:4] == [ORIGIN, "5", base64.b64encode(bytes(range(32))).decode(), ""]
    assert lines[4].startswith(f"— {ORIGIN} ")
    assert Checkpoint.from_note(NOTE) == CHECKPOINT
    assert Checkpoint.from_text(CHECKPOINT.text) == CHECKPOINT


def test_who_signed() -> None:
    """The keys that signed come back in the order of the query. Strangers' signatures are ignored."""
    stranger = cosigner(9).verifier
    assert verify_note(COSIGNED, [KEYS[2], stranger, LOG.verifier]) == [KEYS[2], LOG.verifier]
    assert verify_note(NOTE, KEYS) == []
    assert len(read_note(COSIGNED)[1]) == 4


def test_attack_changed_checkpoint() -> None:
    """A larger size, another root or another origin under the old signature is not true."""
    for other in (
        Checkpoint(ORIGIN, 6, CHECKPOINT.root),
        Checkpoint(ORIGIN, 5, bytes(32)),
        Checkpoint(ORIGIN + "2", 5, CHECKPOINT.root),
    ):
        assert code_of(NOTE.replace(CHECKPOINT.text, other.text), LOG.verifier) == "note.signature"


def test_attack_wrong_key_under_the_log_s_name() -> None:
    """Another key cannot pose as the log.

    With its own id it is a stranger, with the log's id it is not true.
    """
    forged = Signer(ORIGIN, key_of(66)).sign(CHECKPOINT.text)
    assert verify_note(signed_note(CHECKPOINT.text, forged), [LOG.verifier]) == []
    typed = base64.b64decode(forged.split()[2])
    posing = f"— {ORIGIN} {base64.b64encode(LOG.verifier.key_id + typed[4:]).decode()}\n"
    assert code_of(signed_note(CHECKPOINT.text, posing), LOG.verifier) == "note.signature"
    assert code_of(NOTE + posing, LOG.verifier) == "note.signature"


def test_attack_cosignature_of_another_time() -> None:
    """The time is signed, so a cosignature cannot be made to look newer."""
    line = WITNESSES[0].sign(CHECKPOINT.text, 1_700_000_000)
    raw = bytearray(base64.b64decode(line.split()[2]))
    raw[11] ^= 1
    forged = f"— {KEYS[0].name} {base64.b64encode(raw).decode()}\n"
    assert code_of(NOTE + forged, KEYS[0]) == "note.signature"
    raw[4] |= 128  # beyond 2**63 - 1
    assert code_of(NOTE + f"— {KEYS[0].name} {base64.b64encode(raw).decode()}\n", KEYS[0]) == "note.signature"


def test_attack_plain_signature_as_cosignature() -> None:
    """A witness's key used for a plain signature has another key id, and its bytes are no cosignature."""
    plain = Signer(KEYS[0].name, key_of(1))
    assert verify_note(signed_note(CHECKPOINT.text, plain.sign(CHECKPOINT.text)), KEYS) == []
    raw = base64.b64decode(plain.sign(CHECKPOINT.text).split()[2])
    posing = f"— {KEYS[0].name} {base64.b64encode(KEYS[0].key_id + raw[4:]).decode()}\n"
    assert code_of(NOTE + posing, KEYS[0]) == "note.signature"


def test_attack_cosignature_of_another_checkpoint() -> None:
    """A cosignature of one tree does not count for another tree."""
    other = Checkpoint(ORIGIN, 6, bytes(32))
    assert code_of(NOTE + WITNESSES[0].sign(other.text, 1_700_000_000), KEYS[0]) == "note.signature"


@given(st.permutations(range(4)))
def test_attack_reordered_cosignatures(order: list[int]) -> None:
    """Reordered lines count the same. Lines with exchanged names count for nobody."""
    text, lines = read_note(COSIGNED)
    shuffled = signed_note(text, *(str(lines[at]) for at in order))
    assert quorum(shuffled, KEYS, 3) == 3
    names = [lines[at].name for at in order]
    exchanged = [f"— {name} {str(line).split()[2]}\n" for name, line in zip(names, lines, strict=True)]
    kept = sum(name == line.name for name, line in zip(names, lines, strict=True) if name != ORIGIN)
    assert quorum(signed_note(text, *exchanged), KEYS, 0) == kept


def test_attack_one_witness_key_under_two_names() -> None:
    """A cosignature does not commit to the name, so keys are counted and not names."""
    second = cosigner(1, "other.example/witness")
    note = NOTE + WITNESSES[0].sign(CHECKPOINT.text, 1) + second.sign(CHECKPOINT.text, 1)
    assert len(verify_note(note, [KEYS[0], second.verifier])) == 2
    assert quorum(note, [KEYS[0], second.verifier], 1) == 1
    with pytest.raises(NotTrue) as caught:
        quorum(note, [KEYS[0], second.verifier], 2)
    assert caught.value.code == "note.quorum"


def test_attack_one_cosignature_many_times() -> None:
    """Repeating a line or naming a key twice does not raise the count."""
    line = WITNESSES[0].sign(CHECKPOINT.text, 1)
    note = NOTE + line + line + WITNESSES[0].sign(CHECKPOINT.text, 2)
    assert verify_note(note, [KEYS[0], KEYS[0]]) == [KEYS[0]]
    assert quorum(note, KEYS, 0) == 1


def test_attack_log_signs_as_its_own_witness() -> None:
    """A plain signature is no cosignature, whatever list its key is in."""
    assert quorum(NOTE, [LOG.verifier], 0) == 0


def test_a_quorum_of_none_is_met_by_none() -> None:
    """A quorum of none asks for no cosignature. A false signature is refused all the same."""
    assert quorum(NOTE, KEYS, 0) == 0
    assert quorum(COSIGNED, KEYS, 3) == 3


@given(st.integers(0, len(COSIGNED) - 1), st.sampled_from("A0 \n+=—/\r\t"))
def test_a_note_with_any_character_changed_counts_for_less(at: int, other: str) -> None:
    """A note with one changed character is refused, or fewer keys signed it, or nothing was changed."""
    changed = COSIGNED[:at] + other + COSIGNED[at + 1 :]
    try:
        signed = verify_note(changed, [LOG.verifier, *KEYS])
    except NotTrue:
        return
    assert changed == COSIGNED or len(signed) < 4


@pytest.mark.parametrize(
    "note",
    [
        "",
        "\n",
        CHECKPOINT.text,
        CHECKPOINT.text + "\n",
        NOTE.rstrip("\n"),
        NOTE + "\n",
        NOTE.replace("\n\n", "\n"),
        NOTE.replace("— ", "- "),
        NOTE.replace("— ", "—  "),
        NOTE.replace("\n", "\r\n"),
        NOTE + "— name !!!!\n",
        NOTE + "— name AAAA\n",
        NOTE + "— name AAAAAAA\n",
        NOTE + "— na+me AAAAAAAA\n",
        NOTE + "— na\u2003me AAAAAAAA\n",
        NOTE + "—  AAAAAAAA\n",
        NOTE + "— name AAAAAAB=\n",
        NOTE + "— name AAAAAAAA more\n",
        NOTE + "comment\n",
        NOTE + "\x00",
        NOTE.replace("5", "\x1f"),
        NOTE + "— name AAAAAAAA\n" * 100,
        "a" * 1_000_000 + NOTE,
        "\ud800" + NOTE,
    ],
    ids=lambda note: repr(note)[-30:],
)
def test_malformed_notes_are_refused(note: str) -> None:
    """Notes are read strictly as C2SP signed-note defines them, with base64 in one spelling only."""
    assert code_of(note, LOG.verifier) == "note.malformed"


def test_notes_of_another_kind_are_refused() -> None:
    """Bytes are refused, because a note is text."""
    assert code_of(NOTE.encode()) == "note.malformed"  # type: ignore[arg-type]


def test_a_text_may_have_blank_lines() -> None:
    """A text may contain blank lines. The last blank line ends the text."""
    text = "one\n\n\ntwo\n\n"
    note = signed_note(text, LOG.sign(text))
    assert read_note(note)[0] == text
    assert verify_note(note, [LOG.verifier]) == [LOG.verifier]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\n5\n",
        "\n5\n" + "A" * 43 + "=\n",
        CHECKPOINT.text + "extension\n",
        CHECKPOINT.text.replace("\n5\n", "\n05\n"),
        CHECKPOINT.text.replace("\n5\n", "\n-5\n"),
        CHECKPOINT.text.replace("\n5\n", "\n5 \n"),
        CHECKPOINT.text.replace("\n5\n", "\n\u0665\n"),
        CHECKPOINT.text.replace("\n5\n", f"\n{2**63}\n"),
        CHECKPOINT.text.replace("\n5\n", "\n" + "9" * 5000 + "\n"),
        CHECKPOINT.text.replace("Hh8=", "Hh9="),
        CHECKPOINT.text.replace("Hh8=", "Hg=="),
        CHECKPOINT.text.rstrip("\n"),
    ],
    ids=repr,
)
def test_malformed_checkpoints_are_refused(text: str) -> None:
    """Numbers and base64 have one spelling, and no other text is beside the three lines."""
    with pytest.raises(NotTrue) as caught:
        Checkpoint.from_text(text)
    assert caught.value.code == "note.checkpoint"


def test_vkeys_are_read_back() -> None:
    """The vkeys of logs and of witnesses are read back."""
    for verifier in (LOG.verifier, KEYS[0]):
        assert Verifier.from_vkey(verifier.vkey) == verifier


@given(st.integers(0, len(VECTOR["vkey"]) - 1), st.characters(codec="ascii"))
def test_a_vkey_with_any_character_changed_is_refused(at: int, other: str) -> None:
    """The id commits to name, algorithm and key, so any changed character is refused."""
    changed = VECTOR["vkey"][:at] + other + VECTOR["vkey"][at + 1 :]
    if changed != VECTOR["vkey"]:
        with pytest.raises(NotTrue):
            Verifier.from_vkey(changed)


def test_keys_that_cannot_be_used_are_refused() -> None:
    """A name with a space, another algorithm and another length are refused."""
    key = KEYS[0].public_key
    for name, public_key, algorithm in (("a b", key, 1), ("", key, 1), ("a", key, 2), ("a", key[1:], 1)):
        with pytest.raises(NotTrue) as caught:
            Verifier(name, public_key, algorithm)
        assert caught.value.code == "note.key"


def test_a_proof_s_text_is_read_back() -> None:
    """A log's proof (c2sp.org/tlog-proof@v1) is read back and verified from its text alone."""
    log = MemoryLog()
    bodies = entry_bodies(5)
    log.append(bodies)
    note = checkpoint_of(log, ORIGIN, LOG)
    text = proof_text(3, prove(log, 3, 5), note)
    assert text.split("\n")[:2] == ["c2sp.org/tlog-proof@v1", "index 3"]
    assert text.endswith("\n\n" + note)
    proof = read_proof(text)
    checkpoint = Checkpoint.from_note(proof.checkpoint_note)
    verify_inclusion(leaf_hash(bodies[3]), proof.index, checkpoint.size, proof.hashes, checkpoint.root)
    assert read_proof(proof_text(0, [], NOTE)) == Proof(0, [], NOTE)


def test_attack_proof_of_another_log() -> None:
    """The same entries under another key are another log. Our key has not signed its checkpoint."""
    log = MemoryLog()
    log.append(entry_bodies(5))
    note = checkpoint_of(log, ORIGIN, log_signer(7))
    assert (
        verify_note(read_proof(proof_text(3, prove(log, 3, 5), note)).checkpoint_note, [LOG.verifier]) == []
    )


PROOF = proof_text(3, [bytes(32), bytes(range(32))], NOTE)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "c2sp.org/tlog-proof@v1",
        "c2sp.org/tlog-proof@v1\n\n" + NOTE,
        PROOF.replace("@v1", "@v2"),
        PROOF.replace("index 3", "index 03"),
        PROOF.replace("index 3", "index -1"),
        PROOF.replace("index 3", "index"),
        PROOF.replace("index 3", "index 3 "),
        PROOF.replace("index 3", "extra AAAA\nindex 3"),
        PROOF.replace("index 3", f"index {2**63}"),
        PROOF.replace("AAA=", "AA=="),
        PROOF.replace("AAA=", "AAB="),
        PROOF.replace("Hh8=", "Hh8= "),
        PROOF.replace("\n", "\r\n"),
        proof_text(3, [bytes(31)], NOTE),
        proof_text(3, [bytes(32)] * 64, NOTE),
        PROOF[: PROOF.index("\n\n") + 2],
        PROOF + "a" * 1_000_000,
    ],
    ids=lambda text: repr(text)[:60],
)
def test_malformed_proofs_are_refused(text: str) -> None:
    """Proofs are read strictly as C2SP tlog-proof defines them.

    More hashes than a tree's height are not even read.
    """
    with pytest.raises(NotTrue) as caught:
        read_proof(text)
    assert caught.value.code == "proof.malformed"
