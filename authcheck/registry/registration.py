"""Registration of designs: refuse duplicates, find earlier views of other owners, store the design."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified, set_committed_value

from authcheck.errors import Conflict, Rejected
from authcheck.ids import as_word, new_id, new_salt, tidy
from authcheck.ledger.journal import record_at_commit
from authcheck.members.tables import Organisation
from authcheck.registry import facts
from authcheck.registry.clock import current_tick, lock_registry, next_tick
from authcheck.registry.comparison import Comparer, Similar
from authcheck.registry.designs import check_collection, check_unchanged, check_words
from authcheck.registry.joining import ask_change, ask_new
from authcheck.registry.own_arts import OwnArts
from authcheck.registry.precedence import Precedents, RecentViews, begin_disputes, find_similar, settle
from authcheck.registry.reading import ReadView
from authcheck.registry.standing import standing_of
from authcheck.registry.tables import MATCH, Design, View
from authcheck.registry.unsaved import UnsavedDesigns
from authcheck.storage.pictures import PictureStore

REFERENCE_CHARS = 200


@dataclass(frozen=True, slots=True)
class NewDesign:
    """The owner's description of a new design."""

    reference: str
    title: str
    kind: str = "other"
    public_preview: bool = False
    collection: str = ""

    def __post_init__(self) -> None:
        """Write the kind in its one spelling."""
        object.__setattr__(self, "kind", as_word(self.kind))


@dataclass(frozen=True, slots=True)
class Registered:
    """The result of a registration. `status` is `registered`, `already_yours` or `disputed`.

    `near` is the view of another owner that the design shows (`match`, then it is disputed) or resembles
    (`lookalike`). `twin` is the reference of an earlier design of the same owner with the same art, or "".
    """

    status: str
    design: Design
    near: Similar | None = None
    twin: str = ""


