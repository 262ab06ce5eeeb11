"""The standing of views and the state of designs, as they follow from the disputes in force."""

from collections.abc import Collection

from sqlalchemy import inspect, select
from sqlalchemy.orm import Session

from authcheck.registry.tables import (
    CLEAR,
    DISPUTED,
    MATCH,
    NEAR,
    Design,
    Dispute,
    View,
    ViewEmbedding,
    ViewFeatures,
)


def replace_view(session: Session, old: View, tick: int, *, standing: str, local: ViewFeatures) -> View:
    """Replace a view from `tick` on. The picture, its priority and its vectors stay.

    Views are never altered, so an earlier check replays with the views of its time.
    """
    old.removed_tick = tick
    new = View(
        design_id=old.design_id,
        picture_sha256=old.picture_sha256,
        picture_format=old.picture_format,
        width_px=old.width_px,
        height_px=old.height_px,
        scheme=old.scheme,
        fingerprint=old.fingerprint,
        added_at=old.added_at,
        added_tick=tick,
        standing=standing,
        since=old.priority,
        compared_by=old.compared_by,
        local=local,
    )
    session.add(new)
    for embedding in session.scalars(select(ViewEmbedding).where(ViewEmbedding.view_number == old.number)):
        session.add(ViewEmbedding(view=new, model=embedding.model, vector=embedding.vector, added_tick=tick))
    return new


def update_standing(session: Session, design_id: str, picture_sha256: str, tick: int) -> None:
    """Give the live view of a picture the standing that its disputes in force say.

    Call it with the registry locked. A picture without a live view is left alone.
    """
    query = select(View).where(
        View.design_id == design_id, View.picture_sha256 == picture_sha256, View.removed_tick.is_(None)
    )
    view = session.scalar(query)
    standing = find_standing(session, design_id, picture_sha256)
    if view is None or view.standing == standing:
        return
    local = session.get_one(ViewFeatures, view.number, populate_existing=True)
    columns = inspect(ViewFeatures).columns.keys()
    copy = {name: getattr(local, name) for name in columns if name != "view_number"}
    replace_view(session, view, tick, standing=standing, local=ViewFeatures(**copy))
    session.flush()


def find_standing(session: Session, design_id: str, picture_sha256: str) -> str:
    """Return the standing of a picture of a design."""
    query = select(Dispute.verdict).where(
        Dispute.design_id == design_id, Dispute.picture_sha256 == picture_sha256, Dispute.ended_tick.is_(None)
    )
    return standing_of(set(session.scalars(query)))


def standing_of(verdicts: Collection[str]) -> str:
    """Return the standing of a view whose disputes in force have these verdicts."""
    return DISPUTED if MATCH in verdicts else NEAR if verdicts else CLEAR


def update_state(session: Session, design: Design) -> bool:
    """Set the state of a design that is not retired. Returns whether the state changed."""
    query = select(Dispute.id).where(
        Dispute.design_id == design.id,
        Dispute.verdict == MATCH,
        Dispute.holds_design,
        Dispute.ended_tick.is_(None),
    )
    state = "disputed" if session.scalar(query.limit(1)) else "registered"
    if design.state in {"retired", state}:
        return False
    design.state = state
    session.flush()  # raises the design's version
    return True
