"""Entries: canonical bytes, ids, and texts that are no entry."""

import hashlib
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st
from make import NOW

from authcheck.errors import NotTrue, Rejected
from authcheck.tlog.entries import Draft, _canonical, body, read_body, read_time, time_text, tx_id

TEXT = st.text(st.characters(codec="utf-8"), max_size=20)
FIELDS = st.dictionaries(
    TEXT.filter(lambda name: name not in {"at", "id", "t", "v"}),
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT | st.lists(TEXT, max_size=3),
    max_size=4,
)
GOOD = body(Draft("cert.issue", "urn:uuid:1", NOW, {"h": "sha256:00", "iss": "did:web:a.example"}))


def test_the_bytes_of_an_entry() -> None:
    """RFC 8785: names in order, no spaces.

    The id is SHA-256(0x00 || bytes). Pinned, because entries must never change.
    """
    assert GOOD == (
        b'{"at":"2026-11-23T12:00:00.000000Z","h":"sha256:00","id":"urn:uuid:1","iss":"did:web:a.example",'
        b'"t":"cert.issue","v":1}'
    )
    assert tx_id(GOOD) == hashlib.sha256(b"\x00" + GOOD).hexdigest()


@given(FIELDS, st.datetimes(timezones=st.just(UTC)))
def test_entries_are_read_back(fields: dict[str, Any], at: datetime) -> None:
    """An entry is read back unchanged."""
    said = read_body(body(Draft("design.register", "dsn_1", at, fields)))
    assert said == {"at": time_text(at), "id": "dsn_1", "t": "design.register", "v": 1, **fields}
    assert read_time(said["at"]) == at


@given(st.dictionaries(TEXT, st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=20), max_size=6))
def test_the_short_way_writes_rfc_8785(said: dict[str, Any]) -> None:
    """The fast writer gives the bytes of RFC 8785 or refuses, also for control characters and surrogates."""
    try:
        expected = rfc8785.dumps(said)
    except rfc8785.CanonicalizationError:
        with pytest.raises((rfc8785.CanonicalizationError, UnicodeEncodeError)):
            _canonical(said)
    else:
        assert _canonical(said) == expected


@pytest.mark.parametrize(
    "draft",
    [
        Draft("cert.invent", "x", NOW),
        Draft("cert.issue", "", NOW),
        Draft("cert.issue", "x", NOW, {"at": "yesterday"}),
        Draft("cert.issue", "x", NOW, {"v": 2}),
        Draft("cert.issue", "x", NOW, {"n": 2**53}),
        Draft("cert.issue", "x", NOW, {"n": float("nan")}),
        Draft("cert.issue", "x", NOW, {"n": b"bytes"}),
        Draft("cert.issue", "x", NOW, {"n": "a" * 2048}),
        Draft("cert.issue", "x", NOW.replace(tzinfo=None)),
    ],
    ids=lambda draft: repr(draft)[:80],
)
def test_what_cannot_be_an_entry_is_refused(draft: Draft) -> None:
    """Unknown types, our own fields, ambiguous numbers, too many bytes and times without zone are refused."""
    with pytest.raises(Rejected) as caught:
        body(draft)
    assert caught.value.code == "ledger.entry"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"\xff",
        b"[" * 2000,
        GOOD + b"\n",
        GOOD.replace(b'"v":1', b'"v":1.0'),
        GOOD.replace(b'"v":1', b'"v":2'),
        GOOD.replace(b'"v":1', b'"v": 1'),
        GOOD.replace(b'"v":1', b'"v":true'),
        GOOD.replace(b"cert.issue", b"cert.other"),
        GOOD.replace(b'"urn:uuid:1"', b"7"),
        GOOD.replace(b'"urn:uuid:1"', b'""'),
        GOOD.replace(b"urn:", b"\\u0075rn:"),
        GOOD.replace(b'"v":1', b'"v":1,"v":1'),
        GOOD.replace(b".000000Z", b"Z"),
        GOOD.replace(b".000000Z", b".000Z"),
        GOOD.replace(b".000000Z", b".000000+00:00"),
        GOOD.replace(b"2026-11-23", b"2026-13-23"),
        GOOD.replace(b'"t":"cert.issue",', b""),
        GOOD.replace(b'"cert.issue"', b"[]"),
        GOOD.replace(b'"sha256:00"', b"NaN"),
        GOOD.replace(b"sha256:00", b"a" * 2048),
    ],
    ids=lambda text: repr(text)[-60:],
)
def test_other_bytes_are_no_entry(text: bytes) -> None:
    """Each fact has one spelling: bytes that `body` would not write are refused."""
    with pytest.raises(NotTrue) as caught:
        read_body(text)
    assert caught.value.code == "ledger.entry"


def test_times_are_of_one_zone() -> None:
    """A time of another zone is written in UTC."""
    at = datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    assert time_text(at) == "2025-12-31T23:00:00.000000Z"
    assert json.loads(body(Draft("org.approve", "org_1", at)))["at"] == time_text(at)
