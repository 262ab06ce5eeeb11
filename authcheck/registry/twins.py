"""Twins: designs of one owner that show one art, such as a print file and its version for the web.

Which of them a check names is chance. So what is agreed about one of them counts for all.
"""

from collections import defaultdict
from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session, joinedload

from authcheck.registry.tables import Design, View, ViewFeatures

MOST_COMPARED = 32  # nearest pictures per view; more near pictures of one owner are one family


def find_twins(
    session: Session, design: Design, among: ColumnElement[bool], *, views: Collection[int] = ()
) -> list[Design]:
    """Return the owner's other designs, of those `among` selects, that show the art of a design, by id.

    `views` are the numbers of the design's views that a check has found: a twin shows one of them, perhaps
    in other colours. A check compares lightness alone, so it may name either. Without `views`, a twin shows
    all pictures of the design, in their colours. A retired design is a twin by the pictures that it had.
    """
    own_views = _load_own(session, design, views)
    others = session.execute(
        select(View.number, View.design_id, View.scheme, View.fingerprint)
        .join(View.design)
        .where(Design.owner_id == design.owner_id, Design.id != design.id, among)
        .where(or_(View.removed_tick.is_(None), Design.state == "retired"))
        .order_by(View.number)
    ).all()
    shown_by: defaultdict[str, set[str]] = defaultdict(set)
    for view in own_views:
        rivals = [row for row in others if row.scheme == view.scheme]
        for design_id in _find_showing(session, view, rivals, in_colour=not views):
            shown_by[design_id].add(view.picture_sha256)
    needed = 1 if views else len({view.picture_sha256 for view in own_views})
    twin_ids = [design_id for design_id, pictures in shown_by.items() if len(pictures) >= needed]
    return list(session.scalars(select(Design).where(Design.id.in_(twin_ids)).order_by(Design.id)))


def _load_own(session: Session, design: Design, numbers: Collection[int]) -> Sequence[View]:
    query = select(View).where(View.design_id == design.id).options(joinedload(View.local))
    if numbers:
        return session.scalars(query.where(View.number.in_(numbers))).all()
    return session.scalars(query.where(View.removed_tick.is_(None))).all()


def _find_showing(
    session: Session, view: View, rows: Sequence[tuple[int, str, str, bytes]], *, in_colour: bool
) -> set[str]:
    """Return the ids of the designs with a picture that shows the art of a view."""
    # loaded here: commands that look at no picture start without numpy
    from authcheck.vision.features.thumbnail import Thumbnail  # noqa: PLC0415
    from authcheck.vision.matching.twins import near_records, show_one_art  # noqa: PLC0415

    if view.local is None:
        return set()
    thumbnail = Thumbnail.from_bytes(view.local.thumbnail)
    near = near_records(view.fingerprint, thumbnail, [record for _, _, _, record in rows])[:MOST_COMPARED]
    if not near:
        return set()
    design_of = {rows[place][0]: rows[place][1] for place, _ in near}
    turned_for = {rows[place][0]: turned for place, turned in near}
    copies = select(ViewFeatures.view_number, ViewFeatures.thumbnail)
    return {
        design_of[number]
        for number, copy in session.execute(copies.where(ViewFeatures.view_number.in_(design_of)))
        if show_one_art(turned_for[number], Thumbnail.from_bytes(copy), in_colour=in_colour)
    }
