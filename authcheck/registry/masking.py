"""A change of the foreground mask of a registered picture: a new view replaces the old view.

The picture and its fingerprint stay. Only the local features change. Views are never altered, so an earlier
check replays with the mask of its time. Each process's index applies the change with the registry's tick.
"""

import hashlib
from datetime import datetime

from sqlalchemy.orm import Session

from authcheck.errors import Conflict, NotFound
from authcheck.ids import new_salt
from authcheck.ledger.journal import record_at_commit
from authcheck.members.reach import WHOLE, Reach
from authcheck.registry import facts
from authcheck.registry.clock import lock_registry, next_tick
from authcheck.registry.designs import check_unchanged, get_design, live_views
from authcheck.registry.features import Masking, ReadFeatures, read_features
from authcheck.registry.standing import replace_view
from authcheck.registry.tables import Design, View, ViewFeatures
from authcheck.storage.database import Database
from authcheck.storage.pictures import PictureStore
from authcheck.vision.pictures.decode import Limits


def change_mask(
    database: Database,
    store: PictureStore,
    limits: Limits,
    *,
    design_id: str,
    picture_sha256: str,
    masking: Masking,
    now: datetime,
    owner_id: str | None = None,
    reach: Reach = WHOLE,
) -> None:
    """Extract a picture's local features again, within another mask.

    `owner_id` limits the change to one owner's designs within reach. Raises NotFound (`design.not_found`,
    `view.not_found`, `picture.not_found`), Conflict (`design.retired`, `design.changed`), Rejected
    (`mask.*`), StorageFailed.
    """
    with database.reading() as session:
        find_view(get_design(session, design_id, owner_id=owner_id, reach=reach), picture_sha256)
    read = read_features(store.get(picture_sha256), limits, masking)
    with database.writing() as session:
        design = get_design(session, design_id, owner_id=owner_id, reach=reach)
        replace_features(session, design, picture_sha256, read, now)


def find_view(design: Design, picture_sha256: str) -> View:
    """Return the live view of a picture.

    Raises NotFound (`view.not_found`) when the design does not have the picture. Raises Conflict
    (`design.retired`) when the design is retired.
    """
    if design.state == "retired":
        raise Conflict("You cannot change the masks of a retired design.", code="design.retired")
    view = next((view for view in live_views(design) if view.picture_sha256 == picture_sha256), None)
    if view is None:
        raise NotFound("The design does not have this picture.", code="view.not_found")
    return view


def replace_features(
    session: Session, design: Design, picture_sha256: str, read: ReadFeatures, now: datetime
) -> None:
    """Replace the local features by which checks find a picture. Equal features change nothing.

    Raises as `find_view` does, and Conflict (`design.changed`).
    """
    lock_registry(session)
    check_unchanged(session, design)
    old = find_view(design, picture_sha256)
    if read.equals(_load_features(session, old)):
        return
    replace_view(session, old, next_tick(session), standing=old.standing, local=read.entity())
    design.salt = new_salt()  # of the new entry; a change of masks raises the design's version, too
    session.flush()
    mask = hashlib.sha256(read.mask).hexdigest() if read.mask else "none"
    record_at_commit(session, [facts.updated(design, now, image=picture_sha256, mask=mask)])


def get_mask(session: Session, design: Design, picture_sha256: str) -> bytes:
    """Return the present mask as a PNG of one bit per pixel.

    Raises as `find_view` does, and NotFound (`mask.not_found`) when the picture has no mask.
    """
    features = _load_features(session, find_view(design, picture_sha256))
    if features is None or features.mask is None:
        raise NotFound(
            "The picture has no mask. The whole picture belongs to the design.", code="mask.not_found"
        )
    return features.mask


def _load_features(session: Session, view: View) -> ViewFeatures | None:
    """Load all columns of a view's features. A loaded design has only some of them."""
    return session.get(ViewFeatures, view.number, populate_existing=True)
