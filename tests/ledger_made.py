"""Builders and checks that ledger tests share: entries, keys, and the consistency of a log."""

import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from log_made import Log
from make import NOW

from authcheck.tlog import tiles
from authcheck.tlog.entries import Draft, body, read_body, tx_id
from authcheck.tlog.merkle import leaf_hash, root_of
from authcheck.tlog.note import Cosigner, Signer

ORIGIN = "authcheck.example/ledger"


def key_of(seed: int) -> Ed25519PrivateKey:
    """Return a key. Every seed gives a different key."""
    return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"key %d" % seed).digest())


def log_signer(seed: int = 0, name: str = ORIGIN) -> Signer:
    """Return a log's key."""
    return Signer(name, key_of(seed))


def cosigner(seed: int = 1, name: str = "") -> Cosigner:
    """Return a witness's key."""
    return Cosigner(name or f"witness.example/{seed}", key_of(seed))


def entry_body(number: int) -> bytes:
    """Return an entry. Every number gives a different entry."""
    draft = Draft(
        "cert.issue",
        f"urn:uuid:{number}",
        NOW,
        {"h": "sha256:" + hashlib.sha256(b"%d" % number).hexdigest()},
    )
    return body(draft)


def entry_bodies(count: int, first: int = 0) -> list[bytes]:
    """Return this many entries."""
    return [entry_body(number) for number in range(first, first + count)]


def assert_log_sound(log: Log) -> None:
    """Assert that ids, numbers, tiles and root follow from the entries, and that no other rows exist."""
    size = log.size()
    bodies: list[bytes] = []
    while some := log.entries(len(bodies), 100):
        bodies += some
    assert len(bodies) == size
    leaves = [leaf_hash(one) for one in bodies]
    assert len(set(leaves)) == size
    for number, one in enumerate(bodies):
        assert read_body(one)
        assert log.find(tx_id(one)) == number
    grown = tiles.grow(0, leaves, lambda *_: b"")
    for (level, number), hashes in grown.items():
        assert log.read_tile(level, number) == hashes
    for level in range(max((level for level, _ in grown), default=0) + 2):
        after = 1 + max((number for at, number in grown if at == level), default=-1)
        assert log.read_tile(level, after) == b""
    assert tiles.root_at(size, log.read_tile) == root_of(leaves)
