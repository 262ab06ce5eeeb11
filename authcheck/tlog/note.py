"""Signed notes, checkpoints, cosignatures and proof texts.

The formats are C2SP's signed-note, tlog-checkpoint, tlog-cosignature (Ed25519) and tlog-proof. The readers
accept a text only if writing it again gives the same bytes. So no signed text has two spellings.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from authcheck.errors import NotTrue
from authcheck.tlog.merkle import HASH_BYTES, SIZE_LIMIT

ED25519 = 1  # signature types of signed-note
COSIGNATURE = 4
KEY_ID_BYTES = 4
TIME_BYTES = 8
LONGEST_NOTE_BYTES = 1_000_000
MOST_SIGNATURES = 100
LONGEST_PROOF = 63  # hashes, in a tree of fewer than 2**63 leaves
PROOF_HEAD = "c2sp.org/tlog-proof@v1"
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")
DECIMAL = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """One signature under a note, by any key. `signature` holds the bytes after the key id."""

    name: str
    key_id: bytes
    signature: bytes

    def __str__(self) -> str:
        return f"— {self.name} {_base64(self.key_id + self.signature)}\n"


@dataclass(frozen=True, slots=True)
class Verifier:
    """A known public key: 32 bytes of Ed25519, `algorithm` 1 (plain) or 4 (a witness's cosignature/v1)."""

    name: str
    public_key: bytes
    algorithm: int = ED25519

    def __post_init__(self) -> None:
        if not _is_name(self.name) or self.algorithm not in {ED25519, COSIGNATURE}:
            _refuse("note.key", "The key has no usable name, or an algorithm that we do not accept.")
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key)
        except ValueError:
            _refuse("note.key", "An Ed25519 key has 32 bytes.")

    @property
    def key_id(self) -> bytes:
        """Return the four bytes that name the key in a signature line."""
        return hashlib.sha256(self.name.encode() + b"\n" + self._typed_key).digest()[:KEY_ID_BYTES]

    @property
    def vkey(self) -> str:
        """Return `name+key id+key`, the text form of a key for other people."""
        return f"{self.name}+{self.key_id.hex()}+{_base64(self._typed_key)}"

    @classmethod
    def from_vkey(cls, text: str) -> Self:
        """Parse a vkey.

        Raises NotTrue (`note.key`) unless the vkey is an Ed25519 key with the right key id.
        """
        name, _, rest = text.partition("+")
        typed = _bytes(rest.partition("+")[2], "note.key")
        verifier = cls(name, typed[1:], typed[0] if typed else 0)
        if verifier.vkey != text:
            _refuse("note.key", "The key id does not belong to the key.")
        return verifier

    def is_named_by(self, line: SignatureLine) -> bool:
        """Return whether a line claims to be by this key."""
        return (line.name, line.key_id) == (self.name, self.key_id)

    def holds(self, line: SignatureLine, text: str) -> bool:
        """Return whether this key made the signature over `text`."""
        message, signature = text.encode(), line.signature
        if self.algorithm == COSIGNATURE:
            stamp, signature = signature[:TIME_BYTES], signature[TIME_BYTES:]
            if int.from_bytes(stamp) >= SIZE_LIMIT:
                return False
            message = _cosigned(text, int.from_bytes(stamp))
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, message)
        except InvalidSignature:
            return False
        return True

    @property
    def _typed_key(self) -> bytes:
        return bytes([self.algorithm]) + self.public_key


@dataclass(frozen=True, slots=True)
class Signer:
    """A private key that signs notes under a name."""

    name: str
    key: Ed25519PrivateKey

    @property
    def verifier(self) -> Verifier:
        """Return the public key that verifies this signer's signatures."""
        return Verifier(self.name, self.key.public_key().public_bytes_raw())

    def sign(self, text: str) -> str:
        """Return the signature line with its newline. `text` must end in a newline too."""
        return str(SignatureLine(self.name, self.verifier.key_id, self.key.sign(text.encode())))


