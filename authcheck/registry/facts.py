"""Ledger entries about designs.

The ledger is public. It therefore contains only salted hashes of titles and references, and the SHA-256 of
pictures.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from authcheck.registry.tables import Design, Dispute, DisputeRuling, DisputeStatement
from authcheck.tlog.entries import Draft, digest

DISPUTE_FIELDS = ("dispute", "holds_design", "image", "other", "other_image", "score")
SAID_FIELDS = ("by", "dispute", "final", "said")  # of rulings and appeals
IMAGES_PER_ENTRY = 20  # keeps an entry below its size limit


def of_words(row: Design) -> str:
    """Return the hash of the owner's description of a design."""
    words = {
        "kind": row.kind,
        "public_preview": row.public_preview,
        "reference": row.reference,
        "title": row.title,
    }
    if row.collection is not None:  # entries of earlier releases lack the field
        words["collection"] = row.collection
    return digest(words, row.salt)


def of_dispute(row: Dispute) -> dict[str, Any]:
    """Return the fields of a `design.dispute` entry."""
    fields = {"dispute": row.id, "other": row.other_design_id, "score": row.score}
    if row.picture_sha256 is None:  # entries of earlier releases are about whole designs
        return fields
    images = {"image": row.picture_sha256, "other_image": row.other_picture_sha256}
    return {**fields, **images, "holds_design": row.holds_design}


def of_dispute_end(row: Dispute) -> dict[str, Any]:
    """Return the fields of a `design.dispute_end` entry."""
    return {"by": row.ended_by, "dispute": row.id}


def of_statement(row: DisputeStatement, salt: str | None) -> dict[str, Any]:
    """Return the fields of a `design.dispute_appeal` entry. `salt` is that of the later design."""
    return {"by": row.side, "dispute": row.dispute_id, "said": digest(_statement_words(row), salt)}


def of_ruling(row: DisputeRuling, statements: Sequence[DisputeStatement], salt: str | None) -> dict[str, Any]:
    """Return the fields of a `design.dispute_ruling` entry.

    `said` is a hash of the reason, and of the first `heard` of the dispute's statements.
    """
    heard = [_statement_words(statement) for statement in statements[: row.heard]]
    words = {"reason": row.reason, "statements": heard}
    return {"by": row.ruling, "dispute": row.dispute_id, "final": row.is_final, "said": digest(words, salt)}


def _statement_words(row: DisputeStatement) -> dict[str, Any]:
    return {"document": row.document_sha256, "side": row.side, "text": row.text}


def registered(row: Design, pictures: Sequence[str], at: datetime) -> list[Draft]:
    """Return the drafts for a new design. `pictures` are the SHA-256 of its pictures."""
    first_part, *other_parts = _split(pictures)
    fields = {"h": of_words(row), "images": first_part, "owner": row.owner_id, "version": row.version}
    return [Draft("design.register", row.id, at, fields), *_draft_view_adds(row, other_parts, at)]


def views_added(row: Design, pictures: Sequence[str], at: datetime) -> list[Draft]:
    """Return the drafts for pictures that were added to a design."""
    return _draft_view_adds(row, _split(pictures), at)


def view_removed(row: Design, picture: str, at: datetime) -> Draft:
    """Return the draft for a picture that no longer takes part in checks."""
    return Draft("design.view_remove", row.id, at, {"images": [picture], "version": row.version})


def updated(row: Design, at: datetime, **mask: str) -> Draft:
    """Return the draft for a change of a design's description, or of the mask of one of its pictures.

    For a mask, `image` is the SHA-256 of the picture. `mask` is the SHA-256 of the mask's file, or `none`.
    """
    return Draft("design.update", row.id, at, {"h": of_words(row), "version": row.version, **mask})


def disputed(row: Dispute, version: int, at: datetime) -> Draft:
    """Return the draft for a view that shows an earlier view of another owner.

    `version` is of the design of the later view.
    """
    return Draft("design.dispute", row.design_id, at, {**of_dispute(row), "version": version})


def ruled(dispute: Dispute, ruling: DisputeRuling) -> Draft:
    """Return the draft for a ruling. The dispute has its later design and its statements loaded."""
    fields = of_ruling(ruling, dispute.statements, dispute.design.salt)
    return Draft("design.dispute_ruling", dispute.design_id, ruling.ruled_at, fields)


def appealed(dispute: Dispute, statement: DisputeStatement) -> Draft:
    """Return the draft for an appeal. The dispute has its later design loaded."""
    fields = of_statement(statement, dispute.design.salt)
    return Draft("design.dispute_appeal", dispute.design_id, statement.made_at, fields)


def dispute_ended(row: Dispute, version: int, at: datetime) -> Draft:
    """Return the draft for the end of a dispute. `version` is of the design of the later view."""
    return Draft("design.dispute_end", row.design_id, at, {**of_dispute_end(row), "version": version})


def retired(row: Design, at: datetime) -> Draft:
    """Return the draft for a design that no longer takes part in checks."""
    return Draft("design.retire", row.id, at, {"version": row.version})


def _draft_view_adds(row: Design, parts: Sequence[list[str]], at: datetime) -> list[Draft]:
    return [
        Draft("design.view_add", row.id, at, {"images": images, "version": row.version}) for images in parts
    ]


def _split(pictures: Sequence[str]) -> list[list[str]]:
    return [
        list(pictures[start : start + IMAGES_PER_ENTRY])
        for start in range(0, len(pictures), IMAGES_PER_ENTRY)
    ]