class Registration:
    """One transaction that registers designs. The constructor locks the registry, and the commit unlocks it.

    The clock advances when the first row is stored, so registering a known design leaves no trace. Without a
    `store`, this is a dry run: no lock, no writing, but each registration still sees the earlier ones.
    Pictures that were not compared before (`ReadView.compare`) are compared while the registry is locked.
    """

    def __init__(
        self, session: Session, comparer: Comparer, store: PictureStore | None, now: datetime
    ) -> None:
        self._session, self._comparer, self._store, self._now = session, comparer, store, now
        self._seen = current_tick(session) if store is None else lock_registry(session)
        self._tick: int | None = None
        self._count = 0
        self._unsaved = UnsavedDesigns()
        self._recent = RecentViews(session, comparer, self._seen)
        self._arts = OwnArts(session)

    def register(self, owner: Organisation, new: NewDesign, views: Sequence[ReadView]) -> Registered:
        """Register one design, or return the same design that the owner registered before.

        Raises Rejected (`design.reference`, `design.title`, `design.kind`, `design.collection`,
        `design.no_picture`), Conflict (`design.reference_taken`, `design.retired`, `licence.exclusive`) or
        StorageFailed.
        """
        new = replace(new, reference=tidy(new.reference), title=tidy(new.title))
        check_new(new, views)
        views = list({view.sha256: view for view in views}.values())
        known = self._find_known(owner, new, frozenset(view.sha256 for view in views))
        if known is not None:
            return Registered("already_yours", known)
        self._ask_new(owner, new, views)
        precedents = [self._settle(owner.id, view) for view in views]
        twin = self._arts.find_twin(owner.id, views)
        design = Design(
            id=self._new_id(),
            owner_id=owner.id,
            reference=new.reference,
            title=new.title.strip() or new.reference,
            kind=new.kind,
            collection=check_collection(new.collection),
            state="disputed" if any(map(_is_held, precedents)) else "registered",
            public_preview=new.public_preview,
            registered_at=self._now,
            registered_tick=self._ensure_tick(),
            version=1,
            salt=new_salt(),
            owner=owner,
        )
        if self._store is not None:
            self._session.add(design)
        stored = self._store_views(design, views, precedents)
        if self._store is not None:
            record_at_commit(self._session, facts.registered(design, _hashes_of(views), self._now))
            self._begin_disputes(stored, precedents)
        return Registered(design.state, design, _nearest_of(precedents), twin)

    def add_views(self, design: Design, views: Sequence[ReadView]) -> None:
        """Add pictures to a design. Pictures that the design already has change nothing.

        Raises Conflict (`design.retired`, `design.changed`, `licence.exclusive`).
        """
        check_unchanged(self._session, design)
        if design.state == "retired":
            raise Conflict("You cannot add pictures to a retired design.", code="design.retired")
        known = self._pictures_of(design)
        new_views = list({view.sha256: view for view in views if view.sha256 not in known}.values())
        if not new_views:
            return
        pictures = _hashes_of(new_views)
        ask_change(self._session, design, collection=design.collection, pictures=pictures, now=self._now)
        precedents = [self._settle(design.owner_id, view) for view in new_views]
        stored = self._store_views(design, new_views, precedents)
        flag_modified(design, "state")  # a change of pictures raises the design's version
        self._session.flush()
        record_at_commit(self._session, facts.views_added(design, pictures, self._now))
        self._begin_disputes(stored, precedents)

    def _ask_new(self, owner: Organisation, new: NewDesign, views: Sequence[ReadView]) -> None:
        ask_new(
            self._session,
            owner_id=owner.id,
            reference=new.reference,
            collection=check_collection(new.collection),
            pictures=_hashes_of(views),
            now=self._now,
            is_rehearsal=self._store is None,
        )

    def _ensure_tick(self) -> int:
        """Return this transaction's tick. The first call advances the clock."""
        if self._tick is None:
            self._tick = self._seen + 1 if self._store is None else next_tick(self._session)
        return self._tick

    def _new_id(self) -> str:
        """Return a new design id. The ids of one transaction sort in the order of their creation."""
        self._count += 1
        return new_id("dsn", self._now + timedelta(microseconds=self._count))

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

    def _settle(self, owner_id: str, view: ReadView) -> Precedents:
        """Return the earlier views of other owners that a new view shows or resembles."""
        similar = find_similar(self._session, self._comparer, owner_id, view, self._recent)
        return settle(self._session, self._comparer, owner_id, view.picture, similar)

    def _store_views(
        self, design: Design, views: Sequence[ReadView], precedents: Sequence[Precedents]
    ) -> list[View]:
        """Store the views, unless this is a dry run. Returns their rows."""
        rows = []
        for view, of_view in zip(views, precedents, strict=True):
            row = view.entity()
            row.design_id, row.compared_by = design.id, self._comparer.policy
            row.added_at, row.added_tick = self._now, self._ensure_tick()
            row.standing = standing_of({similar.verdict for similar in of_view.yields_to})
            set_committed_value(row, "design", design)
            if self._store is not None:
                self._store.put(view.data)
                self._session.add(row)
            rows.append(row)
        if self._store is not None:
            self._session.flush()
        for row in rows:
            self._unsaved.add(row)
            self._recent.add(row)
            self._arts.add(row)
        return rows

    def _begin_disputes(self, views: Sequence[View], precedents: Sequence[Precedents]) -> None:
        """Record the disputes that the new views begin, in the order of the views."""
        for view, of_view in zip(views, precedents, strict=True):
            begin_disputes(self._session, view, of_view, self._now, self._ensure_tick())


def _is_held(precedents: Precedents) -> bool:
    """Return whether a new design is disputed because of these earlier views."""
    return any(similar.verdict == MATCH for similar in precedents.yields_to)


def _nearest_of(precedents: Sequence[Precedents]) -> Similar | None:
    return Precedents([similar for of_view in precedents for similar in of_view.yields_to]).nearest


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