@dataclass(frozen=True, slots=True)
class Cosigner:
    """A witness's private key, for tests and demonstrations. Authcheck never cosigns its own ledger."""

    name: str
    key: Ed25519PrivateKey

    @property
    def verifier(self) -> Verifier:
        """Return the public key that verifies this witness's cosignatures."""
        return Verifier(self.name, self.key.public_key().public_bytes_raw(), COSIGNATURE)

    def sign(self, text: str, at_s: int) -> str:
        """Return the cosignature line over a checkpoint's text, with its newline.

        `at_s` is seconds since 1970.
        """
        signature = at_s.to_bytes(TIME_BYTES) + self.key.sign(_cosigned(text, at_s))
        return str(SignatureLine(self.name, self.verifier.key_id, signature))


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's statement about itself: its name, its number of entries, and the root over them (32 bytes)."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """Return the three lines that are signed."""
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Parse the text of a checkpoint. Raises NotTrue (`note.checkpoint`).

        Extension lines are refused. The specification advises against them, and our log writes none.
        """
        lines = text.split("\n")
        if len(lines) != 4 or not lines[0] or lines[3]:  # noqa: PLR2004 - three lines, each with a newline
            _refuse("note.checkpoint", "A checkpoint has three lines.")
        root = _bytes(lines[2], "note.checkpoint")
        if len(root) != HASH_BYTES:
            _refuse("note.checkpoint", "A root has 32 bytes.")
        return cls(lines[0], _number(lines[1], "note.checkpoint"), root)

    @classmethod
    def from_note(cls, note: str) -> Self:
        """Parse the checkpoint in a note. Does **not** verify the signatures: `verify_note` does."""
        return cls.from_text(read_note(note)[0])


@dataclass(frozen=True, slots=True)
class Proof:
    """A tlog-proof: the entry's number, the hashes from the leaf's sibling up, and the checkpoint note."""

    index: int
    hashes: list[bytes]
    checkpoint_note: str


def signed_note(text: str, *lines: str) -> str:
    """Join a text that ends in a newline with its signature lines. More lines can be appended to the note."""
    return f"{text}\n{''.join(lines)}"


def read_note(note: str) -> tuple[str, list[SignatureLine]]:
    """Parse a note into text and signatures. Verifies no signature. Raises NotTrue (`note.malformed`)."""
    code = "note.malformed"
    try:
        length = len(note.encode())
    except (AttributeError, UnicodeEncodeError):
        _refuse(code, "The note is not text.")
    if length > LONGEST_NOTE_BYTES or CONTROL.search(note):
        _refuse(code, "The note is too long or has control characters.")
    text, blank, below = note.rpartition("\n\n")
    lines = below.split("\n")
    if not blank or lines.pop() or not 0 < len(lines) <= MOST_SIGNATURES:
        _refuse(code, "The note has no signatures, or too many.")
    return text + "\n", [_signature(line) for line in lines]


def verify_note(note: str, verifiers: Sequence[Verifier]) -> list[Verifier]:
    """Return the verifiers that signed the note, each once, in the given order. The list **may be empty**.

    Ignores signatures by other keys. Raises NotTrue: `note.malformed`, or `note.signature` when a line names
    one of these keys and the signature is false.
    """
    text, lines = read_note(note)
    signed = []
    for verifier in verifiers:
        claims = [line for line in lines if verifier.is_named_by(line)]
        if not all(verifier.holds(line, text) for line in claims):
            _refuse("note.signature", f"A signature by {verifier.name} is false.")
        if claims and verifier not in signed:
            signed.append(verifier)
    return signed


def proof_text(index: int, hashes: Sequence[bytes], checkpoint_note: str) -> str:
    """Return the text of a tlog-proof. Its files have the suffix `.tlog-proof`."""
    return "\n".join([PROOF_HEAD, f"index {index}", *map(_base64, hashes), "", checkpoint_note])


def read_proof(text: str) -> Proof:
    """Parse the output of `proof_text`. Verifies nothing. Raises NotTrue (`proof.malformed`).

    The specification's line `extra` is refused. No signature covers this line, and our proofs have none.
    """
    code = "proof.malformed"
    if not isinstance(text, str) or len(text) > LONGEST_NOTE_BYTES:
        _refuse(code, "The proof is not text, or is too long.")
    above, _, note = text.partition("\n\n")
    head, index, *hashes = [*above.split("\n"), ""][:-1] if "\n" in above else ("", "")
    if head != PROOF_HEAD or not index.startswith("index ") or len(hashes) > LONGEST_PROOF or not note:
        _refuse(code, "The text is not a proof of the form c2sp.org/tlog-proof@v1.")
    nodes = [_bytes(line, code) for line in hashes]
    if any(len(node) != HASH_BYTES for node in nodes):
        _refuse(code, "A hash has 32 bytes.")
    return Proof(_number(index.removeprefix("index "), code), nodes, note)


def _cosigned(text: str, at_s: int) -> bytes:
    return f"cosignature/v1\ntime {at_s}\n{text}".encode()


def _signature(line: str) -> SignatureLine:
    dash, name, text = [*line.split(" "), "", ""][:3]
    typed = _bytes(text, "note.malformed")
    signature_line = SignatureLine(name, typed[:KEY_ID_BYTES], typed[KEY_ID_BYTES:])
    if (
        dash != "—"
        or not _is_name(name)
        or not signature_line.signature
        or str(signature_line) != line + "\n"
    ):
        _refuse("note.malformed", "A signature line is malformed.")
    return signature_line


def _is_name(name: str) -> bool:
    return bool(name) and not CONTROL.search(name) and not any(c.isspace() or c == "+" for c in name)


def _number(text: str, code: str) -> int:
    if not DECIMAL.fullmatch(text) or int(text) >= SIZE_LIMIT:
        _refuse(code, "A number is not decimal, or is too large.")
    return int(text)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str, code: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        _refuse(code, "A value is not base64.")
    if _base64(data) != text:
        _refuse(code, "A value is not in canonical base64.")
    return data


def _refuse(code: str, message: str) -> NoReturn:
    raise NotTrue(message, code=code)
