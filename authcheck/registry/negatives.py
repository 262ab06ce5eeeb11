"""Negative pictures: what is never evidence for a design, such as a backdrop or a marketplace's frame.

An owner's negatives count for that owner's designs alone: else whoever sells a counterfeit could protect its listing by
declaring it a backdrop. Those for everybody's designs are the operator's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from authcheck.errors import Conflict, NotFound, Rejected
from authcheck.registry.clock import lock_registry, next_tick
from authcheck.registry.tables import Design, NegativePicture, View
from authcheck.storage.pictures import PictureStore
from authcheck.vision.features import extract
from authcheck.vision.features.features import SCHEME
from authcheck.vision.pictures.decode import Limits, open_picture

MOST_NEGATIVES = 200  # of one owner, and of the operator: each costs every check
LABEL_CHARS = 200


@dataclass(frozen=True, slots=True)
class ReadNegative:
    """A picture that was read, not yet stored; `record` holds its local features."""

    data: bytes
    sha256: str
    record: bytes


def read_negative(data: bytes, limits: Limits) -> ReadNegative:
    """Decode and extract; the slow part, done before any transaction. Raises ImageRejected."""
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
    """Let a picture's content count no more, for one owner's designs or (None) for all; the same again changes nothing.

    Raises Rejected (`negative.label`), Conflict (`negative.too_many`; `negative.registered` for the picture of a design it
    would hide), StorageFailed.
    """
    check_label(label)
    lock_registry(session)
    live = list_negatives(session, owner_id=owner_id)
    same = next((one for one in live if one.picture_sha256 == read.sha256), None)
    if same is not None:
        return same
    if len(live) >= MOST_NEGATIVES:
        raise Conflict(
            f"There are {MOST_NEGATIVES} negative pictures already, the most there may be: remove one.",
            code="negative.too_many",
            limit=MOST_NEGATIVES,
        )
    _refuse_designs(session, read.sha256, owner_id)
    store.put(read.data)
    made = NegativePicture(
        owner_id=owner_id,
        label=label,
        picture_sha256=read.sha256,
        scheme=SCHEME,
        record=read.record,
        added_at=now,
        added_tick=next_tick(session),
    )
    session.add(made)
    session.flush()
    return made


def check_label(label: str) -> None:
    """Raise Rejected (`negative.label`) for a label that cannot be stored."""
    if len(label) > LABEL_CHARS or not label.isprintable():
        raise Rejected(
            f"A label has at most {LABEL_CHARS} printable characters.",
            code="negative.label",
            limit=LABEL_CHARS,
        )


def _refuse_designs(session: Session, sha256: str, owner_id: str | None) -> None:
    """The very picture of a registered design among the negatives would make that design unfindable."""
    registered = (
        select(func.count())
        .select_from(View)
        .join(View.design)
        .where(View.picture_sha256 == sha256, View.removed_tick.is_(None))
    )
    if owner_id is not None:
        registered = registered.where(Design.owner_id == owner_id)
    if session.scalar(registered):
        raise Conflict(
            "This picture is registered as a design; as a negative it would hide it.",
            code="negative.registered",
        )


def list_negatives(session: Session, *, owner_id: str | None) -> Sequence[NegativePicture]:
    """The live negatives of one owner, or (None) those for everybody's designs; first added first."""
    mine = NegativePicture.owner_id.is_(None) if owner_id is None else NegativePicture.owner_id == owner_id
    query = select(NegativePicture).where(mine, NegativePicture.removed_tick.is_(None))
    return session.scalars(query.order_by(NegativePicture.number)).all()


def remove_negative(session: Session, number: int, *, owner_id: str | None) -> None:
    """Let a picture's content count again. Raises NotFound (`negative.not_found`), also for one of somebody else."""
    lock_registry(session)
    found = session.get(NegativePicture, number)
    if found is None or found.owner_id != owner_id or found.removed_tick is not None:
        raise NotFound("There is no such negative picture.", code="negative.not_found", negative=number)
    found.removed_tick = next_tick(session)


def negatives_at(tick: int) -> ColumnElement[bool]:
    """The negative pictures that take part in checks at `tick`."""
    gone = NegativePicture.removed_tick
    return and_(NegativePicture.added_tick <= tick, or_(gone.is_(None), gone > tick))
