"""Another foreground mask for a registered picture: its view ends and a new one takes its place.

The picture and its fingerprint stay; only what the local stages look at changes. As views are never altered, a check made
before replays with the mask of its time, and every process' index takes the change over with the registry's tick.
"""

import hashlib
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from authcheck.errors import Conflict, NotFound
from authcheck.ledger.journal import record_at_commit
from authcheck.registry import facts
from authcheck.registry.clock import lock_registry, next_tick
from authcheck.registry.designs import check_unchanged, get_design, live_views
from authcheck.registry.features import Masking, ReadFeatures, read_features
from authcheck.registry.tables import Design, View, ViewEmbedding, ViewFeatures
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
) -> None:
    """Take a picture's local features anew, within another mask; `owner_id` limits it to that owner's designs.

    Raises NotFound (`design.not_found`, `view.not_found`, `picture.not_found`), Conflict (`design.retired`,
    `design.changed`), Rejected (`mask.*`), StorageFailed.
    """
    with database.reading() as session:
        find_view(get_design(session, design_id, owner_id=owner_id), picture_sha256)
    read = read_features(store.get(picture_sha256), limits, masking)
    with database.writing() as session:
        design = get_design(session, design_id, owner_id=owner_id)
        replace_features(session, design, picture_sha256, read, now)


def find_view(design: Design, picture_sha256: str) -> View:
    """The view of a picture that takes part in checks. Raises NotFound (`view.not_found`), Conflict (`design.retired`)."""
    if design.state == "retired":
        raise Conflict("The masks of a retired design stay as they are.", code="design.retired")
    found = next((view for view in live_views(design) if view.picture_sha256 == picture_sha256), None)
    if found is None:
        raise NotFound("The design has no such picture.", code="view.not_found")
    return found


def replace_features(
    session: Session, design: Design, picture_sha256: str, read: ReadFeatures, now: datetime
) -> None:
    """Let a picture be found by these local features from here on; the same ones again change nothing.

    Raises as `find_view` does, and Conflict (`design.changed`).
    """
    lock_registry(session)
    check_unchanged(session, design)
    old = find_view(design, picture_sha256)
    if read.equals(_features_of(session, old)):
        return
    old.removed_tick = next_tick(session)
    new = View(
        design_id=design.id,
        picture_sha256=old.picture_sha256,
        picture_format=old.picture_format,
        width_px=old.width_px,
        height_px=old.height_px,
        scheme=old.scheme,
        fingerprint=old.fingerprint,
        added_at=old.added_at,
        added_tick=old.removed_tick,
        local=read.entity(),
    )
    session.add(new)
    for known in session.scalars(select(ViewEmbedding).where(ViewEmbedding.view_number == old.number)):
        session.add(
            ViewEmbedding(view=new, model=known.model, vector=known.vector, added_tick=new.added_tick)
        )
    flag_modified(design, "state")  # a design with other masks is another version of it
    session.flush()
    mask = hashlib.sha256(read.mask).hexdigest() if read.mask else "none"
    record_at_commit(session, [facts.updated(design, now, image=picture_sha256, mask=mask)])


def get_mask(session: Session, design: Design, picture_sha256: str) -> bytes:
    """The mask in force as a PNG of one bit a pixel.

    Raises as `find_view` does, and NotFound (`mask.not_found`) where the whole picture counts.
    """
    kept = _features_of(session, find_view(design, picture_sha256))
    if kept is None or kept.mask is None:
        raise NotFound("The whole picture counts: there is no mask.", code="mask.not_found")
    return kept.mask


def _features_of(session: Session, view: View) -> ViewFeatures | None:
    """All of a view's features: a design is loaded with a part of them only."""
    return session.get(ViewFeatures, view.number, populate_existing=True)
