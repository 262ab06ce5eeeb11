"""Registration of designs: refuse duplicates, find similar designs of other owners, store the design."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, joinedload
from sqlalchemy.orm.attributes import flag_modified

from authcheck.errors import Conflict, Rejected
from authcheck.ids import new_id
from authcheck.ledger.journal import record_at_commit
from authcheck.members.tables import Organisation
from authcheck.registry import facts
from authcheck.registry.clock import current_tick, lock_registry, next_tick
from authcheck.registry.designs import check_collection, check_unchanged, check_words
from authcheck.registry.features import Masking, ReadFeatures, read_features
from authcheck.registry.live_hashes import LiveGallery
from authcheck.registry.tables import Design, Dispute, View
from authcheck.registry.unsaved import UnsavedDesigns, hits_above
from authcheck.storage.pictures import PictureStore
from authcheck.vision.fingerprints import fingerprint
from authcheck.vision.fingerprints.fingerprint import Fingerprint
from authcheck.vision.fingerprints.gallery import Hit
from authcheck.vision.pictures.decode import Limits

REFERENCE_CHARS = 200


@dataclass(frozen=True, slots=True)
class ReadView:
    """A picture that was read and fingerprinted but not yet registered. `data` has its original bytes.

    `fingerprint` covers the whole picture. `local` has the features within the picture's mask.
    """

    data: bytes
    sha256: str
    format: str
    width_px: int
    height_px: int
    fingerprint: Fingerprint
    local: ReadFeatures


@dataclass(frozen=True, slots=True)
class NewDesign:
    """The owner's description of a new design."""

    reference: str
    title: str
    kind: str = "other"
    public_preview: bool = False
    collection: str = ""


@dataclass(frozen=True, slots=True)
class Near:
    """A design of another owner that is similar to a new design, with the score in [0, 1]."""

    design: Design
    score: float


@dataclass(frozen=True, slots=True)
class Registered:
    """The result of a registration. `status` is `registered`, `already_yours` or `disputed`."""

    status: str
    design: Design
    near: Near | None = None


def read_view(data: bytes, limits: Limits, masking: Masking = "none") -> ReadView:
    """Decode and fingerprint a picture and extract its features. Call this slow step before any transaction.

    Raises ImageRejected, Rejected (`mask.*`).
    """
    picture, hashes = fingerprint.read(data, limits)
    local = read_features(data, limits, masking)
    return ReadView(data, picture.sha256, picture.format, picture.width_px, picture.height_px, hashes, local)


