"""Two JSON files (version 1) for a brand that keeps its key: the payloads to sign, and the signatures."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from authcheck.certificates.brand_signatures import Signatures, Waiting
from authcheck.certificates.facts import issuer_of
from authcheck.errors import NotTrue, Rejected
from authcheck.files.writing import translated_write_errors
from authcheck.tlog.entries import read_time, time_text

VERSION = 1
MOST_BYTES = 64 * 1024 * 1024


def waiting_json(waiting: Waiting) -> str:
    """Return the text of the file with the payloads to sign."""
    return _to_json(waiting.kid, time_text(waiting.at), payloads=dict(waiting.payloads))


def signatures_json(signatures: Signatures) -> str:
    """Return the text of the file with the signatures."""
    return _to_json(signatures.kid, time_text(signatures.at), signatures=dict(signatures.signatures))


def read_waiting(path: Path) -> Waiting:
    """Read a file that `waiting_json` wrote. Raises Rejected (`signatures.file`)."""
    content = _read_file(path, "payloads")
    return Waiting(content["kid"], read_time(content["at"]), content["payloads"])


def read_signatures(path: Path) -> Signatures:
    """Read a file that `signatures_json` wrote. Raises Rejected (`signatures.file`)."""
    content = _read_file(path, "signatures")
    return Signatures(content["kid"], read_time(content["at"]), content["signatures"])


def summarise(waiting: Waiting) -> dict[str, int]:
    """Count the certificates of each product and the status lists, for the person who signs them.

    Raises NotTrue (`certificate.payload`) for a payload whose issuer is not the key's owner or whose id is
    not its name.
    """
    counts: dict[str, int] = {}
    for name, payload in waiting.payloads.items():
        description = _describe(name, payload, issuer_of(waiting.kid))
        counts[description] = counts.get(description, 0) + 1
    return counts


def _describe(name: str, payload: str, issuer: str) -> str:
    try:
        credential = json.loads(payload)
        subject = credential["credentialSubject"]
        matches = credential["id"] == name and credential["issuer"] == issuer
        if matches and subject["type"] == "BitstringStatusList":
            return f"status list {name}"
        reference = subject["design"]["reference"]
        description = (
            f"{subject['product']}, GTIN {subject['gtin']}, lot {subject['lot']}, design {reference}"
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        matches, description = False, ""
    if not matches:
        raise NotTrue(
            f"The payload {name} is not a statement of {issuer}. Do not sign this file.",
            code="certificate.payload",
        )
    return description


def write_text(path: Path, text: str) -> None:
    """Write a file. Raises StorageFailed (`storage.read_only`)."""
    with translated_write_errors(path):
        path.write_text(text, encoding="utf-8")


def _to_json(kid: str, at: str, **parts: Mapping[str, str]) -> str:
    return json.dumps({"v": VERSION, "kid": kid, "at": at, **parts}, ensure_ascii=False, indent=1) + "\n"


def _read_file(path: Path, part: str) -> dict[str, Any]:
    content: dict[str, Any] = {}
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(MOST_BYTES))
        read_time(content["at"])
        values = [content["kid"], *content[part], *content[part].values()]
        is_sound = content["v"] == VERSION and all(isinstance(value, str) for value in values)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        is_sound = False
    if not is_sound:
        raise Rejected(
            f"{path} is not a file of {part}. Write the file again.", code="signatures.file", path=str(path)
        )
    return content
