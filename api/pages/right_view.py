"""Rights in designs as pages show them."""

from typing import Any

from authcheck.cases.notice_tables import Notice
from authcheck.licences import design_rights as rights
from authcheck.licences.codes import short_territories
from authcheck.licences.right_tables import DesignRight
from authcheck.storage.opening import utc_now


def row_of(row: DesignRight) -> dict[str, Any]:
    """Return a right as pages show it."""
    return {
        "id": row.id,
        "owner": row.owner.name,
        "handle": row.owner.handle,
        "design": row.design.title or row.design.reference,
        "design_id": row.design_id,
        "kind": row.kind,
        "number": " ".join(filter(None, (row.office, row.number))),
        "territories": short_territories(row.territories),
        "classes": row.classes,
        "expires_on": row.expires_on,
        "ends_soon": rights.warning_of(row, utc_now().date()),
        "has_document": bool(row.document_sha256),
        "state": row.state,
        "reason": row.reason,
        "added_at": row.added_at,
    }


def named_by(notice: Notice) -> dict[str, Any] | None:
    """Return the right that a notice names, as it is now, or None."""
    right = notice.right
    if right is None:
        return None
    return {
        "kind": right.kind,
        "number": " ".join(filter(None, (right.office, right.number))),
        "territories": short_territories(right.territories),
        "expires_on": right.expires_on,
        "is_over": right.expires_on is not None and right.expires_on < utc_now().date(),
        "state": right.state,
    }
