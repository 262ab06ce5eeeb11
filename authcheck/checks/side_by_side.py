"""The registered view of a finding, for a moderator who compares it with the submitted picture."""

import hashlib
import io
import json

import numpy as np
from PIL import Image

from authcheck.checks import evidence
from authcheck.checks.evidence import Found
from authcheck.checks.tables import Check
from authcheck.storage.pictures import PictureStore
from authcheck.storage.working_copies import SIDE_PX, WorkingCopy
from authcheck.vision.matching.alignment import Alignment
from authcheck.vision.matching.framing import in_frame
from authcheck.vision.matching.overlay import is_usable
from authcheck.vision.matching.placing import find_place
from authcheck.vision.pictures.decode import Limits

DRAWING = "view-1"  # raise the number when the drawing changes, so that no cache serves the old drawing
QUALITY = 86


def is_aligned(finding: Found, full_px: tuple[int, int]) -> bool:
    """Return whether `draw` can use the design's place in a picture of this (width, height)."""
    if finding.alignment is None:
        return False
    reduced = min(1.0, SIDE_PX / max(full_px))
    return is_usable(np.diag([reduced, reduced, 1.0]) @ finding.alignment.matrix())


def find_alignment(
    copy: WorkingCopy, finding: Found, store: PictureStore, limits: Limits
) -> Alignment | None:
    """Return where the design is in the picture, for a finding by hashes, which knows no place.

    None when both pictures do not cover each other, or when we can no longer read the registered one.
    """
    design = evidence.open_registered(finding, store, limits)
    if design is None:
        return None
    signs = {reason["code"] for reason in finding.row["reasons"]}
    return find_place(
        copy.image,
        (copy.width_px, copy.height_px),
        design,
        mirrored="image.mirrored" in signs,
        inverted="image.inverted" in signs,
    )


def name_of(check: Check, finding: Found, *, has_copy: bool) -> str:
    """Return a name of the view: 32 hex digits that change only when the drawing would change."""
    number = finding.view.number if finding.view else None
    place = finding.alignment.to_json() if finding.alignment else None
    content = json.dumps([DRAWING, check.id, number, place, has_copy])
    return hashlib.sha256(content.encode()).hexdigest()[:32]


def draw(copy: WorkingCopy | None, finding: Found, store: PictureStore, limits: Limits) -> bytes | None:
    """Return the registered view as WebP, None when we can no longer read it. Only for the case's moderators.

    With a copy of the submission and a known place, the view lies in the frame of the copy, transparent all
    around. It has no more pixels of the design than the copy has there. Otherwise it is the registered
    picture itself, with sides of at most `SIDE_PX`.
    """
    design = evidence.open_registered(finding, store, limits, detail_px=SIDE_PX)
    if design is None:
        return None
    image = None
    if copy is not None and finding.alignment is not None:
        image = in_frame(copy.image, (copy.width_px, copy.height_px), design, finding.alignment)
    if image is None:
        image = design.convert("RGB")
        image.thumbnail((SIDE_PX, SIDE_PX))
    return _encode(image)


def _encode(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=QUALITY, method=2)
    return buffer.getvalue()