class Registration:
    """One transaction that registers designs. The constructor locks the registry, and the commit unlocks it.

    The clock advances when the first row is stored, so registering a known design leaves no trace. Without a
    `store`, this is a dry run: no lock, no writing, but each registration still sees the earlier ones.
    """

    def __init__(
        self, session: Session, live: LiveGallery, store: PictureStore | None, dispute: float, now: datetime
    ) -> None:
        self._session, self._live, self._store, self._dispute, self._now = session, live, store, dispute, now
        self._seen = current_tick(session) if store is None else lock_registry(session)
        self._tick: int | None = None
        self._count = 0
        self._unsaved = UnsavedDesigns()

    def register(self, owner: Organisation, new: NewDesign, views: Sequence[ReadView]) -> Registered:
        """Register one design, or return the same design that the owner registered before.

        Raises Rejected (`design.reference`, `design.title`, `design.kind`, `design.collection`,
        `design.no_picture`), Conflict (`design.reference_taken`, `design.retired`) or StorageFailed.
        """
        check_new(new, views)
        views = list({view.sha256: view for view in views}.values())
        known = self._find_known(owner, new, frozenset(view.sha256 for view in views))
        if known is not None:
            return Registered("already_yours", known)
        near = self._find_nearest(owner.id, views)
        design = Design(
            id=self._new_id("dsn"),
            owner_id=owner.id,
            reference=new.reference,
            title=new.title.strip() or new.reference,
            kind=new.kind,
            collection=check_collection(new.collection),
            state="disputed" if near else "registered",
            public_preview=new.public_preview,
            registered_at=self._now,
            registered_tick=self._ensure_tick(),
            version=1,
            owner=owner,
        )
        if self._store is not None:
            self._session.add(design)
        self._store_views(design, views)
        if self._store is not None:
            record_at_commit(self._session, facts.registered(design, _hashes_of(views), self._now))
        if near:
            self._record_dispute(design, near)
        return Registered(design.state, design, near)

    def add_views(self, design: Design, views: Sequence[ReadView]) -> None:
        """Add pictures to a design. Pictures that the design already has change nothing.

        Raises Conflict (`design.retired`, `design.changed`).
        """
        check_unchanged(self._session, design)
        if design.state == "retired":
            raise Conflict("You cannot add pictures to a retired design.", code="design.retired")
        known = self._pictures_of(design)
        new_views = list({view.sha256: view for view in views if view.sha256 not in known}.values())
        if not new_views:
            return
        near = self._find_nearest(design.owner_id, new_views)
        self._store_views(design, new_views)
        flag_modified(design, "state")  # a change of pictures raises the design's version
        if near:
            design.state = "disputed"
            self._record_dispute(design, near)
        self._session.flush()
        record_at_commit(self._session, facts.views_added(design, _hashes_of(new_views), self._now))

    def _ensure_tick(self) -> int:
        """Return this transaction's tick. The first call advances the clock."""
        if self._tick is None:
            self._tick = self._seen + 1 if self._store is None else next_tick(self._session)
        return self._tick

    def _new_id(self, prefix: str) -> str:
        """Return a new id. The ids of one transaction sort in the order of their creation."""
        self._count += 1
        return new_id(prefix, self._now + timedelta(microseconds=self._count))

    def _find_known(self, owner: Organisation, new: NewDesign, hashes: frozenset[str]) -> Design | None:
        """Return the owner's design with these pictures, first under this reference, then under any other."""
        query = select(Design).where(Design.owner_id == owner.id, Design.reference == new.reference)
        design = self._unsaved.called(owner.id, new.reference) or self._session.scalar(query)
        if design is None:
            return self._find_by_pictures(owner, hashes)
        if design.state == "retired":
            raise Conflict(
                f"{new.reference} was retired. Register the design again under a new reference.",
                code="design.retired",
                reference=new.reference,
            )
        if hashes <= self._pictures_of(design):
            return design
        raise Conflict(
            f"You have a design {new.reference} with another picture. Add the picture to it.",
            code="design.reference_taken",
            reference=new.reference,
        )

    def _find_by_pictures(self, owner: Organisation, hashes: frozenset[str]) -> Design | None:
        """Return the owner's oldest design that has all of these pictures."""
        query = (
            select(View.design_id)
            .join(View.design)
            .where(Design.owner_id == owner.id, View.picture_sha256.in_(hashes), View.removed_tick.is_(None))
            .group_by(View.design_id)
            .having(func.count(View.picture_sha256.distinct()) == len(hashes))
            .order_by(func.min(View.number))
            .limit(1)
        )
        design_id = self._session.scalar(query)
        if design_id is not None:
            return self._session.get_one(Design, design_id)
        return self._unsaved.showing(owner.id, hashes)

    def _pictures_of(self, design: Design) -> set[str]:
        live = select(View.picture_sha256).where(View.design_id == design.id, View.removed_tick.is_(None))
        return {*self._session.scalars(live), *self._unsaved.pictures_of(design)}

    def _find_nearest(self, owner_id: str, views: Sequence[ReadView]) -> Near | None:
        """Return the most similar design of another owner from the dispute score up.

        Earlier designs win ties.
        """
        best: Near | None = None
        for view in views:
            unsaved = self._unsaved.near(owner_id, view.sha256, view.fingerprint, self._dispute)
            for design, score in (*self._near_in_index(owner_id, view), *unsaved):
                if best is None or score > best.score:
                    best = Near(design, score)
        return best

    def _near_in_index(self, owner_id: str, view: ReadView) -> Iterator[tuple[Design, float]]:
        """Yield the similar committed designs of other owners. An identical file always has the score 1."""
        hits = hits_above(partial(self._search, view.fingerprint), self._dispute)
        scores = {hit.view_id: hit.score for hit in hits}
        query = (
            select(View, Design)
            .join(View.design)
            .where(
                or_(View.number.in_(scores), View.picture_sha256 == view.sha256),
                View.removed_tick.is_(None),
                Design.owner_id != owner_id,
            )
            .options(joinedload(Design.owner))
            .order_by(View.number)
        )
        for other, design in self._session.execute(query):
            yield design, 1.0 if other.picture_sha256 == view.sha256 else scores[other.number]

    def _search(self, query: Fingerprint, count: int) -> list[Hit]:
        return self._live.search(self._session, query, count, self._seen)[1]

    def _store_views(self, design: Design, views: Sequence[ReadView]) -> None:
        for view in views:
            self._unsaved.add(design, view.sha256, view.fingerprint)
            if self._store is None:
                continue
            self._store.put(view.data)
            row = View(
                design_id=design.id,
                picture_sha256=view.sha256,
                picture_format=view.format,
                width_px=view.width_px,
                height_px=view.height_px,
                scheme=view.fingerprint.scheme,
                fingerprint=view.fingerprint.reference().to_bytes(),
                added_at=self._now,
                added_tick=self._ensure_tick(),
                local=view.local.entity(),
            )
            self._session.add(row)
        if self._store is not None:
            self._session.flush()

    def _record_dispute(self, design: Design, near: Near) -> None:
        """Record the dispute, once for each pair of designs."""
        recorded = select(Dispute.id).where(
            Dispute.design_id == design.id, Dispute.other_design_id == near.design.id
        )
        if self._store is None or self._session.scalar(recorded) is not None:
            return
        dispute = Dispute(
            id=self._new_id("dsp"),
            design_id=design.id,
            other_design_id=near.design.id,
            score=near.score,
            reasons=[],
            noticed_at=self._now,
            noticed_tick=self._ensure_tick(),
        )
        self._session.add(dispute)
        record_at_commit(self._session, [facts.disputed(dispute, self._now)])


def _hashes_of(views: Sequence[ReadView]) -> list[str]:
    return [view.sha256 for view in views]


def check_new(new: NewDesign, views: Sequence[ReadView]) -> None:
    """Raise Rejected (`design.*`) for a design that no owner could register."""
    if not new.reference.strip() or len(new.reference) > REFERENCE_CHARS or not new.reference.isprintable():
        raise Rejected(
            f"A reference must have 1 to {REFERENCE_CHARS} characters. All must be printable.",
            code="design.reference",
            limit=REFERENCE_CHARS,
        )
    check_words(new.title, new.kind)
    check_collection(new.collection)
    if not views:
        raise Rejected("A design needs at least one picture.", code="design.no_picture")
