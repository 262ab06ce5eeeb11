"""What the ledger says of designs.

Anybody may read the ledger: titles and references stand in it as hashes, pictures by their SHA-256.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from authcheck.registry.tables import Design, Dispute
from authcheck.tlog.entries import Draft, digest

IMAGES_PER_ENTRY = 20  # so that an entry stays below its limit of bytes


def of_words(row: Design) -> str:
    """The hash of what an owner says of a design."""
    words = {
        "kind": row.kind,
        "public_preview": row.public_preview,
        "reference": row.reference,
        "title": row.title,
    }
    if row.collection is not None:  # entries of earlier releases lack the field
        words["collection"] = row.collection
    return digest(words)


def of_dispute(row: Dispute) -> dict[str, Any]:
    """What `design.dispute` holds of a dispute."""
    return {"dispute": row.id, "other": row.other_design_id, "score": row.score}


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
