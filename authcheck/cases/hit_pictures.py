"""The pictures of hits: small copies of what listings show, as long as a copy is kept."""

import io
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from authcheck.cases import clusters
from authcheck.cases.notice_tables import Hit
from authcheck.checks.tables import Check
from authcheck.errors import NotFound
from authcheck.listings.tables import ListingPicture
from authcheck.members.reach import WHOLE, Reach
from authcheck.storage.parameters import can_be_stored
from authcheck.storage.working_copies import Copies

SIDE_PX = 360
QUALITY = 78


def find(session: Session, hits: Sequence[Hit]) -> dict[str, Check]:
    """Return the first check that shows the design, by the id of the hit. A hit without one is not there."""
    query = (
        select(ListingPicture)
        .where(ListingPicture.listing_id.in_({hit.listing_id for hit in hits}))
        .order_by(ListingPicture.place)
        .options(joinedload(ListingPicture.check))
    )
    pictures = session.scalars(query).all()
    checks: dict[str, Check] = {}
    for hit in hits:
        for picture in pictures:
            if picture.listing_id == hit.listing_id and clusters.shows(picture.check, hit.design_id):
                checks.setdefault(hit.id, picture.check)
    return checks


def is_kept(copies: Copies, check: Check | None, now: datetime) -> bool:
    """Return whether a copy of the picture is kept or held."""
    return check is not None and copies.has(check.picture_sha256, check.asked_at, now)


def check_of(session: Session, hit_id: str, *, owner_id: str, reach: Reach = WHOLE) -> Check:
    """Return the check of the picture of a brand's hit.

    Raises NotFound (`picture.not_found`), also for a hit of another brand. The database compares the owner.
    """
    query = select(Hit).where(
        Hit.id == hit_id,
        Hit.owner_id == owner_id,
        reach.has_design(Hit.design_id),
        reach.has_territory(Hit.territory),
    )
    hit = session.scalar(query) if can_be_stored(hit_id) else None
    check = find(session, [hit]).get(hit.id) if hit else None
    if check is None:
        raise _no_picture_error()
    return check


def thumbnail(copies: Copies, check: Check, now: datetime) -> bytes:
    """Return a small WebP of a picture. Raises NotFound (`picture.not_found`) when no copy is kept."""
    copy = copies.get(check.picture_sha256, check.asked_at, now)
    if copy is None:
        raise _no_picture_error()
    image = copy.image
    image.thumbnail((SIDE_PX, SIDE_PX))
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=QUALITY, method=2)
    return buffer.getvalue()


def _no_picture_error() -> NotFound:
    return NotFound("We keep no copy of this picture.", code="picture.not_found")
