"""What the ledger says of organisations and designs.

Anybody may read the ledger: names, titles and references stand in it as hashes, pictures by their SHA-256.
"""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import rfc8785

from authcheck.ledger.entries import Draft
from authcheck.tables import Design, Dispute, Organisation

IMAGES_PER_ENTRY = 20  # so that an entry stays below its limit of bytes


def digest(words: Mapping[str, Any]) -> str:
    """`sha256:` and the hash of words as canonical JSON (RFC 8785)."""
    return "sha256:" + hashlib.sha256(rfc8785.dumps(dict(words))).hexdigest()


def of_organisation(row: Organisation) -> dict[str, Any]:
    """What `org.approve` holds of an organisation."""
    return {"h": digest({"name": row.name}), "handle": row.handle, "roles": row.roles}


def of_words(row: Design) -> str:
    """The hash of what an owner says of a design."""
    words = {
        "kind": row.kind,
        "public_preview": row.public_preview,
        "reference": row.reference,
        "title": row.title,
    }
    # Left out where there is none, as entries of earlier releases have it; rows that migrations read lack the column.
    if (collection := getattr(row, "collection", None)) is not None:
        words["collection"] = collection
    return digest(words)


def of_dispute(row: Dispute) -> dict[str, Any]:
    """What `design.dispute` holds of a dispute."""
    return {"dispute": row.id, "other": row.other_design_id, "score": row.score}


def approved(row: Organisation, at: datetime) -> Draft:
    """An organisation became a member."""
    return Draft("org.approve", row.id, at, of_organisation(row))


def registered(row: Design, pictures: Sequence[str], at: datetime) -> list[Draft]:
    """A design was registered with pictures of these SHA-256."""
    first, *others = _some(pictures)
    fields = {"h": of_words(row), "images": first, "owner": row.owner_id, "version": row.version}
    return [Draft("design.register", row.id, at, fields), *_added(row, others, at)]


def views_added(row: Design, pictures: Sequence[str], at: datetime) -> list[Draft]:
    """A design got more pictures."""
    return _added(row, _some(pictures), at)


def view_removed(row: Design, picture: str, at: datetime) -> Draft:
    """A picture of a design takes part in checks no more."""
    return Draft("design.view_remove", row.id, at, {"images": [picture], "version": row.version})


def updated(row: Design, at: datetime, **mask: str) -> Draft:
    """A design's words were changed, or the mask of one of its pictures (`image`, `mask`: SHA-256 of its file)."""
    return Draft("design.update", row.id, at, {"h": of_words(row), "version": row.version, **mask})


def disputed(row: Dispute, at: datetime) -> Draft:
    """A design came near one of another owner's."""
    return Draft("design.dispute", row.design_id, at, of_dispute(row))


def retired(row: Design, at: datetime) -> Draft:
    """A design takes part in checks no more."""
    return Draft("design.retire", row.id, at, {"version": row.version})


def _added(row: Design, parts: Sequence[list[str]], at: datetime) -> list[Draft]:
    return [
        Draft("design.view_add", row.id, at, {"images": images, "version": row.version}) for images in parts
    ]


def _some(pictures: Sequence[str]) -> list[list[str]]:
    return [
        list(pictures[start : start + IMAGES_PER_ENTRY])
        for start in range(0, len(pictures), IMAGES_PER_ENTRY)
    ]
