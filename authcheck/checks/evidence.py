"""The evidence of a check: what was found in the picture, and the picture that shows it."""

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
from authcheck.registry.designs import live_views
from authcheck.registry.tables import Design, View
from authcheck.storage.pictures import PictureStore
from authcheck.storage.working_copies import Copies, WorkingCopy, working_copy
from authcheck.vision.matching import overlay
from authcheck.vision.matching.alignment import Alignment
from authcheck.vision.matching.overlay import Exhibit, Layout
from authcheck.vision.pictures.decode import Limits, open_picture

DRAWING = "evidence-1"  # rises with the way evidence is drawn, so that no cache shows the old one
EXPLAIN_SIDE_PX = 1600
FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
QUALITY = 86
log = logging.getLogger("authcheck.checks.evidence")


@dataclass(frozen=True, slots=True)
class Found:
    """A finding of a check, with its design and the view that was matched (None where it is not known any more).

    `row` is the finding as `Check.findings` keeps it.
    """

    row: Mapping[str, Any]
    design: Design
    view: View | None
    alignment: Alignment | None


def found_in(session: Session, checks: Sequence[Check]) -> dict[str, list[Found]]:
    """The findings of each check, by its id, the answer's first; designs come with their owners and views."""
    rows = [row for check in checks for row in check.findings]
    wanted = {row["design_id"] for row in rows}
    query = select(Design).options(joinedload(Design.owner), selectinload(Design.views))
    designs = {design.id: design for design in session.scalars(query.where(Design.id.in_(wanted)))}
    return {
        check.id: [
            _found(row, designs[row["design_id"]]) for row in check.findings if row["design_id"] in designs
        ]
        for check in checks
    }


def _found(row: Mapping[str, Any], design: Design) -> Found:
    view = next((view for view in design.views if view.number == row["view_number"]), None)
    return Found(row, design, view, _alignment(row))


def _alignment(row: Mapping[str, Any]) -> Alignment | None:
    try:
        return Alignment.from_json(row["alignment"]) if row.get("alignment") else None
    except (KeyError, TypeError, ValueError) as error:
        log.warning("an alignment of %s cannot be read: %r", row["design_id"], error)
        return None


def may_show(found: Found, *, public: bool) -> bool:
    """Whether the asker may see the design: an organisation for its own check, the public what the preview shows anyway."""
    if found.view is None or not public:
        return found.view is not None
    if not found.design.public_preview or found.design.state == "retired":
        return False
    return live_views(found.design)[0].number == found.view.number


def keep(check: Check, data: bytes, copies: Copies, limits: Limits, now: datetime) -> None:
    """Keep a working copy of the picture of a check in which something was found. Never raises."""
    if check.verdict != VerdictCode.NONE:
        copies.keep(data, check.picture_sha256, limits, now)


def require(check: Check, copies: Copies, now: datetime) -> None:
    """Raise NotFound (`evidence.none`) where a check has no evidence picture, saying why."""
    if check.verdict == VerdictCode.NONE or not check.findings:
        why = "Nothing was found, so no copy of the picture was kept."
    elif not copies.lasts(check.asked_at, now):
        why = f"The copy of the picture is no longer kept: that ends {copies.days} days after the check."
    elif not copies.has(check.picture_sha256, check.asked_at, now):
        why = "No copy of the picture was kept for this check."
    else:
        return
    raise NotFound(why, code="evidence.none", check=check.id)


def exists(check: Check, copies: Copies, now: datetime) -> bool:
    """Whether `require` would pass."""
    try:
        require(check, copies, now)
    except NotFound:
        return False
    return True


def name_of(check: Check, found: Sequence[Found], layout: Layout) -> str:
    """Names what would be drawn, without any picture's hash being told: 32 hex digits, the same as long as it stays the same."""
    public = check.organisation_id is None
    shown = [
        (one.view and one.view.number, may_show(one, public=public), one.row.get("alignment"))
        for one in found
    ]
    made_from = json.dumps([DRAWING, check.id, layout, shown])
    return hashlib.sha256(made_from.encode()).hexdigest()[:32]


def draw(
    copy: WorkingCopy,
    found: Sequence[Found],
    store: PictureStore,
    limits: Limits,
    *,
    public: bool,
    layout: Layout,
) -> Image.Image:
    """The evidence picture, RGB. A design whose picture is lost, or that the asker may not see, is outlined only."""
    exhibits = [
        Exhibit(_picture(one, store, limits) if may_show(one, public=public) else None, one.alignment)
        for one in found[: overlay.MOST]
    ]
    return overlay.compose(copy.image, (copy.width_px, copy.height_px), exhibits, layout)


def _picture(found: Found, store: PictureStore, limits: Limits) -> Image.Image | None:
    sha256 = found.view.picture_sha256 if found.view else ""
    try:
        return open_picture(store.get(sha256), limits, detail_px=overlay.PANEL_PX).image
    except AuthcheckError as error:  # lost, altered, or beyond limits that were lowered since
        log.warning("the picture %s of design %s cannot be shown: %s", sha256, found.design.id, error)
        return None


def format_for(path: Path) -> str:
    """The format that a file's suffix asks for. Raises Rejected (`evidence.format`)."""
    try:
        return FORMATS[path.suffix.lower()]
    except KeyError:
        raise Rejected(
            f"{path} does not end in one of {', '.join(FORMATS)}.", code="evidence.format", path=str(path)
        ) from None


def encode(image: Image.Image, image_format: str) -> bytes:
    """The picture as a file's bytes: PNG, JPEG or WEBP, without metadata."""
    buffer = io.BytesIO()
    options = {} if image_format == "PNG" else {"quality": QUALITY}
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def explain(data: bytes, found: Sequence[Found], store: PictureStore, limits: Limits, *, path: Path) -> None:
    """Write the evidence picture of a check just made to a file, for the operator, who may see every design.

    Where nothing was found it shows the picture alone, so that no file of an earlier check is taken for this one's.
    Raises Rejected (`evidence.format`), ImageRejected, StorageFailed (`storage.read_only`).
    """
    image_format = format_for(path)
    copy = working_copy(data, limits, side_px=EXPLAIN_SIDE_PX)
    content = encode(draw(copy, found, store, limits, public=False, layout="wide"), image_format)
    with translated_write_errors(path):
        path.write_bytes(content)
