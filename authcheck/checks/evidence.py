"""Evidence of a check: the designs found in the picture, and a picture that shows the match."""

import hashlib
import io
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from authcheck.checks.tables import Check
from authcheck.checks.verdicts import VerdictCode
from authcheck.errors import AuthcheckError, NotFound, Rejected
from authcheck.files.writing import translated_write_errors
from authcheck.registry.designs import public_view
from authcheck.registry.tables import Design, View
from authcheck.storage.pictures import PictureStore
from authcheck.storage.working_copies import Copies, WorkingCopy, working_copy
from authcheck.vision.matching import overlay
from authcheck.vision.matching.alignment import Alignment
from authcheck.vision.matching.overlay import Exhibit, Layout
from authcheck.vision.pictures.decode import Limits, open_picture

DRAWING = "evidence-2"  # raise the number when the drawing changes, so that no cache serves the old drawing
EXPLAIN_SIDE_PX = 1600
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
QUALITY = 86
log = logging.getLogger("authcheck.checks.evidence")


@dataclass(frozen=True, slots=True)
class Found:
    """A finding of a check, with its design and the matched view.

    `view` is None when we no longer know the matched view. `row` is the finding as `Check.findings` stores
    it.
    """

    row: Mapping[str, Any]
    design: Design
    view: View | None
    alignment: Alignment | None


def found_in(session: Session, checks: Sequence[Check]) -> dict[str, list[Found]]:
    """Return the findings of each check, keyed by check id. The finding of the verdict comes first.

    Each design is loaded with its owner and views.
    """
    design_ids = {row["design_id"] for check in checks for row in check.findings}
    query = select(Design).options(joinedload(Design.owner), selectinload(Design.views))
    designs = {design.id: design for design in session.scalars(query.where(Design.id.in_(design_ids)))}
    return {
        check.id: [
            _read_finding(row, designs[row["design_id"]])
            for row in check.findings
            if row["design_id"] in designs
        ]
        for check in checks
    }


def _read_finding(row: Mapping[str, Any], design: Design) -> Found:
    matched_view = next((view for view in design.views if view.number == row["view_number"]), None)
    return Found(row, design, matched_view, _read_alignment(row))


def _read_alignment(row: Mapping[str, Any]) -> Alignment | None:
    try:
        return Alignment.from_json(row["alignment"]) if row.get("alignment") else None
    except (KeyError, TypeError, ValueError) as error:
        log.warning("cannot read an alignment of design %s: %r", row["design_id"], error)
        return None


def may_show(finding: Found, *, public: bool) -> bool:
    """Return whether the reader of the evidence may see the registered picture.

    An organisation may see it for its own check. The public may see only the view that the public preview
    shows.
    """
    if finding.view is None or not public:
        return finding.view is not None
    if not finding.design.public_preview or finding.design.state == "retired":
        return False
    return public_view(finding.design).number == finding.view.number


def keep(check: Check, data: bytes, copies: Copies, limits: Limits, now: datetime) -> None:
    """Keep a working copy of the picture if the check found a design. Never raises."""
    if check.verdict != VerdictCode.NONE:
        copies.keep(data, check.picture_sha256, limits, now)


def require(check: Check, copies: Copies, now: datetime) -> None:
    """Raise NotFound (`evidence.none`) when a check has no evidence picture. The message says why."""
    if check.verdict == VerdictCode.NONE or not check.findings:
        message = "The check found no design, so we kept no copy of the picture."
    elif copies.has(check.picture_sha256, check.asked_at, now, held=may_outlast(check)):
        return
    elif not copies.lasts(check.asked_at, now):
        message = f"We deleted the copy of the picture {copies.days} days after the check."
    else:
        message = "We have no copy of the picture of this check."
    raise NotFound(message, code="evidence.none", check=check.id)


def may_outlast(check: Check) -> bool:
    """Return whether a copy that a case holds is evidence of this check.

    The public was told a day on which the copy ends. A case about the same picture does not break this
    promise.
    """
    return check.organisation_id is not None


def exists(check: Check, copies: Copies, now: datetime) -> bool:
    """Return whether the check has an evidence picture, so that `require` would pass."""
    try:
        require(check, copies, now)
    except NotFound:
        return False
    return True


def name_of(check: Check, findings: Sequence[Found], layout: Layout) -> str:
    """Return a name of the evidence picture: 32 hex digits that change only when the drawing would change.

    The name reveals no hash of a picture.
    """
    public = check.organisation_id is None
    exhibits = [
        (
            finding.view and finding.view.number,
            may_show(finding, public=public),
            finding.row.get("alignment"),
        )
        for finding in findings
    ]
    content = json.dumps([DRAWING, check.id, layout, exhibits])
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def draw(
    copy: WorkingCopy,
    findings: Sequence[Found],
    store: PictureStore,
    limits: Limits,
    *,
    public: bool,
    layout: Layout,
) -> Image.Image:
    """Return the evidence picture, RGBA.

    A design is outlined only when its picture is lost or when the reader may not see the picture.
    """
    exhibits = [
        Exhibit(
            open_registered(finding, store, limits) if may_show(finding, public=public) else None,
            finding.alignment,
        )
        for finding in findings[: overlay.MOST]
    ]
    return overlay.compose(copy.image, (copy.width_px, copy.height_px), exhibits, layout)


def open_registered(
    finding: Found, store: PictureStore, limits: Limits, *, detail_px: int = overlay.PANEL_PX
) -> Image.Image | None:
    """Return the matched registered picture, or None when we can no longer read it."""
    sha256 = finding.view.picture_sha256 if finding.view else ""
    try:
        return open_picture(store.get(sha256), limits, detail_px=detail_px).image
    except AuthcheckError as error:  # lost, altered, or above limits that were lowered after the registration
        log.warning("cannot show the picture %s of design %s: %s", sha256, finding.design.id, error)
        return None


def format_for(path: Path) -> str:
    """Return the picture format that belongs to a file's suffix. Raises Rejected (`evidence.format`)."""
    try:
        return FORMATS[path.suffix.lower()]
    except KeyError:
        raise Rejected(
            f"{path} is not a picture's name. Use a name that ends in one of {', '.join(FORMATS)}.",
            code="evidence.format",
            path=str(path),
        ) from None


def encode(image: Image.Image, image_format: str) -> bytes:
    """Return the picture as a file's bytes in PNG, JPEG or WEBP, without metadata.

    A JPEG knows no transparency: its ground is white.
    """
    buffer = io.BytesIO()
    options = {} if image_format == "PNG" else {"quality": QUALITY}
    if image_format == "JPEG":
        page = Image.new("RGB", image.size, "white")
        page.paste(image, mask=image.getchannel("A"))
        image = page
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def explain(
    data: bytes, findings: Sequence[Found], store: PictureStore, limits: Limits, *, path: Path
) -> None:
    """Write the evidence picture of a new check to a file. Only for the operator, who may see every design.

    When the check found nothing, the file shows the submitted picture alone. So nobody mistakes a file of an
    earlier check for the evidence of this check. Raises Rejected (`evidence.format`), ImageRejected,
    StorageFailed (`storage.read_only`).
    """
    image_format = format_for(path)
    copy = working_copy(data, limits, side_px=EXPLAIN_SIDE_PX)
    content = encode(draw(copy, findings, store, limits, public=False, layout="wide"), image_format)
    with translated_write_errors(path):
        path.write_bytes(content)
