"""Negative pictures.

Their content, such as a backdrop or a marketplace's frame, is never evidence for a design.

An owner's negative pictures apply only to that owner's designs. Otherwise a seller of a counterfeit could
declare its listing a backdrop and so protect it. Only the operator has negative pictures for all designs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from authcheck.errors import Conflict, ImageRejected, NotFound, Rejected
from authcheck.members.reach import WHOLE, Reach
from authcheck.registry.clock import lock_registry, next_tick
from authcheck.registry.tables import Design, NegativePicture, View
from authcheck.storage.pictures import PictureStore
from authcheck.vision.features import extract
from authcheck.vision.features.features import SCHEME
from authcheck.vision.pictures.decode import Limits, open_picture, stills_of

MOST_NEGATIVES = 200  # of one owner, and of the operator: each picture makes every check slower
LABEL_CHARS = 200


@dataclass(frozen=True, slots=True)
class ReadNegative:
    """A picture that was read but not yet stored. `record` has its local features (`Features.to_bytes`)."""

    data: bytes
    sha256: str
    record: bytes


def read_negative(data: bytes, limits: Limits) -> ReadNegative:
    """Decode a picture and extract its features. Call this slow step before any transaction.

    A drawing is stored as a PNG. Raises ImageRejected (`image.too_many_pages` for a file of several pages).
    """
    stills = stills_of(data, limits)
    if len(stills) > 1:
        raise ImageRejected(
            f"The file has {len(stills)} pages. A negative picture has one. Export that page as PNG.",
            code="image.too_many_pages",
        )
    (data,) = stills
    picture = open_picture(data, limits, detail_px=extract.DESIGN_DETAIL_PX)
    return ReadNegative(data, picture.sha256, extract.of_design(picture.image).to_bytes())


def add_negative(
    session: Session,
    store: PictureStore,
    read: ReadNegative,
    *,
    owner_id: str | None,
    label: str,
    now: datetime,
) -> NegativePicture:
    """Add a negative picture for one owner's designs, or for all designs (None).

    A known negative picture changes nothing. Raises Rejected (`negative.label`), StorageFailed, or Conflict:
    `negative.too_many`, or `negative.registered` for a picture of a design, which the negative would hide.
    """
    check_label(label)
    lock_registry(session)
    live = list_negatives(session, owner_id=owner_id)
    known = next((negative for negative in live if negative.picture_sha256 == read.sha256), None)
    if known is not None:
        return known
    if len(live) >= MOST_NEGATIVES:
        raise Conflict(
            f"There are already {MOST_NEGATIVES} negative pictures, which is the limit. Remove one first.",
            code="negative.too_many",
            limit=MOST_NEGATIVES,
        )
    _refuse_designs(session, read.sha256, owner_id)
    store.put(read.data)
    negative = NegativePicture(
        owner_id=owner_id,
        label=label,
        picture_sha256=read.sha256,
        scheme=SCHEME,
        record=read.record,
        added_at=now,
        added_tick=next_tick(session),
    )
    session.add(negative)
    session.flush()
    return negative


def check_label(label: str) -> None:
    """Raise Rejected (`negative.label`) for a label that is too long or not printable."""
    if len(label) > LABEL_CHARS or not label.isprintable():
        raise Rejected(
            f"A label can have at most {LABEL_CHARS} characters. All must be printable.",
            code="negative.label",
            limit=LABEL_CHARS,
        )


def _refuse_designs(session: Session, sha256: str, owner_id: str | None) -> None:
    """Raise Conflict (`negative.registered`) for a registered picture: no check would find its design."""
    query = (
        select(func.count())
        .select_from(View)
        .join(View.design)
        .where(View.picture_sha256 == sha256, View.removed_tick.is_(None))
    )
    if owner_id is not None:
        query = query.where(Design.owner_id == owner_id)
    if session.scalar(query):
        raise Conflict(
            "The picture belongs to a registered design. As a negative picture it would hide the design.",
            code="negative.registered",
        )


def list_negatives(
    session: Session, *, owner_id: str | None, reach: Reach = WHOLE
) -> Sequence[NegativePicture]:
    """Return the live negative pictures of one owner, or of the operator (None), oldest first.

    They concern all designs of the owner, so they are within reach only if all designs are.
    """
    live = _select_live(owner_id).where(reach.has_all_designs())
    return session.scalars(live.order_by(NegativePicture.number)).all()


def remove_negative(session: Session, number: int, *, owner_id: str | None, reach: Reach = WHOLE) -> None:
    """Remove a negative picture, so that its content is evidence again. It must be within reach.

    Raises NotFound (`negative.not_found`), also for a negative picture of another owner. The database
    compares the owner: both cases read no row, so they take the same time.
    """
    lock_registry(session)
    live = _select_live(owner_id).where(reach.has_all_designs())
    negative = session.scalar(live.where(NegativePicture.number == number))
    if negative is None:
        raise NotFound(f"We have no negative picture {number}.", code="negative.not_found", negative=number)
    negative.removed_tick = next_tick(session)


def _select_live(owner_id: str | None) -> Select[NegativePicture]:
    return select(NegativePicture).where(
        NegativePicture.owner_id.is_not_distinct_from(owner_id), NegativePicture.removed_tick.is_(None)
    )


def negatives_at(tick: int) -> ColumnElement[bool]:
    """Return the condition that selects the negative pictures that took part in checks at `tick`."""
    removed_tick = NegativePicture.removed_tick
    return and_(NegativePicture.added_tick <= tick, or_(removed_tick.is_(None), removed_tick > tick))
