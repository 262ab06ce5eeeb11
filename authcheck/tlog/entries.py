"""What an entry of the ledger says, as canonical JSON (RFC 8785): a statement with hashes, no personal data."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import rfc8785

from authcheck.errors import NotTrue, Rejected
from authcheck.tlog.merkle import leaf_hash

VERSION = 1
LONGEST_BODY_BYTES = 2048
TYPES = frozenset(
    {
        "org.approve",
        "key.add",
        "key.revoke",
        "design.register",
        "design.update",
        "design.view_add",
        "design.view_remove",
        "design.dispute",
        "design.retire",
        "licence.grant",
        "licence.accept",
        "licence.supersede",
        "licence.revoke",
        "cert.issue",
        "cert.revoke",
        "cert.flag",
        "cert.unflag",
        "cert.claim",
        "case.decide",
        "statuslist.publish",
    }
)
OWN_FIELDS = {"at", "id", "t", "v"}
FLAT = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))
LARGEST_INTEGER = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry to be: `subject` is the id of what it is about; `fields` stand beside `at`, `id`, `t` and `v`."""

    type: str
    subject: str
    at: datetime
    fields: Mapping[str, Any] = field(default_factory=dict)


def body(draft: Draft) -> bytes:
    """The canonical bytes that are hashed and stored. Raises Rejected (`ledger.entry`) for what cannot be an entry."""
    if draft.type not in TYPES or not draft.subject or OWN_FIELDS & draft.fields.keys():
        raise Rejected("An entry needs a known type, a subject and fields of its own.", code="ledger.entry")
    said = {"at": time_text(draft.at), "id": draft.subject, "t": draft.type, "v": VERSION, **draft.fields}
    try:
        made = _canonical(said)
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as error:
        raise Rejected(f"An entry cannot say that: {error}.", code="ledger.entry") from error
    if len(made) > LONGEST_BODY_BYTES:
        raise Rejected(
            f"An entry has at most {LONGEST_BODY_BYTES} bytes.",
            code="ledger.entry",
            limit_bytes=LONGEST_BODY_BYTES,
        )
    return made


def read_body(text: bytes) -> dict[str, Any]:
    """What an entry says. Raises NotTrue (`ledger.entry`) unless these are the very bytes that `body` makes of it."""
    try:
        said: dict[str, Any] = json.loads(text) if len(text) <= LONGEST_BODY_BYTES else {}
        sound = (
            said["t"] in TYPES
            and type(said["v"]) is int  # True equals 1
            and said["v"] == VERSION
            and bool(said["id"])
            and isinstance(said["id"], str)
            and bool(read_time(said["at"]))
            and _canonical(said) == text
        )
    except (LookupError, ValueError, TypeError, RecursionError):
        sound = False
    if not sound:
        raise NotTrue("That is not an entry of this ledger.", code="ledger.entry")
    return said


def _canonical(said: Mapping[str, Any]) -> bytes:
    """RFC 8785. Raises CanonicalizationError, UnicodeEncodeError for a lone surrogate."""
    if all(name.isascii() and _is_plain(value) for name, value in said.items()):
        # Of texts and whole numbers under ASCII names json makes the same bytes, ten times as fast; a test compares.
        return FLAT.encode(said).encode()
    return rfc8785.dumps(dict(said))


def _is_plain(value: object) -> bool:
    return type(value) is str or (type(value) is int and abs(value) <= LARGEST_INTEGER)


def tx_id(body: bytes) -> str:
    """The id of an entry: its leaf hash, 64 hexadecimal characters; known before the entry has its number."""
    return leaf_hash(body).hex()


def time_text(at: datetime) -> str:
    """RFC 3339 in UTC with microseconds: `2026-11-23T12:00:00.000000Z`. Raises Rejected for a time without a zone."""
    if at.utcoffset() is None:
        raise Rejected("A time in the ledger needs a zone.", code="ledger.entry")
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def read_time(text: object) -> datetime:
    """Read `time_text` back. Raises ValueError for another form, TypeError for what is no text."""
    if not isinstance(text, str):
        raise TypeError("a time is text")
    at = datetime.fromisoformat(text)
    if at.utcoffset() is None or time_text(at) != text:  # one of the other spellings of ISO 8601
        raise ValueError(f"{text!r} is not a time as the ledger writes it")
    return at


def digest(words: Mapping[str, Any]) -> str:
    """`sha256:` and the hash of words as canonical JSON (RFC 8785)."""
    return "sha256:" + hashlib.sha256(rfc8785.dumps(dict(words))).hexdigest()
