"""The two files of a brand that keeps its key: what waits for its signature, and the signatures. JSON, version 1."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from authcheck.certificates.brand_signatures import Signatures, Waiting
from authcheck.certificates.facts import issuer_of
from authcheck.errors import NotTrue, Rejected, StorageFailed
from authcheck.tlog.entries import read_time, time_text

VERSION = 1
MOST_BYTES = 64 * 1024 * 1024


def waiting_json(waiting: Waiting) -> str:
    """The file to sign."""
    return _to_json(waiting.kid, time_text(waiting.at), payloads=dict(waiting.payloads))


def signatures_json(given: Signatures) -> str:
    """The file to hand in."""
    return _to_json(given.kid, time_text(given.at), signatures=dict(given.signatures))


def read_waiting(path: Path) -> Waiting:
    """Read what `waiting_json` wrote. Raises Rejected (`signatures.file`)."""
    found = _read(path, "payloads")
    return Waiting(found["kid"], read_time(found["at"]), found["payloads"])


def read_signatures(path: Path) -> Signatures:
    """Read what `signatures_json` wrote. Raises Rejected (`signatures.file`)."""
    found = _read(path, "signatures")
    return Signatures(found["kid"], read_time(found["at"]), found["signatures"])


def summarise(waiting: Waiting) -> dict[str, int]:
    """What is to be signed, for the eyes of whoever signs: so many certificates of each product, and status lists.

    Raises NotTrue (`certificate.payload`) for a payload that speaks for somebody else than the key's owner, or is not
    what its name says.
    """
    counts: dict[str, int] = {}
    for name, payload in waiting.payloads.items():
        what = _what(name, payload, issuer_of(waiting.kid))
        counts[what] = counts.get(what, 0) + 1
    return counts


def _what(name: str, payload: str, issuer: str) -> str:
    try:
        said = json.loads(payload)
        subject = said["credentialSubject"]
        true = said["id"] == name and said["issuer"] == issuer
        if true and subject["type"] == "BitstringStatusList":
            return f"status list {name}"
        what = f"{subject['product']}, GTIN {subject['gtin']}, lot {subject['lot']}, design {subject['design']['reference']}"
    except (ValueError, KeyError, TypeError, RecursionError):
        true, what = False, ""
    if not true:
        raise NotTrue(f"{name} is no statement of {issuer}.", code="certificate.payload")
    return what


def write_text(path: Path, text: str) -> None:
    """Write a file. Raises StorageFailed (`storage.read_only`)."""
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StorageFailed(
            f"{path} cannot be written: {error.strerror}.", code="storage.read_only", path=str(path)
        ) from error


def _to_json(kid: str, at: str, **texts: Mapping[str, str]) -> str:
    return json.dumps({"v": VERSION, "kid": kid, "at": at, **texts}, ensure_ascii=False, indent=1) + "\n"


def _read(path: Path, texts: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(MOST_BYTES))
        read_time(found["at"])
        words = [found["kid"], *found[texts], *found[texts].values()]
        sound = found["v"] == VERSION and all(isinstance(word, str) for word in words)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        sound = False
    if not sound:
        raise Rejected(f"{path} is no file of {texts}.", code="signatures.file", path=str(path))
    return found
